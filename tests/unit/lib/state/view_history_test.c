/* Random histories: whatever plans are applied, the indexes agree with a scan, refused groups leave
 * no trace, and a view that is told the events is the same as the one they came from. */
#include "tests/unit/test.h"

#include <stdlib.h>

#include "lib/base/check.h"
#include "lib/base/random.h"
#include "lib/state/task_life.h"
#include "lib/state/view_check.h"
#include "tests/lib/build_objects.h"

enum { SEEDS = 6, STEPS = 250, GROUPS = 4, CHANGES = 3, THINGS = 12 };

struct history {
        struct random random;
        struct world world;
        struct view *told; /* fed by events only */
};

static const char *pick_id(struct history *history, const char *prefix, unsigned n)
{
        unsigned i = (unsigned)random_below(&history->random, n);

        return arena_printf(&history->world.arena, "%s%u", prefix, i);
}

static uint64_t below(struct history *history, uint64_t limit)
{
        return random_below(&history->random, limit);
}

/* --- changes, sensible or not --- */

static void change_network(struct history *history, struct plan *plan)
{
        Sk__NetworkSpec *spec = arena_alloc(&plan->arena, sizeof *spec);
        const char *id = pick_id(history, "net", THINGS);
        struct plan_change *change;

        sk__network_spec__init(spec);
        if (below(history, 3) == 0) {
                plan_remove(plan, SK__KIND__KIND_NETWORK, id);
                return;
        }
        change = below(history, 2) ? plan_create(plan, SK__KIND__KIND_NETWORK, id)
                                   : plan_update(plan, SK__KIND__KIND_NETWORK, id);
        change->name = below(history, 2) ? pick_id(history, "name", THINGS) : NULL;
        spec->internal = below(history, 2);
        plan_set_part(change, PART_NETWORK_spec, &spec->base);
}

static void change_service(struct history *history, struct plan *plan)
{
        Sk__ServiceRevision *spec = arena_alloc(&plan->arena, sizeof *spec);
        const char *id = pick_id(history, "service", 4);

        sk__service_revision__init(spec);
        if (below(history, 2))
                plan_remove(plan, SK__KIND__KIND_SERVICE, id);
        else
                plan_set_part(plan_create(plan, SK__KIND__KIND_SERVICE, id), PART_SERVICE_spec,
                              &spec->base);
}

static void change_spec(struct history *history, struct plan *plan)
{
        Sk__ServiceSpecRevision *spec = arena_alloc(&plan->arena, sizeof *spec);
        const char *id = pick_id(history, "spec", 2);

        sk__service_spec_revision__init(spec);
        if (below(history, 2))
                plan_remove(plan, SK__KIND__KIND_SERVICE_SPEC, id);
        else
                plan_set_part(plan_create(plan, SK__KIND__KIND_SERVICE_SPEC, id),
                              PART_SERVICE_SPEC_spec, &spec->base);
}

static void define_task(struct history *history, struct plan *plan, const char *id)
{
        static const Sk__TaskState desired[] = { SK__TASK_STATE__TASK_RUNNING,
                                                 SK__TASK_STATE__TASK_COMPLETE,
                                                 SK__TASK_STATE__TASK_SHUTDOWN };
        Sk__TaskDefinition *definition = arena_alloc(&plan->arena, sizeof *definition);
        struct plan_change *change = below(history, 3) ? plan_create(plan, SK__KIND__KIND_TASK, id)
                                                       : plan_update(plan, SK__KIND__KIND_TASK, id);

        sk__task_definition__init(definition);
        definition->service_id = pick_id(history, "service", 4);
        definition->spec_id = pick_id(history, "spec", 2);
        definition->slot = below(history, 4);
        if (!definition->slot)
                definition->node_id = pick_id(history, "node", 4);
        definition->generation = below(history, 3);
        definition->desired_state = desired[below(history, COUNT_OF(desired))];
        plan_set_part(change, PART_TASK_definition, &definition->base);
}

static void place_task(struct history *history, struct plan *plan, const char *id)
{
        Sk__TaskPlacement *placement = arena_alloc(&plan->arena, sizeof *placement);
        Sk__TaskAllocation *allocation = arena_alloc(&plan->arena, sizeof *allocation);
        struct plan_change *change = plan_update(plan, SK__KIND__KIND_TASK, id);

        sk__task_placement__init(placement);
        sk__task_allocation__init(allocation);
        placement->node_id = below(history, 3) ? pick_id(history, "node", 4) : "";
        if (below(history, 2))
                plan_set_part(change, PART_TASK_allocation, &allocation->base);
        if (below(history, 2))
                plan_set_part(change, PART_TASK_placement, &placement->base);
}

static void change_task(struct history *history, struct plan *plan)
{
        const char *id = pick_id(history, "task", 60);
        Sk__TaskStatus *status = arena_alloc(&plan->arena, sizeof *status);

        switch (below(history, 6)) {
        case 0:
                plan_remove(plan, SK__KIND__KIND_TASK, id);
                return;
        case 1:
                sk__task_status__init(status);
                status->state = (Sk__TaskState)(below(history, 14) * 64);
                plan_merge_status(plan, id, status);
                return;
        case 2:
        case 3:
                place_task(history, plan, id);
                return;
        default:
                define_task(history, plan, id);
        }
}

static void fill_plan(struct history *history, struct plan *plan)
{
        for (uint64_t i = below(history, GROUPS) + 1; i > 0; i--) {
                plan_group(plan);
                for (uint64_t k = below(history, CHANGES) + 1; k > 0; k--) {
                        uint64_t kind = below(history, 10);

                        if (kind == 0)
                                change_service(history, plan);
                        else if (kind == 1)
                                change_network(history, plan);
                        else if (kind == 2)
                                change_spec(history, plan);
                        else
                                change_task(history, plan);
                }
        }
}

/* --- what must hold --- */

static void assert_sane(const struct view *view)
{
        struct err err = { 0 };

        if (view_check(view, &err) < 0)
                fail_msg("%s", err.text);
}

static void assert_same_objects(const struct view *a, const struct view *b)
{
        for (int i = 0; i < OBJECT_KINDS; i++) {
                struct view_cursor x = { 0 }, y = { 0 };
                const struct object_head *object;

                while ((object = view_each(a, (Sk__Kind)i, &x)))
                        assert_true(message_equal(&object->message,
                                                  &view_each(b, (Sk__Kind)i, &y)->message));
                assert_null(view_each(b, (Sk__Kind)i, &y));
        }
}

static void tell(struct view *view, const struct applied *applied)
{
        struct err err;

        for (size_t i = 0; i < applied->n_events; i++) {
                const Sk__Event *event = applied->events[i];

                if (event->op == SK__EVENT__OP__PUT)
                        assert_int_equal(view_put(view, event, &err), 0);
                else
                        view_remove(view, event->kind, event->id);
        }
}

/* States of tasks that live on only grow. */
static void assert_forward(const struct view *before, const struct view *after)
{
        struct view_cursor cursor = { 0 };
        const struct object_head *object;

        while ((object = view_each(before, SK__KIND__KIND_TASK, &cursor))) {
                const Sk__Task *was = (const Sk__Task *)object;
                const Sk__Task *is = view_task(after, was->id);

                if (is && is->status && was->status &&
                    is->meta->created_at_ns == was->meta->created_at_ns)
                        assert_true(is->status->state >= was->status->state);
        }
}

static void run(uint64_t seed)
{
        struct history history = { .told = view_new() };
        struct plan plan;

        random_init(&history.random, seed);
        world_init(&history.world);
        plan_init(&plan);
        for (int step = 0; step < STEPS; step++) {
                struct applied applied;

                plan_clear(&plan);
                fill_plan(&history, &plan);
                world_wait(&history.world, 1);
                applied = world_apply(&history.world, &plan);
                assert_sane(history.world.view);
                assert_forward(history.told, history.world.view);
                tell(history.told, &applied);
                assert_same_objects(history.world.view, history.told);
        }
        assert_true(view_count(history.world.view, SK__KIND__KIND_TASK) > 10);
        plan_done(&plan);
        view_free(history.told);
        world_done(&history.world);
}

static void any_history_keeps_the_view_sane(void **state)
{
        (void)state;
        for (uint64_t seed = 1; seed <= SEEDS; seed++)
                run(seed);
}

int main(void)
{
        const struct CMUnitTest tests[] = { cmocka_unit_test(any_history_keeps_the_view_sane) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
