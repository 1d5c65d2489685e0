/* What the tasks of one slot say. */
#include "lib/base/time.h"
#include "manager/orchestrator/work.h"

static bool node_is_lost(const Sk__Node *node)
{
        return !node || (node->status && node->status->state == SK__NODE_STATUS__STATE__DOWN);
}

bool slot_task_is_lost(const struct view *view, const Sk__Task *task)
{
        const char *node = task_node(task);

        if (task_is_over(task) || task_state(task) < SK__TASK_STATE__TASK_ASSIGNED)
                return true;
        return node_is_lost(view_node(view, node));
}

static const char *why_over(Sk__TaskState state)
{
        switch (state) {
        case SK__TASK_STATE__TASK_COMPLETE:
                return "the task completed";
        case SK__TASK_STATE__TASK_FAILED:
                return "the task failed";
        case SK__TASK_STATE__TASK_REJECTED:
                return "the task was rejected";
        case SK__TASK_STATE__TASK_ORPHANED:
                return "the task was lost with its node";
        default:
                return "the task was shut down";
        }
}

static bool is_drained(const Sk__Node *node)
{
        return node->spec && node->spec->availability == SK__NODE_SPEC__AVAILABILITY__DRAIN;
}

bool node_may_bear(const struct work *work, const Sk__Node *node, const Sk__Task *like)
{
        return !node_is_lost(node) && !is_drained(node) && work_constraints_hold(work, node) &&
               (!like ||
                placement_constraints_met(work_spec_of(work, like)->task->placement, node));
}

/* A drained node's tasks go at once, as docker has it, unless their service says how it is to be
 * updated: then they go like that, until the progress deadline is over. */
static bool may_leave_in_turn(const struct work *work, const Sk__Task *task, const Sk__Node *node)
{
        const Sk__UpdateConfig *config = work->spec->update;
        int64_t at;

        if (work->is_global || !config || !node->spec->drained_at_ns || !restart_may(work, task))
                return false;
        at = config->progress_deadline_ns < 0
                     ? TIME_NEVER
                     : time_after(node->spec->drained_at_ns, config->progress_deadline_ns
                                                                     ? config->progress_deadline_ns
                                                                     : PROGRESS_DEADLINE_DEFAULT);
        if (at > view_now(work->view))
                plan_wake(work->plan, at);
        return at > view_now(work->view);
}

bool slot_is_leaving(const struct work *work, const struct slot *slot)
{
        const Sk__Node *node;

        if (slot->state != SLOT_ALIVE)
                return false;
        node = view_node(work->view, task_node(slot->newest));
        return node && is_drained(node);
}

const char *slot_why_broken(const struct work *work, const Sk__Task *task)
{
        const char *node_id = task_node(task);
        const Sk__Node *node;

        if (task_is_over(task))
                return why_over(task_state(task));
        if (!*node_id)
                return NULL;
        node = view_node(work->view, node_id);
        if (!node)
                return "its node is gone";
        if (node_is_lost(node))
                return "its node is down";
        if (is_drained(node) && !may_leave_in_turn(work, task, node))
                return "its node is drained";
        /* As docker: who pauses a node wants its tasks left alone. */
        if (node->spec && node->spec->availability == SK__NODE_SPEC__AVAILABILITY__PAUSE)
                return NULL;
        /* Tasks as good as those of the present spec must obey it; others obey their own until they
         * are updated, which a global task that may not be there any more never is. */
        if (work_is_dirty(work, task) && (!work->is_global || work_canaries(work))
                    ? !placement_constraints_met(work_spec_of(work, task)->task->placement, node)
                    : !work_constraints_hold(work, node))
                return "its node no longer meets the placement constraints";
        return NULL;
}

bool slot_ended_by_itself(const Sk__Task *task)
{
        Sk__TaskState state = task_state(task);

        return state == SK__TASK_STATE__TASK_COMPLETE || state == SK__TASK_STATE__TASK_FAILED ||
               state == SK__TASK_STATE__TASK_REJECTED;
}

bool slot_has_present_spec(const struct work *work, const struct slot *slot)
{
        for (const Sk__Task *task = slot->newest; task; task = view_slot_older(work->view, task))
                if ((task == slot->newest || task_is_wanted(task)) && !work_is_dirty(work, task))
                        return true;
        return false;
}

/* Whether it was told to stop already makes no difference. */
static enum slot_state state_of(const struct work *work, const Sk__Task *newest,
                                const char **ret_why)
{
        bool is_wanted;

        if (!newest || newest->definition->desired_state == SK__TASK_STATE__TASK_REMOVE)
                return SLOT_EMPTY;
        is_wanted = task_is_wanted(newest);
        if (is_wanted)
                *ret_why = slot_why_broken(work, newest);
        if (is_wanted && !*ret_why)
                return SLOT_ALIVE;
        /* A global service comes back to a node that may bear it again, whatever the restart
         * policy. */
        if (!restart_may(work, newest) && (!work->is_global || slot_ended_by_itself(newest)))
                return SLOT_FINISHED;
        return is_wanted ? SLOT_BROKEN : SLOT_EMPTY;
}

const Sk__Task *slot_older(const struct work *work, const Sk__Task *task)
{
        const Sk__Task *older = view_slot_older(work->view, task);

        while (older && older->definition->job_iteration != task->definition->job_iteration)
                older = view_slot_older(work->view, older);
        return older;
}

struct slot slot_of(const struct work *work, uint64_t number, const char *node_id,
                    const Sk__Task *newest)
{
        struct slot slot = { .number = number, .node_id = node_id, .newest = newest };

        slot.state = state_of(work, newest, &slot.why);
        return slot;
}

struct slot slot_look(const struct work *work, uint64_t number, const char *node_id)
{
        const char *service_id = work->service->id;

        return slot_of(work, number, node_id,
                       *node_id ? view_node_slot_newest(work->view, service_id, node_id)
                                : view_slot_newest(work->view, service_id, number));
}
