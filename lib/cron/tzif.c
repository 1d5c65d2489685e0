/* A file of the timezone database, RFC 8536: the part with 64-bit times, and the rule at its end.
 */
#include <string.h>

#include "lib/base/check.h"
#include "lib/cron/zone.h"

enum { HEADER = 44, COUNT_MOST = 4096, TYPES_MOST = 256, RULE_MOST = 128 };

/* A header's counts, in its order. */
struct counts {
        uint32_t n_utc, n_standard, n_leap, n_times, n_types, n_chars;
};

struct cursor {
        const uint8_t *at, *end;
};

static uint32_t read_32(const uint8_t *at)
{
        return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static int64_t read_64(const uint8_t *at)
{
        return (int64_t)((uint64_t)read_32(at) << 32 | read_32(at + 4));
}

/* So many bytes; NULL: there are fewer. */
static const uint8_t *take(struct cursor *cursor, size_t size)
{
        const uint8_t *at = cursor->at;

        if ((size_t)(cursor->end - at) < size)
                return NULL;
        cursor->at += size;
        return at;
}

static int take_header(struct cursor *cursor, struct counts *ret)
{
        const uint8_t *at = take(cursor, HEADER);

        if (!at || memcmp(at, "TZif", 4) != 0 || at[4] < '2')
                return -1;
        at += 20;
        *ret = (struct counts){ read_32(at),      read_32(at + 4),  read_32(at + 8),
                                read_32(at + 12), read_32(at + 16), read_32(at + 20) };
        return ret->n_utc > TYPES_MOST || ret->n_standard > TYPES_MOST ||
                               ret->n_leap > COUNT_MOST || ret->n_times > COUNT_MOST ||
                               ret->n_types > TYPES_MOST || !ret->n_types ||
                               ret->n_chars > COUNT_MOST
                       ? -1
                       : 0;
}

static size_t rest_size(const struct counts *counts, size_t time_size)
{
        return counts->n_chars + counts->n_leap * (time_size + 4) + counts->n_standard +
               counts->n_utc;
}

static int add_changes(struct arena *arena, struct cursor *cursor, const struct counts *counts,
                       int64_t since_s, Sk__Zone *zone)
{
        const uint8_t *times = take(cursor, counts->n_times * 8);
        const uint8_t *which = times ? take(cursor, counts->n_times) : NULL;
        const uint8_t *types = which ? take(cursor, counts->n_types * 6) : NULL;

        if (!types || !take(cursor, rest_size(counts, 8)))
                return -1;
        zone->offset_s = (int32_t)read_32(types);
        zone->changes = arena_alloc(arena, (counts->n_times + 1) * sizeof *zone->changes);
        for (uint32_t i = 0; i < counts->n_times; i++) {
                int64_t at_s = read_64(times + 8 * i);
                Sk__Zone__Change *change;
                int32_t offset_s;

                if (which[i] >= counts->n_types || (i && at_s <= read_64(times + 8 * (i - 1))))
                        return -1;
                offset_s = (int32_t)read_32(types + 6 * which[i]);
                if (offset_s < -26 * 3600 || offset_s > 26 * 3600)
                        return -1;
                if (at_s <= since_s) {
                        zone->offset_s = offset_s;
                        continue;
                }
                change = arena_alloc(arena, sizeof *change);
                sk__zone__change__init(change);
                change->at_s = at_s;
                change->offset_s = offset_s;
                zone->changes[zone->n_changes++] = change;
        }
        return zone->offset_s < -26 * 3600 || zone->offset_s > 26 * 3600 ? -1 : 0;
}

/* "\nCET-1CEST,M3.5.0,M10.5.0/3\n" */
static int add_rule(struct arena *arena, struct cursor *cursor, Sk__Zone *zone)
{
        const uint8_t *begin = take(cursor, 1);
        size_t length = (size_t)(cursor->end - cursor->at);
        const uint8_t *end = begin ? memchr(cursor->at, '\n', length) : NULL;
        struct zone_rule rule;
        char *text;

        if (!begin || *begin != '\n' || !end || end - cursor->at > RULE_MOST)
                return -1;
        length = (size_t)(end - cursor->at);
        text = arena_alloc(arena, length + 1);
        memcpy(text, cursor->at, length);
        zone->rule = text;
        return length && zone_rule_parse(text, &rule) < 0 ? -1 : 0;
}

int zone_read(struct arena *arena, const void *data, size_t size, int64_t since_s, Sk__Zone **ret,
              struct err *err)
{
        struct cursor cursor = { data, (const uint8_t *)data + size };
        Sk__Zone *zone = arena_alloc(arena, sizeof *zone);
        struct counts counts;

        sk__zone__init(zone);
        if (take_header(&cursor, &counts) < 0 ||
            !take(&cursor, counts.n_times * 5 + counts.n_types * 6 + rest_size(&counts, 4)) ||
            take_header(&cursor, &counts) < 0 ||
            add_changes(arena, &cursor, &counts, since_s, zone) < 0 ||
            add_rule(arena, &cursor, zone) < 0)
                return err_set(err, ERR_INVALID, "it is not a file of the timezone database");
        *ret = zone;
        return 0;
}
