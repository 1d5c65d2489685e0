/* What is left of containers that nobody knows any more: containerd 1.6 forgets the shim of a task
 * whose creation was cancelled, as it is when the agent dies in the middle of it. */
#pragma once

#include <stdbool.h>

#include "lib/base/err.h"

enum { SHIM_ID_SIZE = 80 };

/* The process beside some containers; zeroed: none is known. */
struct shim_process {
        int pid;
        char id[SHIM_ID_SIZE]; /* of the container it was made for */
};

/* The shim that made the container whose first process is 'pid'; none is known when there is no
 * such process.  Two small files of /proc. */
void shim_find(int pid, struct shim_process *ret);

/* Ends a shim without containers: one that made a container containerd has forgotten waits for its
 * deletion for ever.  Most have ended by themselves.  Only when nobody starts in it.  For the pool.
 */
void shim_end_idle(const struct shim_process *shim);

/* The same for all shims of the containerd at 'address' ("unix:/path") that are older than this
 * process, for which nobody starts in them, and that no container in 'bundles' (the folder of
 * containerd's bundles) is said to be in: whose shim it was is not known of a container whose
 * creation was cut off before it had a process, and a shim without processes may have exit statuses
 * that nobody asked for yet.  Blocks: for the pool. */
void shim_sweep(const char *address, const char *bundles);

/* Ends the runc that still makes container 'id', kills what runs in the cgroup "PARENT/ID", then
 * ends the shim it ran in, or that was made for it, unless other containers live in it or
 * 'spares_shim'.  Only for a container that containerd knows no process of.  Blocks: for the pool.
 */
void shim_end(const char *parent, const char *id, bool spares_shim);

/* Removes the cgroup "PARENT/ID" and those inside it, which runc leaves when nobody told it to
 * delete; what lives in them is killed.  ERR_UNAVAILABLE when it does not die.  Blocks. */
int shim_remove_cgroups(const char *parent, const char *id, struct err *err);
