/* A plan applied to a view by the store's rules, without a store: for tests, simulations and "what
 * would this do?".
 *
 * The view must be one of all parts of the kinds that plans touch. */
#pragma once
#include "lib/state/plan.h"

struct applied {
        size_t n_groups, n_accepted;
        Sk__GroupResult **results; /* one per group, in order */
        size_t n_events;
        Sk__Event *
                *events; /* what a watcher of everything is told of the accepted groups, in order */
};

/* Groups are applied one after the other, each all or nothing.  Everything accepted gets 'version',
 * which must be larger than the view's; the view shows 'version' and 'now' afterwards, also when
 * nothing was accepted.  The result lies in 'arena'. */
void view_apply_plan(struct view *view, const struct plan *plan, uint64_t version, int64_t now,
                     struct arena *arena, struct applied *ret);
