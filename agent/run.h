/* One task with its handle at the executor: carries out the verbs that task.h asks for and tells
 * each new status. */
#pragma once
#include "agent/report.h"
#include "agent/runner.h"

struct run {
        struct runner *runner;
        char id[ID_SIZE];
        struct task task;
        struct executor_task *handle;
        struct report report;
        struct loop_timer retry;
        unsigned n_failures;
        bool is_restored;      /* known by an old report only; its task is not begun */
        bool is_counted;       /* among those that run */
        int64_t started_at_ns; /* when it began to run; 0: it did not */
        uint8_t *status;       /* the last one, packed; NULL: nothing to tell yet */
        size_t status_size;
};

struct runner {
        struct runner_options options;
        struct map runs; /* struct run */
        size_t n_running;
        struct report_queue reports;
        bool is_listing; /* the executor was asked what it has */
        void (*gone)(void *context);
        void *gone_context;
        struct loop_timer gone_timer;
};

struct run *run_new(struct runner *runner, const char *task_id);
void run_free(struct run *run);

/* Takes the task as far as it goes now; may free it. */
void run_advance(struct run *run);

void run_keep_status(struct run *run, const Sk__TaskStatus *status);

/* The last status as a report; unpacked into 'arena' ('report' included); NULL when there is none.
 */
Sk__TaskReport *run_report(const struct run *run, struct arena *arena);

/* A run was freed, or a list came: is all gone that shall go? */
void runner_check_gone(struct runner *runner);
