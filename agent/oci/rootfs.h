/* Looking into a container's file system before it runs.
 *
 * The snapshot is mounted in a mount namespace that ends with the look: nobody else sees the mount,
 * and nothing is left behind when the process dies.  Blocking; for the worker pool. */
#pragma once
#include <stddef.h>

#include "lib/base/err.h"
#include "lib/base/str.h"

/* A mount as containerd tells it. */
struct rootfs_mount {
        const char *type, *source;
        const char *const *options;
        size_t n_options;
};

/* Calls 'look' with a descriptor of the root while 'mount' is mounted on the folder 'place'. */
int rootfs_visit(const struct rootfs_mount *mount, const char *place,
                 int (*look)(void *context, int root_fd, struct err *err), void *context,
                 struct err *err);

/* Opens a path inside the root; no symlink or ".." in the image leads out of it.  'flags' as for
 * open(); -1 and errno on failure. */
int rootfs_open(int root_fd, const char *path, int flags);

/* Reads a file inside the root; a missing one is "". */
int rootfs_read(int root_fd, const char *path, size_t limit, struct str *ret, struct err *err);
