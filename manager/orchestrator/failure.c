/* Updates whose new tasks fail: pause, go on, or roll back, as docker does. */
#include <string.h>

#include "lib/base/time.h"
#include "lib/state/references.h"
#include "manager/orchestrator/work.h"

/* A task that ends sooner than this after its start has failed. */
#define MONITOR_DEFAULT (5 * NS_PER_S)

static int64_t monitor_of(const Sk__UpdateConfig *config)
{
        return config && config->monitor_ns ? config->monitor_ns : MONITOR_DEFAULT;
}

static const Sk__UpdateStatus *status_of(const struct work *work)
{
        const Sk__UpdateStatus *status =
                work->service->progress ? work->service->progress->update : NULL;

        return status && !strcmp(status->spec_id, work->service->spec->spec_id) ? status : NULL;
}

const Sk__Task *failure_in_slot(const struct work *work, const Sk__UpdateConfig *config,
                                const struct slot *slot)
{
        const Sk__UpdateStatus *status = status_of(work);

        for (const Sk__Task *task = slot->newest; task && status;
             task = view_slot_older(work->view, task)) {
                if (strcmp(task->definition->spec_id, status->spec_id) != 0 || !task->meta ||
                    task->meta->created_at_ns < status->started_at_ns)
                        return NULL;
                if (slot_ended_by_itself(task) &&
                    (!task->status->started_at_ns ||
                     task->status->at_ns - task->status->started_at_ns <= monitor_of(config)))
                        return task;
        }
        return NULL;
}

/* The first task that failed, when more slots have one than the ratio allows. */
static const Sk__Task *too_many_failed(const struct work *work, const Sk__UpdateConfig *config,
                                       const struct slot *slots, size_t n_slots)
{
        const Sk__Task *first = NULL, *failed;
        size_t n_failed = 0;

        for (size_t i = 0; i < n_slots; i++) {
                failed = failure_in_slot(work, config, &slots[i]);
                n_failed += failed != NULL;
                first = first ? first : failed;
        }
        return (double)n_failed > (config ? config->max_failure_ratio : 0) * (double)n_slots ? first
                                                                                             : NULL;
}

/* The previous spec is wanted again; what was wanted becomes history. */
static void roll_back(struct work *work, const Sk__Task *failed)
{
        struct arena *arena = &work->plan->arena;
        const Sk__ServiceRevision *before = work->service->spec;
        Sk__ServiceRevision *revision = (Sk__ServiceRevision *)message_copy(arena, &before->base);
        Sk__UpdateStatus *status = arena_alloc(arena, sizeof *status);
        struct plan_change *change;

        revision->revision++;
        revision->is_rollback = true;
        revision->spec_id = revision->previous_spec_id;
        revision->previous_spec_id = "";
        revision->n_history = 0;
        revision->history = arena_alloc(arena, (before->n_history + 1) * sizeof *revision->history);
        revision->history[revision->n_history++] = arena_strdup(arena, before->spec_id);
        for (size_t i = 0; i < before->n_history; i++)
                revision->history[revision->n_history++] = arena_strdup(arena, before->history[i]);
        sk__update_status__init(status);
        status->state = SK__UPDATE_STATUS__STATE__ROLLBACK_STARTED;
        status->started_at_ns = view_now(work->view);
        status->spec_id = revision->spec_id;
        status->message =
                arena_printf(arena,
                             "update rolled back due to failure or early termination of task %s",
                             failed->id);
        work_progress(work)->update = status;
        change = plan_update(work->plan, SK__KIND__KIND_SERVICE, work->service->id);
        change->reason = "its update failed";
        change->references =
                service_references(revision,
                                   view_service_spec(work->view, revision->spec_id)->spec->spec,
                                   arena);
        plan_set_part(change, PART_SERVICE_spec, &revision->base);
}

static void pause_update(struct work *work, const Sk__Task *failed)
{
        bool is_rollback = work->service->spec->is_rollback;
        Sk__UpdateStatus *status = work_progress(work)->update;

        status->state = is_rollback ? SK__UPDATE_STATUS__STATE__ROLLBACK_PAUSED
                                    : SK__UPDATE_STATUS__STATE__PAUSED;
        status->completed_at_ns = 0;
        status->message = arena_printf(&work->plan->arena,
                                       "%s paused due to failure or early termination of task %s",
                                       is_rollback ? "rollback" : "update", failed->id);
}

/* While it is under way, and as long after its end as tasks are watched. */
static bool is_watched(const struct work *work, const Sk__UpdateStatus *status,
                       const Sk__UpdateConfig *config)
{
        return status->state == SK__UPDATE_STATUS__STATE__UPDATING ||
               status->state == SK__UPDATE_STATUS__STATE__ROLLBACK_STARTED ||
               status->completed_at_ns + monitor_of(config) > view_now(work->view);
}

bool failure_decide(struct work *work, const Sk__UpdateConfig *config, const struct slot *slots,
                    size_t n_slots)
{
        const Sk__UpdateStatus *status = status_of(work);
        bool shall_roll_back =
                config && config->failure_action == SK__UPDATE_CONFIG__FAILURE_ACTION__ROLLBACK;
        const Sk__Task *failed;

        if (!status)
                return false;
        if (status->state == SK__UPDATE_STATUS__STATE__PAUSED ||
            status->state == SK__UPDATE_STATUS__STATE__ROLLBACK_PAUSED)
                return true;
        if ((config && config->failure_action == SK__UPDATE_CONFIG__FAILURE_ACTION__CONTINUE) ||
            !is_watched(work, status, config))
                return false;
        failed = too_many_failed(work, config, slots, n_slots);
        if (!failed)
                return false;
        /* A rollback is never rolled back. */
        if (shall_roll_back && !work->service->spec->is_rollback &&
            view_service_spec(work->view, work->service->spec->previous_spec_id))
                roll_back(work, failed);
        else
                pause_update(work, failed);
        return true;
}
