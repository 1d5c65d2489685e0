/* What tasks take and what runs in them, as docker stats and docker top show it. */
#pragma once
#include "cli/print.h"
#include "lib/base/map.h"

/* The samples of all tasks; the last two of each. */
struct usage_table {
        struct vec tasks; /* struct usage_row */
};

struct usage_row {
        const char *id, *name; /* borrowed */
        Sk__TaskUsage before, now;
        unsigned n_samples; /* up to 2 */
};

void usage_table_add(struct usage_table *table, const char *id, const char *name);
void usage_table_take(struct usage_table *table, const Sk__TaskUsage *usage);
/* Have all tasks been measured twice, so that there is something to compare? */
bool usage_table_is_full(const struct usage_table *table);
/* Rows for a list; with 'whole' ids are not shortened. */
json_t *usage_table_rows(const struct usage_table *table, bool whole);
void usage_table_done(struct usage_table *table);

/* The text over what stands on a terminal of that size (0: nobody knows), as docker stats draws it.
 * What has no room is left out: the terminal must not scroll. */
void usage_draw(const char *text, size_t height, size_t width, struct str *out);

extern const struct list_kind usage_list, process_list;

/* Rows of what runs. */
json_t *process_rows(Sk__ProcessInfo *const *processes, size_t n, int64_t now_ns);
