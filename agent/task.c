/* One task's life.  The whole life is the table. */
#include "agent/task.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/check.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

struct step {
        Sk__TaskState state;
        enum task_verb verb;
        Sk__TaskState then;
        const char *message;
        bool waits;
};

/* clang-format off */
static const struct step steps[] = {
        /* in state                    do               then                       saying       waits while no more is desired? */
        { SK__TASK_STATE__TASK_ASSIGNED,  TASK_DO_NOTHING, SK__TASK_STATE__TASK_ACCEPTED,  "accepted",  false },
        { SK__TASK_STATE__TASK_ACCEPTED,  TASK_DO_NOTHING, SK__TASK_STATE__TASK_PREPARING, "preparing", false },
        { SK__TASK_STATE__TASK_PREPARING, TASK_DO_PREPARE, SK__TASK_STATE__TASK_READY,     "prepared",  false },
        { SK__TASK_STATE__TASK_READY,     TASK_DO_NOTHING, SK__TASK_STATE__TASK_STARTING,  "starting",  true  },
        { SK__TASK_STATE__TASK_STARTING,  TASK_DO_START,   SK__TASK_STATE__TASK_RUNNING,   "started",   false },
        /* RUNNING has no row: it lasts until the container exits. */
};
/* clang-format on */

static const struct step *step_of(Sk__TaskState state)
{
        for (size_t i = 0; i < COUNT_OF(steps); i++)
                if (steps[i].state == state)
                        return &steps[i];
        return NULL;
}

static bool is_over(const struct task *task)
{
        return task->state > SK__TASK_STATE__TASK_RUNNING;
}

static bool must_stop(const struct task *task)
{
        return task->is_discarded || task->desired >= SK__TASK_STATE__TASK_SHUTDOWN;
}

static void move(struct task *task, Sk__TaskState state, const char *message)
{
        CHECK(state > task->state);
        task->state = state;
        task->message = message;
        task->has_news = true;
}

static bool is_hopeless(enum err_code code)
{
        return code == ERR_INVALID || code == ERR_NOT_FOUND || code == ERR_PRECONDITION;
}

/* The message stays: it says what was being done when it failed. */
static void fail(struct task *task, const char *text)
{
        bool is_rejected = task->state < SK__TASK_STATE__TASK_STARTING;

        free(task->err);
        task->err = str_copy(text);
        move(task, is_rejected ? SK__TASK_STATE__TASK_REJECTED : SK__TASK_STATE__TASK_FAILED,
             task->message);
}

void task_init(struct task *task, Sk__TaskState state, Sk__TaskState desired)
{
        *task = (struct task){ .state = SK__TASK_STATE__TASK_ASSIGNED,
                               .desired = desired,
                               .message = "assigned" };
        if (state > task->state)
                task->state = state;
        for (size_t i = 0; i < COUNT_OF(steps); i++)
                if (steps[i].then == task->state)
                        task->message = steps[i].message;
}

void task_done(struct task *task)
{
        free(task->err);
        free(task->progress);
}

void task_desire(struct task *task, Sk__TaskState desired)
{
        if (desired > task->desired)
                task->desired = desired;
}

void task_discard(struct task *task)
{
        task->is_discarded = true;
}

void task_retry(struct task *task)
{
        task->is_stuck = false;
}

bool task_take_news(struct task *task)
{
        bool had_news = task->has_news;

        task->has_news = false;
        return had_news;
}

/* --- events --- */

static void settle_exit(struct task *task)
{
        if (is_over(task) || task->state < SK__TASK_STATE__TASK_STARTING)
                return;
        if (!task->err)
                move(task, SK__TASK_STATE__TASK_COMPLETE, "finished");
        else
                move(task, SK__TASK_STATE__TASK_FAILED, task->message);
}

/* What an earlier run of the agent left behind decides where to go on. */
static void adopt(struct task *task)
{
        task->is_open = true;
        if (is_over(task) || task->is_discarded)
                return;
        if (task->is_running && task->is_unwell && task->state < SK__TASK_STATE__TASK_STARTING)
                move(task, SK__TASK_STATE__TASK_STARTING, "starting");
        else if (task->is_running && !task->is_unwell && task->state < SK__TASK_STATE__TASK_RUNNING)
                move(task, SK__TASK_STATE__TASK_RUNNING, "started");
        else if (task->has_exited)
                settle_exit(task);
        else if (!task->is_running && task->state == SK__TASK_STATE__TASK_RUNNING)
                fail(task, "task: its container is gone");
}

static void ended_badly(struct task *task, enum task_verb verb, const struct err *err)
{
        if (verb == TASK_DO_SHUTDOWN) {
                task->use_force = true;
                return;
        }
        if (verb == TASK_DO_TERMINATE || verb == TASK_DO_REMOVE || task->is_discarded)
                task->is_stuck = true;
        /* Its container may well run: that one could not look says nothing about it. */
        if (verb == TASK_DO_OPEN && task->state >= SK__TASK_STATE__TASK_STARTING &&
            !is_hopeless(err->code)) {
                task->is_stuck = true;
                return;
        }
        if (verb != TASK_DO_TERMINATE && !is_over(task))
                fail(task, err->text);
}

static void ended_well(struct task *task, enum task_verb verb)
{
        const struct step *step = step_of(task->state);

        switch (verb) {
        case TASK_DO_OPEN:
                adopt(task);
                break;
        case TASK_DO_PREPARE:
        case TASK_DO_START:
                CHECK(step && step->verb == verb);
                move(task, step->then, step->message);
                if (task->has_exited)
                        settle_exit(task);
                break;
        case TASK_DO_SHUTDOWN:
        case TASK_DO_TERMINATE:
                task->is_running = false;
                if (!is_over(task))
                        move(task, SK__TASK_STATE__TASK_SHUTDOWN, "shutdown");
                break;
        case TASK_DO_REMOVE:
                task->is_gone = true;
                break;
        case TASK_DO_NOTHING:
                break;
        }
}

void task_verb_ended(struct task *task, bool is_running, const struct err *err)
{
        enum task_verb verb = task->doing;

        if (task->is_interrupted) {
                task->is_interrupted = false;
                return;
        }
        task->doing = TASK_DO_NOTHING;
        task->is_running = is_running;
        if (err)
                ended_badly(task, verb, err);
        else
                ended_well(task, verb);
}

void task_exited(struct task *task, const struct executor_exit *exit)
{
        if (task->has_exited)
                return;
        task->has_exited = true;
        task->is_running = false;
        task->exit_code = exit->exit_code;
        task->oom_killed = exit->oom_killed;
        if ((exit->exit_code != 0 || exit->err[0]) && !is_over(task) && !must_stop(task)) {
                free(task->err);
                task->err = str_copy(exit->err[0] ? exit->err : "task: non-zero exit");
        }
        if (task->state == SK__TASK_STATE__TASK_RUNNING && task->doing == TASK_DO_NOTHING)
                settle_exit(task);
}

void task_changed(struct task *task)
{
        if (!is_over(task) && !task->is_discarded)
                task->has_news = true;
}

void task_progressed(struct task *task, const char *message)
{
        bool is_under_way = task->state == SK__TASK_STATE__TASK_PREPARING ||
                            task->state == SK__TASK_STATE__TASK_STARTING;

        if (!is_under_way || str_equal(task->message, message))
                return;
        free(task->progress);
        task->progress = str_copy(message);
        task->message = task->progress;
        task->has_news = true;
}

/* --- the next verb --- */

static enum task_verb begin(struct task *task, enum task_verb verb)
{
        task->doing = verb;
        return verb;
}

static enum task_verb stop(struct task *task)
{
        if (!task->is_open)
                return begin(task, TASK_DO_OPEN);
        return begin(task, task->use_force ? TASK_DO_TERMINATE : TASK_DO_SHUTDOWN);
}

static enum task_verb remove_all(struct task *task)
{
        if (!task->is_open)
                return begin(task, TASK_DO_OPEN);
        return begin(task, task->is_running ? TASK_DO_TERMINATE : TASK_DO_REMOVE);
}

/* Prepare and start give way to a shutdown; everything else is waited for. */
static bool is_busy(struct task *task)
{
        if (task->doing == TASK_DO_NOTHING)
                return false;
        if (task->doing != TASK_DO_PREPARE && task->doing != TASK_DO_START)
                return true;
        task->is_interrupted = must_stop(task);
        return !task->is_interrupted;
}

static enum task_verb advance(struct task *task)
{
        const struct step *step;

        while ((step = step_of(task->state))) {
                if (step->waits && task->desired <= task->state)
                        return TASK_DO_NOTHING;
                if (step->verb != TASK_DO_NOTHING)
                        return begin(task, task->is_open ? step->verb : TASK_DO_OPEN);
                move(task, step->then, step->message);
        }
        return task->is_open ? TASK_DO_NOTHING : begin(task, TASK_DO_OPEN);
}

enum task_verb task_next(struct task *task)
{
        if (is_busy(task) || task->is_gone || task->is_stuck)
                return TASK_DO_NOTHING;
        if (!is_over(task) && !must_stop(task))
                return advance(task);
        /* Nothing was made of it yet: there is nothing to stop. */
        if (task->state <= SK__TASK_STATE__TASK_ACCEPTED && !task->is_open)
                move(task, SK__TASK_STATE__TASK_SHUTDOWN, "shutdown");
        if (!is_over(task))
                return stop(task);
        return task->is_discarded ? remove_all(task) : TASK_DO_NOTHING;
}
