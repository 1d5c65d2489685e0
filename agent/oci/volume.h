/* Local volumes: a folder per volume, as docker's "local" driver keeps them: FOLDER/NAME/_data.
 * Blocking; for the worker pool. */
#pragma once
#include <stdbool.h>

#include "api/specs.pb-c.h"
#include "lib/base/err.h"
#include "lib/base/mem.h"

/* Makes the volume when it is missing; *ret_path is its "_data", in 'arena'. */
int volume_make(const char *folder, const char *name, const Sk__Mount__VolumeOptions *options,
                struct arena *arena, const char **ret_path, struct err *err);

/* Copies what the image has at 'target' into a volume that is still empty: files, links, owners,
 * modes, times. */
int volume_fill(const char *path, int root_fd, const char *target, struct err *err);
