/* What is known of the node's volumes, local and of plugins: which there are, what they were made
 * with, who uses them.  FOLDER/NAME/_data is a volume, FOLDER/NAME/volume what it was made with; a
 * task's folder has a file that names the volumes it uses.  Blocking; for the worker pool. */
#pragma once
#include "api/node.pb-c.h"
#include "lib/base/err.h"
#include "lib/base/mem.h"

enum { VOLUMES_MAX = 100000 };

/* ERR_NOT_FOUND: "get NAME: no such volume". */
int volume_read(const char *folder, const char *name, struct arena *arena, Sk__NodeVolume **ret,
                struct err *err);

/* Makes it; one that is there stays as it is, and is told as that.  ERR_EXISTS: it has another
 * driver. */
int volume_create(const char *folder, const Sk__NodeVolume *wanted, int64_t now_ns,
                  struct arena *arena, Sk__NodeVolume **ret, struct err *err);

/* All, by name, with who uses them. */
int volume_list(const char *folder, const char *tasks_folder, struct arena *arena,
                Sk__ListVolumesResponse *ret, struct err *err);

/* ERR_PRECONDITION: "remove NAME: volume is in use - [TASKS]". */
int volume_remove(const char *folder, const char *tasks_folder, const char *name, struct err *err);

/* The task in whose folder this is said uses these volumes from now on, or none. */
int volume_note_users(const char *task_folder, const char *const *names, size_t n, struct err *err);
/* It uses none any more: those of plugins are unmounted for 'id'.  An error is the last one; all
 * the same they are forgotten, and what is left is for volume_settle_all(). */
int volume_forget_users(const char *task_folder, const char *folder, const char *id,
                        struct err *err);

/* The task, made anew, mounts it once more: what is left of it is not unmounted any more when this
 * returns. */
void volume_keep(const char *folder, const char *name, const char *id);

/* Unmounts again what a plugin could not unmount; the number of those that it still cannot. */
size_t volume_settle(const char *folder, const char *name);
size_t volume_settle_all(const char *folder);
