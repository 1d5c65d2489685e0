/* Times are nanoseconds since the Unix epoch in an int64_t, durations are nanoseconds too, unless a
 * name says _ms. */
#pragma once
#include <stdint.h>

#include "lib/base/str.h"

#define NS_PER_US INT64_C(1000)
#define NS_PER_MS INT64_C(1000000)
#define NS_PER_S INT64_C(1000000000)
#define NS_PER_MINUTE (60 * NS_PER_S)
#define NS_PER_HOUR (60 * NS_PER_MINUTE)
#define NS_PER_DAY (24 * NS_PER_HOUR)

/* Later than any time. */
#define TIME_NEVER INT64_MAX

/* So much later; TIME_NEVER when that is beyond what an int64_t holds. */
static inline int64_t time_after(int64_t time_ns, int64_t delay_ns)
{
        int64_t at;

        return __builtin_add_overflow(time_ns, delay_ns, &at) ? TIME_NEVER : at;
}

/* RFC 3339 with nanoseconds and no trailing zeros, in UTC: "2026-11-20T05:31:53.519172983Z". */
void str_add_time(struct str *str, int64_t time_ns);

/* The other way: RFC 3339 with Z or an offset, or "YYYY-MM-DDTHH:MM:SS" or "YYYY-MM-DD" taken as
 * UTC.  At most 9 digits of a second; years 1678 to 2261 (what an int64_t holds). */
int str_to_time(const char *text, int64_t *ret_ns, struct err *err);

/* "Less than a second", "5 seconds", "About a minute", "3 hours", as docker says how long something
 * took. */
void str_add_human_duration(struct str *str, int64_t ns);
