/* The allocator's keys: which news concerns which, and who decides them. */
#include "manager/allocator/allocator.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/check.h"
#include "lib/base/id.h"
#include "lib/base/str.h"
#include "lib/state/task_life.h"
#include "manager/allocator/allocation.h"

enum { RANGE_SLOTS = 1000 };

static bool is_new(const Sk__Task *task)
{
        return task->definition && !task->allocation && task_is_wanted(task);
}

static void touch_task(const Sk__Task *task, struct reconcile_keys *keys)
{
        const Sk__TaskDefinition *definition = task->definition;

        if (definition->slot)
                reconcile_keys_add(keys, "tasks/%.25s/%" PRIu64, definition->service_id,
                                   (definition->slot - 1) / RANGE_SLOTS);
        else
                reconcile_keys_add(keys, "tasks/%.25s/%.25s", definition->service_id,
                                   definition->node_id);
}

static void touch_all(const struct view *view, struct reconcile_keys *keys)
{
        struct view_cursor services = { 0 }, tasks = { 0 };
        const struct object_head *head;

        while ((head = view_each(view, SK__KIND__KIND_SERVICE, &services)))
                reconcile_keys_add(keys, "service/%.25s", head->id);
        while ((head = view_each(view, SK__KIND__KIND_TASK, &tasks)))
                if (is_new((const Sk__Task *)head))
                        touch_task((const Sk__Task *)head, keys);
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
                        touch_task(task, ret_touched);
        }
}

/* A service that never asked for an endpoint has none, not an empty one: most creates need no
 * second change. */
static void decide_service(const struct view *view, const char *id, struct plan *plan)
{
        static const Sk__ServiceEndpoint none = SK__SERVICE_ENDPOINT__INIT;
        const Sk__Service *service = view_service(view, id);
        const Sk__ServiceSpecObject *object =
                service && service->spec ? view_service_spec(view, service->spec->spec_id) : NULL;
        const Sk__ServiceEndpoint *endpoint, *now;
        struct plan_change *change;

        if (!object || !object->spec || !object->spec->spec)
                return;
        now = service->endpoint ? service->endpoint : &none;
        endpoint = endpoint_of(plan, object->spec->spec);
        if (message_equal(&now->base, &endpoint->base))
                return;
        plan_group(plan);
        change = plan_update(plan, SK__KIND__KIND_SERVICE, id);
        change->reason = "its endpoint";
        plan_set_part(change, PART_SERVICE_endpoint, &endpoint->base);
        plan_require_unchanged(plan, SK__KIND__KIND_SERVICE, (const struct object_head *)service,
                               PART_SERVICE_spec);
}

static void allocate(struct plan *plan, const Sk__Task *task)
{
        Sk__TaskAllocation *allocation = task_allocation_of(plan, task);
        struct plan_change *change;

        if (!allocation)
                return;
        plan_group(plan);
        change = plan_update(plan, SK__KIND__KIND_TASK, task->id);
        change->reason = "it has all it needs";
        plan_set_part(change, PART_TASK_allocation, &allocation->base);
}

/* All new tasks of one slot. */
static void allocate_slot(const struct view *view, const Sk__Task *newest, struct plan *plan)
{
        for (const Sk__Task *task = newest; task; task = view_slot_older(view, task))
                if (is_new(task))
                        allocate(plan, task);
}

/* 'which' is a range of slots or, for a global service, a node. */
static void decide_tasks(const struct view *view, const char *service_id, const char *which,
                         size_t limit, struct plan *plan)
{
        uint64_t range, last = view_slots_max(view, service_id);

        if (str_to_uint64(which, &range, NULL) < 0 || strlen(which) == ID_LENGTH) {
                allocate_slot(view, view_node_slot_newest(view, service_id, which), plan);
                return;
        }
        for (uint64_t i = 1; i <= RANGE_SLOTS && range * RANGE_SLOTS + i <= last; i++) {
                if (plan->n_changes >= limit) {
                        plan_wake(plan, view_now(view));
                        return;
                }
                allocate_slot(view, view_slot_newest(view, service_id, range * RANGE_SLOTS + i),
                              plan);
        }
}

static void decide(const struct view *view, const char *key, const void *config, size_t limit,
                   struct plan *plan)
{
        char id[ID_SIZE];

        (void)config;
        if (str_starts_with(key, "service/")) {
                decide_service(view, key + strlen("service/"), plan);
        } else if (str_starts_with(key, "tasks/")) {
                key += strlen("tasks/");
                snprintf(id, sizeof id, "%.*s", (int)strcspn(key, "/"), key);
                key += strcspn(key, "/");
                decide_tasks(view, id, key + 1, plan->n_changes + limit, plan);
        }
}

static const Sk__KindMask kinds[] = {
        /* clang-format off */
        { .base = PROTOBUF_C_MESSAGE_INIT(&sk__kind_mask__descriptor), .kind = SK__KIND__KIND_SERVICE,
          .parts = 1 << PART_SERVICE_spec | 1 << PART_SERVICE_endpoint },
        { .base = PROTOBUF_C_MESSAGE_INIT(&sk__kind_mask__descriptor), .kind = SK__KIND__KIND_SERVICE_SPEC,
          .parts = 1 << PART_SERVICE_SPEC_spec },
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
