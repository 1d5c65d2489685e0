/* A file or a folder as a tar archive.
 *
 * The tree may be hostile and may change meanwhile: symlinks are copied and never followed, fifos
 * and devices are named and never opened, what the kernel shows (/proc, /sys) stays empty, of a
 * file exactly as much is written as was announced, and what vanishes is left out.  Blocking. */
#pragma once
#include "lib/base/err.h"

/* Writes what 'place_fd' (O_PATH) is, under 'name', to 'out_fd'.  ERR_CANCELLED when nobody reads
 * that any more. */
int copy_pack(int place_fd, const char *name, int out_fd, struct err *err);
