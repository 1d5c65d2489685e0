/* One task's life, told event by event. */
#include "agent/task.h"

#include <stdio.h>

#include "tests/unit/test.h"

#define ASSIGNED SK__TASK_STATE__TASK_ASSIGNED
#define PREPARING SK__TASK_STATE__TASK_PREPARING
#define READY SK__TASK_STATE__TASK_READY
#define STARTING SK__TASK_STATE__TASK_STARTING
#define RUNNING SK__TASK_STATE__TASK_RUNNING
#define COMPLETE SK__TASK_STATE__TASK_COMPLETE
#define SHUTDOWN SK__TASK_STATE__TASK_SHUTDOWN
#define FAILED SK__TASK_STATE__TASK_FAILED
#define REJECTED SK__TASK_STATE__TASK_REJECTED
#define REMOVE SK__TASK_STATE__TASK_REMOVE

/* Lets the verb under way end well and asks for the next one. */
static enum task_verb goes_well(struct task *task, bool is_running)
{
        task_verb_ended(task, is_running, NULL);
        return task_next(task);
}

static enum task_verb goes_wrong(struct task *task, enum err_code code, const char *text)
{
        struct err err;

        err_set(&err, code, "%s", text);
        task_verb_ended(task, task->is_running, &err);
        return task_next(task);
}

static void exits(struct task *task, int code)
{
        struct executor_exit exit = { .exit_code = code };

        if (code)
                snprintf(exit.err, sizeof exit.err, "task: non-zero exit (%d)", code);
        task_exited(task, &exit);
}

static struct task a_task(Sk__TaskState desired)
{
        struct task task;

        task_init(&task, ASSIGNED, desired);
        return task;
}

static struct task a_running_task(void)
{
        struct task task = a_task(RUNNING);

        task_next(&task);
        goes_well(&task, false);
        goes_well(&task, false);
        goes_well(&task, true);
        assert_int_equal(task.state, RUNNING);
        return task;
}

static void a_wanted_task_is_opened_prepared_started_and_runs(void **state)
{
        struct task task = a_task(RUNNING);

        (void)state;
        assert_int_equal(task_next(&task), TASK_DO_OPEN);
        assert_int_equal(goes_well(&task, false), TASK_DO_PREPARE);
        assert_int_equal(task.state, PREPARING);
        assert_int_equal(goes_well(&task, false), TASK_DO_START);
        assert_int_equal(goes_well(&task, true), TASK_DO_NOTHING);
        assert_int_equal(task.state, RUNNING);
        assert_string_equal(task.message, "started");
        task_done(&task);
}

static void a_container_found_unwell_is_not_said_to_run(void **state)
{
        struct task task = a_task(RUNNING);

        (void)state;
        assert_int_equal(task_next(&task), TASK_DO_OPEN);
        task.is_unwell = true;
        assert_int_equal(goes_well(&task, true), TASK_DO_START);
        assert_int_equal(task.state, STARTING);
        task.is_unwell = false;
        assert_int_equal(goes_well(&task, true), TASK_DO_NOTHING);
        assert_int_equal(task.state, RUNNING);
        task_done(&task);
}

static void a_change_of_health_is_news(void **state)
{
        struct task task = a_running_task();

        (void)state;
        task_take_news(&task);
        task_changed(&task);
        assert_true(task_take_news(&task));
        exits(&task, 1);
        task_take_news(&task);
        task_changed(&task);
        assert_false(task_take_news(&task));
        task_done(&task);
}

static void a_task_waits_in_ready_until_more_is_desired(void **state)
{
        struct task task = a_task(READY);

        (void)state;
        task_next(&task);
        goes_well(&task, false);
        assert_int_equal(goes_well(&task, false), TASK_DO_NOTHING);
        assert_int_equal(task.state, READY);
        task_desire(&task, RUNNING);
        assert_int_equal(task_next(&task), TASK_DO_START);
        task_done(&task);
}

static void an_image_that_does_not_exist_rejects_the_task(void **state)
{
        struct task task = a_task(RUNNING);

        (void)state;
        task_next(&task);
        goes_well(&task, false);
        assert_int_equal(goes_wrong(&task, ERR_NOT_FOUND, "No such image: x"), TASK_DO_NOTHING);
        assert_int_equal(task.state, REJECTED);
        assert_string_equal(task.message, "preparing");
        assert_string_equal(task.err, "No such image: x");
        task_done(&task);
}

static void a_registry_that_is_away_rejects_the_task(void **state)
{
        struct task task = a_task(RUNNING);

        (void)state;
        task_next(&task);
        goes_well(&task, false);
        goes_wrong(&task, ERR_UNAVAILABLE, "registry is away");
        assert_int_equal(task.state, REJECTED);
        task_done(&task);
}

static void a_start_that_is_impossible_fails_the_task(void **state)
{
        struct task task = a_task(RUNNING);

        (void)state;
        task_next(&task);
        goes_well(&task, false);
        goes_well(&task, false);
        goes_wrong(&task, ERR_NOT_FOUND, "exec: no such file");
        assert_int_equal(task.state, FAILED);
        assert_string_equal(task.message, "starting");
        task_done(&task);
}

static void exit_code_0_completes_the_task(void **state)
{
        struct task task = a_running_task();

        (void)state;
        exits(&task, 0);
        assert_int_equal(task.state, COMPLETE);
        assert_string_equal(task.message, "finished");
        assert_null(task.err);
        task_done(&task);
}

static void another_exit_code_fails_the_task(void **state)
{
        struct task task = a_running_task();

        (void)state;
        exits(&task, 3);
        assert_int_equal(task.state, FAILED);
        assert_string_equal(task.message, "started");
        assert_string_equal(task.err, "task: non-zero exit (3)");
        assert_int_equal(task_next(&task), TASK_DO_NOTHING);
        task_done(&task);
}

static void an_exit_before_the_start_has_ended_is_not_lost(void **state)
{
        struct task task = a_task(RUNNING);

        (void)state;
        task_next(&task);
        goes_well(&task, false);
        goes_well(&task, false);
        exits(&task, 1);
        goes_well(&task, false);
        assert_int_equal(task.state, FAILED);
        task_done(&task);
}

static void shutdown_stops_a_running_task(void **state)
{
        struct task task = a_running_task();

        (void)state;
        task_desire(&task, SHUTDOWN);
        assert_int_equal(task_next(&task), TASK_DO_SHUTDOWN);
        exits(&task, 143);
        assert_int_equal(goes_well(&task, false), TASK_DO_NOTHING);
        assert_int_equal(task.state, SHUTDOWN);
        assert_int_equal(task.exit_code, 143);
        assert_null(task.err);
        task_done(&task);
}

static void shutdown_before_anything_was_made_needs_no_verb(void **state)
{
        struct task task = a_task(SHUTDOWN);

        (void)state;
        assert_int_equal(task_next(&task), TASK_DO_NOTHING);
        assert_int_equal(task.state, SHUTDOWN);
        task_done(&task);
}

static void shutdown_interrupts_a_long_pull(void **state)
{
        struct task task = a_task(RUNNING);

        (void)state;
        task_next(&task);
        goes_well(&task, false);
        task_desire(&task, SHUTDOWN);
        assert_int_equal(task_next(&task), TASK_DO_SHUTDOWN);
        assert_int_equal(goes_wrong(&task, ERR_CANCELLED, "stopped"), TASK_DO_NOTHING);
        assert_int_equal(task.state, PREPARING);
        goes_well(&task, false);
        assert_int_equal(task.state, SHUTDOWN);
        task_done(&task);
}

static void a_shutdown_that_fails_becomes_a_kill(void **state)
{
        struct task task = a_running_task();

        (void)state;
        task_desire(&task, SHUTDOWN);
        task_next(&task);
        assert_int_equal(goes_wrong(&task, ERR_UNAVAILABLE, "x"), TASK_DO_TERMINATE);
        assert_int_equal(goes_wrong(&task, ERR_UNAVAILABLE, "x"), TASK_DO_NOTHING);
        assert_int_equal(task.state, RUNNING);
        task_retry(&task);
        assert_int_equal(task_next(&task), TASK_DO_TERMINATE);
        goes_well(&task, false);
        assert_int_equal(task.state, SHUTDOWN);
        task_done(&task);
}

static void a_discarded_task_is_shut_down_and_removed(void **state)
{
        struct task task = a_running_task();

        (void)state;
        task_discard(&task);
        assert_int_equal(task_next(&task), TASK_DO_SHUTDOWN);
        assert_int_equal(goes_well(&task, false), TASK_DO_REMOVE);
        assert_int_equal(goes_well(&task, false), TASK_DO_NOTHING);
        assert_true(task.is_gone);
        task_done(&task);
}

static void a_failed_task_is_removed_once_discarded(void **state)
{
        struct task task = a_running_task();

        (void)state;
        exits(&task, 1);
        task_discard(&task);
        assert_int_equal(task_next(&task), TASK_DO_REMOVE);
        task_done(&task);
}

static void what_still_runs_of_a_failed_task_is_killed_before_it_is_removed(void **state)
{
        struct task task;

        (void)state;
        task_init(&task, FAILED, RUNNING);
        task_discard(&task);
        assert_int_equal(task_next(&task), TASK_DO_OPEN);
        assert_int_equal(goes_well(&task, true), TASK_DO_TERMINATE);
        assert_int_equal(goes_well(&task, false), TASK_DO_REMOVE);
        task_done(&task);
}

static void a_removal_that_fails_is_tried_again_later(void **state)
{
        struct task task = a_running_task();

        (void)state;
        exits(&task, 0);
        task_discard(&task);
        task_next(&task);
        assert_int_equal(goes_wrong(&task, ERR_UNAVAILABLE, "busy"), TASK_DO_NOTHING);
        task_retry(&task);
        assert_int_equal(task_next(&task), TASK_DO_REMOVE);
        task_done(&task);
}

static void a_restarted_agent_adopts_what_runs(void **state)
{
        struct task task;

        (void)state;
        task_init(&task, RUNNING, RUNNING);
        assert_int_equal(task_next(&task), TASK_DO_OPEN);
        assert_int_equal(goes_well(&task, true), TASK_DO_NOTHING);
        assert_int_equal(task.state, RUNNING);
        assert_false(task_take_news(&task));
        task_done(&task);
}

static void a_container_found_gone_fails_its_task(void **state)
{
        struct task task;

        (void)state;
        task_init(&task, RUNNING, RUNNING);
        task_next(&task);
        goes_well(&task, false);
        assert_int_equal(task.state, FAILED);
        task_done(&task);
}

static void a_container_found_ended_tells_its_exit_code(void **state)
{
        struct task task;

        (void)state;
        task_init(&task, RUNNING, RUNNING);
        task_next(&task);
        exits(&task, 3);
        goes_well(&task, false);
        assert_int_equal(task.state, FAILED);
        assert_string_equal(task.err, "task: non-zero exit (3)");
        task_done(&task);
}

static void a_task_that_may_run_is_not_given_up_because_nobody_could_look(void **state)
{
        struct task task;

        (void)state;
        task_init(&task, RUNNING, RUNNING);
        assert_int_equal(task_next(&task), TASK_DO_OPEN);
        assert_int_equal(goes_wrong(&task, ERR_DEADLINE, "containerd hangs"), TASK_DO_NOTHING);
        assert_int_equal(task.state, RUNNING);
        task_retry(&task);
        assert_int_equal(task_next(&task), TASK_DO_OPEN);
        assert_int_equal(goes_well(&task, true), TASK_DO_NOTHING);
        assert_int_equal(task.state, RUNNING);
        task_done(&task);
}

static void a_task_that_was_never_started_is_rejected_when_nobody_can_look(void **state)
{
        struct task task = a_task(RUNNING);

        (void)state;
        task_next(&task);
        assert_int_equal(goes_wrong(&task, ERR_DEADLINE, "containerd hangs"), TASK_DO_NOTHING);
        assert_int_equal(task.state, REJECTED);
        task_done(&task);
}

static void a_start_lost_with_the_agent_is_taken_up_again(void **state)
{
        struct task task;

        (void)state;
        task_init(&task, STARTING, RUNNING);
        task_next(&task);
        assert_int_equal(goes_well(&task, false), TASK_DO_START);
        task_done(&task);
}

static void a_task_that_is_over_is_never_run_again(void **state)
{
        struct task task;

        (void)state;
        task_init(&task, FAILED, RUNNING);
        assert_int_equal(task_next(&task), TASK_DO_NOTHING);
        task_done(&task);
}

static void desired_never_goes_back(void **state)
{
        struct task task = a_running_task();

        (void)state;
        task_desire(&task, REMOVE);
        task_desire(&task, RUNNING);
        assert_int_equal(task.desired, REMOVE);
        task_done(&task);
}

static void progress_is_news_only_when_it_changes(void **state)
{
        struct task task = a_task(RUNNING);

        (void)state;
        task_next(&task);
        goes_well(&task, false);
        task_take_news(&task);
        task_progressed(&task, "pulling bb:1");
        assert_true(task_take_news(&task));
        task_progressed(&task, "pulling bb:1");
        assert_false(task_take_news(&task));
        task_done(&task);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_container_found_unwell_is_not_said_to_run),
                cmocka_unit_test(a_change_of_health_is_news),
                cmocka_unit_test(a_wanted_task_is_opened_prepared_started_and_runs),
                cmocka_unit_test(a_task_waits_in_ready_until_more_is_desired),
                cmocka_unit_test(an_image_that_does_not_exist_rejects_the_task),
                cmocka_unit_test(a_registry_that_is_away_rejects_the_task),
                cmocka_unit_test(a_start_that_is_impossible_fails_the_task),
                cmocka_unit_test(exit_code_0_completes_the_task),
                cmocka_unit_test(another_exit_code_fails_the_task),
                cmocka_unit_test(an_exit_before_the_start_has_ended_is_not_lost),
                cmocka_unit_test(shutdown_stops_a_running_task),
                cmocka_unit_test(shutdown_before_anything_was_made_needs_no_verb),
                cmocka_unit_test(shutdown_interrupts_a_long_pull),
                cmocka_unit_test(a_shutdown_that_fails_becomes_a_kill),
                cmocka_unit_test(a_discarded_task_is_shut_down_and_removed),
                cmocka_unit_test(a_failed_task_is_removed_once_discarded),
                cmocka_unit_test(what_still_runs_of_a_failed_task_is_killed_before_it_is_removed),
                cmocka_unit_test(a_removal_that_fails_is_tried_again_later),
                cmocka_unit_test(a_restarted_agent_adopts_what_runs),
                cmocka_unit_test(a_container_found_gone_fails_its_task),
                cmocka_unit_test(a_container_found_ended_tells_its_exit_code),
                cmocka_unit_test(a_task_that_may_run_is_not_given_up_because_nobody_could_look),
                cmocka_unit_test(a_task_that_was_never_started_is_rejected_when_nobody_can_look),
                cmocka_unit_test(a_start_lost_with_the_agent_is_taken_up_again),
                cmocka_unit_test(a_task_that_is_over_is_never_run_again),
                cmocka_unit_test(desired_never_goes_back),
                cmocka_unit_test(progress_is_news_only_when_it_changes),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
