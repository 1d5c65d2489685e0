/* When it is time for a job with a schedule.
 *
 * Of the times that have passed since the last look, the newest is for a run, unless it is longer
 * ago than the starting deadline; the others were missed.  The next time follows from the one
 * before, and never from the clock: so no time is taken twice or lost, whatever the clock does and
 * whoever decides. */
#include "lib/base/time.h"
#include "lib/cron/cron.h"
#include "manager/orchestrator/job.h"

#define DEADLINE_DEFAULT (5 * NS_PER_MINUTE)

/* How many times are passed in one look. */
enum { TIMES_MOST = 10000 };

static int64_t next_after(const struct work *work, int64_t after_ns)
{
        const Sk__Schedule *schedule = work->spec->schedule;
        struct zone zone;
        struct cron cron;
        int64_t at;

        if (!schedule || cron_parse(schedule->cron, &cron, NULL) < 0)
                return 0;
        zone_init(&zone, schedule->zone);
        at = cron_next(&cron, &zone, after_ns);
        return at == TIME_NEVER ? 0 : at;
}

int64_t schedule_next(const struct work *work)
{
        return next_after(work, view_now(work->view));
}

bool schedule_is_due(struct work *work, Sk__JobStatus *job)
{
        const Sk__Schedule *schedule = work->spec->schedule;
        int64_t now = view_now(work->view), newest = 0, next = job->next_execution_ns;
        int64_t deadline = schedule && schedule->starting_deadline_ns
                                   ? schedule->starting_deadline_ns
                                   : DEADLINE_DEFAULT;
        size_t n = 0;
        bool is_in_time;

        for (; next && next <= now && n < TIMES_MOST; n++) {
                newest = next;
                next = next_after(work, next);
        }
        job->next_execution_ns = next;
        is_in_time = schedule && (!next || next > now) && time_after(newest, deadline) >= now;
        job->n_missed += n - is_in_time;
        return is_in_time;
}
