/* When a job's runs begin and end.
 *
 * Without a schedule a run begins with every revision; with one, whenever it is time (schedule.c);
 * and whenever a person asks for it. */
#include <string.h>

#include "lib/base/str.h"
#include "manager/orchestrator/job.h"

/* Runs that are kept, with their tasks. */
enum { RUNS_DEFAULT = 10 };

static size_t runs_kept(const struct work *work)
{
        const Sk__Schedule *schedule = work->spec->schedule;

        return schedule && schedule->history ? schedule->history : RUNS_DEFAULT;
}

static Sk__JobStatus *change(struct work *work)
{
        Sk__ServiceProgress *progress = work_progress(work);

        if (!progress->job) {
                progress->job = arena_alloc(&work->plan->arena, sizeof *progress->job);
                sk__job_status__init(progress->job);
        }
        return progress->job;
}

static void end_run(struct work *work, Sk__JobStatus__Run *run, const char *message)
{
        run->ended_at_ns = view_now(work->view);
        run->message = message;
}

/* Forgets the oldest that is over; false when all are under way. */
static bool drop_oldest(Sk__JobStatus *job)
{
        for (size_t i = job->n_runs; i-- > 0;) {
                if (!job->runs[i]->ended_at_ns)
                        continue;
                memmove(&job->runs[i], &job->runs[i + 1], (--job->n_runs - i) * sizeof *job->runs);
                return true;
        }
        return false;
}

static void begin_run(struct work *work, Sk__JobStatus *job)
{
        struct arena *arena = &work->plan->arena;
        Sk__JobStatus__Run *run = arena_alloc(arena, sizeof *run), **runs;

        while (job->n_runs >= runs_kept(work) && drop_oldest(job))
                ;
        sk__job_status__run__init(run);
        run->iteration = ++job->iteration;
        run->started_at_ns = job->last_execution_ns = view_now(work->view);
        run->spec_id = arena_strdup(arena, work->service->spec->spec_id);
        runs = arena_alloc(arena, (job->n_runs + 1) * sizeof *runs);
        runs[0] = run;
        if (job->n_runs)
                memcpy(runs + 1, job->runs, job->n_runs * sizeof *runs);
        job->runs = runs;
        job->n_runs++;
}

static void end_others(struct work *work, Sk__JobStatus *job, const char *message)
{
        for (size_t i = 0; i < job->n_runs; i++)
                if (!job->runs[i]->ended_at_ns)
                        end_run(work, job->runs[i], message);
}

static size_t count_open(const Sk__JobStatus *job)
{
        size_t n = 0;

        for (size_t i = 0; i < job->n_runs; i++)
                n += !job->runs[i]->ended_at_ns;
        return n;
}

/* Begins a run beside those under way, instead of them, or not at all, as the schedule has it. */
static void begin_as_allowed(struct work *work, Sk__JobStatus *job, const char *reason)
{
        int policy = work->spec->schedule ? (int)work->spec->schedule->concurrency
                                          : SK__SCHEDULE__CONCURRENCY__REPLACE;
        bool may =
                policy == SK__SCHEDULE__CONCURRENCY__REPLACE || !count_open(job) ||
                (policy == SK__SCHEDULE__CONCURRENCY__ALLOW && count_open(job) < runs_kept(work));

        if (policy == SK__SCHEDULE__CONCURRENCY__REPLACE)
                end_others(work, job, reason);
        if (may)
                begin_run(work, job);
        else
                job->n_missed++;
}

static void take_revision(struct work *work, Sk__JobStatus *job)
{
        job->spec_id = arena_strdup(&work->plan->arena, work->service->spec->spec_id);
        job->next_execution_ns = schedule_next(work);
        if (work->spec->schedule)
                return;
        job->runs_asked = work->service->spec->runs_asked;
        end_others(work, job, "the service was updated");
        begin_run(work, job);
}

bool job_begin(struct work *work)
{
        const Sk__JobStatus *job = work->service->progress ? work->service->progress->job : NULL;
        const Sk__ServiceRevision *revision = work->service->spec;
        bool is_new = !job || strcmp(job->spec_id, revision->spec_id) != 0;
        bool is_asked = revision->runs_asked > (job ? job->runs_asked : 0);
        bool is_due =
                job && job->next_execution_ns && job->next_execution_ns <= view_now(work->view);
        Sk__JobStatus *changed;

        if (!is_new && !is_asked && !is_due)
                return false;
        changed = change(work);
        /* What was due before the service was updated is not forgotten. */
        if (is_due && schedule_is_due(work, changed))
                begin_as_allowed(work, changed, "it was time for the next run");
        if (is_new)
                take_revision(work, changed);
        if (revision->runs_asked > changed->runs_asked) {
                /* Of those asked for at once, one. */
                changed->n_missed += revision->runs_asked - changed->runs_asked - 1;
                changed->runs_asked = revision->runs_asked;
                begin_as_allowed(work, changed, "another run was asked for");
        }
        return true;
}

void job_tell(struct work *work, const struct job_result *result)
{
        bool was_over = work->run->ended_at_ns != 0;
        Sk__JobStatus__Run *run = NULL;
        Sk__JobStatus *job;

        if (was_over == result->is_over)
                return;
        job = change(work);
        for (size_t i = 0; i < job->n_runs; i++)
                if (job->runs[i]->iteration == work->run->iteration)
                        run = job->runs[i];
        if (!run)
                return;
        run->ended_at_ns = 0;
        run->message = "";
        run->n_completed = result->n_completed;
        run->n_failed = result->n_failed;
        if (result->is_over)
                end_run(work, run,
                        result->n_failed ? arena_printf(&work->plan->arena, "%zu of %zu failed",
                                                        result->n_failed, result->n)
                                         : "job complete");
}
