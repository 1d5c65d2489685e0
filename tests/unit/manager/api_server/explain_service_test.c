/* What keeps a service from being as it should be, in words. */
#include <stdio.h>
#include <string.h>

#include "lib/base/str.h"
#include "manager/api_server/call.h"
#include "tests/lib/build_objects.h"
#include "tests/unit/test.h"

static int setup(void **state)
{
        struct world *world = mem_alloc(sizeof *world);

        world_init(world);
        a_cluster(world);
        a_node(world, "n1");
        *state = world;
        return 0;
}

static int teardown(void **state)
{
        world_done(*state);
        free(*state);
        return 0;
}

/* "SUMMARY", then a line per trouble: "WHAT (N: NAME NAME)". */
static const char *told_of(struct world *world, const char *name)
{
        _cleanup_(str_done) struct str told = { 0 };
        Sk__ExplainServiceRequest in = SK__EXPLAIN_SERVICE_REQUEST__INIT;
        Sk__ExplainServiceResponse out = SK__EXPLAIN_SERVICE_RESPONSE__INIT;
        struct err err;
        struct call call = { .view = world->view, .arena = &world->arena, .err = &err };

        in.id = name;
        if (handle_explain_service(&call, &in, &out) < 0)
                return arena_strdup(&world->arena, err.text);
        str_add(&told, out.summary);
        for (size_t i = 0; i < out.n_troubles; i++) {
                str_addf(&told, "\n%s (%llu:", out.troubles[i]->what,
                         (unsigned long long)out.troubles[i]->n_tasks);
                for (size_t k = 0; k < out.troubles[i]->n_names; k++)
                        str_addf(&told, " %s", out.troubles[i]->names[k]);
                str_add(&told, ")");
        }
        if (out.n_untold)
                str_addf(&told, "\n%llu more", (unsigned long long)out.n_untold);
        return arena_strdup(&world->arena, str_text(&told));
}

static void has_progress(struct world *world, const char *name, Sk__UpdateStatus__State state,
                         const char *message)
{
        const struct object_head *service =
                view_find_name(world->view, SK__KIND__KIND_SERVICE, name);
        Sk__ServiceProgress progress = SK__SERVICE_PROGRESS__INIT;
        Sk__UpdateStatus update = SK__UPDATE_STATUS__INIT;

        update.state = state;
        update.message = message;
        progress.update = &update;
        a_part(world, SK__KIND__KIND_SERVICE, service->id, name, PART_SERVICE_progress,
               &progress.base);
}

static void nothing_is_told_of_one_that_is_as_it_should_be(void **state)
{
        a_service(*state, "web", 2);
        a_task(*state, "web", 1, SK__TASK_STATE__TASK_RUNNING, "n1");
        a_task(*state, "web", 2, SK__TASK_STATE__TASK_FAILED, "n1"); /* history */
        a_task(*state, "web", 2, SK__TASK_STATE__TASK_RUNNING, "n1");
        assert_string_equal(told_of(*state, "web"), "2 of 2 tasks run");
}

static void a_reason_that_several_have_is_told_once(void **state)
{
        a_service(*state, "web", 9);
        a_task(*state, "web", 1, SK__TASK_STATE__TASK_RUNNING, "n1");
        for (uint64_t slot = 2; slot < 9; slot++)
                a_task(*state, "web", slot, SK__TASK_STATE__TASK_PENDING, NULL);
        assert_string_equal(told_of(*state, "web"),
                            "1 of 9 tasks run\n"
                            "it waits for the scheduler to find a node (7: web.2 web.3 web.4 web.5 "
                            "web.6)\n"
                            "1 of its tasks are not made yet (0:)");
}

static void one_that_failed_for_good_says_how(void **state)
{
        const Sk__Task *task;

        a_service(*state, "web", 1);
        task = a_task(*state, "web", 1, SK__TASK_STATE__TASK_RUNNING, "n1");
        is_now(*state, task, SK__TASK_STATE__TASK_FAILED, "task: non-zero exit (3)");
        assert_string_equal(told_of(*state, "web"),
                            "0 of 1 tasks run\nnon-zero exit (3) (1: web.1)");
        shall_be(*state, task, SK__TASK_STATE__TASK_SHUTDOWN); /* it may not restart */
        assert_string_equal(told_of(*state, "web"),
                            "0 of 1 tasks run\nnon-zero exit (3) (1: web.1)");
}

static void what_a_smaller_service_left_is_not_missed(void **state)
{
        const Sk__Task *task;

        a_service(*state, "web", 1);
        a_task(*state, "web", 1, SK__TASK_STATE__TASK_RUNNING, "n1");
        task = a_task(*state, "web", 2, SK__TASK_STATE__TASK_RUNNING, "n1");
        is_now(*state, task, SK__TASK_STATE__TASK_FAILED, "task: non-zero exit (3)");
        shall_be(*state, task, SK__TASK_STATE__TASK_SHUTDOWN);
        assert_string_equal(told_of(*state, "web"), "1 of 1 tasks run");
}

static void a_paused_update_says_why_and_what_to_do(void **state)
{
        a_service(*state, "web", 1);
        a_task(*state, "web", 1, SK__TASK_STATE__TASK_RUNNING, "n1");
        has_progress(*state, "web", SK__UPDATE_STATUS__STATE__PAUSED,
                     "update paused due to failure or early termination of task x");
        assert_string_equal(told_of(*state, "web"),
                            "1 of 1 tasks run\n"
                            "update paused due to failure or early termination of task x: 'skep "
                            "service update --resume web' goes on, 'skep service rollback web' "
                            "goes back (0:)");
        has_progress(*state, "web", SK__UPDATE_STATUS__STATE__COMPLETED, "update completed");
        assert_string_equal(told_of(*state, "web"), "1 of 1 tasks run");
}

static void a_global_service_that_no_node_suits_says_so(void **state)
{
        a_global_service(*state, "sweep");
        assert_string_equal(told_of(*state, "sweep"),
                            "0 of 0 tasks run\nno node is active and meets its constraints (0:)");
}

static void what_failed_where_a_global_task_cannot_be_is_not_missed(void **state)
{
        static const char none[] =
                "0 of 0 tasks run\nno node is active and meets its constraints (0:)";
        const char *constraints[] = { "node.hostname==n1" };
        Sk__Placement placement = SK__PLACEMENT__INIT;
        struct world *world = *state;
        Sk__ServiceSpec *spec = a_global_spec(world, "sweep");

        a_service_of(world, spec);
        a_node_task(world, "sweep", "n1", SK__TASK_STATE__TASK_FAILED);
        assert_non_null(strstr(told_of(world, "sweep"), "(1: sweep."));
        a_node_that_is(world, "n1", SK__NODE_STATUS__STATE__READY,
                       SK__NODE_SPEC__AVAILABILITY__PAUSE); /* it goes on where it runs */
        assert_non_null(strstr(told_of(world, "sweep"), "(1: sweep."));
        a_node_that_is(world, "n1", SK__NODE_STATUS__STATE__READY,
                       SK__NODE_SPEC__AVAILABILITY__DRAIN);
        assert_string_equal(told_of(world, "sweep"), none);
        a_node_that_is(world, "n1", SK__NODE_STATUS__STATE__DOWN,
                       SK__NODE_SPEC__AVAILABILITY__ACTIVE);
        assert_string_equal(told_of(world, "sweep"), none);
        no_more(world, SK__KIND__KIND_NODE, an_id(world, "n1"));
        assert_string_equal(told_of(world, "sweep"), none);

        a_node(world, "n2");
        a_node_task(world, "sweep", "n2", SK__TASK_STATE__TASK_FAILED);
        assert_non_null(strstr(told_of(world, "sweep"), "(1: sweep."));
        placement.constraints = constraints;
        placement.n_constraints = 1;
        spec->task->placement = &placement;
        a_service_of(world, spec);
        assert_string_equal(told_of(world, "sweep"), none);
}

static void more_reasons_than_a_person_reads_are_counted(void **state)
{
        struct world *world = *state;
        const Sk__Task *task;

        a_service(world, "web", 25);
        for (uint64_t slot = 1; slot <= 25; slot++) {
                task = a_task(world, "web", slot, SK__TASK_STATE__TASK_RUNNING, "n1");
                is_now(world, task, SK__TASK_STATE__TASK_FAILED,
                       arena_printf(&world->arena, "task: non-zero exit (%d)", (int)slot));
        }
        assert_non_null(strstr(told_of(world, "web"), "exit (20) (1: web.20)\n5 more"));
}

static void one_that_is_not_there_is_named(void **state)
{
        assert_string_equal(told_of(*state, "nosuch"), "service nosuch not found");
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                T(nothing_is_told_of_one_that_is_as_it_should_be),
                T(a_reason_that_several_have_is_told_once),
                T(one_that_failed_for_good_says_how),
                T(what_a_smaller_service_left_is_not_missed),
                T(a_paused_update_says_why_and_what_to_do),
                T(a_global_service_that_no_node_suits_says_so),
                T(what_failed_where_a_global_task_cannot_be_is_not_missed),
                T(more_reasons_than_a_person_reads_are_counted),
                T(one_that_is_not_there_is_named),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
