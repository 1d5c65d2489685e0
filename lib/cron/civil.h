/* Days and dates, of the calendar that is used everywhere. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum { DAY_S = 86400 };

struct date {
        int64_t year;
        int month, day; /* from 1 */
};

int64_t civil_day(struct date date); /* days since 1970-01-01 */
struct date civil_date(int64_t day);
int civil_weekday(int64_t day); /* 0: Sunday */
int civil_month_length(int64_t year, int month);
