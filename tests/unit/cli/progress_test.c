/* What is shown of a service on its way. */
#include "cli/progress_core.h"

#include <string.h>

#include "lib/base/mem.h"
#include "tests/unit/cli/objects.h"
#include "tests/unit/test.h"

struct watched {
        struct arena arena;
        struct progress progress;
        Sk__WatchServiceResponse *news;
        struct str out;
        int64_t now_ns;
};

static void start(struct watched *watched, bool is_terminal, uint64_t wanted)
{
        *watched = (struct watched){ .now_ns = NOW_NS };
        progress_init(&watched->progress, "web", is_terminal, 80, NOW_NS);
        watched->news =
                MAKE(&watched->arena, Sk__WatchServiceResponse, SK__WATCH_SERVICE_RESPONSE__INIT);
        watched->news->service = a_web_service(&watched->arena);
        watched->news->wanted = wanted;
        watched->news->slots = arena_alloc(&watched->arena, 64 * sizeof(void *));
}

static void finish(struct watched *watched)
{
        progress_done(&watched->progress);
        str_done(&watched->out);
        arena_done(&watched->arena);
}

static Sk__WatchServiceResponse__Slot *add_slot(struct watched *watched, uint64_t slot,
                                                Sk__TaskState state, const char *error)
{
        Sk__WatchServiceResponse__Slot *added =
                MAKE(&watched->arena, Sk__WatchServiceResponse__Slot,
                     SK__WATCH_SERVICE_RESPONSE__SLOT__INIT);

        added->slot = slot;
        added->node_id = "oyz0areg5bvzfvhymjjthws5x";
        added->state = state;
        added->is_current = true;
        added->err = error;
        watched->news->slots[watched->news->n_slots++] = added;
        watched->news->running += state == SK__TASK_STATE__TASK_RUNNING;
        return added;
}

static enum progress_verdict take(struct watched *watched)
{
        return progress_take(&watched->progress, watched->news, watched->now_ns, &watched->out);
}

static enum progress_verdict pass(struct watched *watched, int64_t seconds)
{
        watched->now_ns += SECONDS(seconds);
        return progress_tick(&watched->progress, watched->now_ns, &watched->out);
}

static void forget(struct watched *watched)
{
        watched->news->n_slots = 0;
        watched->news->running = 0;
        str_clear(&watched->out);
}

static void without_a_terminal_a_service_converges_line_by_line(void **state)
{
        struct watched watched;

        (void)state;
        start(&watched, false, 2);
        take(&watched);
        add_slot(&watched, 1, SK__TASK_STATE__TASK_STARTING, "");
        take(&watched);
        watched.news->n_slots = 0;
        add_slot(&watched, 1, SK__TASK_STATE__TASK_RUNNING, "");
        add_slot(&watched, 2, SK__TASK_STATE__TASK_RUNNING, "");
        assert_int_equal(take(&watched), PROGRESS_GOES_ON);
        for (int i = 0; i < 4; i++)
                assert_int_equal(pass(&watched, 1), PROGRESS_GOES_ON);
        assert_int_equal(pass(&watched, 1), PROGRESS_CONVERGED);
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
        finish(&watched);
}

static void nothing_new_prints_nothing(void **state)
{
        struct watched watched;

        (void)state;
        start(&watched, false, 1);
        take(&watched);
        str_clear(&watched.out);
        take(&watched);
        assert_int_equal(watched.out.length, 0);
        finish(&watched);
}

static void the_error_of_a_task_is_shown_once(void **state)
{
        struct watched watched;

        (void)state;
        start(&watched, false, 1);
        add_slot(&watched, 1, SK__TASK_STATE__TASK_PENDING, "no suitable node\nand more");
        take(&watched);
        take(&watched);
        assert_string_equal(str_text(&watched.out),
                            "overall progress: 0 out of 1 tasks\n1/1: no suitable node\n");
        finish(&watched);
}

static void a_task_that_fails_while_it_is_watched_starts_the_wait_again(void **state)
{
        struct watched watched;

        (void)state;
        start(&watched, false, 1);
        add_slot(&watched, 1, SK__TASK_STATE__TASK_RUNNING, "");
        take(&watched);
        watched.now_ns += SECONDS(3);
        forget(&watched);
        add_slot(&watched, 1, SK__TASK_STATE__TASK_FAILED, "task: non-zero exit (3)");
        assert_int_equal(take(&watched), PROGRESS_GOES_ON);
        assert_string_equal(str_text(&watched.out), "overall progress: 0 out of 1 tasks\n"
                                                    "1/1: task: non-zero exit (3)\n"
                                                    "verify: Detected task failure\n");
        forget(&watched);
        add_slot(&watched, 1, SK__TASK_STATE__TASK_RUNNING, "");
        take(&watched);
        assert_int_equal(pass(&watched, 4), PROGRESS_GOES_ON);
        assert_int_equal(pass(&watched, 1), PROGRESS_CONVERGED);
        finish(&watched);
}

static void the_spec_says_how_long_to_watch(void **state)
{
        struct watched watched;

        (void)state;
        start(&watched, false, 1);
        watched.news->service->spec->update =
                MAKE(&watched.arena, Sk__UpdateConfig, SK__UPDATE_CONFIG__INIT);
        watched.news->service->spec->update->monitor_ns = SECONDS(2);
        add_slot(&watched, 1, SK__TASK_STATE__TASK_RUNNING, "");
        take(&watched);
        assert_int_equal(pass(&watched, 2), PROGRESS_CONVERGED);
        finish(&watched);
}

static void tasks_of_an_older_spec_do_not_count(void **state)
{
        struct watched watched;

        (void)state;
        start(&watched, true, 1);
        add_slot(&watched, 1, SK__TASK_STATE__TASK_RUNNING, "")->is_current = false;
        watched.news->running = 0;
        take(&watched);
        assert_string_equal(str_text(&watched.out),
                            "\x1b[2Koverall progress: 0 out of 1 tasks\n\x1b[2K1/1:  \n");
        finish(&watched);
}

static void on_a_terminal_lines_are_drawn_over(void **state)
{
        struct watched watched;

        (void)state;
        start(&watched, true, 1);
        add_slot(&watched, 1, SK__TASK_STATE__TASK_ASSIGNED, "");
        take(&watched);
        assert_string_equal(str_text(&watched.out), "\x1b[2Koverall progress: 0 out of 1 tasks\n"
                                                    "\x1b[2K1/1: assigned  [==================>"
                                                    "                                ]\n");
        forget(&watched);
        add_slot(&watched, 1, SK__TASK_STATE__TASK_RUNNING, "");
        take(&watched);
        assert_string_equal(
                str_text(&watched.out),
                "\x1b[2A\x1b[2Koverall progress: 1 out of 1 tasks\n"
                "\x1b[2K1/1: running   [=================================================="
                ">]\n"
                "\x1b[2Kverify: Waiting 5 seconds to verify that tasks are stable...\n");
        finish(&watched);
}

static void many_slots_are_not_shown_one_by_one(void **state)
{
        struct watched watched;

        (void)state;
        start(&watched, false, 21);
        add_slot(&watched, 1, SK__TASK_STATE__TASK_PENDING, "no suitable node");
        take(&watched);
        assert_string_equal(str_text(&watched.out), "overall progress: 0 out of 21 tasks\n");
        finish(&watched);
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
        start(&watched, false, 1);
        add_slot(&watched, 1, SK__TASK_STATE__TASK_RUNNING, "");
        asked.at_ns = so_far.at_ns = NOW_NS;
        watched.news->service->service->spec->rebalance = &asked;
        take(&watched);
        assert_int_equal(pass(&watched, 60), PROGRESS_GOES_ON);
        assert_non_null(strstr(str_text(&watched.out), "1 out of 1 tasks (rebalancing)\n"));
        progress.rebalance = &so_far;
        watched.news->service->service->progress = &progress;
        take(&watched);
        assert_int_equal(pass(&watched, 60), PROGRESS_GOES_ON);
        so_far.is_over = true;
        str_clear(&watched.out);
        take(&watched);
        assert_string_equal(str_text(&watched.out),
                            "overall progress: 1 out of 1 tasks\n"
                            "verify: Waiting 5 seconds to verify that tasks are stable...\n");
        assert_int_equal(pass(&watched, 5), PROGRESS_CONVERGED);
        finish(&watched);
}

static void a_paused_update_is_a_failure(void **state)
{
        struct watched watched;

        (void)state;
        start(&watched, false, 1);
        set_update(&watched, SK__UPDATE_STATUS__STATE__PAUSED, "update paused due to x", "spec1");
        assert_int_equal(take(&watched), PROGRESS_FAILED);
        assert_string_equal(str_text(&watched.progress.failure),
                            "service update paused: update paused due to x");
        finish(&watched);
}

static void an_older_update_that_paused_does_not_matter(void **state)
{
        struct watched watched;

        (void)state;
        start(&watched, false, 1);
        set_update(&watched, SK__UPDATE_STATUS__STATE__PAUSED, "update paused due to x", "spec0");
        assert_int_equal(take(&watched), PROGRESS_GOES_ON);
        finish(&watched);
}

static void an_update_that_was_resumed_is_no_failure(void **state)
{
        struct watched watched;

        (void)state;
        start(&watched, false, 1);
        set_update(&watched, SK__UPDATE_STATUS__STATE__PAUSED, "update paused due to x", "spec1");
        watched.news->service->service->spec->resumed_at_ns = NOW_NS;
        assert_int_equal(take(&watched), PROGRESS_GOES_ON);
        finish(&watched);
}

static void an_update_that_waits_for_a_person_is_not_waited_for(void **state)
{
        struct watched watched;
        Sk__UpdateConfig *update;

        (void)state;
        start(&watched, false, 2);
        update = MAKE(&watched.arena, Sk__UpdateConfig, SK__UPDATE_CONFIG__INIT);
        update->canary = 1;
        watched.news->service->spec->update = update;
        set_update(&watched, SK__UPDATE_STATUS__STATE__UPDATING, "update in progress", "spec1");
        add_slot(&watched, 1, SK__TASK_STATE__TASK_RUNNING, "");
        assert_int_equal(take(&watched), PROGRESS_GOES_ON);
        set_update(&watched, SK__UPDATE_STATUS__STATE__UPDATING, "update waits: ...", "spec1");
        str_clear(&watched.out);
        take(&watched);
        assert_int_equal(pass(&watched, 5), PROGRESS_CONVERGED);
        assert_string_equal(str_text(&watched.out),
                            "verify: Waiting 5 seconds to verify that tasks are stable...\n"
                            "verify: Service web waits after its canaries: see 'skep service "
                            "promote' and 'rollback'\n");
        finish(&watched);
}

static void a_rollback_says_so(void **state)
{
        struct watched watched;

        (void)state;
        start(&watched, false, 1);
        watched.news->service->service->spec->is_rollback = true;
        take(&watched);
        assert_string_equal(str_text(&watched.out),
                            "rollback: manually requested rollback\n"
                            "overall progress: rolling back update: 0 out of 1 tasks\n1/1:  \n");
        finish(&watched);
}

static void no_line_on_a_terminal_fills_it(void **state)
{
        struct watched watched;

        (void)state;
        start(&watched, true, 0);
        set_update(&watched, SK__UPDATE_STATUS__STATE__ROLLBACK_STARTED,
                   "update rolled back due to failure or early termination of task "
                   "jyt2adtzrk083h504svkqdw5m",
                   "spec1");
        take(&watched);
        assert_non_null(strstr(str_text(&watched.out),
                               "\x1b[2Krollback: update rolled back due to failure or early "
                               "termination of task jyt2a…\n"));
        finish(&watched);
}

static void a_service_that_is_removed_ends_the_wait(void **state)
{
        struct watched watched;

        (void)state;
        start(&watched, false, 1);
        watched.news->is_gone = true;
        assert_int_equal(take(&watched), PROGRESS_FAILED);
        assert_string_equal(str_text(&watched.progress.failure), "no such service: web");
        finish(&watched);
}

static void a_global_service_waits_for_its_first_tasks(void **state)
{
        struct watched watched;

        (void)state;
        start(&watched, false, 0);
        watched.news->service->spec->mode_case = SK__SERVICE_SPEC__MODE_GLOBAL;
        take(&watched);
        assert_string_equal(str_text(&watched.out), "overall progress: 0 out of 0 tasks\n");
        watched.news->wanted = 1;
        add_slot(&watched, 0, SK__TASK_STATE__TASK_STARTING, "");
        str_clear(&watched.out);
        take(&watched);
        assert_string_equal(str_text(&watched.out), "overall progress: 0 out of 1 tasks\n");
        finish(&watched);
}

static void scaling_down_counts_no_more_than_is_wanted(void **state)
{
        struct watched watched;

        (void)state;
        start(&watched, false, 1);
        for (uint64_t slot = 1; slot <= 3; slot++)
                add_slot(&watched, slot, SK__TASK_STATE__TASK_RUNNING, "");
        take(&watched);
        assert_string_equal(str_text(&watched.out),
                            "overall progress: 1 out of 1 tasks\n1/1:  \n"
                            "verify: Waiting 5 seconds to verify that tasks are stable...\n");
        finish(&watched);
}

static void the_clock_is_asked_when_the_countdown_changes(void **state)
{
        struct watched watched;

        (void)state;
        start(&watched, false, 1);
        take(&watched);
        assert_int_equal(progress_wait_ns(&watched.progress, watched.now_ns), -1);
        add_slot(&watched, 1, SK__TASK_STATE__TASK_RUNNING, "");
        take(&watched);
        assert_int_equal(progress_wait_ns(&watched.progress, watched.now_ns), SECONDS(1));
        assert_int_equal(progress_wait_ns(&watched.progress, watched.now_ns + SECONDS(1) / 4),
                         SECONDS(3) / 4);
        finish(&watched);
}

/* A job of three, two at a time. */
static Sk__JobStatus__Run *start_job(struct watched *watched)
{
        Sk__JobStatus *job = NULL;
        Sk__ServiceView *view;

        start(watched, false, 3);
        view = watched->news->service;
        view->spec->mode_case = SK__SERVICE_SPEC__MODE_REPLICATED_JOB;
        view->spec->replicated_job =
                MAKE(&watched->arena, Sk__ReplicatedJob, SK__REPLICATED_JOB__INIT);
        view->spec->replicated_job->total_completions = 3;
        view->spec->replicated_job->max_concurrent = 2;
        view->counts = MAKE(&watched->arena, Sk__ServiceCounts, SK__SERVICE_COUNTS__INIT);
        if (!view->service->spec)
                view->service->spec =
                        MAKE(&watched->arena, Sk__ServiceRevision, SK__SERVICE_REVISION__INIT);
        job = MAKE(&watched->arena, Sk__JobStatus, SK__JOB_STATUS__INIT);
        job->spec_id = view->service->spec->spec_id;
        job->runs = arena_alloc(&watched->arena, sizeof *job->runs);
        job->runs[job->n_runs++] =
                MAKE(&watched->arena, Sk__JobStatus__Run, SK__JOB_STATUS__RUN__INIT);
        view->service->progress =
                MAKE(&watched->arena, Sk__ServiceProgress, SK__SERVICE_PROGRESS__INIT);
        view->service->progress->job = job;
        return job->runs[0];
}

static void a_job_is_watched_until_its_run_is_over(void **state)
{
        struct watched watched;
        Sk__JobStatus__Run *run = start_job(&watched);

        (void)state;
        assert_int_equal(take(&watched), PROGRESS_GOES_ON);
        assert_string_equal(str_text(&watched.out),
                            "active tasks: 0 out of 2 tasks\n1/3:  \n2/3:  \n3/3:  \n");
        forget(&watched);
        add_slot(&watched, 1, SK__TASK_STATE__TASK_RUNNING, "");
        add_slot(&watched, 2, SK__TASK_STATE__TASK_RUNNING, "");
        take(&watched);
        assert_string_equal(str_text(&watched.out), "active tasks: 2 out of 2 tasks\n");
        forget(&watched);
        watched.news->service->counts->completed = 3;
        run->ended_at_ns = NOW_NS;
        assert_int_equal(take(&watched), PROGRESS_CONVERGED);
        assert_string_equal(str_text(&watched.out),
                            "active tasks: 0 out of 0 tasks\njob complete\n");
        finish(&watched);
}

static void a_job_with_failed_indexes_has_failed(void **state)
{
        struct watched watched;
        Sk__JobStatus__Run *run = start_job(&watched);

        (void)state;
        run->ended_at_ns = NOW_NS;
        run->n_failed = 1;
        run->message = "1 of 3 failed";
        assert_int_equal(take(&watched), PROGRESS_FAILED);
        assert_string_equal(str_text(&watched.progress.failure), "job failed: 1 of 3 failed");
        finish(&watched);
}

static void a_job_with_a_schedule_is_known_by_its_next_run(void **state)
{
        struct watched watched;
        Sk__JobStatus *job;

        (void)state;
        start_job(&watched);
        job = watched.news->service->service->progress->job;
        watched.news->service->spec->schedule =
                MAKE(&watched.arena, Sk__Schedule, SK__SCHEDULE__INIT);
        job->next_execution_ns = SECONDS(1800000000);
        assert_int_equal(take(&watched), PROGRESS_CONVERGED);
        assert_string_equal(str_text(&watched.out),
                            "job scheduled: next run at 2027-01-15T08:00:00Z\n");
        finish(&watched);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(without_a_terminal_a_service_converges_line_by_line),
                cmocka_unit_test(nothing_new_prints_nothing),
                cmocka_unit_test(a_job_is_watched_until_its_run_is_over),
                cmocka_unit_test(a_job_with_failed_indexes_has_failed),
                cmocka_unit_test(a_job_with_a_schedule_is_known_by_its_next_run),
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
