/* Reports become merges. */
#include "dispatcher/report.h"

#include <string.h>

#include "lib/base/str.h"
#include "lib/message/message.h"
#include "lib/state/task_life.h"

enum {
        MESSAGE_MAX = 1024,
        ERR_MAX = 4096,
        NAME_MAX_BYTES = 256,
        PORTS_MAX = 1024,
        STATUS_MAX = 128 * 1024
};

static bool may_report(Sk__TaskState state)
{
        return task_state_is_known(state) && state > SK__TASK_STATE__TASK_ASSIGNED &&
               state <= SK__TASK_STATE__TASK_REJECTED;
}

static bool is_within(const char *text, size_t limit)
{
        return strnlen(str_or(text, ""), limit + 1) <= limit;
}

static int check_bounds(const Sk__TaskStatus *status, struct err *err)
{
        if (!may_report(status->state))
                return err_set(err, ERR_INVALID, "an agent does not report state %d",
                               (int)status->state);
        if (!is_within(status->message, MESSAGE_MAX) || !is_within(status->err, ERR_MAX) ||
            !is_within(status->image_digest, NAME_MAX_BYTES) || status->n_host_ports > PORTS_MAX ||
            (status->container && !is_within(status->container->id, NAME_MAX_BYTES)) ||
            protobuf_c_message_get_packed_size(&status->base) > STATUS_MAX)
                return err_set(err, ERR_INVALID, "the status is larger than a status may be");
        return 0;
}

/* From the node's clock to ours; 0 stays 0: not said. */
static int set_back(int64_t *at_ns, int64_t clock_ahead_ns, struct err *err)
{
        if (*at_ns && (*at_ns < 0 || __builtin_sub_overflow(*at_ns, clock_ahead_ns, at_ns)))
                return err_set(err, ERR_INVALID, "a status of no time we know");
        return 0;
}

int report_plan(const struct view *view, const char *node_id, const Sk__TaskReport *report,
                int64_t clock_ahead_ns, struct plan *plan, struct err *err)
{
        const Sk__Task *task = view_task(view, report->task_id);
        Sk__TaskStatus *status;

        if (!report->status)
                return err_set(err, ERR_INVALID, "a report without a status");
        TRY(check_bounds(report->status, err));
        if (!task)
                return err_set(err, ERR_NOT_FOUND, "no such task");
        if (!str_equal(task_node(task), node_id))
                return err_set(err, ERR_DENIED, "task %s is not on node %s", task->id, node_id);
        status = (Sk__TaskStatus *)message_copy(&plan->arena, &report->status->base);
        TRY(set_back(&status->at_ns, clock_ahead_ns, err));
        TRY(set_back(&status->started_at_ns, clock_ahead_ns, err));
        if (!task_status_is_newer(task->status, status))
                return 0;
        plan_merge_status(plan, arena_strdup(&plan->arena, task->id), status);
        return 0;
}
