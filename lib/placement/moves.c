/* Which tasks of a service would be better off elsewhere? */
#include "lib/placement/moves.h"

#include <string.h>

/* A node, with what the moves so far make of it. */
struct spot {
        const Sk__Node *node;
        struct placement_usage usage;
        bool suits;
        uint64_t n_tasks; /* of the service */
        size_t *branches; /* at each level of preference, which */
};

struct search {
        const struct placement_need *need;
        bool is_spread;
        struct arena *arena;
        struct spot *spots;
        size_t n_spots;
        uint64_t *n_of_branch; /* tasks of the service */
        size_t n_costs;
};

/* The first node that has the same labels down to this level. */
static size_t branch_of(const struct search *search, const struct spot *spot, size_t level)
{
        for (size_t i = 0; i < search->n_spots; i++) {
                size_t k = 0;

                while (k <= level &&
                       !strcmp(constraint_label(search->spots[i].node,
                                                search->need->spread[k].descriptor),
                               constraint_label(spot->node, search->need->spread[k].descriptor)))
                        k++;
                if (k > level)
                        return level * search->n_spots + i;
        }
        return 0;
}

static void count(struct search *search, struct spot *spot, int64_t n)
{
        spot->n_tasks += (uint64_t)n;
        for (size_t i = 0; i < search->need->n_spread; i++)
                search->n_of_branch[spot->branches[i]] += (uint64_t)n;
}

static void look_around(struct search *search, const struct view *view)
{
        size_t n_levels = search->need->n_spread;
        size_t n_nodes = view_count(view, SK__KIND__KIND_NODE);
        struct view_cursor cursor = { 0 };
        const struct object_head *head;

        search->spots = arena_alloc(search->arena, n_nodes * sizeof *search->spots);
        search->n_of_branch =
                arena_alloc(search->arena, n_levels * n_nodes * sizeof *search->n_of_branch);
        while ((head = view_each(view, SK__KIND__KIND_NODE, &cursor))) {
                struct spot *spot = &search->spots[search->n_spots++];

                spot->node = (const Sk__Node *)head;
                placement_usage_init(&spot->usage);
                placement_usage_read(&spot->usage, view, spot->node->id);
                spot->suits =
                        placement_suits(search->need, spot->node) &&
                        !placement_usage_failures(&spot->usage, search->need->spec, view_now(view));
                spot->branches = arena_alloc(search->arena, n_levels * sizeof *spot->branches);
        }
        for (size_t i = 0; i < search->n_spots; i++) {
                struct spot *spot = &search->spots[i];

                for (size_t level = 0; level < n_levels; level++)
                        spot->branches[level] = branch_of(search, spot, level);
                count(search, spot,
                      placement_usage_of_service(&spot->usage, search->need->service));
        }
}

/* What it costs to have the task there that is on 'from' now: numbers, the weightiest first. */
static void cost_of(const struct search *search, const struct spot *spot, const struct spot *from,
                    uint64_t *ret)
{
        for (size_t i = 0; i < search->need->n_spread; i++)
                *ret++ = search->n_of_branch[spot->branches[i]] -
                         (spot->branches[i] == from->branches[i]);
        *ret++ = placement_unmet(search->need, spot->node, &spot->usage);
        *ret = search->is_spread ? spot->n_tasks - (spot == from) : 0;
}

static int compare(const struct search *search, const uint64_t *a, const uint64_t *b)
{
        for (size_t i = 0; i < search->n_costs; i++)
                if (a[i] != b[i])
                        return a[i] < b[i] ? -1 : 1;
        return 0;
}

/* Where a task on 'from' would be placed; NULL when that is no better. */
static struct spot *better_than(const struct search *search, const struct spot *from,
                                const uint64_t *cost)
{
        uint64_t *least = arena_copy(search->arena, cost, search->n_costs * sizeof *cost);
        uint64_t *there = arena_alloc(search->arena, search->n_costs * sizeof *there);
        struct spot *best = NULL;

        for (size_t i = 0; i < search->n_spots; i++) {
                struct spot *spot = &search->spots[i];

                if (spot == from || !spot->suits ||
                    !placement_has_room(search->need, spot->node, &spot->usage))
                        continue;
                cost_of(search, spot, from, there);
                if (compare(search, there, least) >= 0)
                        continue;
                memcpy(least, there, search->n_costs * sizeof *there);
                best = spot;
        }
        return best;
}

static struct spot *spot_of(const struct search *search, const Sk__Task *task)
{
        const char *node_id = task->placement ? task->placement->node_id : "";

        for (size_t i = 0; i < search->n_spots; i++)
                if (!strcmp(search->spots[i].node->id, node_id))
                        return &search->spots[i];
        return NULL;
}

static void move(struct search *search, struct spot *from, struct spot *to)
{
        Sk__GenericResource **claims = NULL;
        size_t n_claims = 0;

        placement_claim(search->need, to->node, &to->usage, search->arena, &claims, &n_claims);
        placement_usage_add(&to->usage, search->need, claims, n_claims);
        count(search, from, -1);
        count(search, to, 1);
}

/* The task that is worst off among those that have a better place; NULL: none has.  Tasks of one
 * node are alike. */
static const Sk__Task **next(const struct search *search, const Sk__Task **tasks, size_t n_tasks,
                             struct spot **ret_from, struct spot **ret_to)
{
        uint64_t *worst = arena_alloc(search->arena, search->n_costs * sizeof *worst);
        uint64_t *cost = arena_alloc(search->arena, search->n_costs * sizeof *cost);
        bool *was_seen = arena_alloc(search->arena, search->n_spots * sizeof *was_seen);
        const Sk__Task **found = NULL;

        for (size_t i = 0; i < n_tasks; i++) {
                struct spot *from = tasks[i] ? spot_of(search, tasks[i]) : NULL, *to;

                if (!from || was_seen[from - search->spots])
                        continue;
                was_seen[from - search->spots] = true;
                cost_of(search, from, from, cost);
                if (found && compare(search, cost, worst) <= 0)
                        continue;
                to = better_than(search, from, cost);
                if (!to)
                        continue;
                memcpy(worst, cost, search->n_costs * sizeof *cost);
                found = &tasks[i];
                *ret_from = from;
                *ret_to = to;
        }
        return found;
}

struct placement_move *placement_moves(const struct view *view, const struct placement_need *need,
                                       const Sk__Task *const *tasks, size_t n_tasks, size_t most,
                                       struct arena *arena, size_t *ret_n)
{
        Sk__Placement__Strategy strategy = placement_strategy(view, need);
        struct search search = {
                .need = need,
                .is_spread = strategy == SK__PLACEMENT__STRATEGY__SPREAD,
                .arena = arena,
                .n_costs = need->n_spread + 2,
        };
        const Sk__Task **left = arena_copy(arena, tasks, n_tasks * sizeof *left), **task;
        struct placement_move *moves = arena_alloc(arena, n_tasks * sizeof *moves);
        struct spot *from, *to;

        look_around(&search, view);
        for (*ret_n = 0; *ret_n < most && (task = next(&search, left, n_tasks, &from, &to));) {
                moves[(*ret_n)++] = (struct placement_move){ *task, from->node, to->node };
                move(&search, from, to);
                *task = NULL;
        }
        for (size_t i = 0; i < search.n_spots; i++)
                placement_usage_done(&search.spots[i].usage);
        return moves;
}
