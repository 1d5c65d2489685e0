/* The scheduler: every waiting task gets a node, or an explanation. */
#include "manager/scheduler/scheduler.h"

#include <string.h>

#include "lib/base/check.h"
#include "lib/state/task_life.h"
#include "manager/scheduler/hold.h"
#include "manager/scheduler/ranking.h"

/* Tasks of one spec that are placed together. */
struct batch {
        struct cached_spec *spec;
        size_t nth;              /* in the order of their first task */
        struct vec own;          /* const Sk__Task *: to be placed, on nodes of their own */
        struct vec tasks;        /* const Sk__Task *: to be placed */
        struct vec refused;      /* const Sk__Task *: no node fits */
        bool is_refused;         /* none of the nodes fits one more of 'tasks' */
        const char *explanation; /* of the refused ones; made when all is placed */
};

struct round {
        const struct view *view;
        struct scheduler_cache *cache;
        struct plan *plan;
        size_t limit; /* the plan is full at so many changes */
        struct arena arena;
        struct map by_spec; /* struct batch, by spec id */
        struct vec batches; /* struct batch *, in the order of their first task; with priorities,
                               the most important first */
        struct holds holds;
        bool has_priorities; /* some spec is more important than another */
};

/* --- writing the plan --- */

static Sk__TaskPlacement *placement_new(struct plan *plan, const Sk__Task *task, const char *reason)
{
        Sk__TaskPlacement *placement = arena_alloc(&plan->arena, sizeof *placement);
        struct plan_change *change;

        sk__task_placement__init(placement);
        plan_group(plan);
        change = plan_update(plan, SK__KIND__KIND_TASK, task->id);
        change->reason = reason;
        plan_set_part(change, PART_TASK_placement, &placement->base);
        return placement;
}

static void place(struct round *round, const struct cached_spec *spec, const Sk__Task *task,
                  struct cached_node *node, const char *reason)
{
        struct plan *plan = round->plan;
        Sk__TaskPlacement *placement = placement_new(plan, task, reason);
        bool claimed =
                placement_claim(&spec->need, node->node, &node->usage, &plan->arena,
                                &placement->assigned_generic, &placement->n_assigned_generic);

        CHECK(claimed);
        placement->node_id = arena_strdup(&plan->arena, node->id);
        placement->at_ns = view_now(round->view);
        /* What the node has must be what was reckoned with, or it could be over-committed. */
        plan_require_unchanged(plan, SK__KIND__KIND_NODE, (const struct object_head *)node->node,
                               PART_NODE_description);
        cache_reserve(round->cache, node, spec, task->id, placement->assigned_generic,
                      placement->n_assigned_generic);
        if (round->has_priorities)
                holds_placed(&round->holds, node, spec);
}

/* Only when it says something new, or a task that cannot be placed would be written again and
 * again. */
static void explain(struct round *round, const Sk__Task *task, const char *explanation)
{
        if (task->placement && !strcmp(task->placement->explanation, explanation))
                return;
        placement_new(round->plan, task, "no node fits")->explanation = explanation;
}

static const char *explanation_of(struct round *round, const uint32_t n_refused[FILTERS])
{
        struct str str = { 0 };
        const char *text;

        placement_explain(&str, n_refused);
        text = arena_strdup(&round->plan->arena, str_text(&str));
        str_done(&str);
        return text;
}

/* A preassigned task's own node; NULL when it is gone. */
static struct cached_node *own_node(struct round *round, const Sk__Task *task)
{
        struct cached_node *node = map_find(&round->cache->nodes, task->definition->node_id);

        return node && view_node(round->view, node->id) ? node : NULL;
}

/* A node that all filters let through is kept for others, or was passed by for its branch. */
static void count_refusal(const struct batch *batch, const struct cached_node *node,
                          uint32_t n_refused[FILTERS + 1])
{
        enum placement_filter filter =
                placement_check(&batch->spec->need, node->node, &node->usage, NULL);

        if (filter == FILTER_NONE)
                filter = node->is_held ? FILTER_held : FILTER_skew;
        n_refused[filter]++;
}

/* Why a preassigned task's own node does not take it. */
static const char *explanation_alone(struct round *round, struct batch *batch, const Sk__Task *task)
{
        const struct cached_node *node = own_node(round, task);
        uint32_t n_refused[FILTERS + 1] = { 0 };

        if (node)
                count_refusal(batch, node, n_refused);
        return explanation_of(round, n_refused);
}

/* Why no node takes the batch's tasks. */
static const char *explanation_for_all(struct round *round, struct batch *batch)
{
        uint32_t n_refused[FILTERS + 1] = { 0 };

        if (batch->explanation)
                return batch->explanation;
        for (size_t i = 0; i < round->cache->order.n; i++) {
                const struct cached_node *node =
                        VEC_AT(&round->cache->order, struct cached_node *, i);

                count_refusal(batch, node, n_refused);
        }
        batch->explanation = explanation_of(round, n_refused);
        return batch->explanation;
}

/* When all is placed, so that what is said holds. */
static void explain_batch(struct round *round, struct batch *batch)
{
        for (size_t i = 0; i < batch->refused.n && round->plan->n_changes < round->limit; i++) {
                const Sk__Task *task = VEC_AT(&batch->refused, const Sk__Task *, i);

                explain(round, task,
                        *task->definition->node_id ? explanation_alone(round, batch, task)
                                                   : explanation_for_all(round, batch));
        }
}

/* --- placing --- */

/* A task of a global service has its node; the filters are asked all the same. */
static void place_preassigned(struct round *round, struct batch *batch, const Sk__Task *task)
{
        struct cached_node *node = own_node(round, task);

        if (node && !node->is_held &&
            placement_check(&batch->spec->need, node->node, &node->usage, NULL) == FILTER_NONE)
                place(round, batch->spec, task, node, "preassigned");
        else
                vec_push(&batch->refused, &task);
}

/* Rows: what a strategy's placements are said to be for. */
static const char *const reasons[] = {
        [SK__PLACEMENT__STRATEGY__SPREAD] = "spread: the node with the fewest tasks",
        [SK__PLACEMENT__STRATEGY__BINPACK] = "binpack: the fullest node with room",
        [SK__PLACEMENT__STRATEGY__RANDOM] = "random: drawn from the nodes that fit",
};

static void place_batch(struct round *round, struct batch *batch)
{
        Sk__Placement__Strategy strategy = placement_strategy(round->view, &batch->spec->need);
        struct ranking ranking;

        ranking_init(&ranking, round->view, round->cache, batch->spec, strategy, &round->arena);
        for (size_t i = 0; i < batch->tasks.n && round->plan->n_changes < round->limit; i++) {
                const Sk__Task *task = VEC_AT(&batch->tasks, const Sk__Task *, i);
                struct candidate *best = ranking_pick(&ranking, task->id);

                if (!best) {
                        batch->is_refused = true;
                        vec_push(&batch->refused, &task);
                        continue;
                }
                place(round, batch->spec, task, best->node, reasons[strategy]);
                ranking_placed(&ranking, best);
        }
        ranking_done(&ranking);
        vec_clear(&batch->tasks);
}

static void place_own(struct round *round, struct batch *batch)
{
        for (size_t i = 0; i < batch->own.n && round->plan->n_changes < round->limit; i++)
                place_preassigned(round, batch, VEC_AT(&batch->own, const Sk__Task *, i));
        vec_clear(&batch->own);
}

static void gather(struct round *round, const Sk__Task *task)
{
        struct batch *batch = map_find(&round->by_spec, task->definition->spec_id);
        struct cached_spec *spec;

        if (!batch) {
                spec = cache_spec(round->cache, round->view, task);
                if (!spec)
                        return;
                batch = arena_alloc(&round->arena, sizeof *batch);
                batch->spec = spec;
                batch->nth = round->batches.n;
                batch->own = VEC_OF(const Sk__Task *);
                batch->tasks = VEC_OF(const Sk__Task *);
                batch->refused = VEC_OF(const Sk__Task *);
                map_put(&round->by_spec, spec->need.spec_id, batch);
                vec_push(&round->batches, &batch);
        }
        if (*task->definition->node_id)
                vec_push(&batch->own, &task);
        else
                vec_push(batch->is_refused ? &batch->refused : &batch->tasks, &task);
}

static int compare_batches(const void *a, const void *b)
{
        const struct batch *x = *(struct batch *const *)a, *y = *(struct batch *const *)b;

        if (x->spec->need.priority != y->spec->need.priority)
                return x->spec->need.priority > y->spec->need.priority ? -1 : 1;
        return x->nth < y->nth ? -1 : 1;
}

static void place_again(struct round *round, struct batch *batch)
{
        struct vec refused = batch->refused;

        batch->refused = VEC_OF(const Sk__Task *);
        for (size_t i = 0; i < refused.n; i++) {
                const Sk__Task *task = VEC_AT(&refused, const Sk__Task *, i);

                if (*task->definition->node_id)
                        place_preassigned(round, batch, task);
                else
                        vec_push(&batch->tasks, &task);
        }
        vec_done(&refused);
        place_batch(round, batch);
}

static bool is_full(const struct round *round)
{
        return round->plan->n_changes >= round->limit;
}

/* What was placed since may be what others want to be beside. */
static void retry(struct round *round)
{
        size_t n_before;

        do {
                n_before = round->plan->n_changes;
                for (size_t i = 0; i < round->batches.n && !is_full(round); i++) {
                        struct batch *batch = VEC_AT(&round->batches, struct batch *, i);

                        if (batch->refused.n &&
                            (batch->spec->need.seeks_tasks || batch->spec->need.has_skew))
                                place_again(round, batch);
                }
        } while (round->plan->n_changes > n_before && !is_full(round));
}

/* Where in 'batches' the next level of importance begins. */
static size_t level_end(const struct round *round, size_t at)
{
        int32_t priority = VEC_AT(&round->batches, struct batch *, at)->spec->need.priority;

        while (at < round->batches.n &&
               VEC_AT(&round->batches, struct batch *, at)->spec->need.priority == priority)
                at++;
        return at;
}

/* What found no node keeps those that come after it off the nodes that it will find. */
static void keep_room(struct round *round, const struct batch *batch)
{
        const struct vec *nodes = &round->cache->order;
        size_t at = 0;

        for (size_t i = 0; i < batch->refused.n; i++) {
                const Sk__Task *task = VEC_AT(&batch->refused, const Sk__Task *, i);
                struct cached_node *own;

                if (*task->definition->node_id) {
                        own = own_node(round, task);
                        if (own)
                                holds_keep(&round->holds, batch->spec, own);
                        continue;
                }
                /* What has no room for this one has none for the next. */
                while (at < nodes->n && !holds_keep(&round->holds, batch->spec,
                                                    VEC_AT(nodes, struct cached_node *, at)))
                        at++;
        }
}

/* One level of importance after the other; in it, tasks with nodes of their own first. */
static void place_gathered(struct round *round)
{
        if (round->has_priorities && round->batches.n)
                vec_sort(&round->batches, compare_batches);
        for (size_t first = 0, end; first < round->batches.n && !is_full(round); first = end) {
                end = level_end(round, first);
                for (size_t i = first; i < end && !is_full(round); i++)
                        place_own(round, VEC_AT(&round->batches, struct batch *, i));
                for (size_t i = first; i < end && !is_full(round); i++) {
                        struct batch *batch = VEC_AT(&round->batches, struct batch *, i);

                        if (batch->tasks.n)
                                place_batch(round, batch);
                }
                for (size_t i = first; i < end && end < round->batches.n; i++)
                        keep_room(round, VEC_AT(&round->batches, struct batch *, i));
        }
}

/* Takes 'limit' waiting tasks at a time, so that tasks without a node do not hide those behind
 * them; with priorities all of them, as the last may be the most important. */
static void run(struct round *round)
{
        struct view_cursor cursor = { 0 };
        const Sk__Task *task;
        size_t n, most = round->has_priorities ? SIZE_MAX : round->limit;

        do {
                for (n = 0; n < most && (task = view_each_unassigned(round->view, &cursor)); n++)
                        gather(round, task);
                place_gathered(round);
        } while (n == most && !is_full(round));
        retry(round);
        for (size_t i = 0; i < round->batches.n && !is_full(round); i++)
                explain_batch(round, VEC_AT(&round->batches, struct batch *, i));
        if (is_full(round))
                plan_wake(round->plan, view_now(round->view));
}

static bool has_priorities(const struct view *view)
{
        struct view_cursor cursor = { 0 };
        const struct object_head *head;

        while ((head = view_each(view, SK__KIND__KIND_SERVICE_SPEC, &cursor))) {
                const Sk__ServiceSpecRevision *made = ((const Sk__ServiceSpecObject *)head)->spec;
                const Sk__TaskSpec *task = made && made->spec ? made->spec->task : NULL;

                if (task && task->placement && task->placement->priority)
                        return true;
        }
        return false;
}

static void decide(const struct view *view, const char *key, const void *config, size_t limit,
                   struct plan *plan)
{
        const struct scheduler_config *settings = config;
        _cleanup_(scheduler_cache_freep) struct scheduler_cache *fresh =
                settings && settings->cache ? NULL : scheduler_cache_new();
        struct round round = {
                .view = view,
                .cache = fresh ? fresh : settings->cache,
                .plan = plan,
                .limit = plan->n_changes + limit,
                .batches = VEC_OF(struct batch *),
        };

        (void)key;
        if (!view_count_unassigned(view))
                return;
        cache_refresh(round.cache, view);
        round.has_priorities = has_priorities(view);
        holds_init(&round.holds, view, &round.arena);
        run(&round);
        holds_done(&round.holds);
        for (size_t i = 0; i < round.batches.n; i++) {
                vec_done(&VEC_AT(&round.batches, struct batch *, i)->own);
                vec_done(&VEC_AT(&round.batches, struct batch *, i)->tasks);
                vec_done(&VEC_AT(&round.batches, struct batch *, i)->refused);
        }
        vec_done(&round.batches);
        map_done(&round.by_spec);
        arena_done(&round.arena);
}

static const Sk__KindMask kinds[] = {
        /* clang-format off */
        { .base = PROTOBUF_C_MESSAGE_INIT(&sk__kind_mask__descriptor), .kind = SK__KIND__KIND_CLUSTER,
          .parts = 1 << PART_CLUSTER_spec },
        { .base = PROTOBUF_C_MESSAGE_INIT(&sk__kind_mask__descriptor), .kind = SK__KIND__KIND_NODE,
          .parts = 1 << PART_NODE_spec | 1 << PART_NODE_identity | 1 << PART_NODE_status | 1 << PART_NODE_description },
        { .base = PROTOBUF_C_MESSAGE_INIT(&sk__kind_mask__descriptor), .kind = SK__KIND__KIND_SERVICE_SPEC,
          .parts = 1 << PART_SERVICE_SPEC_spec },
        { .base = PROTOBUF_C_MESSAGE_INIT(&sk__kind_mask__descriptor), .kind = SK__KIND__KIND_NETWORK,
          .parts = 1 << PART_NETWORK_spec },
        { .base = PROTOBUF_C_MESSAGE_INIT(&sk__kind_mask__descriptor), .kind = SK__KIND__KIND_TASK,
          .parts = 1 << PART_TASK_definition | 1 << PART_TASK_allocation | 1 << PART_TASK_placement | 1 << PART_TASK_status },
        /* clang-format on */
};

const struct reconciler scheduler = {
        .name = "scheduler",
        .kinds = kinds,
        .n_kinds = COUNT_OF(kinds),
        .touch = scheduler_touch,
        .decide = decide,
};
