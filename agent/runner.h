/* The tasks of a node and the executor that runs them: a shell around task.h.  Carries out each
 * task's next verb, writes its statuses down and queues them for the managers. */
#pragma once
#include "agent/disk.h"
#include "agent/report.h"
#include "agent/task.h"
#include "lib/os/loop.h"

struct runner;

struct runner_options {
        struct loop *loop;
        struct executor *executor;
        struct worker *worker;
        struct disk *disk;              /* NULL: nothing is written down */
        const char *node_id, *hostname; /* borrowed */
        /* There is something to write down or to report. */
        void (*has_news)(void *context);
        void *context;
};

struct runner *runner_new(const struct runner_options *options);
void runner_free(struct runner *runner); /* what runs runs on */

/* A report that was written down in an earlier life; before runner_resume(). */
void runner_restore_report(struct runner *runner, const Sk__TaskReport *report);
void runner_set_disk(struct runner *runner, struct disk *disk);

/* Takes up the tasks that the restored worker names. */
void runner_resume(struct runner *runner);

/* Acts on what the worker tells to have changed. */
void runner_apply_changes(struct runner *runner);

/* A whole set came: reports what the managers do not know, and removes what nobody wants. */
void runner_set_is_whole(struct runner *runner);

/* The next batch of statuses, in 'arena'; NULL while one is under way or nothing is new. */
Sk__StatusBatch *runner_take_batch(struct runner *runner, struct arena *arena);
void runner_acknowledge(struct runner *runner, uint64_t sequence);
void runner_session_lost(struct runner *runner);

/* Writes each task's last status to the disk's new journal. */
void runner_dump_reports(struct runner *runner);

/* Nothing is wanted any more: shuts down and removes all, then calls back (never inside this call).
 */
void runner_discard_all(struct runner *runner, void (*gone)(void *context), void *context);

/* How many tasks there are, how many run, and how many statuses are not acknowledged. */
size_t runner_count(const struct runner *runner, size_t *ret_n_running, size_t *ret_n_unreported);
