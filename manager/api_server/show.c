/* Objects as the API answers with them. */
#include "manager/api_server/show.h"

#include <string.h>

#include "lib/base/str.h"
#include "lib/placement/need.h"
#include "lib/state/task_life.h"

static void *shallow_copy(struct call *call, const void *message, size_t size)
{
        return arena_copy(call->arena, message, size);
}

Sk__ServiceSpec *show_spec(struct call *call, const Sk__ServiceSpec *spec)
{
        Sk__ServiceSpec *shown;

        if (!spec)
                return NULL;
        shown = shallow_copy(call, spec, sizeof *spec);
        if (!spec->task || !spec->task->container || !spec->task->container->registry_auth)
                return shown;
        shown->task = shallow_copy(call, spec->task, sizeof *spec->task);
        shown->task->container =
                shallow_copy(call, spec->task->container, sizeof *spec->task->container);
        shown->task->container->registry_auth = NULL;
        return shown;
}

static const Sk__ServiceSpec *spec_of(const struct view *view, const char *spec_id)
{
        const Sk__ServiceSpecObject *object =
                str_is_empty(spec_id) ? NULL : view_service_spec(view, spec_id);

        return object && object->spec ? object->spec->spec : NULL;
}

const Sk__ServiceSpec *service_spec_now(const struct view *view, const Sk__Service *service)
{
        return service->spec ? spec_of(view, service->spec->spec_id) : NULL;
}

const struct placement_need *service_need_now(struct call *call, const Sk__Service *service)
{
        const Sk__ServiceSpecObject *object =
                service->spec ? view_service_spec(call->view, service->spec->spec_id) : NULL;
        struct placement_need *need;

        if (!object || !object->spec)
                return NULL;
        need = arena_alloc(call->arena, sizeof *need);
        placement_need_read(call->arena, call->view, object->id, object->spec, need);
        return need;
}

static bool spec_is_job(const Sk__ServiceSpec *spec)
{
        return spec && (spec->mode_case == SK__SERVICE_SPEC__MODE_REPLICATED_JOB ||
                        spec->mode_case == SK__SERVICE_SPEC__MODE_GLOBAL_JOB);
}

bool service_is_job(const struct view *view, const Sk__Service *service)
{
        return spec_is_job(service_spec_now(view, service));
}

/* Of a job only the last run's tasks count. */
static bool is_of_last_run(const Sk__Service *service, const Sk__Task *task)
{
        const Sk__JobStatus *job = service->progress ? service->progress->job : NULL;

        return !task->definition->job_iteration ||
               (job && task->definition->job_iteration == job->iteration);
}

static bool is_same_slot(const Sk__Task *a, const Sk__Task *b)
{
        return a && a->definition->slot == b->definition->slot &&
               str_equal(a->definition->node_id, b->definition->node_id);
}

/* Tasks come slot by slot, the newest first. */
const Sk__Task *service_next_newest(const struct view *view, const Sk__Service *service,
                                    const Sk__Task *task, struct view_cursor *cursor)
{
        const Sk__Task *next;

        do
                next = view_each_service_task(view, service->id, cursor);
        while (next && (is_same_slot(task, next) || !is_of_last_run(service, next)));
        return next;
}

Sk__ServiceCounts *show_counts(struct call *call, const Sk__Service *service,
                               const Sk__ServiceSpec *spec)
{
        Sk__ServiceCounts *counts = CALL_NEW(call, Sk__ServiceCounts, SK__SERVICE_COUNTS__INIT);
        struct view_cursor cursor = { 0 };
        const Sk__Task *task;

        while ((task = view_each_service_task(call->view, service->id, &cursor))) {
                bool is_wanted = task_is_wanted(task);

                if (!is_of_last_run(service, task))
                        continue;
                if (is_wanted && task_state(task) == SK__TASK_STATE__TASK_RUNNING)
                        counts->running++;
                if (is_wanted && !task_is_over(task))
                        counts->desired++;
                if (task_state(task) == SK__TASK_STATE__TASK_COMPLETE)
                        counts->completed++;
        }
        if (spec && spec->mode_case == SK__SERVICE_SPEC__MODE_REPLICATED)
                counts->desired = spec->replicated->replicas;
        return counts;
}

Sk__ServiceView *show_service(struct call *call, const Sk__Service *service, bool with_spec)
{
        Sk__ServiceView *shown = CALL_NEW(call, Sk__ServiceView, SK__SERVICE_VIEW__INIT);
        const Sk__ServiceSpec *spec = service_spec_now(call->view, service);

        shown->service = (Sk__Service *)service;
        shown->counts = show_counts(call, service, spec);
        if (with_spec) {
                shown->spec = show_spec(call, spec);
                shown->previous_spec =
                        show_spec(call, spec_of(call->view, service->spec->previous_spec_id));
        }
        return shown;
}

Sk__TaskView *show_task(struct call *call, const Sk__Task *task, bool with_spec)
{
        Sk__TaskView *shown = CALL_NEW(call, Sk__TaskView, SK__TASK_VIEW__INIT);
        const Sk__ServiceSpecRevision *revision = view_task_spec(call->view, task);
        const Sk__Service *service = view_service(call->view, task->definition->service_id);
        const Sk__Node *node = view_node(call->view, task_node(task));

        shown->task = (Sk__Task *)task;
        shown->state = task_state(task);
        shown->node_name = node && node->name ? node->name : "";
        if (service)
                shown->service_name = service->name;
        else if (revision)
                shown->service_name = revision->spec->annotations->name;
        if (revision)
                shown->image = revision->spec->task->container->image;
        if (revision && with_spec)
                shown->spec = show_spec(call, revision->spec);
        return shown;
}

Sk__Node *show_node(struct call *call, const Sk__Node *node)
{
        Sk__Node *shown = shallow_copy(call, node, sizeof *node);

        if (!node->status)
                shown->status = CALL_NEW(call, Sk__NodeStatus, SK__NODE_STATUS__INIT);
        return shown;
}

static void add_slot(struct call *call, const Sk__Task *task, const struct placement_need *wanted,
                     Sk__WatchServiceResponse *ret)
{
        Sk__WatchServiceResponse__Slot *slot = CALL_NEW(call, Sk__WatchServiceResponse__Slot,
                                                        SK__WATCH_SERVICE_RESPONSE__SLOT__INIT);

        slot->slot = task->definition->slot;
        slot->node_id = task_node(task);
        slot->task_id = task->id;
        slot->state = task_state(task);
        /* Who waits for the service waits until it serves. */
        if (slot->state == SK__TASK_STATE__TASK_RUNNING && !task_is_ready(task))
                slot->state = SK__TASK_STATE__TASK_STARTING;
        slot->desired_state = task->definition->desired_state;
        slot->is_current = placement_is_current(call->view, task, wanted);
        if (task->status && !str_is_empty(task->status->err))
                slot->err = task->status->err;
        else if (slot->state == SK__TASK_STATE__TASK_PENDING && task->placement)
                slot->err = str_or(task->placement->explanation, "");
        if (slot->is_current && slot->state == SK__TASK_STATE__TASK_RUNNING && task_is_wanted(task))
                ret->running++;
        ret->slots[ret->n_slots++] = slot;
}

/* What went wrong before matters while its replacement has not come up: docker shows the older
 * task's error. */
static void borrow_error(struct call *call, const Sk__Task *task,
                         Sk__WatchServiceResponse__Slot *slot)
{
        const Sk__Task *older = view_slot_older(call->view, task);

        if (slot->err[0] || slot->state >= SK__TASK_STATE__TASK_RUNNING || !older ||
            !older->status || older->definition->job_iteration != task->definition->job_iteration)
                return;
        slot->err = str_or(older->status->err, "");
}

/* An update passes a global task on a paused node by: nobody is to wait for it. */
static bool is_passed_by(struct call *call, const Sk__Task *task,
                         const Sk__WatchServiceResponse__Slot *slot)
{
        const Sk__Node *node = view_node(call->view, task->definition->node_id);

        return !slot->is_current && task_is_wanted(task) && !task_is_over(task) && node &&
               node->spec && node->spec->availability == SK__NODE_SPEC__AVAILABILITY__PAUSE;
}

void show_progress(struct call *call, const Sk__Service *service, Sk__WatchServiceResponse *ret)
{
        const struct placement_need *wanted = service_need_now(call, service);
        const Sk__ServiceSpec *spec = service_spec_now(call->view, service);
        size_t n_tasks = view_count_service_tasks(call->view, service->id);
        struct view_cursor cursor = { 0 };
        const Sk__Task *task = NULL;
        uint64_t n_passed_by = 0;

        ret->service = show_service(call, service, true);
        ret->slots = arena_alloc(call->arena, (n_tasks ? n_tasks : 1) * sizeof *ret->slots);
        while ((task = service_next_newest(call->view, service, task, &cursor))) {
                if (task->definition->desired_state >= SK__TASK_STATE__TASK_REMOVE)
                        continue;
                add_slot(call, task, wanted, ret);
                borrow_error(call, task, ret->slots[ret->n_slots - 1]);
                n_passed_by += is_passed_by(call, task, ret->slots[ret->n_slots - 1]);
        }
        ret->wanted = ret->service->counts->desired - n_passed_by;
        if (spec && spec->mode_case == SK__SERVICE_SPEC__MODE_REPLICATED_JOB)
                ret->wanted = spec->replicated_job->total_completions;
        else if (spec && spec->mode_case == SK__SERVICE_SPEC__MODE_GLOBAL_JOB)
                ret->wanted = ret->n_slots;
}
