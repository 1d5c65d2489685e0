/* A task's life. */
#include "tests/unit/test.h"

#include "lib/base/time.h"
#include "lib/state/task_life.h"

static void every_state_has_a_word_and_every_word_a_state(void **state)
{
        (void)state;
        for (unsigned i = 0; i < sk__task_state__descriptor.n_values; i++) {
                Sk__TaskState value = (Sk__TaskState)sk__task_state__descriptor.values[i].value;

                assert_true(task_state_is_known(value));
                assert_int_equal(task_state_from_name(task_state_name(value)), value);
        }
        assert_string_equal(task_state_name((Sk__TaskState)7), "unknown");
        assert_int_equal(task_state_from_name("dancing"), -1);
        assert_false(task_state_is_known((Sk__TaskState)7));
}

static void the_observed_state_is_the_furthest_that_anybody_got_it(void **state)
{
        Sk__TaskAllocation allocation = SK__TASK_ALLOCATION__INIT;
        Sk__TaskPlacement placement = SK__TASK_PLACEMENT__INIT;
        Sk__TaskStatus status = SK__TASK_STATUS__INIT;
        Sk__Task task = SK__TASK__INIT;

        (void)state;
        assert_int_equal(task_state(&task), SK__TASK_STATE__TASK_NEW);
        task.allocation = &allocation;
        assert_int_equal(task_state(&task), SK__TASK_STATE__TASK_PENDING);
        task.placement = &placement;
        assert_int_equal(task_state(&task), SK__TASK_STATE__TASK_PENDING);
        placement.node_id = "n1";
        assert_int_equal(task_state(&task), SK__TASK_STATE__TASK_ASSIGNED);
        task.status = &status;
        assert_int_equal(task_state(&task), SK__TASK_STATE__TASK_ASSIGNED);
        status.state = SK__TASK_STATE__TASK_RUNNING;
        assert_int_equal(task_state(&task), SK__TASK_STATE__TASK_RUNNING);
        assert_false(task_is_over(&task));
        status.state = SK__TASK_STATE__TASK_FAILED;
        assert_true(task_is_over(&task));
}

static void a_task_is_wanted_to_run_or_to_complete(void **state)
{
        Sk__TaskDefinition definition = SK__TASK_DEFINITION__INIT;
        Sk__Task task = SK__TASK__INIT;

        (void)state;
        assert_false(task_is_wanted(&task));
        task.definition = &definition;
        definition.desired_state = SK__TASK_STATE__TASK_READY;
        assert_true(task_is_wanted(&task));
        definition.desired_state = SK__TASK_STATE__TASK_COMPLETE;
        assert_true(task_is_wanted(&task));
        definition.desired_state = SK__TASK_STATE__TASK_SHUTDOWN;
        assert_false(task_is_wanted(&task));
}

static void the_placed_node_counts_before_the_preassigned_one(void **state)
{
        Sk__TaskDefinition definition = SK__TASK_DEFINITION__INIT;
        Sk__TaskPlacement placement = SK__TASK_PLACEMENT__INIT;
        Sk__Task task = SK__TASK__INIT;

        (void)state;
        assert_string_equal(task_node(&task), "");
        task.definition = &definition;
        definition.node_id = "n1";
        assert_string_equal(task_node(&task), "n1");
        task.placement = &placement;
        assert_string_equal(task_node(&task), "n1");
        placement.node_id = "n2";
        assert_string_equal(task_node(&task), "n2");
}

static Sk__TaskStatus status_of(Sk__TaskState state, int64_t at_ns, const char *message)
{
        Sk__TaskStatus status = SK__TASK_STATUS__INIT;

        status.state = state;
        status.at_ns = at_ns;
        status.message = message;
        return status;
}

static void a_status_only_moves_forward(void **state)
{
        Sk__TaskStatus running = status_of(SK__TASK_STATE__TASK_RUNNING, 10, "started");
        Sk__TaskStatus failed = status_of(SK__TASK_STATE__TASK_FAILED, 5, "failed");

        (void)state;
        assert_true(task_status_is_newer(NULL, &running));
        assert_true(task_status_is_newer(&running, &failed));
        assert_false(task_status_is_newer(&failed, &running));
}

static void the_same_state_counts_when_it_has_later_news(void **state)
{
        Sk__TaskStatus now = status_of(SK__TASK_STATE__TASK_RUNNING, 10, "started");
        Sk__TaskStatus same = status_of(SK__TASK_STATE__TASK_RUNNING, 20, "started");
        Sk__TaskStatus news = status_of(SK__TASK_STATE__TASK_RUNNING, 20, "healthy");
        Sk__TaskStatus old = status_of(SK__TASK_STATE__TASK_RUNNING, 5, "healthy");
        Sk__TaskStatus unstamped = status_of(SK__TASK_STATE__TASK_RUNNING, 0, "healthy");

        (void)state;
        assert_false(task_status_is_newer(&now, &same));
        assert_true(task_status_is_newer(&now, &news));
        assert_false(task_status_is_newer(&now, &old));
        assert_true(task_status_is_newer(&now, &unstamped));
}

static void a_state_that_is_none_is_never_newer(void **state)
{
        Sk__TaskStatus odd = status_of((Sk__TaskState)9999, 1, "");

        (void)state;
        assert_false(task_status_is_newer(NULL, &odd));
}

static void a_slot_is_named_by_number_or_node(void **state)
{
        Sk__TaskDefinition definition = SK__TASK_DEFINITION__INIT;
        Sk__Task task = SK__TASK__INIT;
        char name[32];

        (void)state;
        task.definition = &definition;
        definition.slot = 3;
        task_slot_name(&task, "web", name, sizeof name);
        assert_string_equal(name, "web.3");
        definition.slot = 0;
        definition.node_id = "n1";
        task_slot_name(&task, "web", name, sizeof name);
        assert_string_equal(name, "web.n1");
}

static void indexes_of_a_job_are_shown_from_0(void **state)
{
        Sk__TaskDefinition definition = SK__TASK_DEFINITION__INIT;
        Sk__Task task = SK__TASK__INIT;
        char name[64];

        (void)state;
        definition.slot = 1;
        definition.job_iteration = 3;
        task.definition = &definition;
        task_slot_name(&task, "job", name, sizeof name);
        assert_string_equal(name, "job.0");
}

static void a_task_that_waits_says_when_it_starts_and_after_how_many_failures(void **state)
{
        Sk__TaskDefinition definition = SK__TASK_DEFINITION__INIT;
        Sk__Task task = SK__TASK__INIT;
        char text[80];

        (void)state;
        definition.desired_state = SK__TASK_STATE__TASK_READY;
        definition.starts_at_ns = 100 * NS_PER_S;
        definition.n_failures = 5;
        task.definition = &definition;
        task_restart_text(&task, 60 * NS_PER_S + 1, text, sizeof text);
        assert_string_equal(text, "restarts in 40s (5 failures in a row)");
        definition.n_failures = 1;
        task_restart_text(&task, 60 * NS_PER_S, text, sizeof text);
        assert_string_equal(text, "restarts in 40s (1 failure)");
        task_restart_text(&task, 100 * NS_PER_S, text, sizeof text);
        assert_string_equal(text, "");
        definition.desired_state = SK__TASK_STATE__TASK_RUNNING;
        task_restart_text(&task, 0, text, sizeof text);
        assert_string_equal(text, "");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_state_has_a_word_and_every_word_a_state),
                cmocka_unit_test(indexes_of_a_job_are_shown_from_0),
                cmocka_unit_test(a_task_that_waits_says_when_it_starts_and_after_how_many_failures),
                cmocka_unit_test(the_observed_state_is_the_furthest_that_anybody_got_it),
                cmocka_unit_test(a_task_is_wanted_to_run_or_to_complete),
                cmocka_unit_test(the_placed_node_counts_before_the_preassigned_one),
                cmocka_unit_test(a_status_only_moves_forward),
                cmocka_unit_test(the_same_state_counts_when_it_has_later_news),
                cmocka_unit_test(a_state_that_is_none_is_never_newer),
                cmocka_unit_test(a_slot_is_named_by_number_or_node),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
