/* Updates whose new tasks fail: pause, go on, or roll back, as docker does. */
#include <string.h>

#include "lib/base/str.h"
#include "lib/base/time.h"
#include "lib/state/references.h"
#include "manager/orchestrator/work.h"

/* A task that ends sooner than this after its start has failed. */
#define MONITOR_DEFAULT (5 * NS_PER_S)

static int64_t monitor_of(const Sk__UpdateConfig *config)
{
        return config && config->monitor_ns ? config->monitor_ns : MONITOR_DEFAULT;
}

/* A failure before a paused update was resumed is forgiven. */
static bool counts(const struct work *work, const Sk__Task *task)
{
        int64_t resumed_at = work->service->spec->resumed_at_ns, heard_at = task->status->at_ns;

        if (task->meta->updated_at_ns < heard_at)
                heard_at = task->meta->updated_at_ns;
        return task->meta->created_at_ns >= resumed_at || heard_at > resumed_at;
}

static bool ended_early(const struct work *work, const Sk__UpdateConfig *config,
                        const Sk__Task *task)
{
        return slot_ended_by_itself(task) && counts(work, task) &&
               (!task->status->started_at_ns ||
                task->status->at_ns - task->status->started_at_ns <= monitor_of(config));
}

static int64_t deadline_of(const Sk__UpdateConfig *config)
{
        return config && config->progress_deadline_ns ? config->progress_deadline_ns
                                                      : PROGRESS_DEADLINE_DEFAULT;
}

static int64_t later(int64_t a, int64_t b)
{
        return a > b ? a : b;
}

/* The deadline counts from its creation, from the end of the restart delay when it waits for that,
 * or from 'since'. */
static bool is_late(const struct work *work, const Sk__UpdateConfig *config, const Sk__Task *task,
                    int64_t since)
{
        int64_t due_at;

        if (!task->meta || !task_is_wanted(task) || !task_is_coming_up(task) ||
            deadline_of(config) < 0)
                return false;
        since = later(since,
                      time_after(task->meta->created_at_ns, restart_delay_before(work, task)));
        due_at = time_after(since, deadline_of(config));
        if (due_at > view_now(work->view))
                plan_wake(work->plan, due_at);
        return due_at <= view_now(work->view);
}

bool failure_is_late(const struct work *work, const Sk__UpdateConfig *config,
                     const struct slot *slot)
{
        return is_late(work, config, slot->newest, 0);
}

/* Late since the update began or was resumed: what was pending before holds it up, too. */
static bool is_stuck(const struct work *work, const Sk__UpdateConfig *config, const Sk__Task *task,
                     const Sk__UpdateStatus *status)
{
        return !work_is_dirty(work, task) &&
               is_late(work, config, task,
                       later(status->started_at_ns, work->service->spec->resumed_at_ns));
}

const Sk__Task *failure_in_slot(const struct work *work, const Sk__UpdateConfig *config,
                                const struct slot *slot)
{
        const Sk__UpdateStatus *status = work_update_status(work);

        if (status && is_stuck(work, config, slot->newest, status))
                return slot->newest;
        for (const Sk__Task *task = slot->newest; task && status;
             task = view_slot_older(work->view, task)) {
                if (strcmp(task->definition->spec_id, status->spec_id) != 0 || !task->meta ||
                    task->meta->created_at_ns < status->started_at_ns)
                        return NULL;
                if (ended_early(work, config, task))
                        return task;
        }
        return NULL;
}

/* The first task that failed, when more slots have one than the ratio allows: of all slots, or of
 * the canaries while there are no others. */
static const Sk__Task *too_many_failed(const struct work *work, const Sk__UpdateConfig *config,
                                       const struct slot *slots, size_t n_slots)
{
        uint64_t n_canaries = work_canaries(work);
        size_t n_failed = 0, n = n_canaries && n_canaries < n_slots ? n_canaries : n_slots;
        const Sk__Task *first = NULL, *failed;

        for (size_t i = 0; i < n_slots; i++) {
                failed = failure_in_slot(work, config, &slots[i]);
                n_failed += failed != NULL;
                first = first ? first : failed;
        }
        return (double)n_failed > (config ? config->max_failure_ratio : 0) * (double)n ? first
                                                                                       : NULL;
}

static const char *why_stuck(const Sk__Task *task)
{
        if (task->status && !str_is_empty(task->status->err))
                return task->status->err;
        if (!*task_node(task) && task->placement && !str_is_empty(task->placement->explanation))
                return task->placement->explanation;
        return task_state(task) < SK__TASK_STATE__TASK_ASSIGNED   ? "it waits for a node"
               : task_state(task) < SK__TASK_STATE__TASK_STARTING ? "it is still being prepared"
               : task_state(task) < SK__TASK_STATE__TASK_RUNNING  ? "it is still starting"
                                                                  : "it is not ready yet";
}

/* "update paused due to failure or early termination of task ...": docker's words where docker has
 * some. */
static const char *sentence(struct work *work, const Sk__UpdateConfig *config, const char *what,
                            const Sk__Task *failed)
{
        struct arena *arena = &work->plan->arena;
        _cleanup_(str_done) struct str text = { 0 };

        if (slot_ended_by_itself(failed)) {
                str_addf(&text, "%s due to failure or early termination of task %s", what,
                         failed->id);
        } else {
                str_addf(&text, "%s: task %s does not run after ", what, failed->id);
                str_add_duration(&text, deadline_of(config));
                str_addf(&text, ": %s", why_stuck(failed));
        }
        return arena_strdup(arena, str_text(&text));
}

/* The previous spec is wanted again; what was wanted becomes history. */
static void roll_back(struct work *work, const Sk__UpdateConfig *config, const Sk__Task *failed)
{
        struct arena *arena = &work->plan->arena;
        const Sk__ServiceRevision *before = work->service->spec;
        const Sk__ServiceSpec *spec =
                view_service_spec(work->view, before->previous_spec_id)->spec->spec;
        Sk__ServiceRevision *revision = (Sk__ServiceRevision *)message_copy(arena, &before->base);
        Sk__UpdateStatus *status = arena_alloc(arena, sizeof *status);
        struct plan_change *change;

        revision->revision++;
        revision->is_rollback = true;
        revision->is_promoted = false;
        revision->resumed_at_ns = 0;
        revision->spec_id = revision->previous_spec_id;
        revision->previous_spec_id = "";
        revision->labels = spec->annotations ? spec->annotations->labels : NULL;
        revision->n_labels = spec->annotations ? spec->annotations->n_labels : 0;
        revision->n_history = 0;
        revision->history = arena_alloc(arena, (before->n_history + 1) * sizeof *revision->history);
        revision->history[revision->n_history++] = arena_strdup(arena, before->spec_id);
        for (size_t i = 0; i < before->n_history; i++)
                revision->history[revision->n_history++] = arena_strdup(arena, before->history[i]);
        sk__update_status__init(status);
        status->state = SK__UPDATE_STATUS__STATE__ROLLBACK_STARTED;
        status->started_at_ns = view_now(work->view);
        status->spec_id = revision->spec_id;
        status->message = sentence(work, config, "update rolled back", failed);
        work_progress(work)->update = status;
        change = plan_update(work->plan, SK__KIND__KIND_SERVICE, work->service->id);
        change->reason = "its update failed";
        change->references = service_references(revision, spec, arena);
        plan_set_part(change, PART_SERVICE_spec, &revision->base);
}

static void pause_update(struct work *work, const Sk__UpdateConfig *config, const Sk__Task *failed)
{
        bool is_rollback = work->service->spec->is_rollback;
        Sk__UpdateStatus *status = work_progress(work)->update;

        status->state = is_rollback ? SK__UPDATE_STATUS__STATE__ROLLBACK_PAUSED
                                    : SK__UPDATE_STATUS__STATE__PAUSED;
        status->completed_at_ns = 0;
        status->resumed_at_ns = work->service->spec->resumed_at_ns;
        status->message =
                sentence(work, config, is_rollback ? "rollback paused" : "update paused", failed);
}

static bool is_paused(const Sk__UpdateStatus *status)
{
        return status->state == SK__UPDATE_STATUS__STATE__PAUSED ||
               status->state == SK__UPDATE_STATUS__STATE__ROLLBACK_PAUSED;
}

/* A person said so since it was paused: from the next look on it is under way again. */
static void resume(struct work *work)
{
        Sk__UpdateStatus *status = work_progress(work)->update;
        bool is_rollback = status->state == SK__UPDATE_STATUS__STATE__ROLLBACK_PAUSED;

        status->state = is_rollback ? SK__UPDATE_STATUS__STATE__ROLLBACK_STARTED
                                    : SK__UPDATE_STATUS__STATE__UPDATING;
        status->message = is_rollback ? "rollback in progress" : "update in progress";
}

/* While it is under way, and as long after its end as tasks are watched. */
static bool is_watched(const struct work *work, const Sk__UpdateStatus *status,
                       const Sk__UpdateConfig *config)
{
        return status->state == SK__UPDATE_STATUS__STATE__UPDATING ||
               status->state == SK__UPDATE_STATUS__STATE__ROLLBACK_STARTED ||
               status->completed_at_ns + monitor_of(config) > view_now(work->view);
}

enum failure_verdict failure_decide(struct work *work, const Sk__UpdateConfig *config,
                                    const struct slot *slots, size_t n_slots)
{
        const Sk__UpdateStatus *status = work_update_status(work);
        bool shall_roll_back =
                config && config->failure_action == SK__UPDATE_CONFIG__FAILURE_ACTION__ROLLBACK;
        const Sk__Task *failed;

        if (!status)
                return FAILURE_NONE;
        if (is_paused(status)) {
                if (status->resumed_at_ns != work->service->spec->resumed_at_ns)
                        resume(work);
                return FAILURE_PAUSES;
        }
        if ((config && config->failure_action == SK__UPDATE_CONFIG__FAILURE_ACTION__CONTINUE) ||
            !is_watched(work, status, config))
                return FAILURE_NONE;
        failed = too_many_failed(work, config, slots, n_slots);
        if (!failed)
                return FAILURE_NONE;
        /* A rollback is never rolled back. */
        if (shall_roll_back && !work->service->spec->is_rollback &&
            view_service_spec(work->view, work->service->spec->previous_spec_id)) {
                roll_back(work, config, failed);
                return FAILURE_ROLLS_BACK;
        }
        pause_update(work, config, failed);
        return FAILURE_PAUSES;
}
