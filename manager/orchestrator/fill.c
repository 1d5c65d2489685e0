/* Empty slots are filled: with the present spec, but while canaries are tried with what the slot
 * had or the others have.
 *
 * A slot is empty for a moment when its task was told to stop for something else than the service's
 * sake: its node had too little room, or was drained and is back. */
#include "manager/orchestrator/work.h"

static bool was_given_up(const Sk__Task *task)
{
        return task->definition->desired_state == SK__TASK_STATE__TASK_REMOVE;
}

/* An update of few slots may be complete with its canaries; then what comes later is not tried. */
static bool is_complete(const struct work *work)
{
        const Sk__UpdateStatus *status = work_update_status(work);

        return status && status->state == SK__UPDATE_STATUS__STATE__COMPLETED;
}

struct filling fill_begin(const struct work *work, const struct slot *slots, size_t n_slots,
                          const Sk__Task *others)
{
        struct filling filling = { .others = others, .n_canaries = work_canaries(work) };

        for (size_t i = 0; i < n_slots && filling.n_canaries; i++)
                if (slots[i].state != SLOT_EMPTY && slot_has_present_spec(work, &slots[i]))
                        filling.n_canaries--;
        return filling;
}

const Sk__Task *fill_like(const struct work *work, const struct filling *filling,
                          const Sk__Task *newest)
{
        bool has_past = newest && !was_given_up(newest);

        if (!work_canaries(work))
                return NULL;
        if (has_past && !work_is_dirty(work, newest) && work->n_new < filling->n_canaries)
                return NULL;
        if (filling->others)
                return filling->others;
        return has_past && !is_complete(work) ? work_like(work, newest) : NULL;
}

void fill(struct work *work, uint64_t slot, const char *node_id, const Sk__Task *newest,
          const Sk__Task *like, const char *reason)
{
        work_create(work, slot, node_id, like, restart_desired(work, newest, false), reason);
        if (like)
                work->n_like_older++;
        else
                work->n_new++;
}
