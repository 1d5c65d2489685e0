/* May a task run again, and when: docker's restart policy, read off the tasks that the slot had. */
#include "lib/base/time.h"
#include "manager/orchestrator/work.h"

#include <string.h>

#define DELAY_DEFAULT (5 * NS_PER_S)
#define RESET_DEFAULT (10 * NS_PER_MINUTE)
/* How long a replacement waits for what it replaces to stop. */
#define STOP_WAIT_MOST NS_PER_MINUTE

static const Sk__RestartPolicy *policy_of(const struct work *work, const Sk__Task *task)
{
        return work_spec_of(work, task)->task->restart;
}

/* How often tasks of the newest one's spec were restarted in its slot because they ended; with a
 * window, how often of late. */
static uint64_t count_restarts(const struct work *work, const Sk__Task *newest, int64_t window_ns)
{
        int64_t since = newest->status->at_ns - window_ns;
        uint64_t n = 0;

        for (const Sk__Task *task = newest, *older; task; task = older) {
                older = slot_older(work, task);
                if (!older ||
                    strcmp(older->definition->spec_id, newest->definition->spec_id) != 0 ||
                    older->definition->desired_state == SK__TASK_STATE__TASK_REMOVE)
                        break;
                if (slot_ended_by_itself(older) &&
                    (!window_ns || (task->meta && task->meta->created_at_ns > since)))
                        n++;
        }
        return n;
}

bool restart_may(const struct work *work, const Sk__Task *task)
{
        const Sk__RestartPolicy *policy = policy_of(work, task);

        /* What a job has completed is done, whatever the policy. */
        if (work->is_job && task_state(task) == SK__TASK_STATE__TASK_COMPLETE)
                return false;
        if (!policy)
                return true;
        if (policy->condition == SK__RESTART_POLICY__CONDITION__NONE)
                return false;
        if (policy->condition == SK__RESTART_POLICY__CONDITION__ON_FAILURE &&
            task_state(task) == SK__TASK_STATE__TASK_COMPLETE)
                return false;
        /* Attempts are for tasks that end, not for those that must leave their node. */
        return !policy->max_attempts || !slot_ended_by_itself(task) ||
               count_restarts(work, task, policy->window_ns) < policy->max_attempts;
}

uint64_t restart_history_wanted(const struct work *work, const Sk__Task *newest)
{
        const Sk__RestartPolicy *policy = policy_of(work, newest);

        return policy && policy->max_attempts ? policy->max_attempts + 1 : 0;
}

/* Who ran for that long is no longer one of a row of failures. */
static int64_t reset_of(const Sk__RestartPolicy *policy)
{
        if (policy && policy->backoff_reset_ns)
                return policy->backoff_reset_ns;
        return policy && policy->backoff_max_ns ? policy->backoff_max_ns : RESET_DEFAULT;
}

/* How many ended one after the other, the given task being the last of them.  It is noted in tasks,
 * as their history is short. */
static uint64_t failures_up_to(const struct work *work, const Sk__Task *task)
{
        const Sk__TaskStatus *status = task->status;
        bool ran_long = status && status->started_at_ns &&
                        status->at_ns - status->started_at_ns >= reset_of(policy_of(work, task));

        return (ran_long ? 0 : task->definition->n_failures) + slot_ended_by_itself(task);
}

/* The delay doubles with each failure in a row; no delay at all begins so with the second one. */
static int64_t grown(const Sk__RestartPolicy *policy, int64_t delay_ns, uint64_t n_failures)
{
        for (uint64_t n = 1; n < n_failures && delay_ns < policy->backoff_max_ns; n++)
                delay_ns = !delay_ns ? NS_PER_S : time_after(delay_ns, delay_ns);
        return delay_ns < policy->backoff_max_ns ? delay_ns : policy->backoff_max_ns;
}

static int64_t delay_of(const struct work *work, const Sk__Task *task)
{
        const Sk__RestartPolicy *policy = policy_of(work, task);
        const char *node_id = task_node(task);
        const Sk__Node *node = *node_id ? view_node(work->view, node_id) : NULL;
        int64_t delay_ns;

        /* What was told to stop did not fail. */
        if (!slot_ended_by_itself(task))
                return 0;
        if (*node_id &&
            (!node || (node->status && node->status->state == SK__NODE_STATUS__STATE__DOWN) ||
             (node->spec && node->spec->availability == SK__NODE_SPEC__AVAILABILITY__DRAIN)))
                return 0;
        delay_ns = policy && policy->delay ? policy->delay->ns : DELAY_DEFAULT;
        return policy && policy->backoff_max_ns
                       ? grown(policy, delay_ns, failures_up_to(work, task))
                       : delay_ns;
}

int64_t restart_delay_before(const struct work *work, const Sk__Task *task)
{
        const Sk__Task *older = slot_older(work, task);

        return older && !tasks_differ(work, older, task) ? delay_of(work, older) : 0;
}

int64_t restart_start_at(const struct work *work, const Sk__Task *older, int64_t created_at,
                         bool is_update)
{
        const Sk__Task *before = older;
        int64_t at = created_at;

        /* What was given up is no part of the story. */
        while (before && before->definition->desired_state == SK__TASK_STATE__TASK_REMOVE)
                before = slot_older(work, before);
        if (before && !is_update)
                at = time_after(at, delay_of(work, before));

        /* Of what came before the replaced one, those still wanted go on until the new one is up.
         */
        for (const Sk__Task *task = older; task; task = slot_older(work, task))
                if ((task == older || !task_is_wanted(task)) &&
                    !slot_task_is_lost(work->view, task) && at < created_at + STOP_WAIT_MOST)
                        at = created_at + STOP_WAIT_MOST;
        return at;
}

Sk__TaskState restart_desired(const struct work *work, const Sk__Task *older, bool is_update)
{
        int64_t now = view_now(work->view);

        return restart_start_at(work, older, now, is_update) > now ? SK__TASK_STATE__TASK_READY
                                                                   : work_goal(work);
}

/* When a task that waits may start. */
static int64_t turn_of(const struct work *work, const Sk__Task *task)
{
        const Sk__Task *older = slot_older(work, task);
        bool is_update = older && tasks_differ(work, older, task);

        return restart_start_at(work, older, task->meta ? task->meta->created_at_ns : 0, is_update);
}

static void create_next(struct work *work, const struct slot *slot, const Sk__Task *like)
{
        const Sk__Task *old = slot->newest;
        bool is_update = !work->is_job && !like && work_is_dirty(work, old);
        int64_t now = view_now(work->view), delay_ns = is_update ? 0 : delay_of(work, old);
        Sk__TaskDefinition *next = work_create(work, slot->number, slot->node_id, like,
                                               restart_desired(work, old, is_update), slot->why);

        next->n_failures = is_update ? 0 : failures_up_to(work, old);
        next->starts_at_ns = delay_ns ? time_after(now, delay_ns) : 0;
        if (work->is_job)
                job_require_incomplete(work, old);
}

static void replace(struct work *work, const struct slot *slot)
{
        const Sk__Task *old = slot->newest, *like = work_like(work, old);
        bool was_waiting = old->definition->desired_state == SK__TASK_STATE__TASK_READY;
        /* On a node that is gone or may not bear it, a global task has no successor. */
        bool has_place =
                !work->is_global || node_may_bear(work, view_node(work->view, slot->node_id), like);

        /* What fails before its turn (no such image) is not tried faster than the delay allows. */
        if (was_waiting && slot_ended_by_itself(old) && turn_of(work, old) > view_now(work->view)) {
                plan_wake(work->plan, turn_of(work, old));
                return;
        }
        if (has_place && slot->state == SLOT_BROKEN)
                create_next(work, slot, like);
        work_desire(work, old, SK__TASK_STATE__TASK_SHUTDOWN, slot->why);
}

static void start_waiting(struct work *work, const Sk__Task *task)
{
        int64_t at = turn_of(work, task);

        if (at > view_now(work->view))
                plan_wake(work->plan, at);
        else
                work_desire(work, task, work_goal(work), "its turn has come");
}

/* Older tasks stay wanted only while their replacement, started first, is not up yet. */
static void stop_older(struct work *work, const Sk__Task *newest)
{
        bool is_up = task_is_wanted(newest) && task_is_ready(newest);
        const char *why;

        for (const Sk__Task *task = newest; (task = slot_older(work, task));) {
                why = is_up ? "its replacement is running" : slot_why_broken(work, task);
                if (task_is_wanted(task) && why)
                        work_desire(work, task, SK__TASK_STATE__TASK_SHUTDOWN, why);
        }
}

void slot_live(struct work *work, const struct slot *slot)
{
        if (!slot->newest)
                return;
        if (slot->why)
                replace(work, slot);
        else if (slot->newest->definition->desired_state == SK__TASK_STATE__TASK_READY)
                start_waiting(work, slot->newest);
        stop_older(work, slot->newest);
        reap_slot(work, slot->newest);
}
