/* What is left of containers that nobody knows any more: containerd 1.6 forgets the shim of a task
 * whose creation was cancelled, as it is when the agent dies in the middle of it. */
#pragma once

#include <stdbool.h>

#include "lib/base/err.h"

/* Ends the runc that still makes container 'id', kills what runs in the cgroup "PARENT/ID", then
 * ends the shim that was made for the container, unless other containers live in it or
 * 'spares_shim'.  Only for a container that containerd knows no process of.  Blocks: for the pool.
 */
void shim_end(const char *parent, const char *id, bool spares_shim);

/* Removes the cgroup "PARENT/ID" and those inside it, which runc leaves when nobody told it to
 * delete; what lives in them is killed.  ERR_UNAVAILABLE when it does not die.  Blocks. */
int shim_remove_cgroups(const char *parent, const char *id, struct err *err);
