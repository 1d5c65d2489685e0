/* Log lines of many tasks as docker prints them: a prefix per line, in the order of time. */
#pragma once
#include <stdio.h>

#include "api/control.pb-c.h"
#include "lib/base/map.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/base/vec.h"

struct log_style {
        bool raw, timestamps, details, no_resolve, whole, no_task_ids;
        uint64_t slots; /* of the service: prefixes are as wide as the highest slot's */
};

/* A task that lines come from. */
struct log_source {
        const char *task_id, *node_id;
        const char *service, *slot, *node; /* names once known; ids before */
        const char *details;               /* "STAGE=test,team=blue" */
        /* By stream: what came of a line that goes on, and when the last of it came. */
        struct str pending[3];
        int64_t pending_at_ns[3];
};

struct log_lines {
        struct log_style style;
        FILE *out, *err_out;
        bool follows; /* lines are printed as they come; otherwise all together, sorted */
        struct arena arena;
        struct map sources; /* by task id */
        struct vec held;    /* struct held_line */
        size_t held_bytes;
        /* Fills in the names of a source that is new; what it leaves stays an id. */
        void (*name)(void *context, const char *task_id, struct log_source *source);
        void *name_context;
};

void log_lines_init(struct log_lines *lines, FILE *out, FILE *err_out, bool follows);
void log_lines_take(struct log_lines *lines, const Sk__LogLine *line);
void log_lines_finish(struct log_lines *lines); /* prints what was held back */
void log_lines_done(struct log_lines *lines);

/* The names of a task; what they need lies in 'arena'. */
void log_source_name(struct arena *arena, struct log_source *source, const Sk__TaskView *task);
