/* --mount type=bind,source=/src,target=/dst,readonly: docker's fields. */
#include <stdlib.h>
#include <string.h>

#include "cli/spec_private.h"
#include "lib/base/check.h"
#include "lib/base/str.h"

static Sk__Mount__BindOptions *bind_options(struct spec_edit *edit, Sk__Mount *mount)
{
        return SPEC_MAKE(edit, mount->bind, Sk__Mount__BindOptions, SK__MOUNT__BIND_OPTIONS__INIT);
}

static Sk__Mount__VolumeOptions *volume_options(struct spec_edit *edit, Sk__Mount *mount)
{
        return SPEC_MAKE(edit, mount->volume, Sk__Mount__VolumeOptions,
                         SK__MOUNT__VOLUME_OPTIONS__INIT);
}

static Sk__Mount__TmpfsOptions *tmpfs_options(struct spec_edit *edit, Sk__Mount *mount)
{
        return SPEC_MAKE(edit, mount->tmpfs, Sk__Mount__TmpfsOptions,
                         SK__MOUNT__TMPFS_OPTIONS__INIT);
}

static Sk__Mount__ImageOptions *image_options(struct spec_edit *edit, Sk__Mount *mount)
{
        return SPEC_MAKE(edit, mount->image, Sk__Mount__ImageOptions,
                         SK__MOUNT__IMAGE_OPTIONS__INIT);
}

static int set_type(struct spec_edit *edit, Sk__Mount *mount, const char *value)
{
        static const char *const words[] = {
                "bind", "volume", "tmpfs", "npipe", "cluster", "image"
        };

        for (int i = 0; i < (int)COUNT_OF(words); i++)
                if (strcmp(value, words[i]) == 0) {
                        mount->type = (Sk__Mount__Type)i;
                        return 0;
                }
        return err_set(edit->err, ERR_INVALID, "invalid mount type: %.32s", value);
}

static int set_source(struct spec_edit *edit, Sk__Mount *mount, const char *value)
{
        (void)edit;
        mount->source = value;
        return 0;
}

static int set_target(struct spec_edit *edit, Sk__Mount *mount, const char *value)
{
        (void)edit;
        mount->target = value;
        return 0;
}

static int set_readonly(struct spec_edit *edit, Sk__Mount *mount, const char *value)
{
        bool truth = false;

        TRY(str_to_bool(value, &truth, edit->err));
        mount->read_only = truth;
        return 0;
}

static int set_consistency(struct spec_edit *edit, Sk__Mount *mount, const char *value)
{
        (void)edit;
        mount->consistency = value;
        return 0;
}

static int set_propagation(struct spec_edit *edit, Sk__Mount *mount, const char *value)
{
        bind_options(edit, mount)->propagation = value;
        return 0;
}

static int set_recursive(struct spec_edit *edit, Sk__Mount *mount, const char *value)
{
        if (strcmp(value, "disabled") == 0)
                bind_options(edit, mount)->non_recursive = true;
        else if (strcmp(value, "writable") == 0)
                bind_options(edit, mount)->read_only_non_recursive = true;
        else if (strcmp(value, "readonly") == 0)
                bind_options(edit, mount)->read_only_force_recursive = true;
        else if (strcmp(value, "enabled") != 0)
                return err_set(edit->err, ERR_INVALID, "invalid value for bind-recursive: %.32s",
                               value);
        return 0;
}

static int set_create(struct spec_edit *edit, Sk__Mount *mount, const char *value)
{
        bool truth = false;

        TRY(str_to_bool(value, &truth, edit->err));
        bind_options(edit, mount)->create_mountpoint = truth;
        return 0;
}

static int set_nocopy(struct spec_edit *edit, Sk__Mount *mount, const char *value)
{
        bool truth = false;

        TRY(str_to_bool(value, &truth, edit->err));
        volume_options(edit, mount)->no_copy = truth;
        return 0;
}

static int set_driver(struct spec_edit *edit, Sk__Mount *mount, const char *value)
{
        volume_options(edit, mount)->driver = value;
        return 0;
}

static int set_subpath(struct spec_edit *edit, Sk__Mount *mount, const char *value)
{
        volume_options(edit, mount)->subpath = value;
        return 0;
}

static int add_volume_label(struct spec_edit *edit, Sk__Mount *mount, const char *value)
{
        Sk__Mount__VolumeOptions *options = volume_options(edit, mount);

        return label_set(edit, &options->labels, &options->n_labels, value);
}

static int add_volume_option(struct spec_edit *edit, Sk__Mount *mount, const char *value)
{
        Sk__Mount__VolumeOptions *options = volume_options(edit, mount);

        return label_set(edit, &options->driver_options, &options->n_driver_options, value);
}

static int set_tmpfs_size(struct spec_edit *edit, Sk__Mount *mount, const char *value)
{
        return str_to_bytes(value, &tmpfs_options(edit, mount)->size_bytes, edit->err);
}

static int set_tmpfs_mode(struct spec_edit *edit, Sk__Mount *mount, const char *value)
{
        char *end;
        unsigned long mode = strtoul(value, &end, 8);

        if (!*value || *end || mode > 07777)
                return err_set(edit->err, ERR_INVALID, "invalid value for tmpfs-mode: %.32s",
                               value);
        tmpfs_options(edit, mount)->mode = (uint32_t)mode;
        return 0;
}

static int set_image_subpath(struct spec_edit *edit, Sk__Mount *mount, const char *value)
{
        image_options(edit, mount)->subpath = value;
        return 0;
}

/*  key, setter, what a bare key means (NULL: a value is needed) */
static const struct {
        const char *key;
        int (*set)(struct spec_edit *edit, Sk__Mount *mount, const char *value);
        const char *bare;
} fields[] = {
        { "type", set_type, NULL },
        { "source", set_source, NULL },
        { "src", set_source, NULL },
        { "target", set_target, NULL },
        { "dst", set_target, NULL },
        { "destination", set_target, NULL },
        { "readonly", set_readonly, "true" },
        { "ro", set_readonly, "true" },
        { "consistency", set_consistency, NULL },
        { "bind-propagation", set_propagation, NULL },
        { "bind-recursive", set_recursive, NULL },
        { "bind-create-src", set_create, "true" },
        { "volume-nocopy", set_nocopy, "true" },
        { "volume-driver", set_driver, NULL },
        { "volume-subpath", set_subpath, NULL },
        { "volume-label", add_volume_label, NULL },
        { "volume-opt", add_volume_option, NULL },
        { "tmpfs-size", set_tmpfs_size, NULL },
        { "tmpfs-mode", set_tmpfs_mode, NULL },
        { "image-subpath", set_image_subpath, NULL },
};

static int take_field(struct spec_edit *edit, void *context, const char *key, const char *value)
{
        for (size_t i = 0; i < COUNT_OF(fields); i++) {
                if (strcmp(fields[i].key, key) != 0)
                        continue;
                if (!value && !fields[i].bare)
                        return err_set(edit->err, ERR_INVALID,
                                       "invalid field '%.64s' must be a key=value pair", key);
                return fields[i].set(edit, context, value ? value : fields[i].bare);
        }
        return err_set(edit->err, ERR_INVALID, "unexpected key '%.64s' in '%.64s%s%.64s'", key, key,
                       value ? "=" : "", str_or(value, ""));
}

int add_mount(struct spec_edit *edit, const char *value)
{
        Sk__ContainerSpec *container = spec_container(edit);
        Sk__Mount *mount = arena_alloc(edit->arena, sizeof *mount);

        *mount = (Sk__Mount)SK__MOUNT__INIT;
        mount->type = SK__MOUNT__TYPE__VOLUME;
        TRY(each_pair(edit, value, take_field, mount));
        if (str_is_empty(mount->target))
                return err_set(edit->err, ERR_INVALID, "target is required");
        if (mount->type == SK__MOUNT__TYPE__BIND && str_is_empty(mount->source))
                return err_set(edit->err, ERR_INVALID,
                               "source is required when specifying a bind mount");
        if (mount->bind && mount->bind->read_only_non_recursive && !mount->read_only)
                return err_set(edit->err, ERR_INVALID,
                               "option 'bind-recursive=writable' requires 'readonly' to be "
                               "specified in conjunction");
        if (mount->bind && mount->bind->read_only_force_recursive && !mount->read_only)
                return err_set(edit->err, ERR_INVALID,
                               "option 'bind-recursive=readonly' requires 'readonly' to be "
                               "specified in conjunction");
        if (mount->bind && mount->bind->read_only_force_recursive &&
            strcmp(mount->bind->propagation, "rprivate") != 0)
                return err_set(edit->err, ERR_INVALID,
                               "option 'bind-recursive=readonly' requires "
                               "'bind-propagation=rprivate' to be specified in conjunction");
        if (mount->bind && mount->type != SK__MOUNT__TYPE__BIND)
                return err_set(edit->err, ERR_INVALID,
                               "cannot mix 'bind-*' options with another mount type");
        if (mount->volume && mount->type != SK__MOUNT__TYPE__VOLUME)
                return err_set(edit->err, ERR_INVALID,
                               "cannot mix 'volume-*' options with another mount type");
        if (mount->tmpfs && mount->type != SK__MOUNT__TYPE__TMPFS)
                return err_set(edit->err, ERR_INVALID,
                               "cannot mix 'tmpfs-*' options with another mount type");
        if (mount->image && mount->type != SK__MOUNT__TYPE__IMAGE)
                return err_set(edit->err, ERR_INVALID,
                               "cannot mix 'image-*' options with another mount type");
        for (size_t i = 0; i < container->n_mounts; i++)
                if (strcmp(container->mounts[i]->target, mount->target) == 0) {
                        container->mounts[i] = mount;
                        return 0;
                }
        pointers_add(edit, (void ***)&container->mounts, &container->n_mounts, mount);
        return 0;
}

int remove_mount(struct spec_edit *edit, const char *value)
{
        Sk__ContainerSpec *container = spec_container(edit);

        for (size_t i = container->n_mounts; i-- > 0;)
                if (strcmp(container->mounts[i]->target, value) == 0)
                        pointers_remove((void **)container->mounts, &container->n_mounts, i);
        return 0;
}
