/* The branches of a task's placement preferences. */
#include "lib/placement/branches.h"

#include <string.h>

struct leaning {
        const Sk__Node *node;
        const struct placement_need *need;
};

static const char *label_at(const struct leaning *leaning, size_t level)
{
        return constraint_label(leaning->node, leaning->need->spread[level].descriptor);
}

static int compare(const void *a, const void *b)
{
        const struct leaning *x = a, *y = b;
        int order = 0;

        for (size_t level = 0; !order && level < x->need->n_spread; level++)
                order = strcmp(label_at(x, level), label_at(y, level));
        return order;
}

/* How many of the nodes, from the first on, have its label. */
static size_t alike(const struct leaning *nodes, size_t n_nodes, size_t level)
{
        const char *value = label_at(&nodes[0], level);
        size_t n = 1;

        while (n < n_nodes && !strcmp(label_at(&nodes[n], level), value))
                n++;
        return n;
}

/* 'nodes' are those of the branch, in order. */
static void grow(struct branch *branch, const struct leaning *nodes, size_t n_nodes, size_t level,
                 struct arena *arena)
{
        size_t n = 0;

        if (level == nodes[0].need->n_spread) {
                for (size_t i = 0; i < n_nodes && !branch->suits; i++)
                        branch->suits = placement_suits(nodes[i].need, nodes[i].node);
                return;
        }
        for (size_t i = 0; i < n_nodes; i += alike(&nodes[i], n_nodes - i, level))
                n++;
        branch->children = arena_alloc(arena, n * sizeof *branch->children);
        for (size_t i = 0; i < n_nodes; i += n) {
                struct branch *child = &branch->children[branch->n_children++];

                n = alike(&nodes[i], n_nodes - i, level);
                child->value = label_at(&nodes[i], level);
                child->parent = branch;
                grow(child, &nodes[i], n, level + 1, arena);
                branch->suits |= child->suits;
        }
}

struct placement_branches *branches_make(const struct view *view, const struct placement_need *need,
                                         struct arena *arena)
{
        struct placement_branches *branches = arena_alloc(arena, sizeof *branches);
        size_t n_nodes = view_count(view, SK__KIND__KIND_NODE), n = 0;
        struct leaning *nodes = arena_alloc(arena, n_nodes * sizeof *nodes);
        struct view_cursor cursor = { 0 };
        const struct object_head *head;

        branches->need = need;
        while ((head = view_each(view, SK__KIND__KIND_NODE, &cursor)))
                nodes[n++] = (struct leaning){ (const Sk__Node *)head, need };
        if (need->n_spread && n) {
                qsort(nodes, n, sizeof *nodes, compare);
                grow(&branches->root, nodes, n, 0, arena);
        }
        return branches;
}

struct branch *branch_child(const struct branch *branch, const char *value)
{
        size_t low = 0, high = branch->n_children;

        while (high - low > 1) {
                size_t middle = (low + high) / 2;

                if (strcmp(branch->children[middle].value, value) <= 0)
                        low = middle;
                else
                        high = middle;
        }
        return &branch->children[low];
}

struct branch *branches_leaf(struct placement_branches *branches, const Sk__Node *node)
{
        struct branch *branch = &branches->root;

        for (size_t level = 0; level < branches->need->n_spread; level++)
                branch = branch_child(branch,
                                      constraint_label(node,
                                                       branches->need->spread[level].descriptor));
        return branch;
}

void branch_count(struct branch *leaf, int64_t n)
{
        for (struct branch *branch = leaf; branch; branch = branch->parent) {
                branch->n_tasks += (uint64_t)n;
                branch->least = NULL;
        }
}
