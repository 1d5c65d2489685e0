/* Days and dates: years begin in March here, so that the leap day comes last. */
#include "lib/cron/civil.h"

enum { CYCLE = 146097 /* days in 400 years */, EPOCH = 719468 /* 1970-01-01 since 0000-03-01 */ };

static int64_t floor_divide(int64_t a, int64_t b)
{
        return a / b - (a % b < 0);
}

int64_t civil_day(struct date date)
{
        int64_t year = date.year - (date.month <= 2), era = floor_divide(year, 400);
        int64_t of_era = year - era * 400;
        int64_t of_year = (153 * ((date.month + 9) % 12) + 2) / 5 + date.day - 1;

        return era * CYCLE + of_era * 365 + of_era / 4 - of_era / 100 + of_year - EPOCH;
}

struct date civil_date(int64_t day)
{
        int64_t era = floor_divide(day + EPOCH, CYCLE), of_cycle = day + EPOCH - era * CYCLE;
        int64_t of_era = (of_cycle - of_cycle / 1460 + of_cycle / 36524 - of_cycle / 146096) / 365;
        int64_t of_year = of_cycle - (365 * of_era + of_era / 4 - of_era / 100);
        int month = (int)((5 * of_year + 2) / 153);
        struct date date = { .day = (int)(of_year - (153 * month + 2) / 5 + 1),
                             .month = month < 10 ? month + 3 : month - 9 };

        date.year = era * 400 + of_era + (date.month <= 2);
        return date;
}

int civil_weekday(int64_t day)
{
        int weekday = (int)((day + 4) % 7);

        return weekday < 0 ? weekday + 7 : weekday;
}

int civil_month_length(int64_t year, int month)
{
        static const int lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
        bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

        return lengths[month - 1] + (month == 2 && is_leap);
}
