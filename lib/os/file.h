/* Files, whole and safe. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "lib/base/err.h"
#include "lib/base/str.h"

/* Reads a whole file into 'ret' (what was in it is freed) of at most 'limit' bytes; larger is
 * ERR_RANGE, missing is ERR_NOT_FOUND.  The text ends in NUL, which is not counted. */
int file_read(const char *path, size_t limit, struct str *ret, struct err *err);

/* Replaces a file so that after a crash at any instant it holds either the old or the new content:
 * temporary file in the same folder, fsync, rename, fsync of the folder. */
int file_write_atomic(const char *path, const void *data, size_t size, mode_t mode,
                      struct err *err);

/* mkdir -p; existing folders keep their mode, new ones get 'mode'. */
int file_make_folders(const char *path, mode_t mode, struct err *err);

/* rm -rf, without following symlinks and without entering what is mounted at or below 'path' (bind
 * mounts too: then it stops with ERR_PRECONDITION); however deep the tree, it needs at most 40
 * descriptors.  A missing path is fine. */
int file_remove_tree(const char *path, struct err *err);

bool file_exists(const char *path);

/* Takes an exclusive lock on 'path' (created when missing) that dies with the process; *ret_fd
 * keeps it.  Held by another: ERR_EXISTS. */
int file_lock(const char *path, int *ret_fd, struct err *err);

/* Random bytes fit for keys, tokens and ids (getrandom); never fails. */
void os_random(void *data, size_t size);

/* A fresh 25-character id. */
void os_random_id(char ret[static 26]);
