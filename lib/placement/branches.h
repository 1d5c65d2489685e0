/* Private to lib/placement: the branches of a task's placement preferences as a tree, the outermost
 * label first.  Every node of the view is in one leaf. */
#pragma once
#include "lib/placement/placement.h"

struct branch {
        const char *value; /* of the label */
        struct branch *parent;
        struct branch *children; /* ascending by value */
        size_t n_children;
        const struct branch *least; /* child with the fewest tasks; NULL: to be found again */
        uint64_t n_tasks;           /* of the service */
        bool suits;                 /* a node in it may be given tasks */
        const uint64_t *vain_cost;  /* moves.c: of a task in it that has no better place */
};

struct placement_branches {
        const struct placement_need *need;
        struct branch root; /* all nodes */
};

/* Without tasks.  All lies in the arena, labels in the view. */
struct placement_branches *branches_make(const struct view *view, const struct placement_need *need,
                                         struct arena *arena);

/* The child for a label that one of its nodes has. */
struct branch *branch_child(const struct branch *parent, const char *value);

/* The node's; the root, when there are no preferences. */
struct branch *branches_leaf(struct placement_branches *branches, const Sk__Node *node);

/* So many more tasks there. */
void branch_count(struct branch *leaf, int64_t n);
