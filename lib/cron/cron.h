/* When is it time?  Cron's five fields, in a timezone.
 *
 *         minute hour day-of-month month day-of-week
 *         0-59   0-23 1-31         1-12  0-7 (0 and 7 are Sunday)
 *
 * A field is "*" or a list of numbers, ranges and steps: "1,15", "8-18", "*" followed by "/10",
 * "10-50/20", "5/15" (from 5 on).  Months and days of the week have names, too: "jan", "MON".  As
 * everywhere, when both days are given, either will do.  "@hourly", "@daily" or "@midnight",
 * "@weekly", "@monthly" and "@yearly" or "@annually" stand for the obvious.
 *
 * When clocks change, a time that they leave out is the moment after the gap, and a time that comes
 * twice is the first of the two: so what is asked for once a day happens once a day.  What is asked
 * for in every hour goes by the hours that there are. */
#pragma once
#include "lib/base/err.h"
#include "lib/cron/zone.h"

struct cron {
        uint64_t minutes;
        uint32_t hours, days, months, weekdays; /* a bit per number */
        bool either_day;                        /* a day of the month or of the week will do */
};

/* ERR_INVALID says which field is wrong; a schedule that never comes ("0 0 30 2 *") is refused. */
int cron_parse(const char *text, struct cron *ret, struct err *err);

/* The first time after 'after_ns'; TIME_NEVER beyond what a time can say. */
int64_t cron_next(const struct cron *cron, const struct zone *zone, int64_t after_ns);
