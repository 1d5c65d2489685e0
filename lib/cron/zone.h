/* A timezone's clock: how far it is from UTC, and when that changes. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/specs.pb-c.h"
#include "lib/base/err.h"
#include "lib/base/mem.h"

/* A change of the clock that comes every year. */
struct zone_edge {
        enum { EDGE_JULIAN, EDGE_DAY, EDGE_WEEKDAY } kind;
        int day;         /* JULIAN: 1 to 365, never February 29; DAY: from 0 */
        int month, week; /* WEEKDAY 'day' (0: Sunday), the week-th (5: last) of the month */
        int time_s;      /* after midnight by the clock that ends */
};

/* What POSIX' TZ says: "CET-1CEST,M3.5.0,M10.5.0/3". */
struct zone_rule {
        int standard_s, summer_s; /* east of UTC */
        bool has_summer;
        struct zone_edge begin, end; /* of summer */
};

struct zone {
        const Sk__Zone *table; /* NULL: UTC */
        struct zone_rule rule; /* after the table's last change */
        bool has_rule;
};

/* 'table' NULL: UTC.  What is wrong with its rule is as if there were none. */
void zone_init(struct zone *zone, const Sk__Zone *table);

int zone_offset(const struct zone *zone, int64_t at_s);
/* The first change of the offset after 'at_s'; INT64_MAX: none. */
int64_t zone_next_change(const struct zone *zone, int64_t at_s);
/* When the zone's clock shows this (seconds since 1970-01-01T00:00 by that clock): the first time
 * if it does so twice, the end of the gap if it never does. */
int64_t zone_when(const struct zone *zone, int64_t shown_s);

int zone_rule_parse(const char *text, struct zone_rule *ret);

/* The content of a file of the timezone database (TZif), as far as it is about 'since_s' or later;
 * in the arena. */
int zone_read(struct arena *arena, const void *data, size_t size, int64_t since_s, Sk__Zone **ret,
              struct err *err);

/* "Europe/Berlin": letters, digits and "+-_" between slashes. */
bool zone_name_is_valid(const char *name);
