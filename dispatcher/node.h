/* What becomes of a node's record when its agent is seen, is late, or has been away for long. Pure:
 * plans out.  Each is a no-op when the record says so already, so it may be asked again at any
 * time. */
#pragma once
#include "lib/state/plan.h"
#include "lib/state/view.h"

/* Tasks of a node that is down that long will not come back: they are ORPHANED, as in docker. */
#define NODE_ORPHANS_AFTER_NS (24 * NS_PER_HOUR)

/* What a session knows of its node. */
struct node_seen {
        const char *address;
        const Sk__NodeDescription *description;
};

/* May a node describe itself so?  What the store would refuse must not come near a plan: others'
 * reports are in it. */
int node_check_seen(const struct node_seen *seen, struct err *err);

/* Its agent has a session: READY, with this description and address. */
void node_plan_seen(const struct view *view, const char *node_id, const struct node_seen *seen,
                    struct plan *plan);

/* Nothing was heard of it: DOWN, unless something changed its record meanwhile. */
void node_plan_down(const struct view *view, const char *node_id, const char *message,
                    struct plan *plan);

/* When the tasks of this node become orphans; TIME_NEVER: not as things are. */
int64_t node_orphans_at(const Sk__Node *node);

/* The tasks of a node that is gone for good, at most 'limit' per plan.  Returns whether that was
 * all. */
bool node_plan_orphans(const struct view *view, const char *node_id, size_t limit,
                       struct plan *plan);

void node_plan_orphan(const Sk__Task *task, struct plan *plan);

/* Is it a manager, does it lead ('leader_id': the manager this runs on, as it holds the lease), and
 * can it be reached? */
void node_plan_manager(const struct view *view, const char *node_id, const char *leader_id,
                       int64_t join_port, struct plan *plan);
