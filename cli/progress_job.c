/* What to show of a job while it runs. */
#include <stdio.h>

#include "cli/progress_part.h"
#include "lib/base/time.h"

bool progress_is_job(const Sk__WatchServiceResponse *news)
{
        const Sk__ServiceSpec *spec = news->service ? news->service->spec : NULL;

        return spec && (spec->mode_case == SK__SERVICE_SPEC__MODE_REPLICATED_JOB ||
                        spec->mode_case == SK__SERVICE_SPEC__MODE_GLOBAL_JOB);
}

/* The run that was asked for; NULL while it has not begun. */
static const Sk__JobStatus__Run *run_of(const Sk__Service *service)
{
        const Sk__JobStatus *job = service->progress ? service->progress->job : NULL;

        return job && job->n_runs && str_equal(job->spec_id, service->spec->spec_id) &&
                               job->runs_asked == service->spec->runs_asked
                       ? job->runs[0]
                       : NULL;
}

static uint64_t most_at_once(const Sk__WatchServiceResponse *news)
{
        const Sk__ServiceSpec *spec = news->service->spec;
        uint64_t completed = news->service->counts ? news->service->counts->completed : 0;
        uint64_t left = news->wanted > completed ? news->wanted - completed : 0, most = left;

        if (spec->mode_case == SK__SERVICE_SPEC__MODE_REPLICATED_JOB &&
            spec->replicated_job->max_concurrent)
                most = spec->replicated_job->max_concurrent;
        return most < left ? most : left;
}

/* Docker's lines; that of the whole only on a terminal, as docker does. */
static void show_lines(struct progress *progress, const Sk__WatchServiceResponse *news,
                       struct str *out)
{
        bool is_global = news->service->spec->mode_case == SK__SERVICE_SPEC__MODE_GLOBAL_JOB;
        uint64_t completed = news->service->counts ? news->service->counts->completed : 0;
        char line[120];

        snprintf(line, sizeof line, "job progress: %llu out of %llu complete",
                 (unsigned long long)completed, (unsigned long long)news->wanted);
        if (is_global && !news->n_slots)
                snprintf(line, sizeof line, "job progress: waiting for tasks");
        progress_line(progress, 0, progress->is_terminal || is_global ? line : "", out);
        snprintf(line, sizeof line, "active tasks: %llu out of %llu tasks",
                 (unsigned long long)news->running, (unsigned long long)most_at_once(news));
        progress_line(progress, 1, is_global ? "" : line, out);
        progress_cut(progress, progress_slots(progress, news, 2, out));
}

/* A job with a schedule is as it shall be when it is known when it runs next. */
static enum progress_verdict tell_next(struct progress *progress,
                                       const Sk__WatchServiceResponse *news, struct str *out)
{
        const Sk__Service *service = news->service->service;
        const Sk__JobStatus *job = service->progress ? service->progress->job : NULL;
        struct str line = { 0 };

        if (!job || !str_equal(job->spec_id, service->spec->spec_id))
                return PROGRESS_GOES_ON;
        str_add(&line, "job scheduled: ");
        if (job->next_execution_ns) {
                str_add(&line, "next run at ");
                str_add_time(&line, job->next_execution_ns);
        } else {
                str_add(&line, "there is no next run");
        }
        progress_line(progress, 0, str_text(&line), out);
        str_done(&line);
        progress_draw(progress, out);
        return PROGRESS_CONVERGED;
}

enum progress_verdict progress_take_job(struct progress *progress,
                                        const Sk__WatchServiceResponse *news, struct str *out)
{
        const Sk__JobStatus__Run *run = run_of(news->service->service);

        if (news->service->spec->schedule && !progress->awaits_run)
                return tell_next(progress, news, out);
        if (!run)
                return PROGRESS_GOES_ON;
        show_lines(progress, news, out);
        if (run->ended_at_ns && !run->n_failed)
                progress_line(progress, progress->lines.n, "job complete", out);
        progress_draw(progress, out);
        if (run->ended_at_ns && run->n_failed)
                return progress_fail(progress, "job failed: ", run->message);
        return run->ended_at_ns ? PROGRESS_CONVERGED : PROGRESS_GOES_ON;
}
