/* The next time of a schedule. */
#include "lib/base/time.h"
#include "lib/cron/civil.h"
#include "lib/cron/cron.h"

/* February 29 falls on a given weekday every 28 years, every 40 when a year like 2100 lies between.
 */
enum { DAYS_MOST = 41 * 366, MINUTE_S = 60, HOUR_S = 3600, EVERY_HOUR = (1 << 24) - 1 };

/* Changes of the clock that are passed in search of one time. */
enum { CHANGES_MOST = 1000 };

static bool day_matches(const struct cron *cron, int64_t day, struct date date)
{
        bool of_month = cron->days >> date.day & 1;
        bool of_week = cron->weekdays >> civil_weekday(day) & 1;

        return cron->months >> date.month & 1 &&
               (cron->either_day ? of_month || of_week : of_month && of_week);
}

/* The first matching minute of the day at 'from_s' after midnight or later; -1: none. */
static int first_in_day(const struct cron *cron, int from_s)
{
        int minute = (from_s + MINUTE_S - 1) / MINUTE_S;

        for (int hour = minute / 60; hour < 24; hour++, minute = hour * 60) {
                if (!(cron->hours >> hour & 1))
                        continue;
                for (; minute < (hour + 1) * 60; minute++)
                        if (cron->minutes >> minute % 60 & 1)
                                return minute * MINUTE_S;
        }
        return -1;
}

/* What the clock shows at the first matching minute, at 'from_s' or later; INT64_MAX. */
static int64_t next_shown(const struct cron *cron, int64_t from_s)
{
        int64_t first = from_s / DAY_S - (from_s % DAY_S < 0);

        for (int64_t day = first; day < first + DAYS_MOST; day++) {
                struct date date = civil_date(day);
                int at = -1;

                /* No month ends before its 28th. */
                if (!(cron->months >> date.month & 1) && date.day < 28)
                        day += 27 - date.day;
                else if (day_matches(cron, day, date))
                        at = first_in_day(cron, day == first ? (int)(from_s - day * DAY_S) : 0);
                if (at >= 0)
                        return day * DAY_S + at;
        }
        return INT64_MAX;
}

/* By the hours that there are: from one change of the clock to the next the offset stays. */
static int64_t next_by_hours(const struct cron *cron, const struct zone *zone, int64_t after_s)
{
        int64_t from_s = after_s + 1;

        for (int i = 0; i < CHANGES_MOST; i++) {
                int64_t change_s = zone_next_change(zone, from_s);
                int offset_s = zone_offset(zone, from_s);
                int64_t shown_s = next_shown(cron, from_s + offset_s);

                if (shown_s == INT64_MAX)
                        return INT64_MAX;
                if (shown_s - offset_s < change_s)
                        return shown_s - offset_s;
                from_s = change_s;
        }
        return INT64_MAX;
}

static int64_t next_by_clock(const struct cron *cron, const struct zone *zone, int64_t after_s)
{
        int64_t shown_s = after_s + zone_offset(zone, after_s), at_s = after_s;

        while (at_s <= after_s) {
                shown_s = next_shown(cron, shown_s);
                if (shown_s == INT64_MAX)
                        return INT64_MAX;
                at_s = zone_when(zone, shown_s);
                shown_s += MINUTE_S;
        }
        return at_s;
}

int64_t cron_next(const struct cron *cron, const struct zone *zone, int64_t after_ns)
{
        int64_t after_s = after_ns / NS_PER_S - (after_ns % NS_PER_S < 0), at_s;

        at_s = cron->hours == EVERY_HOUR ? next_by_hours(cron, zone, after_s)
                                         : next_by_clock(cron, zone, after_s);
        return at_s > INT64_MAX / NS_PER_S ? TIME_NEVER : at_s * NS_PER_S;
}
