/* One change of a group applied to the state; what apply.c is made of. */
#pragma once
#include "api/store.pb-c.h"
#include "lib/base/err.h"
#include "manager/store/state.h"

struct change_context {
        struct state *state;
        uint64_t index; /* of the entry: the version of everything it changes */
        int64_t time_ns;
        struct arena *arena; /* for as long as the entry is being applied */
};

/* The change passed check_commit().  On failure the state may hold part of the group:
 * state_undo().  *ret_wait is set where waiting for a version helps. */
int change_apply(const struct change_context *context, const Sk__Change *change, uint64_t *ret_wait,
                 struct err *err);
