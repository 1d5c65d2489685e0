/* Tasks move to where they would be placed today, one after the other, when a person asks for it
 * or, if the cluster's settings say so, when a node has come back. */
#include "lib/placement/moves.h"
#include "manager/orchestrator/work.h"

/* Since when a node has been ready that joined or came back last; 0: none. */
static int64_t last_return(const struct view *view)
{
        struct view_cursor cursor = { 0 };
        const struct object_head *head;
        int64_t at = 0;

        while ((head = view_each(view, SK__KIND__KIND_NODE, &cursor))) {
                const Sk__NodeStatus *status = ((const Sk__Node *)head)->status;

                if (status && status->state == SK__NODE_STATUS__STATE__READY &&
                    status->since_ns > at)
                        at = status->since_ns;
        }
        return at;
}

/* What is asked for last, by whomever; at_ns 0: nothing. */
static Sk__Rebalance asked_for(const struct work *work)
{
        const Sk__Rebalance *asked = work->service->spec->rebalance;
        const Sk__Cluster *cluster = view_cluster(work->view);
        uint64_t budget = cluster && cluster->spec ? cluster->spec->rebalance_budget : 0;
        int64_t returned_at = budget ? last_return(work->view) : 0;
        Sk__Rebalance none = SK__REBALANCE__INIT;

        if (asked && asked->at_ns >= returned_at)
                return *asked;
        none.at_ns = returned_at;
        none.budget = budget;
        return none;
}

static void write_down(struct work *work, int64_t at_ns, uint64_t n_moved, bool is_over)
{
        Sk__RebalanceProgress *progress = arena_alloc(&work->plan->arena, sizeof *progress);

        sk__rebalance_progress__init(progress);
        progress->at_ns = at_ns;
        progress->n_moved = n_moved;
        progress->is_over = is_over;
        work_progress(work)->rebalance = progress;
}

/* The slot whose task is to move; NULL when nobody would be better off. */
static const struct slot *worst_slot(struct work *work, const struct slot *slots, size_t n_slots,
                                     int64_t at_ns)
{
        struct arena *arena = &work->plan->arena;
        const Sk__Task **tasks = arena_alloc(arena, n_slots * sizeof *tasks);
        struct placement_move *moves;
        size_t n_tasks = 0, n_moves;

        for (size_t i = 0; i < n_slots; i++) {
                const Sk__Task *task = slots[i].newest;

                if (slots[i].state == SLOT_ALIVE && !work_is_dirty(work, task) &&
                    task_state(task) == SK__TASK_STATE__TASK_RUNNING && task->meta &&
                    task->meta->created_at_ns < at_ns)
                        tasks[n_tasks++] = task;
        }
        if (!n_tasks)
                return NULL;
        moves = placement_moves(work->view, work->need, tasks, n_tasks, 1, arena, &n_moves);
        for (size_t i = 0; n_moves && i < n_slots; i++)
                if (slots[i].newest == moves[0].task)
                        return &slots[i];
        return NULL;
}

const struct slot *rebalance_next(struct work *work, const struct slot *slots, size_t n_slots,
                                  bool may_move)
{
        const Sk__ServiceProgress *progress = work->service->progress;
        const Sk__RebalanceProgress *so_far = progress ? progress->rebalance : NULL;
        const Sk__Rebalance asked = asked_for(work);
        bool is_begun = so_far && so_far->at_ns == asked.at_ns;
        uint64_t n_moved = is_begun ? so_far->n_moved : 0;
        const struct slot *slot = NULL;

        /* The cluster's settings no longer ask for what they did. */
        if (!asked.at_ns && so_far && !so_far->is_over)
                write_down(work, so_far->at_ns, so_far->n_moved, true);
        if (!asked.at_ns || work->spec->mode_case != SK__SERVICE_SPEC__MODE_REPLICATED ||
            (is_begun && so_far->is_over) || work_is_full(work))
                return NULL;
        /* That it has begun is written down even so: who comes up lets it go on. */
        if (!may_move) {
                if (!is_begun)
                        write_down(work, asked.at_ns, 0, false);
                return NULL;
        }
        if (n_moved < asked.budget)
                slot = worst_slot(work, slots, n_slots, asked.at_ns);
        write_down(work, asked.at_ns, n_moved + (slot != NULL), !slot);
        return slot;
}
