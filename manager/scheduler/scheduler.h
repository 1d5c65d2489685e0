/* Which node?
 *
 * One key, "pending": every task that waits for a node.  Tasks of one spec are placed together: the
 * filters of //lib/placement are asked once per spec and node, and what fits is kept in order
 * (ranking.h).
 *
 * What the tasks on each node take is kept between decisions in a cache.  It may be dropped at any
 * time: a decision without one is the same, only slower. */
#pragma once
#include "lib/state/reconciler.h"

extern const struct reconciler scheduler;

struct scheduler_cache;

/* What touch and decide are given as 'config'; NULL: no cache. */
struct scheduler_config {
        struct scheduler_cache *cache; /* NULL: none; else touch must see all news */
};

struct scheduler_cache *scheduler_cache_new(void);
void scheduler_cache_free(struct scheduler_cache *cache);
DEFINE_CLEANUP(struct scheduler_cache, scheduler_cache_free)
