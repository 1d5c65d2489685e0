/* What a job's schedule may say. */
#include "lib/base/str.h"
#include "lib/cron/cron.h"
#include "manager/api_server/check.h"

enum { HISTORY_MAX = 100 };

int check_schedule(const Sk__ServiceSpec *spec, struct err *err)
{
        const Sk__Schedule *schedule = spec->schedule;
        struct err why;
        struct cron cron;

        if (!schedule)
                return 0;
        if (spec->mode_case != SK__SERVICE_SPEC__MODE_REPLICATED_JOB &&
            spec->mode_case != SK__SERVICE_SPEC__MODE_GLOBAL_JOB)
                return err_set(err, ERR_INVALID,
                               "only jobs have a schedule: the mode must be replicated-job or "
                               "global-job");
        if (str_is_empty(schedule->cron))
                return err_set(err, ERR_INVALID,
                               "a timezone, concurrency, starting deadline or history goes with a "
                               "schedule only");
        if (cron_parse(schedule->cron, &cron, &why) < 0)
                return err_set(err, ERR_INVALID, "invalid schedule '%.64s': %s", schedule->cron,
                               why.text);
        if (!str_is_empty(schedule->timezone) && !str_equal(schedule->timezone, "UTC") &&
            !schedule->zone)
                return err_set(err, ERR_INVALID,
                               "unknown timezone '%.64s': see /usr/share/zoneinfo for the names",
                               schedule->timezone);
        if (schedule->concurrency > SK__SCHEDULE__CONCURRENCY__REPLACE)
                return err_set(err, ERR_INVALID, "unrecognized concurrency of a schedule");
        if (schedule->starting_deadline_ns < 0)
                return err_set(err, ERR_INVALID, "the starting deadline cannot be negative");
        if (schedule->history > HISTORY_MAX)
                return err_set(err, ERR_INVALID, "at most %d runs of a job are kept", HISTORY_MAX);
        return 0;
}
