/* Updates: tasks of an older spec are replaced, so many slots at a time; so are tasks that leave a
 * drained node.
 *
 * Nothing is remembered: a slot is done when its newest task is of the present spec and up, it
 * rests for the delay after that, and as many slots as the parallelism leaves are taken next.  What
 * happens when new tasks fail: failure.c. */
#include "lib/base/str.h"
#include "lib/base/time.h"
#include "manager/orchestrator/work.h"

#include <string.h>

struct update {
        const Sk__UpdateConfig *config; /* NULL: the defaults */
        const struct slot *slots;
        size_t n_slots;
        bool is_paused; /* then tasks are replaced only to leave their nodes */
        size_t n_dirty, n_leaving, n_starting, n_resting;
        size_t n_late;  /* of those that start: for so long that no drain waits for them */
        size_t n_new;   /* slots with a task of the present spec */
        size_t n_moved; /* with one of an older spec that starts, and stays for now */
};

static bool is_up(const struct slot *slot)
{
        return slot->state == SLOT_ALIVE && task_is_ready(slot->newest);
}

/* BROKEN ones are replaced as it is. */
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

static bool is_under_way(const Sk__UpdateStatus *status)
{
        return status && (status->state == SK__UPDATE_STATUS__STATE__UPDATING ||
                          status->state == SK__UPDATE_STATUS__STATE__ROLLBACK_STARTED);
}

/* Of a slot that is to stay as it is. */
static void count_busy(struct work *work, struct update *update, const struct slot *slot)
{
        int64_t now = view_now(work->view), rested_at;

        if (slot->state == SLOT_FINISHED)
                return;
        if (!is_up(slot)) {
                /* What has failed holds nobody up. */
                if (failure_in_slot(work, update->config, slot))
                        return;
                update->n_starting++;
                update->n_late += update->n_leaving && !is_under_way(work_update_status(work)) &&
                                  failure_is_late(work, update->config, slot);
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

/* Once a rollback is over, what moves goes as in updates; one that begins anew goes by its own. */
static const Sk__UpdateConfig *config_now(const struct work *work, const struct update *update)
{
        const Sk__UpdateStatus *status = work_update_status(work);

        return status && status->state == SK__UPDATE_STATUS__STATE__ROLLBACK_COMPLETED &&
                               !update->n_dirty
                       ? work->spec->update
                       : work_update_config(work);
}

static void count_slots(struct work *work, struct update *update)
{
        for (size_t i = 0; i < update->n_slots; i++) {
                const struct slot *slot = &update->slots[i];

                update->n_new += slot_has_present_spec(work, slot);
                update->n_dirty += slot_is_dirty(work, slot);
                update->n_leaving += slot_is_leaving(work, slot);
        }
        update->config = config_now(work, update);
        for (size_t i = 0; i < update->n_slots; i++) {
                const struct slot *slot = &update->slots[i];

                if (!slot_is_dirty(work, slot) &&
                    !(update->n_leaving && slot_is_leaving(work, slot)))
                        count_busy(work, update, slot);
        }
}

static void replace(struct work *work, const struct update *update, const struct slot *slot,
                    const Sk__Task *like, const char *reason)
{
        bool start_first =
                update->config && update->config->order == SK__UPDATE_CONFIG__ORDER__START_FIRST;
        const Sk__Task *older = slot->newest;
        bool has_server = false;

        /* A new task that starts first waits for nobody. */
        work_create(work, slot->number, slot->node_id, like,
                    start_first ? SK__TASK_STATE__TASK_RUNNING : restart_desired(work, older, true),
                    reason);
        for (const Sk__Task *task = older; task; task = view_slot_older(work->view, task)) {
                bool serves = task_is_wanted(task) && !has_server &&
                              task_state(task) == SK__TASK_STATE__TASK_RUNNING;

                /* The newest that runs goes on until the new one does. */
                if (task_is_wanted(task) && !(start_first && serves))
                        work_desire(work, task, SK__TASK_STATE__TASK_SHUTDOWN, reason);
                has_server = has_server || serves;
        }
}

/* How many slots may be in change at once. */
static uint64_t parallelism_of(const struct update *update)
{
        uint64_t n;

        if (!update->config)
                return 1;
        if (update->config->parallelism_percent) {
                n = update->n_slots * update->config->parallelism_percent / 100;
                return n ? n : 1;
        }
        return update->config->parallelism ? update->config->parallelism : UINT64_MAX;
}

/* How many more slots may get the present spec. */
static uint64_t updates_left(const struct work *work, const struct update *update)
{
        uint64_t n_canaries = work_canaries(work);

        if (update->is_paused)
                return 0;
        if (!n_canaries)
                return UINT64_MAX;
        return n_canaries > update->n_new ? n_canaries - update->n_new : 0;
}

/* What starts on a node that it is to leave is in change as it is; then come slots that serve
 * nobody, for they lose nothing, those among them that run and may be ready again. */
enum { TURN_OF_STARTING, TURN_OF_IDLE, TURN_OF_SERVING, TURNS };

static size_t turn_of(const struct work *work, const struct slot *slot)
{
        if (is_up(slot))
                return TURN_OF_SERVING;
        return slot_is_leaving(work, slot) && !slot_is_dirty(work, slot) &&
                               task_state(slot->newest) < SK__TASK_STATE__TASK_RUNNING
                       ? TURN_OF_STARTING
                       : TURN_OF_IDLE;
}

/* While it is not their turn to be updated, those that left their nodes are in change as well. */
static void count_moved(const struct work *work, struct update *update)
{
        if (!update->n_leaving || updates_left(work, update))
                return;
        for (size_t i = 0; i < update->n_slots; i++) {
                const struct slot *slot = &update->slots[i];

                update->n_moved += slot->state == SLOT_ALIVE && slot_is_dirty(work, slot) &&
                                   !slot_is_leaving(work, slot) &&
                                   task_is_coming_up(slot->newest) &&
                                   !failure_is_late(work, update->config, slot);
        }
}

/* As many as may be under way at once. */
static void replace_next(struct work *work, const struct update *update)
{
        uint64_t parallelism = parallelism_of(update), n_updates = updates_left(work, update);
        size_t n_busy = update->n_starting - update->n_late + update->n_resting + update->n_moved;
        uint64_t left = parallelism > n_busy ? parallelism - n_busy : 0;

        for (size_t k = 0; k < TURNS * update->n_slots && left; k++) {
                const struct slot *slot = &update->slots[k % update->n_slots];
                bool shall_update = slot_is_dirty(work, slot) && n_updates;

                if (turn_of(work, slot) != k / update->n_slots ||
                    (!shall_update && !slot_is_leaving(work, slot)))
                        continue;
                if (work_is_full(work))
                        return;
                if (shall_update)
                        replace(work, update, slot, NULL, "the service was updated");
                else
                        replace(work, update, slot, work_like(work, slot->newest),
                                "its node is being drained");
                n_updates -= shall_update;
                left--;
        }
}

static void rebalance(struct work *work, const struct update *update)
{
        bool may_move = !update->n_starting && !update->n_resting;
        const struct slot *slot = rebalance_next(work, update->slots, update->n_slots, may_move);

        if (slot)
                replace(work, update, slot, NULL, "it would be placed elsewhere today");
}

/* It is over; but a node that was passed by while it was paused, or whose label went, may begin it
 * anew. */
static bool may_begin_anew(const struct work *work, const Sk__UpdateStatus *status)
{
        return !work_canaries(work) &&
               (status->state == SK__UPDATE_STATUS__STATE__COMPLETED ||
                status->state == SK__UPDATE_STATUS__STATE__ROLLBACK_COMPLETED);
}

static void begin_status(struct work *work)
{
        struct arena *arena = &work->plan->arena;
        bool is_rollback = work->service->spec->is_rollback;
        const Sk__UpdateStatus *status = work_update_status(work);
        Sk__UpdateStatus *begun;

        if (status && status->state != SK__UPDATE_STATUS__STATE__NONE &&
            !may_begin_anew(work, status))
                return;
        begun = arena_alloc(arena, sizeof *begun);
        sk__update_status__init(begun);
        begun->state = is_rollback ? SK__UPDATE_STATUS__STATE__ROLLBACK_STARTED
                                   : SK__UPDATE_STATUS__STATE__UPDATING;
        /* Docker's words: the update that rolls itself back says something else. */
        begun->message = is_rollback ? "manually requested rollback" : "update in progress";
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

/* With its canaries up an update waits for a person, and says so. */
static void tell_canaries(struct work *work, const struct update *update)
{
        static const char waits[] = "update waits";
        const Sk__UpdateStatus *status = work_update_status(work);
        const char *name = work->service->name, *message = "update in progress";
        bool is_waiting = work_canaries(work) && !updates_left(work, update) && !update->n_starting;

        if (!status || status->state != SK__UPDATE_STATUS__STATE__UPDATING || update->is_paused)
                return;
        if (is_waiting)
                message = arena_printf(&work->plan->arena,
                                       "%s: %zu of %zu tasks are canaries ('skep service promote "
                                       "%s' goes on, 'skep service rollback %s' goes back)",
                                       waits, update->n_new, update->n_slots, name, name);
        if ((is_waiting || str_starts_with(status->message, waits)) &&
            strcmp(status->message, message) != 0)
                work_progress(work)->update->message = message;
}

/* As long as tasks have to leave, each that comes up makes room for the next one to go. */
static void tell_moving(struct work *work, bool is_moving)
{
        bool was_moving = work->service->progress && work->service->progress->is_moving;

        if (is_moving != was_moving)
                work_progress(work)->is_moving = is_moving;
}

void update_decide(struct work *work, const struct slot *slots, size_t n_slots)
{
        const Sk__UpdateStatus *status = work_update_status(work);
        struct update update = { .slots = slots,
                                 .n_slots = n_slots,
                                 .n_new = work->n_new,
                                 .n_starting = work->n_new,
                                 .n_dirty = work->n_like_older };

        switch (failure_decide(work, work_update_config(work), slots, n_slots)) {
        case FAILURE_ROLLS_BACK:
                return;
        case FAILURE_PAUSES:
                update.is_paused = true;
                break;
        case FAILURE_NONE:
                break;
        }
        count_slots(work, &update);
        count_moved(work, &update);
        tell_moving(work, update.n_leaving > 0);
        if (update.n_dirty && !update.is_paused)
                begin_status(work);
        if (update.n_dirty || update.n_leaving)
                replace_next(work, &update);
        else
                rebalance(work, &update);
        if (update.n_dirty)
                tell_canaries(work, &update);
        else if (!status && work->service->progress && work->service->progress->update)
                work_progress(work)->update = NULL;
        else if (is_under_way(status) && !update.n_starting && !update.is_paused)
                end_status(work, status);
}
