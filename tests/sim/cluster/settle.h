/* Driving one loop over a world until it has nothing more to say; time stands still. */
#pragma once
#include "lib/base/random.h"
#include "lib/state/reconciler.h"
#include "tests/lib/build_objects.h"

struct settle_options {
        const struct reconciler *reconciler;
        const void *config;
        size_t limit;          /* changes per plan */
        bool greatest_first;   /* keys in the other order */
        struct random *losing; /* not NULL: one plan of four is lost, and its key touched again */
};

/* What changed since 'version', by way of builders: touched as news would. */
void settle_touch_since(struct world *world, const struct settle_options *options, uint64_t version,
                        struct reconcile_keys *keys);

/* The news that an object was removed. */
void settle_touch_removed(struct world *world, const struct settle_options *options, Sk__Kind kind,
                          const char *id, struct reconcile_keys *keys);

/* Decides and applies, one key after the other, until no key is left; returns how many plans that
 * took.  0 changes are no plan.  Ends the test after 10,000. */
size_t settle(struct world *world, const struct settle_options *options,
              struct reconcile_keys *keys);

/* Looks at everything from scratch; how many changes would that be? */
size_t settle_count_all(struct world *world, const struct settle_options *options);
