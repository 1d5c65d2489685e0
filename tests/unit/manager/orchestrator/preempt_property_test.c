/* Who is evicted, on any view: held against filters that know nothing of evictions. */
#include "tests/unit/test.h"

#include <string.h>

#include "lib/base/time.h"
#include "lib/state/task_life.h"
#include "manager/orchestrator/orchestrator.h"
#include "manager/scheduler/scheduler.h"
#include "tests/sim/cluster/random_world.h"
#include "tests/unit/manager/scheduler/oracle_filter.h"

enum { SEEDS = 400, VICTIMS_MAX = 100, NODES_MANY = 70 /* more than are evicted at once */ };

/* One group of the plan: who goes, for whom. */
struct found {
        const Sk__Task *victims[VICTIMS_MAX];
        size_t n;
        const Sk__Task *waiting;
};

static const Sk__ServiceSpec *spec_of(struct world *world, const Sk__Task *task)
{
        return view_task_spec(world->view, task)->spec;
}

static int32_t priority_of(struct world *world, const Sk__Task *task)
{
        return spec_of(world, task)->task->placement->priority;
}

static struct found read_group(struct world *world, const struct plan_group *group)
{
        struct found found = { .n = 0 };

        for (size_t i = 0; i < group->changes.n; i++) {
                const struct plan_change *change = vec_at(&group->changes, i);

                assert_in_range(found.n, 0, VICTIMS_MAX - 1);
                found.victims[found.n++] = view_task(world->view, change->id);
        }
        for (size_t i = 0; i < group->preconditions.n; i++) {
                const struct plan_precondition *precondition = vec_at(&group->preconditions, i);
                const Sk__Task *task = view_task(world->view, precondition->id);

                if (task && !*task->placement->node_id)
                        found.waiting = task;
        }
        assert_non_null(found.waiting);
        assert_true(found.n > 0);
        return found;
}

static void check_victims(struct world *world, const struct found *found)
{
        for (size_t i = 0; i < found->n; i++) {
                assert_true(priority_of(world, found->victims[i]) <
                            priority_of(world, found->waiting));
                assert_string_equal(task_node(found->victims[i]), task_node(found->victims[0]));
                assert_true(task_is_wanted(found->victims[i]));
                assert_false(task_is_over(found->victims[i]));
        }
}

/* There is room without them, and none with one of them; and nobody less important would do. */
static void check_cost(struct world *world, const struct found *found)
{
        const Sk__ServiceSpec *spec = spec_of(world, found->waiting);
        const Sk__Node *node = view_node(world->view, task_node(found->victims[0]));
        const char *own = found->waiting->definition->node_id;
        struct view_cursor cursor = { 0 };
        const struct object_head *head;
        int32_t highest = INT32_MIN;

        assert_int_equal(oracle_filter_without(world->view, spec, node, found->victims, found->n),
                         FILTER_NONE);
        for (size_t i = 0; i < found->n; i++) {
                const Sk__Task *others[VICTIMS_MAX];
                int32_t priority = priority_of(world, found->victims[i]);
                size_t n = 0;

                highest = priority > highest ? priority : highest;
                for (size_t k = 0; k < found->n; k++)
                        if (k != i)
                                others[n++] = found->victims[k];
                assert_int_not_equal(oracle_filter_without(world->view, spec, node, others, n),
                                     FILTER_NONE);
        }
        while ((head = view_each(world->view, SK__KIND__KIND_NODE, &cursor)))
                if (!*own || !strcmp(own, head->id))
                        assert_int_not_equal(oracle_filter_above(world->view, spec,
                                                                 (const Sk__Node *)head, highest),
                                             FILTER_NONE);
}

/* Who waits for its branch's sake only counts as having found its room. */
static bool somebody_has_room(struct world *world)
{
        struct view_cursor cursor = { 0 };
        const Sk__Task *task;

        while ((task = view_each_unassigned(world->view, &cursor)))
                if (strstr(task->placement->explanation, "already in the branch"))
                        return true;
        return false;
}

static void who_is_evicted_is_less_important_and_makes_room_at_the_least_cost(void **state)
{
        size_t n_evictions = 0, n_of_several = 0;

        (void)state;
        for (uint64_t seed = 1; seed <= SEEDS; seed++) {
                struct scheduler_config config = { 0 };
                struct random random;
                struct world world;
                struct plan plan;

                random_init(&random, seed);
                world_init(&world);
                random_world(&world, &random,
                             &(struct random_options){ .n_nodes = 5,
                                                       .n_services = 7,
                                                       .n_slots = 8,
                                                       .all_waiting = true });
                plan_init(&plan);
                scheduler.decide(world.view, "pending", &config, 100000, &plan);
                world_apply(&world, &plan);
                plan_clear(&plan);
                orchestrator.decide(world.view, "preempt", NULL, 100000, &plan);
                for (size_t i = 0; i < plan.groups.n; i++) {
                        struct found found = read_group(&world, vec_at(&plan.groups, i));

                        check_victims(&world, &found);
                        /* The later ones count on what the earlier left. */
                        if (i == 0 && !somebody_has_room(&world))
                                check_cost(&world, &found);
                        n_evictions++;
                        n_of_several += found.n > 1;
                }
                plan_done(&plan);
                world_done(&world);
        }
        assert_true(n_evictions > 50);
        assert_true(n_of_several > 5);
}

static void give(struct world *world, Sk__ServiceSpec *spec, int32_t priority)
{
        Sk__Resources *reserved = arena_alloc(&world->arena, sizeof *reserved);

        sk__resources__init(reserved);
        reserved->memory_bytes = INT64_C(8) << 30;
        spec->task->reservations = reserved;
        spec->task->placement = arena_alloc(&world->arena, sizeof *spec->task->placement);
        sk__placement__init(spec->task->placement);
        spec->task->placement->priority = priority;
        a_service_of(world, spec);
}

/* Each waits for a node of its own, so each is searched for. */
static void searches_in_vain_wake_nobody(void **state)
{
        Sk__TaskPlacement refused = SK__TASK_PLACEMENT__INIT;
        const Sk__Task *task;
        struct world world;
        struct plan plan;

        (void)state;
        world_init(&world);
        give(&world, a_global_spec(&world, "low"), 0);
        give(&world, a_global_spec(&world, "mid"), 5);
        give(&world, a_global_spec(&world, "high"), 9);
        refused.explanation = "no suitable node (insufficient resources on 1 node)";
        for (size_t i = 0; i < NODES_MANY; i++) {
                const char *node = arena_printf(&world.arena, "n%zu", i);

                a_node(&world, node);
                a_node_task(&world, "high", node, SK__TASK_STATE__TASK_RUNNING);
                task = a_node_task(&world, "mid", node, SK__TASK_STATE__TASK_PENDING);
                a_part(&world, SK__KIND__KIND_TASK, task->id, NULL, PART_TASK_placement,
                       &refused.base);
        }
        plan_init(&plan);
        orchestrator.decide(world.view, "preempt", NULL, 100000, &plan);
        assert_true(plan_is_empty(&plan));
        assert_true(plan.wake_at == TIME_NEVER);
        plan_done(&plan);
        world_done(&world);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(who_is_evicted_is_less_important_and_makes_room_at_the_least_cost),
                cmocka_unit_test(searches_in_vain_wake_nobody),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
