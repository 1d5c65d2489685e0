/* The allocator's keys: which news concerns which, and who decides them. */
#include "manager/allocator/allocator.h"

#include <string.h>

#include "lib/base/check.h"
#include "lib/base/str.h"
#include "lib/state/task_life.h"
#include "manager/allocator/allocation.h"

static bool is_new(const Sk__Task *task)
{
        return task->definition && !task->allocation && task_is_wanted(task);
}

static void touch_all(const struct view *view, struct reconcile_keys *keys)
{
        struct view_cursor services = { 0 }, tasks = { 0 };
        const struct object_head *head;

        while ((head = view_each(view, SK__KIND__KIND_SERVICE, &services)))
                reconcile_keys_add(keys, "service/%.25s", head->id);
        while ((head = view_each(view, SK__KIND__KIND_TASK, &tasks)))
                if (is_new((const Sk__Task *)head))
                        reconcile_keys_add(keys, "task/%.25s", head->id);
}

static void touch(const struct view *view, const Sk__Event *event, const void *config,
                  struct reconcile_keys *ret_touched)
{
        const Sk__Task *task;

        (void)config;
        if (!event) {
                touch_all(view, ret_touched);
        } else if (event->kind == SK__KIND__KIND_SERVICE) {
                reconcile_keys_add(ret_touched, "service/%.25s", event->id);
        } else if (event->kind == SK__KIND__KIND_TASK) {
                task = view_task(view, event->id);
                if (task && is_new(task))
                        reconcile_keys_add(ret_touched, "task/%.25s", task->id);
        }
}

static void decide_service(const struct view *view, const char *id, struct plan *plan)
{
        const Sk__Service *service = view_service(view, id);
        const Sk__ServiceSpecObject *object =
                service && service->spec ? view_service_spec(view, service->spec->spec_id) : NULL;
        Sk__ServiceEndpoint *endpoint;
        struct plan_change *change;

        if (!object || !object->spec || !object->spec->spec)
                return;
        endpoint = endpoint_of(plan, object->spec->spec);
        if (service->endpoint && message_equal(&service->endpoint->base, &endpoint->base))
                return;
        plan_group(plan);
        change = plan_update(plan, SK__KIND__KIND_SERVICE, id);
        change->reason = "its endpoint";
        plan_set_part(change, PART_SERVICE_endpoint, &endpoint->base);
        plan_require_unchanged(plan, SK__KIND__KIND_SERVICE, (const struct object_head *)service,
                               PART_SERVICE_spec);
}

static void decide_task(const struct view *view, const char *id, struct plan *plan)
{
        const Sk__Task *task = view_task(view, id);
        Sk__TaskAllocation *allocation;
        struct plan_change *change;

        if (!task || !is_new(task))
                return;
        allocation = task_allocation_of(plan, task);
        if (!allocation)
                return;
        plan_group(plan);
        change = plan_update(plan, SK__KIND__KIND_TASK, id);
        change->reason = "it has all it needs";
        plan_set_part(change, PART_TASK_allocation, &allocation->base);
}

static void decide(const struct view *view, const char *key, const void *config, size_t limit,
                   struct plan *plan)
{
        (void)config;
        (void)limit; /* a key is one change */
        if (str_starts_with(key, "service/"))
                decide_service(view, key + strlen("service/"), plan);
        else if (str_starts_with(key, "task/"))
                decide_task(view, key + strlen("task/"), plan);
}

static const Sk__KindMask kinds[] = {
        /* clang-format off */
        { .base = PROTOBUF_C_MESSAGE_INIT(&sk__kind_mask__descriptor), .kind = SK__KIND__KIND_SERVICE,
          .parts = 1 << PART_SERVICE_spec | 1 << PART_SERVICE_endpoint },
        { .base = PROTOBUF_C_MESSAGE_INIT(&sk__kind_mask__descriptor), .kind = SK__KIND__KIND_SERVICE_SPEC,
          .parts = 1 << PART_SERVICE_SPEC_spec },
        { .base = PROTOBUF_C_MESSAGE_INIT(&sk__kind_mask__descriptor), .kind = SK__KIND__KIND_NETWORK,
          .parts = 1 << PART_NETWORK_spec | 1 << PART_NETWORK_allocation },
        { .base = PROTOBUF_C_MESSAGE_INIT(&sk__kind_mask__descriptor), .kind = SK__KIND__KIND_TASK,
          .parts = 1 << PART_TASK_definition | 1 << PART_TASK_allocation },
        /* clang-format on */
};

const struct reconciler allocator = {
        .name = "allocator",
        .kinds = kinds,
        .n_kinds = COUNT_OF(kinds),
        .touch = touch,
        .decide = decide,
};
