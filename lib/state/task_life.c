/* A task's life, read from its table. */
#include "lib/state/task_life.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/check.h"
#include "lib/base/str.h"
#include "lib/base/time.h"
#include "lib/message/message.h"

static const struct {
        Sk__TaskState state;
        const char *name;
        bool is_over;
} states[] = {
#define TASK_LIFE_ROW(constant, name_, is_over_) { SK__TASK_STATE__##constant, name_, is_over_ },
        TASK_LIFE(TASK_LIFE_ROW)
#undef TASK_LIFE_ROW
};

static int state_index(Sk__TaskState state)
{
        for (size_t i = 0; i < COUNT_OF(states); i++)
                if (states[i].state == state)
                        return (int)i;
        return -1;
}

const char *task_state_name(Sk__TaskState state)
{
        int i = state_index(state);

        return i < 0 ? "unknown" : states[i].name;
}

int task_state_from_name(const char *name)
{
        for (size_t i = 0; i < COUNT_OF(states); i++)
                if (str_equal(states[i].name, name))
                        return (int)states[i].state;
        return -1;
}

bool task_state_is_known(Sk__TaskState state)
{
        return state_index(state) >= 0;
}

Sk__TaskState task_state(const Sk__Task *task)
{
        Sk__TaskState state = SK__TASK_STATE__TASK_NEW;

        if (task->allocation)
                state = SK__TASK_STATE__TASK_PENDING;
        if (task->placement && !str_is_empty(task->placement->node_id))
                state = SK__TASK_STATE__TASK_ASSIGNED;
        if (task->status && task->status->state > state)
                state = task->status->state;
        return state;
}

bool task_is_over(const Sk__Task *task)
{
        int i = state_index(task_state(task));

        return i >= 0 && states[i].is_over;
}

bool task_is_wanted(const Sk__Task *task)
{
        Sk__TaskState desired;

        if (!task->definition)
                return false;
        desired = task->definition->desired_state;
        return desired <= SK__TASK_STATE__TASK_RUNNING || desired == SK__TASK_STATE__TASK_COMPLETE;
}

const char *task_node(const Sk__Task *task)
{
        if (task->placement && !str_is_empty(task->placement->node_id))
                return task->placement->node_id;
        return task->definition ? str_or(task->definition->node_id, "") : "";
}

bool task_status_is_newer(const Sk__TaskStatus *now, const Sk__TaskStatus *reported)
{
        Sk__TaskStatus a, b;

        if (!task_state_is_known(reported->state))
                return false;
        if (!now || reported->state != now->state)
                return !now || reported->state > now->state;
        if (reported->at_ns && reported->at_ns < now->at_ns)
                return false;
        a = *now;
        b = *reported;
        a.at_ns = b.at_ns = 0;
        return !message_equal(&a.base, &b.base);
}

uint64_t task_number(const Sk__TaskDefinition *definition)
{
        return definition->job_iteration ? definition->slot - 1 : definition->slot;
}

void task_restart_text(const Sk__Task *task, int64_t now_ns, char *ret, size_t size)
{
        const Sk__TaskDefinition *definition = task->definition;
        int64_t left_ns = definition ? definition->starts_at_ns - now_ns : 0;
        struct str left = { 0 };

        ret[0] = '\0';
        if (left_ns <= 0 || task_is_over(task) ||
            definition->desired_state != SK__TASK_STATE__TASK_READY)
                return;
        str_add_duration(&left, (left_ns + NS_PER_S - 1) / NS_PER_S * NS_PER_S);
        snprintf(ret, size, "restarts in %s (%llu failure%s)", str_text(&left),
                 (unsigned long long)definition->n_failures,
                 definition->n_failures == 1 ? "" : "s in a row");
        str_done(&left);
}

int64_t task_status_since(const Sk__TaskStatus *status)
{
        if (status->state == SK__TASK_STATE__TASK_RUNNING && status->started_at_ns)
                return status->started_at_ns;
        return status->at_ns;
}

bool task_is_ready(const Sk__Task *task)
{
        return task_state(task) == SK__TASK_STATE__TASK_RUNNING &&
               !(task->status && task->status->is_unready);
}

bool task_is_coming_up(const Sk__Task *task)
{
        const Sk__HealthStatus *readiness = task->status ? task->status->readiness : NULL;

        return task_state(task) < SK__TASK_STATE__TASK_RUNNING ||
               (task_state(task) == SK__TASK_STATE__TASK_RUNNING && readiness &&
                readiness->state == SK__HEALTH_STATUS__STATE__STARTING);
}

void task_slot_name(const Sk__Task *task, const char *service_name, char *ret, size_t size)
{
        const Sk__TaskDefinition *definition = task->definition;

        if (definition && definition->slot)
                snprintf(ret, size, "%s.%llu", service_name,
                         (unsigned long long)task_number(definition));
        else
                snprintf(ret, size, "%s.%s", service_name,
                         definition ? str_or(definition->node_id, "") : "");
}
