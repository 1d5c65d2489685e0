/* When a job's runs begin and end.
 *
 * Without a schedule a run begins with every revision; and whenever a person asks for one. */
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

/* Room is made by dropping the oldest. */
static void begin_run(struct work *work, Sk__JobStatus *job)
{
        struct arena *arena = &work->plan->arena;
        Sk__JobStatus__Run *run = arena_alloc(arena, sizeof *run), **runs;
        size_t kept = runs_kept(work);

        sk__job_status__run__init(run);
        run->iteration = ++job->iteration;
        run->started_at_ns = job->last_execution_ns = view_now(work->view);
        run->spec_id = arena_strdup(arena, work->service->spec->spec_id);
        runs = arena_alloc(arena, (job->n_runs + 1) * sizeof *runs);
        runs[0] = run;
        if (job->n_runs)
                memcpy(runs + 1, job->runs, job->n_runs * sizeof *runs);
        job->runs = runs;
        job->n_runs = job->n_runs + 1 < kept ? job->n_runs + 1 : kept;
}

static void end_others(struct work *work, Sk__JobStatus *job, const char *message)
{
        for (size_t i = 0; i < job->n_runs; i++)
                if (!job->runs[i]->ended_at_ns)
                        end_run(work, job->runs[i], message);
}

bool job_begin(struct work *work)
{
        const Sk__JobStatus *job = work->service->progress ? work->service->progress->job : NULL;
        const Sk__ServiceRevision *revision = work->service->spec;
        bool is_new = !job || strcmp(job->spec_id, revision->spec_id) != 0;
        bool is_asked = revision->runs_asked > (job ? job->runs_asked : 0);
        Sk__JobStatus *changed;

        if (!is_new && !is_asked)
                return false;
        changed = change(work);
        changed->spec_id = arena_strdup(&work->plan->arena, revision->spec_id);
        changed->runs_asked = revision->runs_asked;
        end_others(work, changed, is_new ? "the service was updated" : "another run was asked for");
        begin_run(work, changed);
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
