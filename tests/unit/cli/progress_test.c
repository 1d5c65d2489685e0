/* What is shown of a service on its way. */
#include <string.h>

#include "tests/unit/cli/watched.h"
#include "tests/unit/test.h"

static void without_a_terminal_a_service_converges_line_by_line(void **state)
{
        struct watched watched;

        (void)state;
        watched_start(&watched, false, 2);
        watched_take(&watched);
        watched_add_slot(&watched, 1, SK__TASK_STATE__TASK_STARTING, "");
        watched_take(&watched);
        watched.news->n_slots = 0;
        watched_add_slot(&watched, 1, SK__TASK_STATE__TASK_RUNNING, "");
        watched_add_slot(&watched, 2, SK__TASK_STATE__TASK_RUNNING, "");
        assert_int_equal(watched_take(&watched), PROGRESS_GOES_ON);
        for (int i = 0; i < 4; i++)
                assert_int_equal(watched_pass(&watched, 1), PROGRESS_GOES_ON);
        assert_int_equal(watched_pass(&watched, 1), PROGRESS_CONVERGED);
        assert_string_equal(str_text(&watched.out),
                            "overall progress: 0 out of 2 tasks\n"
                            "1/2:  \n"
                            "2/2:  \n"
                            "overall progress: 2 out of 2 tasks\n"
                            "verify: Waiting 5 seconds to verify that tasks are stable...\n"
                            "verify: Waiting 4 seconds to verify that tasks are stable...\n"
                            "verify: Waiting 3 seconds to verify that tasks are stable...\n"
                            "verify: Waiting 2 seconds to verify that tasks are stable...\n"
                            "verify: Waiting 1 seconds to verify that tasks are stable...\n"
                            "verify: Service web converged\n");
        watched_finish(&watched);
}

static void nothing_new_prints_nothing(void **state)
{
        struct watched watched;

        (void)state;
        watched_start(&watched, false, 1);
        watched_take(&watched);
        str_clear(&watched.out);
        watched_take(&watched);
        assert_int_equal(watched.out.length, 0);
        watched_finish(&watched);
}

static void the_error_of_a_task_is_shown_once(void **state)
{
        struct watched watched;

        (void)state;
        watched_start(&watched, false, 1);
        watched_add_slot(&watched, 1, SK__TASK_STATE__TASK_PENDING, "no suitable node\nand more");
        watched_take(&watched);
        watched_take(&watched);
        assert_string_equal(str_text(&watched.out),
                            "overall progress: 0 out of 1 tasks\n1/1: no suitable node\n");
        watched_finish(&watched);
}

static void a_task_that_fails_while_it_is_watched_starts_the_wait_again(void **state)
{
        struct watched watched;

        (void)state;
        watched_start(&watched, false, 1);
        watched_add_slot(&watched, 1, SK__TASK_STATE__TASK_RUNNING, "");
        watched_take(&watched);
        watched.now_ns += SECONDS(3);
        watched_forget(&watched);
        watched_add_slot(&watched, 1, SK__TASK_STATE__TASK_FAILED, "task: non-zero exit (3)");
        assert_int_equal(watched_take(&watched), PROGRESS_GOES_ON);
        assert_string_equal(str_text(&watched.out), "overall progress: 0 out of 1 tasks\n"
                                                    "1/1: task: non-zero exit (3)\n"
                                                    "verify: Detected task failure\n");
        watched_forget(&watched);
        watched_add_slot(&watched, 1, SK__TASK_STATE__TASK_RUNNING, "");
        watched_take(&watched);
        assert_int_equal(watched_pass(&watched, 4), PROGRESS_GOES_ON);
        assert_int_equal(watched_pass(&watched, 1), PROGRESS_CONVERGED);
        watched_finish(&watched);
}

static void the_spec_says_how_long_to_watch(void **state)
{
        struct watched watched;

        (void)state;
        watched_start(&watched, false, 1);
        watched.news->service->spec->update =
                MAKE(&watched.arena, Sk__UpdateConfig, SK__UPDATE_CONFIG__INIT);
        watched.news->service->spec->update->monitor_ns = SECONDS(2);
        watched_add_slot(&watched, 1, SK__TASK_STATE__TASK_RUNNING, "");
        watched_take(&watched);
        assert_int_equal(watched_pass(&watched, 2), PROGRESS_CONVERGED);
        watched_finish(&watched);
}

static void tasks_of_an_older_spec_do_not_count(void **state)
{
        struct watched watched;

        (void)state;
        watched_start(&watched, true, 1);
        watched_add_slot(&watched, 1, SK__TASK_STATE__TASK_RUNNING, "")->is_current = false;
        watched.news->running = 0;
        watched_take(&watched);
        assert_string_equal(str_text(&watched.out),
                            "\x1b[2Koverall progress: 0 out of 1 tasks\n\x1b[2K1/1:  \n");
        watched_finish(&watched);
}

static void on_a_terminal_lines_are_drawn_over(void **state)
{
        struct watched watched;

        (void)state;
        watched_start(&watched, true, 1);
        watched_add_slot(&watched, 1, SK__TASK_STATE__TASK_ASSIGNED, "");
        watched_take(&watched);
        assert_string_equal(str_text(&watched.out), "\x1b[2Koverall progress: 0 out of 1 tasks\n"
                                                    "\x1b[2K1/1: assigned  [==================>"
                                                    "                                ]\n");
        watched_forget(&watched);
        watched_add_slot(&watched, 1, SK__TASK_STATE__TASK_RUNNING, "");
        watched_take(&watched);
        assert_string_equal(
                str_text(&watched.out),
                "\x1b[2A\x1b[2Koverall progress: 1 out of 1 tasks\n"
                "\x1b[2K1/1: running   [=================================================="
                ">]\n"
                "\x1b[2Kverify: Waiting 5 seconds to verify that tasks are stable...\n");
        watched_finish(&watched);
}

static void many_slots_are_not_shown_one_by_one(void **state)
{
        struct watched watched;

        (void)state;
        watched_start(&watched, false, 21);
        watched_add_slot(&watched, 1, SK__TASK_STATE__TASK_PENDING, "no suitable node");
        watched_take(&watched);
        assert_string_equal(str_text(&watched.out), "overall progress: 0 out of 21 tasks\n");
        watched_finish(&watched);
}

static void set_update(struct watched *watched, Sk__UpdateStatus__State state, const char *message,
                       const char *spec_id)
{
        Sk__ServiceProgress *progress =
                MAKE(&watched->arena, Sk__ServiceProgress, SK__SERVICE_PROGRESS__INIT);

        progress->update = MAKE(&watched->arena, Sk__UpdateStatus, SK__UPDATE_STATUS__INIT);
        progress->update->state = state;
        progress->update->message = message;
        progress->update->spec_id = spec_id;
        watched->news->service->service->progress = progress;
}

static void a_service_converges_when_its_rebalance_is_over(void **state)
{
        Sk__RebalanceProgress so_far = SK__REBALANCE_PROGRESS__INIT;
        Sk__ServiceProgress progress = SK__SERVICE_PROGRESS__INIT;
        Sk__Rebalance asked = SK__REBALANCE__INIT;
        struct watched watched;

        (void)state;
        watched_start(&watched, false, 1);
        watched_add_slot(&watched, 1, SK__TASK_STATE__TASK_RUNNING, "");
        asked.at_ns = so_far.at_ns = NOW_NS;
        watched.news->service->service->spec->rebalance = &asked;
        watched_take(&watched);
        assert_int_equal(watched_pass(&watched, 60), PROGRESS_GOES_ON);
        assert_non_null(strstr(str_text(&watched.out), "1 out of 1 tasks (rebalancing)\n"));
        progress.rebalance = &so_far;
        watched.news->service->service->progress = &progress;
        watched_take(&watched);
        assert_int_equal(watched_pass(&watched, 60), PROGRESS_GOES_ON);
        so_far.is_over = true;
        str_clear(&watched.out);
        watched_take(&watched);
        assert_string_equal(str_text(&watched.out),
                            "overall progress: 1 out of 1 tasks\n"
                            "verify: Waiting 5 seconds to verify that tasks are stable...\n");
        assert_int_equal(watched_pass(&watched, 5), PROGRESS_CONVERGED);
        watched_finish(&watched);
}

static void a_paused_update_is_a_failure(void **state)
{
        struct watched watched;

        (void)state;
        watched_start(&watched, false, 1);
        set_update(&watched, SK__UPDATE_STATUS__STATE__PAUSED, "update paused due to x", "spec1");
        assert_int_equal(watched_take(&watched), PROGRESS_FAILED);
        assert_string_equal(str_text(&watched.progress.failure),
                            "service update paused: update paused due to x");
        watched_finish(&watched);
}

static void an_older_update_that_paused_does_not_matter(void **state)
{
        struct watched watched;

        (void)state;
        watched_start(&watched, false, 1);
        set_update(&watched, SK__UPDATE_STATUS__STATE__PAUSED, "update paused due to x", "spec0");
        assert_int_equal(watched_take(&watched), PROGRESS_GOES_ON);
        watched_finish(&watched);
}

static void an_update_that_was_resumed_is_no_failure(void **state)
{
        struct watched watched;

        (void)state;
        watched_start(&watched, false, 1);
        set_update(&watched, SK__UPDATE_STATUS__STATE__PAUSED, "update paused due to x", "spec1");
        watched.news->service->service->spec->resumed_at_ns = NOW_NS;
        assert_int_equal(watched_take(&watched), PROGRESS_GOES_ON);
        watched_finish(&watched);
}

static void an_update_that_waits_for_a_person_is_not_waited_for(void **state)
{
        struct watched watched;
        Sk__UpdateConfig *update;

        (void)state;
        watched_start(&watched, false, 2);
        update = MAKE(&watched.arena, Sk__UpdateConfig, SK__UPDATE_CONFIG__INIT);
        update->canary = 1;
        watched.news->service->spec->update = update;
        set_update(&watched, SK__UPDATE_STATUS__STATE__UPDATING, "update in progress", "spec1");
        watched_add_slot(&watched, 1, SK__TASK_STATE__TASK_RUNNING, "");
        assert_int_equal(watched_take(&watched), PROGRESS_GOES_ON);
        set_update(&watched, SK__UPDATE_STATUS__STATE__UPDATING, "update waits: ...", "spec1");
        str_clear(&watched.out);
        watched_take(&watched);
        assert_int_equal(watched_pass(&watched, 5), PROGRESS_CONVERGED);
        assert_string_equal(str_text(&watched.out),
                            "verify: Waiting 5 seconds to verify that tasks are stable...\n"
                            "verify: Service web waits after its canaries: see 'skep service "
                            "promote' and 'rollback'\n");
        watched_finish(&watched);
}

static void a_rollback_says_so(void **state)
{
        struct watched watched;

        (void)state;
        watched_start(&watched, false, 1);
        watched.news->service->service->spec->is_rollback = true;
        watched_take(&watched);
        assert_string_equal(str_text(&watched.out),
                            "rollback: manually requested rollback\n"
                            "overall progress: rolling back update: 0 out of 1 tasks\n1/1:  \n");
        watched_finish(&watched);
}

static void no_line_on_a_terminal_fills_it(void **state)
{
        struct watched watched;

        (void)state;
        watched_start(&watched, true, 0);
        set_update(&watched, SK__UPDATE_STATUS__STATE__ROLLBACK_STARTED,
                   "update rolled back due to failure or early termination of task "
                   "jyt2adtzrk083h504svkqdw5m",
                   "spec1");
        watched_take(&watched);
        assert_non_null(strstr(str_text(&watched.out),
                               "\x1b[2Krollback: update rolled back due to failure or early "
                               "termination of task jyt2a…\n"));
        watched_finish(&watched);
}

static void a_service_that_is_removed_ends_the_wait(void **state)
{
        struct watched watched;

        (void)state;
        watched_start(&watched, false, 1);
        watched.news->is_gone = true;
        assert_int_equal(watched_take(&watched), PROGRESS_FAILED);
        assert_string_equal(str_text(&watched.progress.failure), "no such service: web");
        watched_finish(&watched);
}

static void a_global_service_waits_for_its_first_tasks(void **state)
{
        struct watched watched;

        (void)state;
        watched_start(&watched, false, 0);
        watched.news->service->spec->mode_case = SK__SERVICE_SPEC__MODE_GLOBAL;
        watched_take(&watched);
        assert_string_equal(str_text(&watched.out), "overall progress: 0 out of 0 tasks\n");
        watched.news->wanted = 1;
        watched_add_slot(&watched, 0, SK__TASK_STATE__TASK_STARTING, "");
        str_clear(&watched.out);
        watched_take(&watched);
        assert_string_equal(str_text(&watched.out), "overall progress: 0 out of 1 tasks\n");
        watched_finish(&watched);
}

static void scaling_down_counts_no_more_than_is_wanted(void **state)
{
        struct watched watched;

        (void)state;
        watched_start(&watched, false, 1);
        for (uint64_t slot = 1; slot <= 3; slot++)
                watched_add_slot(&watched, slot, SK__TASK_STATE__TASK_RUNNING, "");
        watched_take(&watched);
        assert_string_equal(str_text(&watched.out),
                            "overall progress: 1 out of 1 tasks\n1/1:  \n"
                            "verify: Waiting 5 seconds to verify that tasks are stable...\n");
        watched_finish(&watched);
}

static void the_clock_is_asked_when_the_countdown_changes(void **state)
{
        struct watched watched;

        (void)state;
        watched_start(&watched, false, 1);
        watched_take(&watched);
        assert_int_equal(progress_wait_ns(&watched.progress, watched.now_ns), -1);
        watched_add_slot(&watched, 1, SK__TASK_STATE__TASK_RUNNING, "");
        watched_take(&watched);
        assert_int_equal(progress_wait_ns(&watched.progress, watched.now_ns), SECONDS(1));
        assert_int_equal(progress_wait_ns(&watched.progress, watched.now_ns + SECONDS(1) / 4),
                         SECONDS(3) / 4);
        watched_finish(&watched);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(without_a_terminal_a_service_converges_line_by_line),
                cmocka_unit_test(nothing_new_prints_nothing),
                cmocka_unit_test(the_error_of_a_task_is_shown_once),
                cmocka_unit_test(a_task_that_fails_while_it_is_watched_starts_the_wait_again),
                cmocka_unit_test(the_spec_says_how_long_to_watch),
                cmocka_unit_test(tasks_of_an_older_spec_do_not_count),
                cmocka_unit_test(on_a_terminal_lines_are_drawn_over),
                cmocka_unit_test(many_slots_are_not_shown_one_by_one),
                cmocka_unit_test(a_service_converges_when_its_rebalance_is_over),
                cmocka_unit_test(a_paused_update_is_a_failure),
                cmocka_unit_test(an_older_update_that_paused_does_not_matter),
                cmocka_unit_test(an_update_that_was_resumed_is_no_failure),
                cmocka_unit_test(an_update_that_waits_for_a_person_is_not_waited_for),
                cmocka_unit_test(a_rollback_says_so),
                cmocka_unit_test(no_line_on_a_terminal_fills_it),
                cmocka_unit_test(a_service_that_is_removed_ends_the_wait),
                cmocka_unit_test(a_global_service_waits_for_its_first_tasks),
                cmocka_unit_test(scaling_down_counts_no_more_than_is_wanted),
                cmocka_unit_test(the_clock_is_asked_when_the_countdown_changes),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
