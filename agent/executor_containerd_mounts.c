/* A container's mounts. */
#include "agent/executor_containerd_mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/oci/volume.h"
#include "agent/oci/volume_record.h"
#include "agent/plugin/plugin.h"
#include "lib/base/check.h"
#include "lib/base/str.h"
#include "lib/os/file.h"

struct mount_volume {
        const char *source, *target;
};

int file_write_plain(const char *path, const void *data, size_t size, mode_t mode, struct err *err)
{
        _cleanup_(closep) int fd =
                open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);

        if (fd < 0 || fchmod(fd, mode) < 0 || write(fd, data, size) != (ssize_t)size)
                return err_set(err, ERR_UNAVAILABLE, "write '%s': %s", path, strerror(errno));
        return 0;
}

void mount_list_add(struct mount_list *list, const char *type, const char *source,
                    const char *target, const char *const *options, size_t n_options)
{
        struct arena *arena = &list->bundle->arena;
        const char **copies = arena_alloc(arena, (n_options + 1) * sizeof *copies);
        size_t n = 0;

        for (size_t i = 0; i < n_options; i++) {
                if (options[i])
                        copies[n++] = options[i];
        }
        vec_push(&list->mounts, &(struct oci_mount){ .type = type,
                                                     .source = source,
                                                     .target = target,
                                                     .options = copies,
                                                     .n_options = n });
}

static void add_own_file(struct mount_list *list, const char *name)
{
        static const char *const options[] = { "rbind", "rprivate" };
        struct arena *arena = &list->bundle->arena;

        mount_list_add(list, "bind", arena_printf(arena, "%s/%s", list->bundle->folder, name),
                       arena_printf(arena, "/etc/%s", name), options, COUNT_OF(options));
}

/* --- what the spec asks for --- */

static int add_bind(struct mount_list *list, const Sk__Mount *mount, const char *source,
                    struct err *err)
{
        const Sk__Mount__BindOptions *bind = mount->bind;
        const char *propagation = bind ? str_or(bind->propagation, "rprivate") : "rprivate";
        bool is_shallow = bind && bind->non_recursive;
        bool is_shallow_read_only = is_shallow || (bind && bind->read_only_non_recursive);
        const char *read_only = is_shallow_read_only ? "ro" : "rro";

        if (source[0] != '/')
                return err_set(err, ERR_INVALID,
                               "invalid mount config for type \"bind\": invalid mount path: "
                               "'%.200s' mount path must be absolute",
                               source);
        if (bind && bind->create_mountpoint)
                TRY(file_make_folders(source, 0755, err));
        if (!file_exists(source))
                return err_set(err, ERR_INVALID,
                               "invalid mount config for type \"bind\": bind source path does not "
                               "exist: %.200s",
                               source);
        TRY(bind_check_propagation(source, propagation, err));
        mount_list_add(list, "bind", source, mount->target,
                       (const char *const[]){ is_shallow ? "bind" : "rbind", propagation,
                                              mount->read_only ? read_only : NULL },
                       3);
        return 0;
}

static int add_volume_mount(struct mount_list *list, const Sk__Mount *mount, const char *name,
                            const Sk__Mount__VolumeOptions *asked, struct err *err)
{
        struct arena *arena = &list->bundle->arena;
        struct volume_mount volume;
        const char **options;

        TRY(volume_read_mount(name, asked, arena, &volume, err));
        options = arena_alloc(arena, (volume.n_options + 1) * sizeof *options);
        for (size_t i = 0; i < volume.n_options; i++)
                options[i] = volume.options[i];
        if (mount->read_only)
                options[volume.n_options++] = "ro";
        mount_list_add(list, volume.type, volume.source, mount->target, options, volume.n_options);
        return 0;
}

/* What an earlier try left there goes. */
static int find_place(struct bundle *bundle, const char **ret_folder, const char **ret_place,
                      struct err *err)
{
        *ret_folder = arena_printf(&bundle->arena, "%s/" BUNDLE_PARTS_FOLDER, bundle->folder);
        *ret_place = arena_printf(&bundle->arena, "%s/%zu", *ret_folder, bundle->n_parts++);
        return bundle->n_parts == 1 ? volume_unmount_parts(*ret_folder, err) : 0;
}

static int mount_part(struct mount_list *list, const char *name, const char *subpath,
                      const char **path, struct err *err)
{
        const char *folder, *place;
        int failed;

        TRY(find_place(list->bundle, &folder, &place, err));
        failed = volume_mount_part(*path, subpath, folder, place, err);
        if (failed == ERR_NOT_FOUND)
                return err_set(err, ERR_INVALID, "volume '%.100s' has no '%.100s'", name, subpath);
        *path = place;
        return failed;
}

/* A volume with a name is what it was first made as, by this task or another or a person. */
static int take_record(struct mount_list *list, const char *name,
                       const Sk__Mount__VolumeOptions **options, Sk__Mount__VolumeOptions *ret,
                       const char **ret_driver, struct err *err)
{
        struct bundle *bundle = list->bundle;
        Sk__NodeVolume wanted = SK__NODE_VOLUME__INIT, *volume;

        if (str_is_empty(name))
                return 0;
        sk__mount__volume_options__init(ret);
        if (*options)
                *ret = **options;
        wanted.name = name;
        wanted.driver = str_or(ret->driver, "local");
        wanted.labels = ret->labels;
        wanted.n_labels = ret->n_labels;
        wanted.options = ret->driver_options;
        wanted.n_options = ret->n_driver_options;
        TRY(volume_create(bundle->volumes_folder, &wanted, bundle->now_ns, &bundle->arena, &volume,
                          err));
        vec_push(&list->names, &volume->name);
        ret->driver_options = volume->options;
        ret->n_driver_options = volume->n_options;
        *options = ret;
        *ret_driver = volume->driver;
        return volume_note_users(bundle->folder, list->names.data, list->names.n, err);
}

static int add_volume(struct mount_list *list, const Sk__Mount *mount, const char *name,
                      size_t number, struct err *err)
{
        struct bundle *bundle = list->bundle;
        const Sk__Mount__VolumeOptions *options = mount->volume;
        const char *path, *folder = bundle->volumes_folder;
        const char *driver = options ? str_or(options->driver, "local") : "local";
        Sk__Mount__VolumeOptions known;
        const char *subpath = options ? str_or(options->subpath, NULL) : NULL;

        TRY(take_record(list, name, &options, &known, &driver, err));
        if (str_equal(driver, "local") && volume_is_mount(options)) {
                if (subpath)
                        return err_set(err, ERR_INVALID,
                                       "volume '%.100s' is a mount of its own: a part of it "
                                       "('%.100s') cannot be mounted",
                                       name, subpath);
                return add_volume_mount(list, mount, name, options, err);
        }
        if (str_is_empty(name) && !str_equal(driver, "local"))
                return err_set(err, ERR_INVALID, "a volume of the driver '%.64s' needs a name",
                               driver);
        /* A volume without a name goes with its task. */
        if (str_is_empty(name)) {
                folder = arena_printf(&bundle->arena, "%s/volumes", bundle->folder);
                name = arena_printf(&bundle->arena, "%zu", number);
        }
        volume_keep(folder, name, bundle->id);
        if (str_equal(driver, "local") || folder != bundle->volumes_folder)
                TRY(volume_make(folder, name, options, &bundle->arena, &path, err));
        else
                TRY(plugin_mount(&(const struct plugin){ PLUGIN_FOLDER, driver }, name, bundle->id,
                                 &bundle->arena, &path, err));
        if (subpath)
                TRY(mount_part(list, name, subpath, &path, err));
        else if (!(options && options->no_copy))
                vec_push(&list->volumes, &(struct mount_volume){ path, mount->target });
        mount_list_add(list, "bind", path, mount->target,
                       (const char *const[]){ "rbind", "rprivate", mount->read_only ? "ro" : NULL },
                       3);
        return 0;
}

static void add_tmpfs(struct mount_list *list, const Sk__Mount *mount)
{
        const Sk__Mount__TmpfsOptions *tmpfs = mount->tmpfs;
        struct arena *arena = &list->bundle->arena;
        size_t n_more = tmpfs ? tmpfs->n_options : 0;
        const char **options = arena_alloc(arena, (n_more + 8) * sizeof *options);
        size_t n = 0;

        options[n++] = "noexec";
        options[n++] = "nosuid";
        options[n++] = "nodev";
        if (mount->read_only)
                options[n++] = "ro";
        if (tmpfs && tmpfs->size_bytes > 0)
                options[n++] = arena_printf(arena, "size=%lld", (long long)tmpfs->size_bytes);
        if (tmpfs && tmpfs->mode != 0)
                options[n++] = arena_printf(arena, "mode=%o", tmpfs->mode & 07777);
        for (size_t i = 0; i < n_more; i++)
                options[n++] = tmpfs->options[i];
        mount_list_add(list, "tmpfs", "tmpfs", mount->target, options, n);
}

static int add_image(struct mount_list *list, const Sk__Mount *mount, size_t number,
                     struct err *err)
{
        static const char *const options[] = { "rbind", "rprivate", "ro" };
        struct bundle *bundle = list->bundle;
        const char *look = arena_printf(&bundle->arena, "%s/rootfs", bundle->folder);
        const char *subpath = mount->image ? str_or(mount->image->subpath, ".") : ".";
        const char *folder, *place;

        TRY(find_place(bundle, &folder, &place, err));
        if (volume_mount_image_part(&bundle->images[number].rootfs, look, subpath, folder, place,
                                    err) < 0)
                return err_prefix(err, "image '%.100s'", mount->source);
        mount_list_add(list, "bind", place, mount->target, options, COUNT_OF(options));
        return 0;
}

static int add_asked(struct mount_list *list, const Sk__Mount *mount, size_t number,
                     struct err *err)
{
        const char *source = mount->source;

        if (mount->target[0] != '/' || str_equal(mount->target, "/"))
                return err_set(err, ERR_INVALID,
                               "invalid mount target '%.200s': it must be an absolute path, not /",
                               mount->target);
        switch (mount->type) {
        case SK__MOUNT__TYPE__BIND:
                return add_bind(list, mount, source, err);
        case SK__MOUNT__TYPE__VOLUME:
                return add_volume(list, mount, source, number, err);
        case SK__MOUNT__TYPE__TMPFS:
                add_tmpfs(list, mount);
                return 0;
        case SK__MOUNT__TYPE__IMAGE:
                return add_image(list, mount, number, err);
        default:
                return err_set(err, ERR_INVALID,
                               "mounts of this type are not supported on this node (target "
                               "'%.200s')",
                               mount->target);
        }
}

static bool is_mounted(const struct mount_list *list, const char *target)
{
        for (size_t i = 0; i < list->mounts.n; i++) {
                if (str_equal(VEC_AT(&list->mounts, struct oci_mount, i).target, target))
                        return true;
        }
        return false;
}

/* What the image declares as volumes and nobody mounted gets one without a name. */
static int add_image_volumes(struct mount_list *list, struct err *err)
{
        const struct oci_words *paths = &list->bundle->image->volumes;
        size_t number = list->bundle->spec->task->container->n_mounts;

        for (size_t i = 0; i < paths->n; i++) {
                Sk__Mount mount = SK__MOUNT__INIT;

                mount.target = paths->words[i];
                if (mount.target[0] == '/' && !str_equal(mount.target, "/") &&
                    !is_mounted(list, mount.target))
                        TRY(add_volume(list, &mount, "", number + i, err));
        }
        return 0;
}

static int depth(const char *path)
{
        int n = 0;

        for (; *path; path++)
                n += path[0] == '/' && path[1] && path[1] != '/';
        return n;
}

/* Outer folders first; equals keep their order, for which the sort is a stable one. */
static void sort_by_depth(struct vec *mounts)
{
        struct oci_mount *all = mounts->data;

        for (size_t i = 1; i < mounts->n; i++) {
                struct oci_mount mount = all[i];
                size_t at = i;

                for (; at > 0 && depth(all[at - 1].target) > depth(mount.target); at--)
                        all[at] = all[at - 1];
                all[at] = mount;
        }
}

int mount_list_build(struct mount_list *list, struct err *err)
{
        const Sk__ContainerSpec *container = list->bundle->spec->task->container;

        list->volumes = VEC_OF(struct mount_volume);
        list->names = VEC_OF(const char *);
        add_own_file(list, "resolv.conf");
        add_own_file(list, "hostname");
        add_own_file(list, "hosts");
        for (size_t i = 0; i < container->n_mounts; i++)
                TRY(add_asked(list, container->mounts[i], i, err));
        TRY(add_image_volumes(list, err));
        TRY(mount_list_add_files(list, err));
        sort_by_depth(&list->mounts);
        return 0;
}

int mount_list_fill_volumes(struct mount_list *list, int root_fd, struct err *err)
{
        for (size_t i = 0; i < list->volumes.n; i++) {
                struct mount_volume *volume = vec_at(&list->volumes, i);

                TRY(volume_fill(volume->source, root_fd, volume->target, err));
        }
        return 0;
}

void mount_list_done(struct mount_list *list)
{
        vec_done(&list->mounts);
        vec_done(&list->volumes);
        vec_done(&list->names);
}
