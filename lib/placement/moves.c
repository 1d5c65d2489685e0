/* Which tasks of a service would be better off elsewhere? */
#include "lib/placement/moves.h"

#include <string.h>

#include "lib/base/map.h"
#include "lib/placement/branches.h"

/* A node, with what the moves so far make of it. */
struct spot {
        const Sk__Node *node;
        struct placement_usage usage;
        struct branch *leaf;
        bool suits, has_room;
        size_t n_coming;  /* tasks that move here */
        uint64_t n_tasks; /* of the service */
        uint64_t n_unmet; /* wishes */
};

struct search {
        const struct view *view;
        const struct placement_need *need;
        bool is_spread;
        bool wishes_for_tasks; /* a soft affinity */
        struct arena *arena;
        struct spot *spots;
        size_t n_spots;
        struct map by_node; /* struct spot, by node id */
        struct map moved;   /* const Sk__Task, by id */
        size_t n_costs;
};

struct leaving {
        const struct search *search;
        const Sk__Task *task;
};

static bool has_left(const void *context, const Sk__Task *task)
{
        const struct leaving *leaving = context;

        return task == leaving->task || map_find(&leaving->search->moved, task->id);
}

/* What is there without 'task', which may be NULL. */
static void read_usage(const struct search *search, const struct spot *spot, const Sk__Task *task,
                       struct placement_usage *ret)
{
        const struct leaving leaving = { search, task };

        placement_usage_read_without(ret, search->view, spot->node->id, has_left, &leaving);
        for (size_t i = 0; i < spot->n_coming; i++) {
                Sk__GenericResource **claims = NULL;
                size_t n_claims = 0;

                placement_claim(search->need, spot->node, ret, search->arena, &claims, &n_claims);
                placement_usage_add(ret, search->need, claims, n_claims);
        }
}

static void look_at(struct search *search, struct spot *spot)
{
        const struct placement_need *need = search->need;

        read_usage(search, spot, NULL, &spot->usage);
        spot->suits = placement_suits(need, spot->node) &&
                      !placement_usage_failures(&spot->usage, need->spec, view_now(search->view));
        spot->has_room = spot->suits && placement_has_room(need, spot->node, &spot->usage);
        spot->n_tasks = placement_usage_of_service(&spot->usage, need->service);
        spot->n_unmet = placement_unmet(need, spot->node, &spot->usage);
}

static void look_around(struct search *search)
{
        const struct view *view = search->view;
        const struct placement_need *need = search->need;
        struct placement_branches *branches = branches_make(view, need, search->arena);
        struct view_cursor cursor = { 0 };
        const struct object_head *head;

        for (size_t i = 0; i < need->n_affinities; i++)
                search->wishes_for_tasks |= need->affinities[i].is_soft;
        search->spots = arena_alloc(search->arena,
                                    view_count(view, SK__KIND__KIND_NODE) * sizeof *search->spots);
        while ((head = view_each(view, SK__KIND__KIND_NODE, &cursor))) {
                struct spot *spot = &search->spots[search->n_spots++];

                spot->node = (const Sk__Node *)head;
                placement_usage_init(&spot->usage);
                look_at(search, spot);
                spot->leaf = branches_leaf(branches, spot->node);
                branch_count(spot->leaf, (int64_t)spot->n_tasks);
                map_put(&search->by_node, spot->node->id, spot);
        }
}

/* What it costs to have the task there that is on 'from' now: numbers, the weightiest first. */
static void cost_of(const struct search *search, const struct spot *spot, const struct spot *from,
                    uint64_t *ret)
{
        const struct branch *there = spot->leaf, *here = from->leaf;

        for (size_t i = search->need->n_spread; i-- > 0;) {
                ret[i] = there->n_tasks - (there == here);
                there = there->parent;
                here = here->parent;
        }
        ret[search->n_costs - 2] = spot->n_unmet;
        ret[search->n_costs - 1] = search->is_spread ? spot->n_tasks - (spot == from) : 0;
}

/* What it costs that the task is where it is: it is not beside itself. */
static void present_cost(const struct search *search, const struct spot *spot, const Sk__Task *task,
                         uint64_t *ret)
{
        struct placement_usage usage;

        cost_of(search, spot, spot, ret);
        if (!search->wishes_for_tasks)
                return;
        placement_usage_init(&usage);
        read_usage(search, spot, task, &usage);
        ret[search->n_costs - 2] = placement_unmet(search->need, spot->node, &usage);
        placement_usage_done(&usage);
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

                if (spot == from || !spot->has_room)
                        continue;
                cost_of(search, spot, from, there);
                if (compare(search, there, least) >= 0)
                        continue;
                memcpy(least, there, search->n_costs * sizeof *there);
                best = spot;
        }
        return best;
}

static void move(struct search *search, const Sk__Task *task, struct spot *from, struct spot *to)
{
        map_put(&search->moved, task->id, (void *)task);
        to->n_coming++;
        look_at(search, from);
        look_at(search, to);
        branch_count(from->leaf, -1);
        branch_count(to->leaf, 1);
}

/* A task of the same branch that is no better off has no better place: then this one has none. */
static bool is_vain(const struct search *search, const struct spot *from, const uint64_t *cost)
{
        const uint64_t *vain = from->leaf->vain_cost;

        return vain && !search->wishes_for_tasks && compare(search, cost, vain) <= 0;
}

/* The task that is worst off among those that have a better place; NULL: none has.  Tasks of one
 * node are alike. */
static const Sk__Task **next(struct search *search, const Sk__Task **tasks, size_t n_tasks,
                             struct spot **ret_from, struct spot **ret_to)
{
        size_t size = search->n_costs * sizeof(uint64_t);
        uint64_t *worst = arena_alloc(search->arena, size);
        uint64_t *cost = arena_alloc(search->arena, size);
        bool *was_seen = arena_alloc(search->arena, search->n_spots * sizeof *was_seen);
        const Sk__Task **found = NULL;

        for (size_t i = 0; i < search->n_spots; i++)
                search->spots[i].leaf->vain_cost = NULL;
        for (size_t i = 0; i < n_tasks; i++) {
                const Sk__Task *task = tasks[i];
                struct spot *from = task && task->placement
                                            ? map_find(&search->by_node, task->placement->node_id)
                                            : NULL;
                struct spot *to;

                if (!from || was_seen[from - search->spots])
                        continue;
                was_seen[from - search->spots] = true;
                present_cost(search, from, task, cost);
                if ((found && compare(search, cost, worst) <= 0) || is_vain(search, from, cost))
                        continue;
                to = better_than(search, from, cost);
                if (!to) {
                        from->leaf->vain_cost = arena_copy(search->arena, cost, size);
                        continue;
                }
                memcpy(worst, cost, size);
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
                .view = view,
                .need = need,
                .is_spread = strategy == SK__PLACEMENT__STRATEGY__SPREAD,
                .arena = arena,
                .n_costs = need->n_spread + 2,
        };
        const Sk__Task **left = arena_copy(arena, tasks, n_tasks * sizeof *left), **task;
        struct placement_move *moves = arena_alloc(arena, n_tasks * sizeof *moves);
        struct spot *from, *to;

        look_around(&search);
        for (*ret_n = 0; *ret_n < most && (task = next(&search, left, n_tasks, &from, &to));) {
                moves[(*ret_n)++] = (struct placement_move){ *task, from->node, to->node };
                move(&search, *task, from, to);
                *task = NULL;
        }
        for (size_t i = 0; i < search.n_spots; i++)
                placement_usage_done(&search.spots[i].usage);
        map_done(&search.by_node);
        map_done(&search.moved);
        return moves;
}
