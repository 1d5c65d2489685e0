/* What is shown of a job while it runs. */
#include <string.h>

#include "tests/unit/cli/watched.h"
#include "tests/unit/test.h"

/* A job of three, two at a time. */
static Sk__JobStatus__Run *start_job(struct watched *watched)
{
        Sk__JobStatus *job = NULL;
        Sk__ServiceView *view;

        watched_start(watched, false, 3);
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
        assert_int_equal(watched_take(&watched), PROGRESS_GOES_ON);
        assert_string_equal(str_text(&watched.out),
                            "active tasks: 0 out of 2 tasks\n1/3:  \n2/3:  \n3/3:  \n");
        watched_forget(&watched);
        watched_add_slot(&watched, 1, SK__TASK_STATE__TASK_RUNNING, "");
        watched_add_slot(&watched, 2, SK__TASK_STATE__TASK_RUNNING, "");
        watched_take(&watched);
        assert_string_equal(str_text(&watched.out), "active tasks: 2 out of 2 tasks\n");
        watched_forget(&watched);
        watched.news->service->counts->completed = 3;
        run->ended_at_ns = NOW_NS;
        assert_int_equal(watched_take(&watched), PROGRESS_CONVERGED);
        assert_string_equal(str_text(&watched.out),
                            "active tasks: 0 out of 0 tasks\njob complete\n");
        watched_finish(&watched);
}

static void a_job_with_failed_indexes_has_failed(void **state)
{
        struct watched watched;
        Sk__JobStatus__Run *run = start_job(&watched);

        (void)state;
        run->ended_at_ns = NOW_NS;
        run->n_failed = 1;
        run->message = "1 of 3 failed";
        assert_int_equal(watched_take(&watched), PROGRESS_FAILED);
        assert_string_equal(str_text(&watched.progress.failure), "job failed: 1 of 3 failed");
        watched_finish(&watched);
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
        assert_int_equal(watched_take(&watched), PROGRESS_CONVERGED);
        assert_string_equal(str_text(&watched.out),
                            "job scheduled: next run at 2027-01-15T08:00:00Z\n");
        watched_finish(&watched);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_job_is_watched_until_its_run_is_over),
                cmocka_unit_test(a_job_with_failed_indexes_has_failed),
                cmocka_unit_test(a_job_with_a_schedule_is_known_by_its_next_run),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
