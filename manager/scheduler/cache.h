/* Private to the scheduler: what it knows of nodes and specs, as of the view it looks at. */
#pragma once
#include "lib/base/id.h"
#include "lib/base/map.h"
#include "lib/placement/placement.h"
#include "manager/scheduler/scheduler.h"

struct cached_node {
        const char *id;       /* owned */
        const Sk__Node *node; /* in the view; valid between refresh and the next news */
        size_t index;         /* its place in cached_spec.suits */
        uint64_t hash;        /* of the id */
        bool is_stale;        /* usage has to be read again */
        bool is_held;         /* in this decision: its room is for more important tasks */
        struct placement_usage usage;
};

struct cached_spec {
        struct placement_need need;
        struct arena arena;
        struct vec suits; /* int8_t by node index: does it suit as far as the node's own parts go?
                             -1: not asked yet */
};

struct scheduler_cache {
        struct map nodes; /* struct cached_node, by id */
        struct map specs; /* struct cached_spec, by id */
        struct vec order; /* struct cached_node *, those in the view, ascending by id */
        bool order_is_stale;
        size_t n_indexes;
        struct map reserved; /* struct reservation, by task id: placed by the last decision, not
                                seen in the view yet */
        struct arena reservations;
        struct map failed; /* struct failed_task, by id: those that count in some node's failures */
};

/* Brings the cache up to the view. */
void cache_refresh(struct scheduler_cache *cache, const struct view *view);
/* Forgets everything. */
void cache_clear(struct scheduler_cache *cache);

void cache_node_changed(struct scheduler_cache *cache, const char *node_id);
void cache_usage_changed(struct scheduler_cache *cache, const char *node_id);
/* A placement has been seen: is it the one that was reserved? */
void cache_placement_seen(struct scheduler_cache *cache, const char *task_id, const char *node_id);
/* A removed task no longer counts as a failure of the node it was on. */
void cache_task_removed(struct scheduler_cache *cache, const char *task_id);
void cache_spec_removed(struct scheduler_cache *cache, const char *spec_id);

/* NULL when the spec is not in the view. */
struct cached_spec *cache_spec(struct scheduler_cache *cache, const struct view *view,
                               const Sk__Task *task);
bool cache_suits(struct cached_spec *spec, const struct cached_node *node);

/* The task is on its way to the node: it counts from now on. */
void cache_reserve(struct scheduler_cache *cache, struct cached_node *node,
                   const struct cached_spec *spec, const char *task_id,
                   Sk__GenericResource *const *assigned, size_t n_assigned);

/* touch.c */
void scheduler_touch(const struct view *view, const Sk__Event *event, const void *config,
                     struct reconcile_keys *ret_touched);
