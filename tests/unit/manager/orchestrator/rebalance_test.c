/* A rebalance ends when what asked for it is gone. */
#include "manager/orchestrator/orchestrator.h"
#include "tests/lib/build_objects.h"
#include "tests/unit/test.h"

static void a_rebalance_that_nobody_asks_for_any_more_is_over(void **state)
{
        Sk__ServiceProgress progress = SK__SERVICE_PROGRESS__INIT;
        Sk__RebalanceProgress so_far = SK__REBALANCE_PROGRESS__INIT;
        const Sk__RebalanceProgress *now;
        struct world world;
        struct plan plan;

        (void)state;
        world_init(&world);
        plan_init(&plan);
        a_cluster(&world);
        a_node(&world, "n1");
        a_service(&world, "web", 1);
        a_task(&world, "web", 1, SK__TASK_STATE__TASK_RUNNING, "n1");
        so_far.at_ns = 7;
        so_far.n_moved = 2;
        progress.generation = 1;
        progress.rebalance = &so_far;
        a_part(&world, SK__KIND__KIND_SERVICE, an_id(&world, "web"), NULL, PART_SERVICE_progress,
               &progress.base);
        orchestrator.decide(world.view,
                            arena_printf(&world.arena, "service/%s", an_id(&world, "web")), NULL,
                            100, &plan);
        assert_int_equal(world_apply(&world, &plan).n_accepted, 1);
        now = view_service(world.view, an_id(&world, "web"))->progress->rebalance;
        assert_true(now->is_over);
        assert_int_equal(now->n_moved, 2);
        plan_done(&plan);
        world_done(&world);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_rebalance_that_nobody_asks_for_any_more_is_over),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
