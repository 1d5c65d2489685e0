/* A decision about one service under way: its group in the plan. */
#include "manager/orchestrator/work.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/id.h"

bool work_begin(struct work *work, const struct view *view, const char *service_id, size_t limit,
                struct plan *plan)
{
        const Sk__Service *service = view_service(view, service_id);
        const Sk__ServiceSpecObject *object =
                service && service->spec ? view_service_spec(view, service->spec->spec_id) : NULL;
        struct placement_need *need;
        int mode;

        if (!object || !object->spec || !object->spec->spec || !object->spec->spec->task)
                return false;
        mode = object->spec->spec->mode_case;
        need = arena_alloc(&plan->arena, sizeof *need);
        placement_need_read(&plan->arena, view, object->id, object->spec, need);
        *work = (struct work){
                .view = view,
                .plan = plan,
                .limit = limit,
                .service = service,
                .revision = object->spec,
                .spec = object->spec->spec,
                .need = need,
                .is_global = mode == SK__SERVICE_SPEC__MODE_GLOBAL ||
                             mode == SK__SERVICE_SPEC__MODE_GLOBAL_JOB,
                .is_job = mode == SK__SERVICE_SPEC__MODE_REPLICATED_JOB ||
                          mode == SK__SERVICE_SPEC__MODE_GLOBAL_JOB,
        };
        return true;
}

bool work_is_full(struct work *work)
{
        if (work->plan->n_changes < work->limit)
                return false;
        plan_wake(work->plan, view_now(work->view));
        return true;
}

static void open_group(struct work *work)
{
        if (!work->has_group)
                plan_group(work->plan);
        work->has_group = true;
}

Sk__ServiceProgress *work_progress(struct work *work)
{
        struct plan *plan = work->plan;
        struct plan_change *change;

        if (work->progress)
                return work->progress;
        open_group(work);
        if (work->service->progress) {
                work->progress =
                        (Sk__ServiceProgress *)message_copy(&plan->arena,
                                                            &work->service->progress->base);
        } else {
                work->progress = arena_alloc(&plan->arena, sizeof *work->progress);
                sk__service_progress__init(work->progress);
        }
        change = plan_update(plan, SK__KIND__KIND_SERVICE, work->service->id);
        change->reason = "progress";
        plan_set_part(change, PART_SERVICE_progress, &work->progress->base);
        plan_require_unchanged(plan, SK__KIND__KIND_SERVICE,
                               (const struct object_head *)work->service, PART_SERVICE_spec);
        plan_require_unchanged(plan, SK__KIND__KIND_SERVICE,
                               (const struct object_head *)work->service, PART_SERVICE_progress);
        return work->progress;
}

Sk__TaskState work_goal(const struct work *work)
{
        return work->is_job ? SK__TASK_STATE__TASK_COMPLETE : SK__TASK_STATE__TASK_RUNNING;
}

Sk__TaskDefinition *work_create(struct work *work, uint64_t slot, const char *node_id,
                                const Sk__Task *like, Sk__TaskState desired, const char *reason)
{
        const char *spec_id = like        ? like->definition->spec_id
                              : work->run ? work->run->spec_id
                                          : work->service->spec->spec_id;
        struct arena *arena = &work->plan->arena;
        Sk__TaskDefinition *definition = arena_alloc(arena, sizeof *definition);
        Sk__ServiceProgress *progress = work_progress(work);
        char id[ID_SIZE], slot_key[24];
        struct plan_change *change;

        if (!work->has_generation)
                progress->generation++;
        work->has_generation = true;
        sk__task_definition__init(definition);
        definition->service_id = arena_strdup(arena, work->service->id);
        definition->spec_id = arena_strdup(arena, spec_id);
        definition->slot = slot;
        definition->node_id = arena_strdup(arena, node_id);
        definition->generation = progress->generation;
        definition->desired_state = desired;
        definition->reason = reason;
        definition->job_iteration = work->run ? work->run->iteration : 0;
        snprintf(slot_key, sizeof slot_key, "%" PRIu64, slot);
        id_of_task(work->service->id, *node_id ? node_id : slot_key, progress->generation, id);
        change = plan_create(work->plan, SK__KIND__KIND_TASK, id);
        change->reason = reason;
        plan_set_part(change, PART_TASK_definition, &definition->base);
        return definition;
}

void plan_desire(struct plan *plan, const Sk__Task *task, Sk__TaskState desired, const char *reason)
{
        Sk__TaskDefinition *definition =
                (Sk__TaskDefinition *)message_copy(&plan->arena, &task->definition->base);
        struct plan_change *change = plan_update(plan, SK__KIND__KIND_TASK, task->id);

        definition->desired_state = desired;
        definition->reason = reason;
        change->reason = reason;
        plan_set_part(change, PART_TASK_definition, &definition->base);
        plan_require_unchanged(plan, SK__KIND__KIND_TASK, (const struct object_head *)task,
                               PART_TASK_definition);
}

void work_desire(struct work *work, const Sk__Task *task, Sk__TaskState desired, const char *reason)
{
        if (task->definition->desired_state >= desired)
                return;
        open_group(work);
        plan_desire(work->plan, task, desired, reason);
}

void work_remove(struct work *work, const Sk__Task *task, const char *reason)
{
        open_group(work);
        plan_remove(work->plan, SK__KIND__KIND_TASK, task->id)->reason = reason;
}

const Sk__ServiceSpec *work_spec_of(const struct work *work, const Sk__Task *task)
{
        const Sk__ServiceSpecRevision *revision = view_task_spec(work->view, task);

        return revision && revision->spec && revision->spec->task ? revision->spec : work->spec;
}

static bool revisions_differ(const Sk__ServiceSpecRevision *a, const Sk__ServiceSpecRevision *b)
{
        return !a || !b || a->task_digest.len != b->task_digest.len ||
               memcmp(a->task_digest.data, b->task_digest.data, a->task_digest.len) != 0;
}

bool work_constraints_hold(const struct work *work, const Sk__Node *node)
{
        return placement_constraints_hold(work->need, node);
}

bool work_is_dirty(const struct work *work, const Sk__Task *task)
{
        const Sk__Node *node;

        if (!strcmp(task->definition->spec_id, work->service->spec->spec_id))
                return false;
        if (revisions_differ(view_task_spec(work->view, task), work->revision))
                return true;
        node = view_node(work->view, task_node(task));
        return node && !work_constraints_hold(work, node);
}

bool tasks_differ(const struct work *work, const Sk__Task *a, const Sk__Task *b)
{
        return strcmp(a->definition->spec_id, b->definition->spec_id) != 0 &&
               revisions_differ(view_task_spec(work->view, a), view_task_spec(work->view, b));
}

const Sk__UpdateConfig *work_update_config(const struct work *work)
{
        return work->service->spec->is_rollback ? work->spec->rollback : work->spec->update;
}

const Sk__UpdateStatus *work_update_status(const struct work *work)
{
        const Sk__UpdateStatus *status =
                work->service->progress ? work->service->progress->update : NULL;

        return status && !strcmp(status->spec_id, work->service->spec->spec_id) ? status : NULL;
}

uint64_t work_canaries(const struct work *work)
{
        const Sk__ServiceRevision *revision = work->service->spec;

        return work->spec->update && !revision->is_promoted && !revision->is_rollback
                       ? work->spec->update->canary
                       : 0;
}

const Sk__Task *work_like(const struct work *work, const Sk__Task *older)
{
        return work_canaries(work) && older && work_is_dirty(work, older) &&
                               view_task_spec(work->view, older)
                       ? older
                       : NULL;
}
