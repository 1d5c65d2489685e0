/* Private to the scheduler: the nodes that fit one spec, in the order in which they are to be
 * taken.
 *
 * Preferences first: at each level the branch with the fewest tasks of the service that has a node
 * left, then the lesser label; a branch that would exceed its skew is passed by.  Inside a branch
 * nodes on which the spec keeps failing come last, those that meet more of its wishes first, then
 * the strategy decides. */
#pragma once
#include "lib/base/heap.h"
#include "manager/scheduler/cache.h"

struct branch;

struct candidate {
        struct heap_node heap;
        struct cached_node *node;
        struct branch *branch;
        uint32_t n_failures; /* 0 while they are few */
        uint64_t drawback;   /* comes before any strategy: n_failures, then unmet wishes */
        uint32_t n_service;
        int64_t fill; /* binpack: how full the node is */
};

struct ranking {
        const struct view *view;
        struct cached_spec *spec;
        Sk__Placement__Strategy strategy; /* never CLUSTER_DEFAULT */
        bool has_wishes;
        struct arena *arena;
        struct branch *root;
        struct vec branches; /* struct branch *, all of them */
};

/* 'arena' must live as long as the order; ranking_done() releases the rest. */
void ranking_init(struct ranking *ranking, const struct view *view, struct scheduler_cache *cache,
                  struct cached_spec *spec, Sk__Placement__Strategy strategy, struct arena *arena);
void ranking_done(struct ranking *ranking);

/* The best node for the task; NULL when none is left. */
struct candidate *ranking_pick(struct ranking *ranking, const char *task_id);
/* The candidate's node was given a task of the spec (its usage says so): finds its new place. */
void ranking_placed(struct ranking *ranking, struct candidate *candidate);
