/* Mounts: what the swarm checks, then what docker's engine would refuse on the node. */
#include <string.h>

#include "lib/base/check.h"
#include "lib/base/map.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "manager/api_server/check.h"

enum { LABELS_MAX = 1000, MOUNTS_MAX = 1000 };

static const char *const type_names[] = {
        [SK__MOUNT__TYPE__BIND] = "bind",
        [SK__MOUNT__TYPE__VOLUME] = "volume",
        [SK__MOUNT__TYPE__TMPFS] = "tmpfs",
        [SK__MOUNT__TYPE__IMAGE] = "image",
};

static int bad_config(const Sk__Mount *mount, const char *why, struct err *err)
{
        return err_set(err, ERR_INVALID, "invalid mount config for type \"%s\": %s",
                       type_names[mount->type], why);
}

static bool is_template(const char *text)
{
        return strstr(text, "{{");
}

static int check_target(const Sk__Mount *mount, struct err *err)
{
        if (mount->target[0] != '/' && !is_template(mount->target))
                return err_set(err, ERR_INVALID,
                               "ContainerSpec: invalid mount target, must be an absolute path: "
                               "%.200s",
                               mount->target);
        if (strcmp(mount->target, "/") == 0)
                return err_set(err, ERR_INVALID,
                               "ContainerSpec: invalid mount target: destination can't be '/'");
        return 0;
}

static int check_propagation(const Sk__Mount *mount, struct err *err)
{
        static const char *const words[] = { "",       "private", "rprivate", "slave",
                                             "rslave", "shared",  "rshared" };
        const char *said = mount->bind->propagation;

        for (size_t i = 0; i < COUNT_OF(words); i++)
                if (strcmp(words[i], said) == 0)
                        return 0;
        return err_set(err, ERR_INVALID,
                       "invalid mount config for type \"bind\": invalid propagation mode: %.64s",
                       said);
}

static int check_bind(const Sk__Mount *mount, struct err *err)
{
        const Sk__Mount__BindOptions *bind = mount->bind;

        if (mount->source[0] != '/' && !is_template(mount->source))
                return err_set(err, ERR_INVALID,
                               "ContainerSpec: invalid bind mount source, must be an absolute "
                               "path: %.200s",
                               mount->source);
        if (!bind)
                return 0;
        TRY(check_propagation(mount, err));
        if (!mount->read_only && bind->read_only_non_recursive)
                return bad_config(mount,
                                  "mount options conflict: !ReadOnly && "
                                  "BindOptions.ReadOnlyNonRecursive",
                                  err);
        if (!mount->read_only && bind->read_only_force_recursive)
                return bad_config(mount,
                                  "mount options conflict: !ReadOnly && "
                                  "BindOptions.ReadOnlyForceRecursive",
                                  err);
        if (bind->read_only_non_recursive && bind->read_only_force_recursive)
                return bad_config(mount,
                                  "mount options conflict: ReadOnlyNonRecursive && "
                                  "BindOptions.ReadOnlyForceRecursive",
                                  err);
        if (bind->non_recursive && bind->read_only_force_recursive)
                return bad_config(mount,
                                  "mount options conflict: NonRecursive && "
                                  "BindOptions.ReadOnlyForceRecursive",
                                  err);
        return 0;
}

/* A part of a volume or image is below it. */
static int check_subpath(const Sk__Mount *mount, const char *subpath, struct err *err)
{
        if (subpath[0] == '/')
                return bad_config(mount, "subpath must be a relative path within the volume", err);
        for (const char *at = subpath; *at; at += strcspn(at, "/"), at += *at == '/')
                if (strcspn(at, "/") == 2 && strncmp(at, "..", 2) == 0)
                        return bad_config(mount,
                                          "subpath must be a relative path within the volume", err);
        return 0;
}

static int check_volume(const Sk__Mount *mount, struct err *err)
{
        const Sk__Mount__VolumeOptions *volume = mount->volume;

        if (!volume)
                return 0;
        if (volume->n_labels > LABELS_MAX || volume->n_driver_options > LABELS_MAX)
                return bad_config(mount, "too many labels or driver options", err);
        if (volume->subpath[0] && !mount->source[0])
                return bad_config(mount, "must not set Subpath when using anonymous volumes", err);
        return check_subpath(mount, volume->subpath, err);
}

static int check_tmpfs(const Sk__Mount *mount, struct err *err)
{
        if (mount->source[0])
                return bad_config(mount, "field Source must not be specified", err);
        if (mount->tmpfs && mount->tmpfs->size_bytes < 0)
                return bad_config(mount, "the size of a tmpfs cannot be negative", err);
        return 0;
}

static int check_image_mount(const Sk__Mount *mount, struct err *err)
{
        if (!mount->source[0])
                return bad_config(mount, "field Source must not be empty", err);
        if (!is_template(mount->source))
                TRY(check_image(mount->source, err));
        return mount->image ? check_subpath(mount, mount->image->subpath, err) : 0;
}

static int check_options(const Sk__Mount *mount, struct err *err)
{
        if (mount->bind && mount->type != SK__MOUNT__TYPE__BIND)
                return bad_config(mount, "field BindOptions must not be specified", err);
        if (mount->volume && mount->type != SK__MOUNT__TYPE__VOLUME)
                return bad_config(mount, "field VolumeOptions must not be specified", err);
        if (mount->tmpfs && mount->type != SK__MOUNT__TYPE__TMPFS)
                return bad_config(mount, "field TmpfsOptions must not be specified", err);
        if (mount->image && mount->type != SK__MOUNT__TYPE__IMAGE)
                return bad_config(mount, "field ImageOptions must not be specified", err);
        return 0;
}

static int check_mount(const Sk__Mount *mount, struct err *err)
{
        if ((size_t)mount->type >= COUNT_OF(type_names) || !type_names[mount->type])
                return err_set(err, ERR_UNIMPLEMENTED,
                               "ContainerSpec: mounts of type npipe and cluster are not supported "
                               "yet");
        TRY(check_target(mount, err));
        TRY(check_options(mount, err));
        if (mount->type == SK__MOUNT__TYPE__BIND)
                return check_bind(mount, err);
        if (mount->type == SK__MOUNT__TYPE__VOLUME)
                return check_volume(mount, err);
        if (mount->type == SK__MOUNT__TYPE__IMAGE)
                return check_image_mount(mount, err);
        return check_tmpfs(mount, err);
}

int check_mounts(const Sk__ServiceSpec *spec, struct err *err)
{
        const Sk__ContainerSpec *container = spec->task->container;
        _cleanup_(map_done) struct map targets = { 0 };

        if (container->n_mounts > MOUNTS_MAX)
                return err_set(err, ERR_INVALID,
                               "ContainerSpec: a service may have %d mounts, not %zu", MOUNTS_MAX,
                               container->n_mounts);
        for (size_t i = 0; i < container->n_mounts; i++) {
                Sk__Mount *mount = container->mounts[i];

                TRY(check_mount(mount, err));
                if (map_put(&targets, mount->target, mount))
                        return err_set(err, ERR_INVALID,
                                       "ContainerSpec: duplicate mount point: %.200s",
                                       mount->target);
        }
        return 0;
}
