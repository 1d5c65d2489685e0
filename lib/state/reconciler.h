/* A decision procedure, and the keys it is asked about.  Pure: lib/run/reconcile drives it against
 * the store, the simulator and the tests drive it against a view of their own.
 *
 *         news ──touch──► keys ──(least first)──► decide ──► plan ──► store ──► news ...
 */
#pragma once
#include "lib/base/heap.h"
#include "lib/base/map.h"
#include "lib/state/plan.h"

/* What a decision is about; text keeps it generic: "service/<id>/<range>", "pending", "node/<id>".
 */
enum { RECONCILE_KEY_SIZE = 64 };

/* A set of keys.  A zeroed struct is an empty one. */
struct reconcile_keys {
        struct map present; /* struct reconcile_key, by its text */
        struct heap order;
};

/* Adds a key; nothing happens when it is there already. */
void reconcile_keys_add(struct reconcile_keys *keys, const char *format, ...)
        __attribute__((format(printf, 2, 3)));
bool reconcile_keys_is_empty(const struct reconcile_keys *keys);
/* Takes out the least key (by bytes); false when there is none. */
bool reconcile_keys_take(struct reconcile_keys *keys, char ret_key[static RECONCILE_KEY_SIZE]);
void reconcile_keys_done(struct reconcile_keys *keys);

struct reconciler {
        const char *name; /* lease and loop name: "scheduler" */
        const Sk__KindMask *kinds;
        size_t n_kinds;
        /* Whom does this news concern?  'view' shows it already.  'event' is NULL at start and
         * after a restart: touch everything. */
        void (*touch)(const struct view *view, const Sk__Event *event, const void *config,
                      struct reconcile_keys *ret_touched);
        /* What should change for this key?  Pure.  Adds at most about 'limit' changes and calls
         * plan_wake() if it stopped there. */
        void (*decide)(const struct view *view, const char *key, const void *config, size_t limit,
                       struct plan *plan);
};
