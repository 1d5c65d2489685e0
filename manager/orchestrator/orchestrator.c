/* The orchestrator's keys: which news concerns which, and who decides them. */
#include "manager/orchestrator/orchestrator.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/check.h"
#include "lib/base/id.h"
#include "manager/orchestrator/work.h"

static bool is_moving(const Sk__Service *service)
{
        return service && service->progress && service->progress->is_moving;
}

/* Does a task that comes up make room for the next one to be replaced? */
static bool is_rebalancing(const Sk__Service *service)
{
        const Sk__RebalanceProgress *progress =
                service->progress ? service->progress->rebalance : NULL;

        return progress && !progress->is_over;
}

static bool is_in_change(const Sk__Service *service)
{
        const Sk__UpdateStatus *status = service->progress ? service->progress->update : NULL;

        return is_moving(service) || is_rebalancing(service) ||
               (status && (status->state == SK__UPDATE_STATUS__STATE__UPDATING ||
                           status->state == SK__UPDATE_STATUS__STATE__ROLLBACK_STARTED));
}

static void touch_service(const char *service_id, struct reconcile_keys *keys)
{
        reconcile_keys_add(keys, "service/%.25s", service_id);
}

/* The life of the task's slot. */
static void touch_slot(const struct view *view, const Sk__Task *task, struct reconcile_keys *keys)
{
        const Sk__TaskDefinition *definition = task->definition;

        if (!view_service(view, definition->service_id) || definition->job_iteration)
                touch_service(definition->service_id, keys);
        else if (definition->slot)
                reconcile_keys_add(keys, "service/%.25s/%" PRIu64, definition->service_id,
                                   (definition->slot - 1) / RANGE_SLOTS);
        else
                reconcile_keys_add(keys, "service/%.25s/%.25s", definition->service_id,
                                   definition->node_id);
}

static void touch_all(const struct view *view, struct reconcile_keys *keys)
{
        struct view_cursor services = { 0 }, tasks = { 0 }, nodes = { 0 };
        const struct object_head *head;

        while ((head = view_each(view, SK__KIND__KIND_SERVICE, &services)))
                touch_service(head->id, keys);
        while ((head = view_each(view, SK__KIND__KIND_TASK, &tasks)))
                if (((const Sk__Task *)head)->definition)
                        touch_slot(view, (const Sk__Task *)head, keys);
        while ((head = view_each(view, SK__KIND__KIND_NODE, &nodes)))
                reconcile_keys_add(keys, "node/%.25s", head->id);
        reconcile_keys_add(keys, "specs");
        reconcile_keys_add(keys, "preempt");
}

/* Tasks that are as good as those of the present spec are so only on nodes that it suits. */
static bool is_of_older_spec(const Sk__Task *task, const Sk__Service *service)
{
        return service && service->spec &&
               strcmp(task->definition->spec_id, service->spec->spec_id) != 0;
}

static void touch_by_node(const struct view *view, const char *node_id, struct reconcile_keys *keys)
{
        struct view_cursor tasks = { 0 }, services = { 0 };
        const struct object_head *head;
        const Sk__Node *node = view_node(view, node_id);
        const Sk__Cluster *cluster = view_cluster(view);
        bool moves_tasks = cluster && cluster->spec && cluster->spec->rebalance_budget;
        bool is_drained = node && node->spec &&
                          node->spec->availability == SK__NODE_SPEC__AVAILABILITY__DRAIN;
        const Sk__Task *task;

        reconcile_keys_add(keys, "node/%.25s", node_id);
        reconcile_keys_add(keys, "preempt");
        while ((task = view_each_node_task(view, node_id, &tasks))) {
                const Sk__Service *service = view_service(view, task->definition->service_id);

                touch_slot(view, task, keys);
                if (is_drained || is_moving(service) || is_of_older_spec(task, service))
                        touch_service(task->definition->service_id, keys);
        }
        while ((head = view_each(view, SK__KIND__KIND_SERVICE, &services))) {
                const Sk__Service *service = (const Sk__Service *)head;
                const Sk__ServiceSpecObject *object =
                        service->spec ? view_service_spec(view, service->spec->spec_id) : NULL;

                if (moves_tasks ||
                    (object && object->spec && object->spec->spec &&
                     (object->spec->spec->mode_case == SK__SERVICE_SPEC__MODE_GLOBAL ||
                      object->spec->spec->mode_case == SK__SERVICE_SPEC__MODE_GLOBAL_JOB)))
                        touch_service(service->id, keys);
        }
}

static bool has_part(const Sk__Event *event, size_t part)
{
        for (size_t i = 0; i < event->n_parts; i++)
                if (event->parts[i]->index == part)
                        return true;
        return false;
}

/* A service at its first revision can have dropped none. */
static bool is_at_first_spec(const struct view *view, const char *service_id)
{
        const Sk__Service *service = view_service(view, service_id);

        return service && service->spec && str_is_empty(service->spec->previous_spec_id) &&
               service->spec->n_history == 0;
}

/* They name specs, too, and change with the progress. */
static bool has_runs(const struct view *view, const char *service_id)
{
        const Sk__Service *service = view_service(view, service_id);

        return service && service->progress && service->progress->job &&
               service->progress->job->n_runs;
}

static void touch_by_service(const struct view *view, const Sk__Event *event,
                             struct reconcile_keys *keys)
{
        bool is_removed = event->op == SK__EVENT__OP__REMOVE;
        struct view_cursor cursor = { 0 };
        const Sk__Task *task;

        touch_service(event->id, keys);
        if (!is_removed && !has_part(event, PART_SERVICE_spec) && !has_runs(view, event->id))
                return;
        if (is_removed || !is_at_first_spec(view, event->id))
                reconcile_keys_add(keys, "specs");
        if (!is_removed && !has_part(event, PART_SERVICE_spec))
                return;
        while (!is_removed && (task = view_each_service_task(view, event->id, &cursor)))
                touch_slot(view, task, keys);
}

/* On its way to RUNNING a wanted task is left alone. */
static bool concerns_slot(const Sk__Event *event, const Sk__Task *task)
{
        return has_part(event, PART_TASK_definition) || has_part(event, PART_TASK_placement) ||
               !task_is_wanted(task) ||
               (has_part(event, PART_TASK_status) &&
                task_state(task) >= SK__TASK_STATE__TASK_RUNNING);
}

static void touch_by_task(const struct view *view, const Sk__Event *event,
                          struct reconcile_keys *keys)
{
        const Sk__Task *task = view_task(view, event->id);
        const Sk__Service *service;

        /* Whose a removed task was is not known any more; nothing but its spec can depend on it. */
        if (!task || !task->definition) {
                reconcile_keys_add(keys, "specs");
                return;
        }
        if (!concerns_slot(event, task))
                return;
        /* Somebody found no node, or leaves one. */
        if (!task_is_wanted(task) || task_is_over(task) ||
            (task->placement && str_is_empty(task->placement->node_id)))
                reconcile_keys_add(keys, "preempt");
        touch_slot(view, task, keys);
        service = view_service(view, task->definition->service_id);
        if (service && (has_part(event, PART_TASK_definition) || is_in_change(service) ||
                        (task_is_over(task) && !task_is_wanted(task))))
                touch_service(service->id, keys);
}

static void touch(const struct view *view, const Sk__Event *event, const void *config,
                  struct reconcile_keys *ret_touched)
{
        (void)config;
        if (!event) {
                touch_all(view, ret_touched);
                return;
        }
        switch (event->kind) {
        case SK__KIND__KIND_CLUSTER:
                touch_all(view, ret_touched);
                break;
        case SK__KIND__KIND_NODE:
                touch_by_node(view, event->id, ret_touched);
                break;
        case SK__KIND__KIND_SERVICE:
                touch_by_service(view, event, ret_touched);
                break;
        case SK__KIND__KIND_SERVICE_SPEC:
                break; /* it comes with the service that names it */
        case SK__KIND__KIND_TASK:
                touch_by_task(view, event, ret_touched);
                break;
        default:
                break;
        }
}

static void decide_service(const struct view *view, const char *id, size_t limit, struct plan *plan)
{
        struct work work;

        if (!view_service(view, id))
                reap_orphans(view, id, limit, plan);
        else if (!work_begin(&work, view, id, limit, plan))
                return;
        else if (work.is_job)
                job_decide(&work);
        else
                work.is_global ? global_decide(&work) : replicated_decide(&work);
}

static void decide_slots(const struct view *view, const char *id, const char *which, size_t limit,
                         struct plan *plan)
{
        struct work work;
        uint64_t range;

        if (!work_begin(&work, view, id, limit, plan) || work.is_job)
                return;
        if (work.is_global)
                global_decide_node(&work, which);
        else if (str_to_uint64(which, &range, NULL) == 0)
                replicated_decide_range(&work, range);
}

static void decide(const struct view *view, const char *key, const void *config, size_t limit,
                   struct plan *plan)
{
        char id[ID_SIZE];

        (void)config;
        limit += plan->n_changes;
        if (!strcmp(key, "specs")) {
                reap_specs(view, limit, plan);
        } else if (!strcmp(key, "preempt")) {
                preempt_decide(view, limit, plan);
        } else if (str_starts_with(key, "node/")) {
                enforce_node(view, key + strlen("node/"), limit, plan);
        } else if (str_starts_with(key, "service/")) {
                key += strlen("service/");
                snprintf(id, sizeof id, "%.*s", (int)strcspn(key, "/"), key);
                key += strcspn(key, "/");
                if (*key)
                        decide_slots(view, id, key + 1, limit, plan);
                else
                        decide_service(view, id, limit, plan);
        }
}

static const Sk__KindMask kinds[] = {
        /* clang-format off */
        { .base = PROTOBUF_C_MESSAGE_INIT(&sk__kind_mask__descriptor), .kind = SK__KIND__KIND_CLUSTER,
          .parts = 1 << PART_CLUSTER_spec },
        { .base = PROTOBUF_C_MESSAGE_INIT(&sk__kind_mask__descriptor), .kind = SK__KIND__KIND_NODE,
          .parts = 1 << PART_NODE_spec | 1 << PART_NODE_identity | 1 << PART_NODE_status | 1 << PART_NODE_description },
        { .base = PROTOBUF_C_MESSAGE_INIT(&sk__kind_mask__descriptor), .kind = SK__KIND__KIND_SERVICE,
          .parts = 1 << PART_SERVICE_spec | 1 << PART_SERVICE_progress },
        { .base = PROTOBUF_C_MESSAGE_INIT(&sk__kind_mask__descriptor), .kind = SK__KIND__KIND_SERVICE_SPEC,
          .parts = 1 << PART_SERVICE_SPEC_spec },
        { .base = PROTOBUF_C_MESSAGE_INIT(&sk__kind_mask__descriptor), .kind = SK__KIND__KIND_NETWORK,
          .parts = 1 << PART_NETWORK_spec },
        { .base = PROTOBUF_C_MESSAGE_INIT(&sk__kind_mask__descriptor), .kind = SK__KIND__KIND_TASK,
          .parts = 1 << PART_TASK_definition | 1 << PART_TASK_placement | 1 << PART_TASK_status },
        /* clang-format on */
};

const struct reconciler orchestrator = {
        .name = "orchestrator",
        .kinds = kinds,
        .n_kinds = COUNT_OF(kinds),
        .touch = touch,
        .decide = decide,
};
