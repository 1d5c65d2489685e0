/* What is left of containers that nobody knows any more: containerd 1.6 forgets the shim of a task
 * whose creation was cancelled, as it is when the agent dies in the middle of it. */
#pragma once

/* Kills what runs in the cgroup "PARENT/ID", then the shim that was made for container 'id' unless
 * other containers live in it.  Only for a container that containerd knows no process of.  Blocks:
 * for the pool. */
void shim_end(const char *parent, const char *id);

/* Removes the empty cgroups "PARENT/ID" that runc leaves when nobody told it to delete. */
void shim_remove_cgroups(const char *parent, const char *id);
