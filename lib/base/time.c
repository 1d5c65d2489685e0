/* Points in time and how long ago they are, as text. */
#include "lib/base/time.h"

#include "lib/base/parse.h"

/* A day of the proleptic Gregorian calendar. */
struct date {
        int64_t year;
        int month, day;
};

/* Days since 1970-01-01.  Years begin in March here, so that the leap day is the last of its year.
 */
static int64_t days_of_date(struct date date)
{
        int64_t year = date.month <= 2 ? date.year - 1 : date.year;
        int64_t month = (date.month + 9) % 12;
        int64_t era = (year >= 0 ? year : year - 399) / 400, year_of_era = year - era * 400;

        return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 +
               (153 * month + 2) / 5 + date.day - 1 - 719468;
}

static struct date date_of_days(int64_t days)
{
        int64_t since = days + 719468, era = (since >= 0 ? since : since - 146096) / 146097;
        int64_t day = since - era * 146097;
        int64_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
        int64_t day_of_year = day - (year * 365 + year / 4 - year / 100);
        int64_t month = (5 * day_of_year + 2) / 153;

        return (struct date){
                .year = era * 400 + year + (month >= 10),
                .month = (int)(month < 10 ? month + 3 : month - 9),
                .day = (int)(day_of_year - (153 * month + 2) / 5 + 1),
        };
}

static int days_in_month(int64_t year, int month)
{
        static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
        bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

        return month == 2 && is_leap ? 29 : days[month - 1];
}

void str_add_time(struct str *str, int64_t time_ns)
{
        int64_t day = time_ns / NS_PER_DAY, rest = time_ns % NS_PER_DAY, second, part, unit;
        struct date date;

        if (rest < 0) {
                rest += NS_PER_DAY;
                day--;
        }
        date = date_of_days(day);
        second = rest / NS_PER_S;
        str_addf(str, "%04lld-%02d-%02dT%02d:%02d:%02d", (long long)date.year, date.month, date.day,
                 (int)(second / 3600), (int)(second / 60 % 60), (int)(second % 60));
        part = rest % NS_PER_S;
        if (part)
                str_add_char(str, '.');
        for (unit = NS_PER_S / 10; part; part %= unit, unit /= 10)
                str_add_char(str, (char)('0' + part / unit));
        str_add_char(str, 'Z');
}

/* Exactly 'n' digits of a number from 'least' to 'most'; moves *at behind them. */
static bool read_number(const char **at, int n, int least, int most, int *ret)
{
        int value = 0;

        for (int i = 0; i < n; i++) {
                char c = (*at)[i];

                if (c < '0' || c > '9')
                        return false;
                value = value * 10 + (c - '0');
        }
        *at += n;
        *ret = value;
        return value >= least && value <= most;
}

static bool read_char(const char **at, char c)
{
        if (**at != c)
                return false;
        (*at)++;
        return true;
}

static bool read_date(const char **at, int64_t *ret_days)
{
        struct date date = { 0 };
        int year;

        if (!read_number(at, 4, 0, 9999, &year) || !read_char(at, '-') ||
            !read_number(at, 2, 1, 12, &date.month) || !read_char(at, '-') ||
            !read_number(at, 2, 1, days_in_month(year, date.month), &date.day))
                return false;
        date.year = year;
        *ret_days = days_of_date(date);
        return true;
}

/* ".5" and the like: 1 to 9 digits; nothing there is 0. */
static bool read_fraction(const char **at, int64_t *ret_ns)
{
        int64_t unit = NS_PER_S / 10, ns = 0;

        *ret_ns = 0;
        if (!read_char(at, '.'))
                return true;
        if (**at < '0' || **at > '9')
                return false;
        for (; **at >= '0' && **at <= '9'; (*at)++, unit /= 10) {
                if (!unit)
                        return false;
                ns += (**at - '0') * unit;
        }
        *ret_ns = ns;
        return true;
}

/* "Z", "+01:00", or nothing, which is UTC. */
static bool read_zone(const char **at, int64_t *ret_seconds)
{
        bool is_west = **at == '-';
        int hour, minute;

        *ret_seconds = 0;
        if (!**at || read_char(at, 'Z'))
                return true;
        if (!read_char(at, '+') && !read_char(at, '-'))
                return false;
        if (!read_number(at, 2, 0, 23, &hour) || !read_char(at, ':') ||
            !read_number(at, 2, 0, 59, &minute))
                return false;
        *ret_seconds = (hour * 60 + minute) * (is_west ? -60 : 60);
        return true;
}

static bool read_time(const char *at, int64_t *ret_ns)
{
        int64_t days, part = 0, zone = 0, seconds;
        int hour = 0, minute = 0, second = 0;

        if (!read_date(&at, &days))
                return false;
        if (*at && (!read_char(&at, 'T') || !read_number(&at, 2, 0, 23, &hour) ||
                    !read_char(&at, ':') || !read_number(&at, 2, 0, 59, &minute) ||
                    !read_char(&at, ':') || !read_number(&at, 2, 0, 59, &second) ||
                    !read_fraction(&at, &part) || !read_zone(&at, &zone)))
                return false;
        seconds = days * 86400 + hour * 3600 + minute * 60 + second - zone;
        return !*at && !__builtin_mul_overflow(seconds, NS_PER_S, ret_ns) &&
               !__builtin_add_overflow(*ret_ns, part, ret_ns);
}

int str_to_time(const char *text, int64_t *ret_ns, struct err *err)
{
        int64_t ns;

        if (!text || !read_time(text, &ns))
                return parse_error(text, "a time such as 2026-11-20T05:31:53Z (years 1678 to 2261)",
                                   err);
        *ret_ns = ns;
        return 0;
}

void str_add_human_duration(struct str *str, int64_t ns)
{
        int64_t seconds = ns / NS_PER_S, minutes = seconds / 60;
        int64_t hours = ns / NS_PER_HOUR + (ns % NS_PER_HOUR >= NS_PER_HOUR / 2);

        if (seconds < 1)
                str_add(str, "Less than a second");
        else if (seconds == 1)
                str_add(str, "1 second");
        else if (seconds < 60)
                str_addf(str, "%lld seconds", (long long)seconds);
        else if (minutes == 1)
                str_add(str, "About a minute");
        else if (minutes < 60)
                str_addf(str, "%lld minutes", (long long)minutes);
        else if (hours == 1)
                str_add(str, "About an hour");
        else if (hours < 48)
                str_addf(str, "%lld hours", (long long)hours);
        else if (hours < 24 * 7 * 2)
                str_addf(str, "%lld days", (long long)(hours / 24));
        else if (hours < 24 * 30 * 2)
                str_addf(str, "%lld weeks", (long long)(hours / 24 / 7));
        else if (hours < 24 * 365 * 2)
                str_addf(str, "%lld months", (long long)(hours / 24 / 30));
        else
                str_addf(str, "%lld years", (long long)(ns / NS_PER_HOUR / 24 / 365));
}
