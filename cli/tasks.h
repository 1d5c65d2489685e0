/* Tasks as service ps, node ps and ps show them. */
#pragma once
#include "cli/print.h"

extern const struct flag task_list_flags[]; /* --filter --format --quiet --no-trunc --no-resolve */

struct task_rows {
        bool whole;      /* --no-trunc */
        bool no_resolve; /* --no-resolve: ids instead of names */
        int64_t now_ns;
};

/* A list's rows, sorted by name and then newest first; older tasks of a slot are set in. */
json_t *task_rows(struct arena *arena, Sk__TaskView *const *tasks, size_t n,
                  const struct task_rows *options);

extern const struct list_kind task_list;

/* Lists and prints the tasks that 'filters' ask for; returns the exit code. */
int tasks_print(struct cli *cli, const struct arguments *arguments, Sk__Filter **filters,
                size_t n_filters);
