/* Updates: tasks of an older spec are replaced, so many slots at a time.
 *
 * Nothing is remembered: a slot is done when its newest task is of the present spec and up, it
 * rests for the delay after that, and as many slots as the parallelism leaves are taken next.  What
 * happens when new tasks fail: failure.c. */
#include "lib/base/time.h"
#include "manager/orchestrator/work.h"

#include <string.h>

struct update {
        const Sk__UpdateConfig *config; /* NULL: the defaults */
        size_t n_dirty, n_starting, n_resting;
};

static bool is_up(const struct slot *slot)
{
        return slot->state == SLOT_ALIVE &&
               task_state(slot->newest) == SK__TASK_STATE__TASK_RUNNING;
}

/* BROKEN ones are replaced by tasks of the present spec as it is. */
static bool slot_is_dirty(const struct work *work, const struct slot *slot)
{
        return slot->state != SLOT_BROKEN && work_is_dirty(work, slot->newest);
}

/* By the node's clock; but one that is ahead must not hold the update up, so no later than the
 * store heard of it. */
static int64_t up_since(const Sk__Task *task)
{
        int64_t at =
                task->status->started_at_ns ? task->status->started_at_ns : task->status->at_ns;

        return task->meta && task->meta->updated_at_ns < at ? task->meta->updated_at_ns : at;
}

static void count_slot(struct work *work, struct update *update, const struct slot *slot)
{
        int64_t now = view_now(work->view), rested_at;

        if (slot_is_dirty(work, slot)) {
                update->n_dirty++;
                return;
        }
        if (slot->state == SLOT_FINISHED)
                return;
        if (!is_up(slot)) {
                /* What has failed holds nobody up. */
                update->n_starting += !failure_in_slot(work, update->config, slot);
                return;
        }
        if (!update->config)
                return;
        rested_at = time_after(up_since(slot->newest), update->config->delay_ns);
        if (rested_at > now) {
                update->n_resting++;
                plan_wake(work->plan, rested_at);
        }
}

static void replace(struct work *work, const struct update *update, const struct slot *slot)
{
        bool start_first =
                update->config && update->config->order == SK__UPDATE_CONFIG__ORDER__START_FIRST;
        const Sk__Task *older = slot->newest;

        /* A new task that starts first waits for nobody. */
        work_create(work, slot->number, slot->node_id,
                    start_first ? SK__TASK_STATE__TASK_RUNNING : restart_desired(work, older, true),
                    "the service was updated");
        for (const Sk__Task *task = older; task; task = view_slot_older(work->view, task))
                if (task_is_wanted(task) &&
                    (!start_first || task_state(task) != SK__TASK_STATE__TASK_RUNNING))
                        work_desire(work, task, SK__TASK_STATE__TASK_SHUTDOWN,
                                    "the service was updated");
}

/* As many as may be under way at once; slots that serve nobody go first, for they lose nothing. */
static void replace_next(struct work *work, const struct update *update, const struct slot *slots,
                         size_t n_slots)
{
        uint64_t parallelism = update->config ? update->config->parallelism : 1;
        size_t n_busy = update->n_starting + update->n_resting;
        uint64_t left = !parallelism ? UINT64_MAX : parallelism > n_busy ? parallelism - n_busy : 0;

        for (int serving = 0; serving <= 1; serving++)
                for (size_t i = 0; i < n_slots && left; i++) {
                        if (!slot_is_dirty(work, &slots[i]) || is_up(&slots[i]) != serving)
                                continue;
                        if (work_is_full(work))
                                return;
                        replace(work, update, &slots[i]);
                        left--;
                }
}

static void begin_status(struct work *work, const Sk__UpdateStatus *status)
{
        struct arena *arena = &work->plan->arena;
        bool is_rollback = work->service->spec->is_rollback;
        Sk__UpdateStatus *begun;

        if (status && !strcmp(status->spec_id, work->service->spec->spec_id) &&
            status->state != SK__UPDATE_STATUS__STATE__NONE)
                return;
        begun = arena_alloc(arena, sizeof *begun);
        sk__update_status__init(begun);
        begun->state = is_rollback ? SK__UPDATE_STATUS__STATE__ROLLBACK_STARTED
                                   : SK__UPDATE_STATUS__STATE__UPDATING;
        begun->message = is_rollback ? "rollback in progress" : "update in progress";
        begun->started_at_ns = view_now(work->view);
        begun->spec_id = arena_strdup(arena, work->service->spec->spec_id);
        work_progress(work)->update = begun;
}

static void end_status(struct work *work, const Sk__UpdateStatus *status)
{
        bool is_rollback = status->state == SK__UPDATE_STATUS__STATE__ROLLBACK_STARTED;
        Sk__UpdateStatus *ended = work_progress(work)->update;

        ended->state = is_rollback ? SK__UPDATE_STATUS__STATE__ROLLBACK_COMPLETED
                                   : SK__UPDATE_STATUS__STATE__COMPLETED;
        ended->message = is_rollback ? "rollback completed" : "update completed";
        ended->completed_at_ns = view_now(work->view);
}

static bool is_under_way(const Sk__UpdateStatus *status)
{
        return status->state == SK__UPDATE_STATUS__STATE__UPDATING ||
               status->state == SK__UPDATE_STATUS__STATE__ROLLBACK_STARTED;
}

void update_decide(struct work *work, const struct slot *slots, size_t n_slots)
{
        const Sk__UpdateStatus *status =
                work->service->progress ? work->service->progress->update : NULL;
        struct update update = { .config = work->service->spec->is_rollback ? work->spec->rollback
                                                                            : work->spec->update };

        if (failure_decide(work, update.config, slots, n_slots))
                return;
        for (size_t i = 0; i < n_slots; i++)
                count_slot(work, &update, &slots[i]);
        if (update.n_dirty) {
                begin_status(work, status);
                replace_next(work, &update, slots, n_slots);
        } else if (status && strcmp(status->spec_id, work->service->spec->spec_id) != 0) {
                work_progress(work)->update = NULL;
        } else if (status && is_under_way(status) && !update.n_starting) {
                end_status(work, status);
        }
}
