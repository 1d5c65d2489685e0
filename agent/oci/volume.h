/* Local volumes: a folder per volume, as docker's "local" driver keeps them: FOLDER/NAME/_data.
 * Blocking; for the worker pool. */
#pragma once
#include <stdbool.h>

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

/* Makes the volume when it is missing; *ret_path is its "_data", in 'arena'. */
int volume_make(const char *folder, const char *name, const Sk__Mount__VolumeOptions *options,
                struct arena *arena, const char **ret_path, struct err *err);

/* Copies what the image has at 'target' into a volume that is still empty: files, links, owners,
 * modes, times. */
int volume_fill(const char *path, int root_fd, const char *target, struct err *err);

/* Is there a folder or file 'subpath' in the volume, reached through no symlink?  What containers
 * write into volumes must not lead a later mount elsewhere. */
bool volume_has(const char *path, const char *subpath);
