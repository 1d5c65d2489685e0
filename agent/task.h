/* One task's life on this node, as a pure state machine: what happened goes in, the next verb for
 * the executor and the status to report come out.
 *
 *         ASSIGNED -> ACCEPTED -> PREPARING -> READY -> STARTING -> RUNNING -> COMPLETE | FAILED
 *
 * A task waits in READY while no more is desired.  Before STARTING it may end as REJECTED (the task
 * itself cannot work here), later as FAILED; it ends as SHUTDOWN once the managers desire that.
 * States only grow.  When the managers forget a task it is discarded: shut down if need be, then
 * everything of it is removed. */
#pragma once
#include <stdbool.h>

#include "agent/executor.h"
#include "api/objects.pb-c.h"
#include "lib/base/err.h"

enum task_verb {
        TASK_DO_NOTHING,
        TASK_DO_OPEN,
        TASK_DO_PREPARE,
        TASK_DO_START,
        TASK_DO_SHUTDOWN,
        TASK_DO_TERMINATE,
        TASK_DO_REMOVE,
};

struct task {
        Sk__TaskState state, desired;
        const char
                *message; /* what it does: docker's word for the state, or the progress told last */
        char *err;        /* why it failed; NULL: it did not */
        int exit_code;
        bool has_exited, oom_killed;

        enum task_verb doing; /* handed out by task_next(), not yet ended */
        bool is_interrupted;  /* the verb before 'doing' has still to end, as cancelled */
        bool is_open, is_running;
        bool is_unwell; /* as the executor's facts say; whoever tells of events keeps it */
        bool is_discarded, is_gone; /* nobody wants it; nothing is left of it */
        bool use_force;             /* the shutdown failed: terminate it */
        bool is_stuck; /* opening, terminating or removing failed: wait, then task_retry() */
        bool has_news; /* state, message or err differ from what task_take_news() saw */
        char *progress;
};

/* 'state' is the furthest that is known of it, at least ASSIGNED. */
void task_init(struct task *task, Sk__TaskState state, Sk__TaskState desired);
void task_done(struct task *task);

/* --- what happened --- */

void task_desire(struct task *task,
                 Sk__TaskState desired); /* a smaller one than before is ignored */
void task_discard(struct task *task);
void task_retry(struct task *task);

/* The verb under way ended; 'err' is NULL when it went well.  'is_running': what the executor's
 * facts say now. */
void task_verb_ended(struct task *task, bool is_running, const struct err *err);
void task_exited(struct task *task, const struct executor_exit *exit);
void task_changed(struct task *task); /* there is other news of the running container */
void task_progressed(struct task *task, const char *message);

/* --- what follows --- */

/* What the executor must do now; the caller does it and tells its end with task_verb_ended(). Moves
 * the state on through what needs no verb.  After is_gone there is nothing more. */
enum task_verb task_next(struct task *task);

/* Is there something to report?  Says so once. */
bool task_take_news(struct task *task);
