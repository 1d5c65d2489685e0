/* Private to the scheduler: room for important tasks.
 *
 * When a task found no node, but would on one whose tasks were told to stop, then less important
 * tasks keep off that node: else they would take piece by piece what is to become its room. */
#pragma once
#include "manager/scheduler/cache.h"

struct holds {
        const struct view *view;
        struct arena *arena;
        struct map futures; /* struct future, by node id */
        struct vec placed;  /* struct placed: by this decision */
};

void holds_init(struct holds *holds, const struct view *view, struct arena *arena);
void holds_done(struct holds *holds);

/* A task of the spec was placed on the node. */
void holds_placed(struct holds *holds, const struct cached_node *node,
                  const struct cached_spec *spec);

/* Keeps the node for a task of the spec; false when it will have no room there either, or has it
 * without anybody's stopping. */
bool holds_keep(struct holds *holds, struct cached_spec *spec, struct cached_node *node);
