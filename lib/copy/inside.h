/* Looking for paths inside a folder that others write: a container's root, or the folder that a
 * person named.  Blocking; nothing here opens what could wait: fifos and devices are only looked
 * at. */
#pragma once
#include <stdint.h>
#include <sys/stat.h>

#include "lib/copy/rules.h"

/* A folder and what may happen on the way below it: RESOLVE_* of openat2().  Links are always those
 * of file systems, never those of /proc. */
struct copy_root {
        int fd;
        uint64_t resolve;
};

/* Opens the path as a place (O_PATH), its last link followed or not; -1 with errno. */
int copy_open_place(const struct copy_root *root, const char *path, int flags);

/* What is there, its last symlinks followed as far as they go; the error of what is wrong with the
 * way to it.  *ret_mode is 0 when there is nothing. */
int copy_find_destination(const struct copy_root *root, const char *path, struct arena *arena,
                          struct copy_destination *ret, mode_t *ret_mode, struct err *err);

/* Opens the path and the folders on the way to it, making those that are missing (0755); -1 with
 * errno. */
int copy_make_folders(const struct copy_root *root, const char *path);

/* "lstat /x: no such file or directory", in the words of docker, which are Go's. */
int copy_failed(struct err *err, int error, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
