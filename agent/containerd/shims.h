/* Which containers share a shim, the process that containerd keeps beside a container.
 *
 * A shim of its own costs each container 2.4 MB and the start of a Go program.  So containers share
 * one in small groups: what is lost with a shim that dies is at most SHIM_TASKS_MOST containers.  A
 * shim ends itself when its last container is deleted; so a container that is to start in a shim
 * that others may leave meanwhile is never made, and none leaves while another one starts.
 *
 * Pure: no I/O, no clock. */
#pragma once
#include <stdbool.h>

#include "agent/containerd/chain.h"

enum { SHIM_TASKS_MOST = 10, SHIM_GROUP_ID_SIZE = 26 };

/* A place in a shim; zeroed: none. */
struct shim_group;
struct shim_place {
        struct shim_group *group;
        bool is_starting, is_started, is_leaving;
};

/* Zeroed: none was made yet. */
struct shims {
        struct shim_group *open; /* takes more */
};

/* A place for a container that will start later.  'new_id' names the group when one must be made.
 */
void shims_take_place(struct shims *shims, const char *new_id, struct shim_place *ret_place);

/* Gives the place back, if there is one; false when others stay. */
bool shims_leave(struct shims *shims, struct shim_place *place);

const char *shim_place_group(const struct shim_place *place); /* "" when there is none */

/* Has everybody who was in this shim left it?  Then it is about to end: take another place. */
bool shim_place_is_stale(const struct shim_place *place);

/* The first start makes the shim and is alone; those after it join. */
bool shim_place_may_start(const struct shim_place *place);

/* Between these two nobody else leaves. */
void shim_place_begin_start(struct shim_place *place);
void shim_place_end_start(struct shim_place *place);

/* Its container has ended, and will be deleted soon: nobody takes a place in a shim that all are
 * about to leave. */
void shim_place_will_leave(struct shim_place *place);

/* Woken whenever what others do may have changed what this one may; not NULL for a place. */
struct chain_queue *shim_place_queue(const struct shim_place *place);

/* May the container be deleted now?  (True for one without a place.) */
bool shim_place_may_leave(const struct shim_place *place);
