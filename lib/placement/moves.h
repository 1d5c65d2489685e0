/* Which tasks of a service would be better off elsewhere?
 *
 * Better is what the scheduler's order says strictly: a branch with fewer tasks of the service,
 * more wishes met, and, with the strategy spread, fewer tasks of it on the node.  Ties move nobody,
 * so moving comes to an end. */
#pragma once
#include "lib/placement/placement.h"

struct placement_move {
        const Sk__Task *task;
        const Sk__Node *from, *to;
};

/* At most 'most' moves, the most useful first, each on top of those before it; in 'arena'.  'tasks'
 * may move; they are of the spec 'need', run, and are on nodes. */
struct placement_move *placement_moves(const struct view *view, const struct placement_need *need,
                                       const Sk__Task *const *tasks, size_t n_tasks, size_t most,
                                       struct arena *arena, size_t *ret_n);
