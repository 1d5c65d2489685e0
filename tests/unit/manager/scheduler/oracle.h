/* The scheduler once more, slow and plain: each task looks at every node, and everything is counted
 * anew from the view. */
#pragma once
#include "tests/lib/build_objects.h"

struct oracle_placement {
        const char *task_id;
        const char *node_id;     /* "" when none fits */
        const char *explanation; /* then; else "" */
};

/* Places what waits, one after the other, into the world; in its arena. */
struct oracle_placement *oracle_place_all(struct world *world, size_t *ret_n);
