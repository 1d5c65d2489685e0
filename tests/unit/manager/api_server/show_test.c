/* What is told of a service while its update is waited for. */
#include "manager/api_server/show.h"

#include "tests/unit/test.h"

#include "tests/lib/build_objects.h"

static Sk__WatchServiceResponse progress_of(struct world *world, const Sk__Service *service)
{
        struct call call = { .view = world->view, .arena = &world->arena, .node_id = "" };
        Sk__WatchServiceResponse ret = SK__WATCH_SERVICE_RESPONSE__INIT;

        show_progress(&call, service, &ret);
        return ret;
}

static void nobody_waits_for_a_global_task_on_a_paused_node(void **state)
{
        Sk__ServiceSpec *spec;
        const Sk__Service *service;
        Sk__WatchServiceResponse progress;
        struct world world;

        (void)state;
        world_init(&world);
        a_node(&world, "n1");
        a_node_that_is(&world, "n2", SK__NODE_STATUS__STATE__READY,
                       SK__NODE_SPEC__AVAILABILITY__PAUSE);
        spec = a_global_spec(&world, "mon");
        a_service_of(&world, spec);
        a_node_task(&world, "mon", "n2", SK__TASK_STATE__TASK_RUNNING);
        spec->task->container->image = "img:2";
        service = a_service_of(&world, spec);
        a_node_task(&world, "mon", "n1", SK__TASK_STATE__TASK_RUNNING);
        progress = progress_of(&world, service);
        assert_int_equal(progress.n_slots, 2);
        assert_int_equal(progress.wanted, 1);
        assert_int_equal(progress.running, 1);
        world_done(&world);
}

static void a_task_that_a_new_constraint_leaves_out_is_waited_for(void **state)
{
        const char *constraints[] = { "node.hostname==n2" };
        Sk__Placement placement = SK__PLACEMENT__INIT;
        Sk__ServiceSpec *spec;
        const Sk__Service *service;
        Sk__WatchServiceResponse progress;
        struct world world;

        (void)state;
        world_init(&world);
        a_node(&world, "n1");
        a_node(&world, "n2");
        spec = a_spec(&world, "web", 2);
        spec->task->placement = &placement;
        a_service_of(&world, spec);
        a_task(&world, "web", 1, SK__TASK_STATE__TASK_RUNNING, "n1");
        a_task(&world, "web", 2, SK__TASK_STATE__TASK_RUNNING, "n2");
        placement.constraints = constraints;
        placement.n_constraints = 1;
        service = a_service_of(&world, spec);
        progress = progress_of(&world, service);
        assert_int_equal(progress.wanted, 2);
        assert_int_equal(progress.running, 1);
        world_done(&world);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(nobody_waits_for_a_global_task_on_a_paused_node),
                cmocka_unit_test(a_task_that_a_new_constraint_leaves_out_is_waited_for),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
