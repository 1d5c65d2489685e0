/* How far the tasks of a service lean to one branch of its preferences. */
#include <string.h>

#include "lib/placement/placement.h"

/* Nodes that have the same values for the outermost labels. */
struct branch {
        const Sk__Node *node; /* one of them */
        size_t depth;         /* how many labels */
        uint64_t n_tasks;
        bool suits; /* one of them may be given tasks */
};

struct placement_branches {
        struct branch *all;
        size_t n;
};

static bool is_equal(const struct placement_need *need, const Sk__Node *a, const Sk__Node *b,
                     size_t depth)
{
        for (size_t i = 0; i < depth; i++)
                if (strcmp(constraint_label(a, need->spread[i].descriptor),
                           constraint_label(b, need->spread[i].descriptor)) != 0)
                        return false;
        return true;
}

static struct branch *branch_of(const struct placement_branches *branches,
                                const struct placement_need *need, const Sk__Node *node,
                                size_t depth)
{
        for (size_t i = 0; i < branches->n; i++)
                if (branches->all[i].depth == depth &&
                    is_equal(need, branches->all[i].node, node, depth))
                        return &branches->all[i];
        return NULL;
}

static void add_node(struct placement_branches *branches, const struct view *view,
                     const struct placement_need *need, const Sk__Node *node)
{
        struct placement_usage usage;
        uint32_t n_tasks;

        placement_usage_init(&usage);
        placement_usage_read(&usage, view, node->id);
        n_tasks = placement_usage_of_service(&usage, need->service);
        placement_usage_done(&usage);
        for (size_t depth = 1; depth <= need->n_spread; depth++) {
                struct branch *branch = branch_of(branches, need, node, depth);

                if (!branch) {
                        branch = &branches->all[branches->n++];
                        *branch = (struct branch){ .node = node, .depth = depth };
                }
                branch->n_tasks += n_tasks;
                branch->suits |= placement_suits(need, node);
        }
}

const struct placement_branches *placement_branches_read(const struct view *view,
                                                         const struct placement_need *need,
                                                         struct arena *arena)
{
        size_t n_nodes = view_count(view, SK__KIND__KIND_NODE);
        struct placement_branches *branches = arena_alloc(arena, sizeof *branches);
        struct view_cursor cursor = { 0 };
        const struct object_head *head;

        branches->all = arena_alloc(arena, n_nodes * need->n_spread * sizeof *branches->all);
        while ((head = view_each(view, SK__KIND__KIND_NODE, &cursor)))
                add_node(branches, view, need, (const Sk__Node *)head);
        return branches;
}

/* The branch with the fewest tasks beside the node's own at this depth. */
static const struct branch *emptiest(const struct placement_branches *branches,
                                     const struct placement_need *need, const Sk__Node *node,
                                     size_t depth)
{
        const struct branch *least = NULL;

        for (size_t i = 0; i < branches->n; i++) {
                const struct branch *branch = &branches->all[i];

                if (branch->depth == depth && branch->suits &&
                    is_equal(need, branch->node, node, depth - 1) &&
                    (!least || branch->n_tasks < least->n_tasks))
                        least = branch;
        }
        return least;
}

bool placement_skewed(const struct placement_branches *branches, const struct placement_need *need,
                      const Sk__Node *node, struct str *why)
{
        for (size_t depth = 1; depth <= need->n_spread; depth++) {
                const struct placement_spread *spread = &need->spread[depth - 1];
                const struct branch *least = emptiest(branches, need, node, depth);
                const struct branch *own = branch_of(branches, need, node, depth);

                if (!spread->max_skew || !least || own->n_tasks < least->n_tasks + spread->max_skew)
                        continue;
                str_addf(why, "%llu tasks of the service are in ",
                         (unsigned long long)own->n_tasks);
                str_add_quoted(why, constraint_label(node, spread->descriptor), 64);
                str_addf(why, " of %.64s, %llu in ", spread->descriptor,
                         (unsigned long long)least->n_tasks);
                str_add_quoted(why, constraint_label(least->node, spread->descriptor), 64);
                str_addf(why, ": a skew of at most %llu is wanted",
                         (unsigned long long)spread->max_skew);
                return true;
        }
        return false;
}
