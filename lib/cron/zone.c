/* A timezone's clock, told from its changes and its rule. */
#include "lib/cron/zone.h"

#include <string.h>

#include "lib/cron/civil.h"

/* --- the rule --- */

/* When the edge comes, by the clock that it ends. */
static int64_t edge_shown(const struct zone_edge *edge, int64_t year)
{
        int64_t first = civil_day((struct date){ .year = year, .month = 1, .day = 1 }), day;
        int length;

        if (edge->kind == EDGE_DAY)
                return (first + edge->day) * DAY_S + edge->time_s;
        if (edge->kind == EDGE_JULIAN)
                return (first + edge->day - 1 +
                        (edge->day > 59 && civil_month_length(year, 2) == 29)) *
                               DAY_S +
                       edge->time_s;
        length = civil_month_length(year, edge->month);
        first = civil_day((struct date){ .year = year, .month = edge->month, .day = 1 });
        day = (edge->day - civil_weekday(first) + 7) % 7 + 7 * (edge->week - 1);
        return (first + (day < length ? day : day - 7)) * DAY_S + edge->time_s;
}

/* The last change at or before 'at_s' as *ret_offset, and the first one after it. */
static int64_t rule_look(const struct zone_rule *rule, int64_t at_s, int *ret_offset)
{
        int64_t year = civil_date(at_s / DAY_S - (at_s % DAY_S < 0)).year;
        int64_t before = INT64_MIN, after = INT64_MAX;

        *ret_offset = rule->standard_s;
        for (int i = -2; rule->has_summer && i < 4; i++) {
                bool is_begin = i % 2 == 0;
                int64_t of = year + (i + 2) / 2 - 1;
                int64_t change = is_begin ? edge_shown(&rule->begin, of) - rule->standard_s
                                          : edge_shown(&rule->end, of) - rule->summer_s;

                if (change > at_s && change < after)
                        after = change;
                if (change <= at_s && change > before) {
                        before = change;
                        *ret_offset = is_begin ? rule->summer_s : rule->standard_s;
                }
        }
        return after;
}

/* --- the table, and then the rule --- */

void zone_init(struct zone *zone, const Sk__Zone *table)
{
        *zone = (struct zone){ .table = table };
        zone->has_rule = table && table->rule[0] && zone_rule_parse(table->rule, &zone->rule) == 0;
}

/* How many changes came at or before 'at_s'. */
static size_t count_changes(const Sk__Zone *table, int64_t at_s)
{
        size_t n = 0;

        while (n < table->n_changes && table->changes[n]->at_s <= at_s)
                n++;
        return n;
}

static int64_t look(const struct zone *zone, int64_t at_s, int *ret_offset)
{
        const Sk__Zone *table = zone->table;
        size_t n = table ? count_changes(table, at_s) : 0;

        *ret_offset = !table ? 0 : n ? table->changes[n - 1]->offset_s : table->offset_s;
        if (table && n < table->n_changes)
                return table->changes[n]->at_s;
        return zone->has_rule ? rule_look(&zone->rule, at_s, ret_offset) : INT64_MAX;
}

int zone_offset(const struct zone *zone, int64_t at_s)
{
        int offset;

        look(zone, at_s, &offset);
        return offset;
}

int64_t zone_next_change(const struct zone *zone, int64_t at_s)
{
        int offset;

        return look(zone, at_s, &offset);
}

int64_t zone_when(const struct zone *zone, int64_t shown_s)
{
        /* A change nearby is between these two. */
        int before = zone_offset(zone, shown_s - DAY_S), after = zone_offset(zone, shown_s + DAY_S);

        if (zone_offset(zone, shown_s - before) == before)
                return shown_s - before;
        if (zone_offset(zone, shown_s - after) == after)
                return shown_s - after;
        return zone_next_change(zone, shown_s - (after > before ? after : before));
}

bool zone_name_is_valid(const char *name)
{
        static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                      "0123456789+-_/";

        return name[0] && strlen(name) <= 64 && name[0] != '/' &&
               name[strspn(name, allowed)] == '\0';
}
