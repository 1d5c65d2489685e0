/* POSIX' TZ: "CET-1CEST,M3.5.0,M10.5.0/3", "<+01>-1". */
#include <string.h>

#include "lib/cron/zone.h"

enum { NAME_LEAST = 3, HOURS_MOST = 167 };

static bool is_digit(char c)
{
        return c >= '0' && c <= '9';
}

static int take_name(const char **text)
{
        const char *end = *text;

        if (*end == '<') {
                end = strchr(end, '>');
                if (!end)
                        return -1;
                *text = end + 1;
                return 0;
        }
        while ((*end >= 'a' && *end <= 'z') || (*end >= 'A' && *end <= 'Z'))
                end++;
        if (end - *text < NAME_LEAST)
                return -1;
        *text = end;
        return 0;
}

static int take_number(const char **text, int least, int most, int *ret)
{
        int number = 0;

        if (!is_digit(**text))
                return -1;
        for (; is_digit(**text) && number <= most; ++*text)
                number = number * 10 + (**text - '0');
        *ret = number;
        return number < least || number > most ? -1 : 0;
}

static bool take_char(const char **text, char c)
{
        bool is_there = **text == c;

        *text += is_there;
        return is_there;
}

/* "-2:30:00" */
static int take_time(const char **text, int *ret)
{
        bool is_negative = take_char(text, '-');
        int hours, minutes = 0, seconds = 0;

        if (!is_negative)
                take_char(text, '+');
        if (take_number(text, 0, HOURS_MOST, &hours) < 0)
                return -1;
        if (take_char(text, ':') && take_number(text, 0, 59, &minutes) < 0)
                return -1;
        if (take_char(text, ':') && take_number(text, 0, 59, &seconds) < 0)
                return -1;
        *ret = (hours * 3600 + minutes * 60 + seconds) * (is_negative ? -1 : 1);
        return 0;
}

static int take_day(const char **text, struct zone_edge *edge)
{
        if (take_char(text, 'J')) {
                edge->kind = EDGE_JULIAN;
                return take_number(text, 1, 365, &edge->day);
        }
        if (!take_char(text, 'M')) {
                edge->kind = EDGE_DAY;
                return take_number(text, 0, 365, &edge->day);
        }
        edge->kind = EDGE_WEEKDAY;
        if (take_number(text, 1, 12, &edge->month) < 0 || !take_char(text, '.') ||
            take_number(text, 1, 5, &edge->week) < 0 || !take_char(text, '.'))
                return -1;
        return take_number(text, 0, 6, &edge->day);
}

static int take_edge(const char **text, struct zone_edge *edge)
{
        edge->time_s = 2 * 3600;
        if (!take_char(text, ',') || take_day(text, edge) < 0)
                return -1;
        return take_char(text, '/') ? take_time(text, &edge->time_s) : 0;
}

int zone_rule_parse(const char *text, struct zone_rule *ret)
{
        int west;

        *ret = (struct zone_rule){ 0 };
        if (take_name(&text) < 0 || take_time(&text, &west) < 0)
                return -1;
        ret->standard_s = -west;
        if (!*text)
                return 0;
        ret->has_summer = true;
        ret->summer_s = ret->standard_s + 3600;
        if (take_name(&text) < 0)
                return -1;
        if (*text != ',') {
                if (take_time(&text, &west) < 0)
                        return -1;
                ret->summer_s = -west;
        }
        if (take_edge(&text, &ret->begin) < 0 || take_edge(&text, &ret->end) < 0)
                return -1;
        return *text ? -1 : 0;
}
