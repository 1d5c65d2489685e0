/* How far the tasks of a service lean to one branch of its preferences. */
#include "lib/placement/branches.h"

struct placement_branches *placement_branches_read(const struct view *view,
                                                   const struct placement_need *need,
                                                   struct arena *arena)
{
        struct placement_branches *branches = branches_make(view, need, arena);
        struct view_cursor cursor = { 0 };
        const struct object_head *head;
        struct placement_usage usage;

        placement_usage_init(&usage);
        while ((head = view_each(view, SK__KIND__KIND_NODE, &cursor))) {
                placement_usage_read(&usage, view, head->id);
                branch_count(branches_leaf(branches, (const Sk__Node *)head),
                             placement_usage_of_service(&usage, need->service));
        }
        placement_usage_done(&usage);
        return branches;
}

void placement_branches_add(struct placement_branches *branches, const Sk__Node *node)
{
        branch_count(branches_leaf(branches, node), 1);
}

/* Of those that may be given tasks the one with the fewest. */
static const struct branch *emptiest(struct branch *parent)
{
        const struct branch *least = parent->least;

        for (size_t i = 0; !parent->least && i < parent->n_children; i++) {
                const struct branch *child = &parent->children[i];

                if (child->suits && (!least || child->n_tasks < least->n_tasks))
                        least = child;
        }
        return parent->least = least;
}

static void say(struct str *why, const struct placement_spread *spread, const struct branch *branch,
                const struct branch *least)
{
        str_addf(why, "%llu tasks of the service are in ", (unsigned long long)branch->n_tasks);
        str_add_quoted(why, branch->value, 64);
        str_addf(why, " of %.64s, %llu in ", spread->descriptor,
                 (unsigned long long)least->n_tasks);
        str_add_quoted(why, least->value, 64);
        str_addf(why, ": a skew of at most %llu is wanted", (unsigned long long)spread->max_skew);
}

bool placement_skewed(struct placement_branches *branches, const Sk__Node *node, struct str *why)
{
        const struct placement_need *need = branches->need;
        struct branch *parent = &branches->root;

        for (size_t level = 0; level < need->n_spread; level++) {
                const struct placement_spread *spread = &need->spread[level];
                const struct branch *least = spread->max_skew ? emptiest(parent) : NULL;
                struct branch *branch =
                        branch_child(parent, constraint_label(node, spread->descriptor));

                if (least && branch->n_tasks >= least->n_tasks &&
                    branch->n_tasks - least->n_tasks >= spread->max_skew) {
                        if (why)
                                say(why, spread, branch, least);
                        return true;
                }
                parent = branch;
        }
        return false;
}
