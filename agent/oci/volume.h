/* Local volumes: a folder per volume, as docker's "local" driver keeps them: FOLDER/NAME/_data.
 * Blocking; for the worker pool. */
#pragma once
#include <stdbool.h>

#include "agent/oci/rootfs.h"
#include "api/specs.pb-c.h"
#include "lib/base/err.h"
#include "lib/base/mem.h"

struct volume_mount {
        const char *type, *source;
        const char **options;
        size_t n_options;
};

/* A volume of the local driver that is a mount of its own: driver options "type", "device", "o", as
 * mount(8) takes them (NFS shares, tmpfs, folders elsewhere).  The container's runtime mounts it,
 * so nothing is mounted on the node and nothing is left there; a share is reached through the
 * container's network.  A host name in "addr=" is looked up. */
bool volume_is_mount(const Sk__Mount__VolumeOptions *options);
int volume_read_mount(const char *name, const Sk__Mount__VolumeOptions *options,
                      struct arena *arena, struct volume_mount *ret, struct err *err);

/* May a volume of the local driver be called so? */
bool volume_is_name(const char *name);
/* ERR_INVALID: the local driver has no such options, or needs more. */
int volume_check_options(const char *name, const Sk__Mount__VolumeOptions *options,
                         struct err *err);

/* Makes the volume when it is missing; *ret_path is its "_data", in 'arena'. */
int volume_make(const char *folder, const char *name, const Sk__Mount__VolumeOptions *options,
                struct arena *arena, const char **ret_path, struct err *err);

/* Copies what the image has at 'target' into a volume that is still empty: files, links, owners,
 * modes, times. */
int volume_fill(const char *path, int root_fd, const char *target, struct err *err);

/* Mounts the folder or file 'subpath' of the volume on 'place', which is made in 'folder'.  It is
 * reached through no symlink; and what containers write into the volume after this look leads no
 * later mount elsewhere, as that is of 'place'.  ERR_NOT_FOUND: the volume has none. */
int volume_mount_part(const char *path, const char *subpath, const char *folder, const char *place,
                      struct err *err);

/* The same of an image, whose links lead nowhere outside of it.  'look' is an empty folder
 * for rootfs_visit().  ERR_NOT_FOUND: with docker's words. */
int volume_mount_image_part(const struct rootfs_mount *image, const char *look, const char *subpath,
                            const char *folder, const char *place, struct err *err);

/* Undoes all those of a folder; a missing one is fine. */
int volume_unmount_parts(const char *folder, struct err *err);
