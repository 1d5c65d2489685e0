/* The scheduler once more, slow and plain. */
#include "tests/unit/manager/scheduler/oracle.h"

#include <string.h>

#include "lib/base/time.h"
#include "lib/placement/placement.h"
#include "lib/state/task_life.h"
#include "tests/unit/manager/scheduler/oracle_filter.h"

/* A node as one task sees it. */
struct look {
        const Sk__Node *node;
        enum placement_filter verdict;
        uint32_t n_service, n_tasks, n_failures, n_unmet;
        int64_t fill;
        uint64_t drawn;
        bool suits;     /* its own parts are as wanted, whatever is on it */
        bool is_skewed; /* its branch has too many already */
        bool is_in;     /* still in the branches chosen so far */
};

static int64_t share(int64_t used, int64_t have)
{
        return have > 0 ? used / (have / 10000 + 1) : 0;
}

static uint64_t draw(uint64_t a, uint64_t b)
{
        uint64_t x = a ^ (b * UINT64_C(0x9e3779b97f4a7c15));

        x = (x ^ x >> 32) * UINT64_C(0xd6e8feb86659fd93);
        x = (x ^ x >> 32) * UINT64_C(0xd6e8feb86659fd93);
        return x ^ x >> 32;
}

static struct look look_at(const struct view *view, const Sk__Task *task, const Sk__Node *node)
{
        const Sk__Resources *have = node->description ? node->description->resources : NULL;
        struct look look = { .node = node, .is_in = true };
        struct view_cursor cursor = { 0 };
        const Sk__ServiceSpec *spec = view_task_spec(view, task)->spec;
        struct placement_usage usage;
        const Sk__Task *other;

        look.verdict = oracle_filter(view, spec, node);
        look.suits = oracle_suits(spec, node);
        look.n_unmet = oracle_unmet(view, spec, node);
        placement_usage_init(&usage);
        placement_usage_read(&usage, view, node->id);
        if (have)
                look.fill = share(usage.nano_cpus, have->nano_cpus) +
                            share(usage.memory_bytes, have->memory_bytes);
        placement_usage_done(&usage);
        while ((other = view_each_node_task(view, node->id, &cursor))) {
                Sk__TaskState state = task_state(other);
                bool is_here = state >= SK__TASK_STATE__TASK_ASSIGNED && !task_is_over(other);

                look.n_tasks += is_here && task_is_wanted(other);
                look.n_service +=
                        is_here && task_is_wanted(other) &&
                        !strcmp(other->definition->service_id, task->definition->service_id);
                look.n_failures += (state == SK__TASK_STATE__TASK_FAILED ||
                                    state == SK__TASK_STATE__TASK_REJECTED) &&
                                   !strcmp(other->definition->spec_id, task->definition->spec_id) &&
                                   other->status->at_ns > view_now(view) - 5 * NS_PER_MINUTE;
        }
        if (look.n_failures < 5)
                look.n_failures = 0;
        look.drawn = draw(placement_hash(task->id), placement_hash(node->id));
        return look;
}

/* Leaves in only the branch to take at one level of preference. */
static void choose_branch(struct look *looks, size_t n, const char *descriptor)
{
        const char *best = NULL;
        uint64_t best_tasks = 0;

        for (size_t i = 0; i < n; i++) {
                const char *value = oracle_label(looks[i].node, descriptor);
                uint64_t n_tasks = 0;

                if (!looks[i].is_in || looks[i].verdict != FILTER_NONE)
                        continue;
                for (size_t k = 0; k < n; k++)
                        if (looks[k].is_in &&
                            !strcmp(oracle_label(looks[k].node, descriptor), value))
                                n_tasks += looks[k].n_service;
                if (!best || n_tasks < best_tasks ||
                    (n_tasks == best_tasks && strcmp(value, best) < 0)) {
                        best = value;
                        best_tasks = n_tasks;
                }
        }
        for (size_t i = 0; i < n && best; i++)
                if (strcmp(oracle_label(looks[i].node, descriptor), best) != 0)
                        looks[i].is_in = false;
}

static bool is_better(const struct look *a, const struct look *b, Sk__Placement__Strategy strategy)
{
        if (a->n_failures != b->n_failures)
                return a->n_failures < b->n_failures;
        if (a->n_unmet != b->n_unmet)
                return a->n_unmet < b->n_unmet;
        switch (strategy) {
        case SK__PLACEMENT__STRATEGY__RANDOM:
                if (a->drawn != b->drawn)
                        return a->drawn < b->drawn;
                break;
        case SK__PLACEMENT__STRATEGY__BINPACK:
                if (a->fill != b->fill)
                        return a->fill > b->fill;
                if (a->n_tasks != b->n_tasks)
                        return a->n_tasks > b->n_tasks;
                break;
        default:
                if (a->n_service != b->n_service)
                        return a->n_service < b->n_service;
                if (a->n_tasks != b->n_tasks)
                        return a->n_tasks < b->n_tasks;
        }
        return strcmp(a->node->id, b->node->id) < 0;
}

static const struct look *best_of(struct look *looks, size_t n, const struct placement_need *need,
                                  Sk__Placement__Strategy strategy)
{
        const struct look *best = NULL;

        for (size_t i = 0; i < need->n_spread; i++)
                choose_branch(looks, n, need->spread[i].descriptor);
        for (size_t i = 0; i < n; i++)
                if (looks[i].is_in && looks[i].verdict == FILTER_NONE &&
                    (!best || is_better(&looks[i], best, strategy)))
                        best = &looks[i];
        return best;
}

static void apply(struct world *world, const Sk__Task *task, const struct placement_need *need,
                  const Sk__Node *node)
{
        Sk__TaskPlacement *placement = arena_alloc(&world->arena, sizeof *placement);
        struct placement_usage usage;

        sk__task_placement__init(placement);
        placement->node_id = arena_strdup(&world->arena, node->id);
        placement_usage_init(&usage);
        placement_usage_read(&usage, world->view, node->id);
        placement_claim(need, node, &usage, &world->arena, &placement->assigned_generic,
                        &placement->n_assigned_generic);
        placement_usage_done(&usage);
        a_part(world, SK__KIND__KIND_TASK, task->id, NULL, PART_TASK_placement, &placement->base);
}

static const char *explain(struct world *world, const struct look *looks, size_t n)
{
        uint32_t n_refused[FILTERS + 1] = { 0 };
        struct str str = { 0 };
        const char *text;

        for (size_t i = 0; i < n; i++)
                n_refused[looks[i].verdict]++;
        placement_explain(&str, n_refused);
        text = arena_strdup(&world->arena, str_text(&str));
        str_done(&str);
        return text;
}

/* The tasks of the service on nodes with the same values for the labels up to 'depth' as 'node',
 * and the value 'value' for the last. */
static uint64_t count_branch(const struct look *looks, size_t n, const Sk__Placement *placement,
                             const Sk__Node *node, size_t depth, const char *value, bool *ret_suits)
{
        uint64_t n_tasks = 0;

        *ret_suits = false;
        for (size_t i = 0; i < n; i++) {
                bool is_in = !strcmp(oracle_label(looks[i].node, placement->spread[depth]), value);

                for (size_t k = 0; k < depth; k++)
                        is_in &= !strcmp(oracle_label(looks[i].node, placement->spread[k]),
                                         oracle_label(node, placement->spread[k]));
                if (!is_in)
                        continue;
                n_tasks += looks[i].n_service;
                *ret_suits |= looks[i].suits;
        }
        return n_tasks;
}

static bool is_skewed(const struct look *looks, size_t n, const Sk__Placement *placement,
                      const Sk__Node *node, const Sk__Placement__SpreadLimit *limit)
{
        uint64_t own, least = UINT64_MAX;
        size_t depth = 0;
        bool suits;

        while (strcmp(placement->spread[depth], limit->over) != 0)
                depth++;
        own = count_branch(looks, n, placement, node, depth, oracle_label(node, limit->over),
                           &suits);
        for (size_t i = 0; i < n; i++) {
                uint64_t n_tasks = count_branch(looks, n, placement, node, depth,
                                                oracle_label(looks[i].node, limit->over), &suits);

                if (suits && n_tasks < least)
                        least = n_tasks;
        }
        return least != UINT64_MAX && own + 1 > least + limit->max_skew;
}

static void pass_skewed(struct look *looks, size_t n, const Sk__Placement *placement)
{
        for (size_t i = 0; i < n; i++)
                for (size_t k = 0; k < placement->n_spread_limits; k++)
                        if (looks[i].verdict == FILTER_NONE &&
                            is_skewed(looks, n, placement, looks[i].node,
                                      placement->spread_limits[k]))
                                looks[i].is_skewed = true;
        for (size_t i = 0; i < n; i++)
                if (looks[i].is_skewed)
                        looks[i].verdict = FILTER_skew;
}

/* Every node as the task sees it now, or its own node when it has one. */
static struct look *look_around(struct world *world, const Sk__Task *task,
                                struct placement_need *ret_need, size_t *ret_n)
{
        size_t n_nodes = view_count(world->view, SK__KIND__KIND_NODE), n = 0;
        struct look *looks = arena_alloc(&world->arena, n_nodes * sizeof *looks);
        struct view_cursor cursor = { 0 };
        const struct object_head *head;

        placement_need_read(&world->arena, world->view, task->definition->spec_id,
                            view_task_spec(world->view, task), ret_need);
        while ((head = view_each(world->view, SK__KIND__KIND_NODE, &cursor)))
                if (!*task->definition->node_id || !strcmp(task->definition->node_id, head->id))
                        looks[n++] = look_at(world->view, task, (const Sk__Node *)head);
        *ret_n = n;
        if (!*task->definition->node_id)
                pass_skewed(looks, n, view_task_spec(world->view, task)->spec->task->placement);
        return looks;
}

static void place_one(struct world *world, const Sk__Task *task, struct oracle_placement *ret)
{
        const Sk__Cluster *cluster = view_cluster(world->view);
        Sk__Placement__Strategy strategy;
        struct placement_need need;
        const struct look *best;
        struct look *looks;
        size_t n;

        looks = look_around(world, task, &need, &n);
        strategy = need.strategy;
        if (strategy == SK__PLACEMENT__STRATEGY__CLUSTER_DEFAULT && cluster)
                strategy = cluster->spec->strategy;
        best = best_of(looks, n, &need, strategy);
        ret->task_id = arena_strdup(&world->arena, task->id);
        ret->node_id = best ? arena_strdup(&world->arena, best->node->id) : "";
        ret->explanation = "";
        if (best)
                apply(world, view_task(world->view, ret->task_id), &need, best->node);
}

static void explain_one(struct world *world, struct oracle_placement *placement)
{
        struct placement_need need;
        struct look *looks;
        size_t n;

        looks = look_around(world, view_task(world->view, placement->task_id), &need, &n);
        placement->explanation = explain(world, looks, n);
}

static int32_t priority_of(struct world *world, const char *id)
{
        return view_task_spec(world->view, view_task(world->view, id))
                ->spec->task->placement->priority;
}

/* The most important first, else as they are. */
static void sort_by_priority(struct world *world, const char **ids, size_t n)
{
        for (size_t i = 1; i < n; i++)
                for (size_t k = i; k && priority_of(world, ids[k]) > priority_of(world, ids[k - 1]);
                     k--) {
                        const char *id = ids[k];

                        ids[k] = ids[k - 1];
                        ids[k - 1] = id;
                }
}

/* Tasks with a node of their own first, then spec by spec, in the order in which specs appear. */
static const char **order_of(struct world *world, size_t *ret_n)
{
        size_t n = view_count_unassigned(world->view), n_ordered = 0;
        const Sk__Task **tasks = arena_alloc(&world->arena, n * sizeof *tasks);
        const char **ids = arena_alloc(&world->arena, n * sizeof *ids);
        struct view_cursor cursor = { 0 };

        for (size_t i = 0; i < n; i++)
                tasks[i] = view_each_unassigned(world->view, &cursor);
        for (size_t i = 0; i < n; i++)
                if (*tasks[i]->definition->node_id) {
                        ids[n_ordered++] = arena_strdup(&world->arena, tasks[i]->id);
                        tasks[i] = NULL;
                }
        for (size_t i = 0; i < n; i++) {
                const char *spec_id = tasks[i] ? tasks[i]->definition->spec_id : NULL;

                for (size_t k = i; spec_id && k < n; k++)
                        if (tasks[k] && !strcmp(tasks[k]->definition->spec_id, spec_id)) {
                                ids[n_ordered++] = arena_strdup(&world->arena, tasks[k]->id);
                                tasks[k] = NULL;
                        }
        }
        *ret_n = n_ordered;
        sort_by_priority(world, ids, n_ordered);
        return ids;
}

struct oracle_placement *oracle_place_all(struct world *world, size_t *ret_n)
{
        const char **ids = order_of(world, ret_n);
        struct oracle_placement *placements =
                arena_alloc(&world->arena, *ret_n * sizeof *placements);

        /* Again as long as it helps: what was placed may be what others want to be beside. */
        for (bool helps = true; helps;) {
                helps = false;
                for (size_t i = 0; i < *ret_n; i++) {
                        if (placements[i].node_id && *placements[i].node_id)
                                continue;
                        place_one(world, view_task(world->view, ids[i]), &placements[i]);
                        helps |= *placements[i].node_id != '\0';
                }
        }
        for (size_t i = 0; i < *ret_n; i++)
                if (!*placements[i].node_id)
                        explain_one(world, &placements[i]);
        return placements;
}
