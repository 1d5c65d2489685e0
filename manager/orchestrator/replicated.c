/* Replicated services: so many slots, numbered from 1. */
#include <string.h>

#include "lib/base/map.h"
#include "manager/orchestrator/work.h"

static uint64_t replicas_of(const struct work *work)
{
        return work->spec->mode_case == SK__SERVICE_SPEC__MODE_REPLICATED
                       ? work->spec->replicated->replicas
                       : 0;
}

/* All slots up to the highest that has a task, by number.  Tasks come by slot, the newest of each
 * first. */
static struct slot *slots_of(struct work *work, size_t *ret_n)
{
        size_t n = view_slots_max(work->view, work->service->id), n_known = 0;
        struct slot *slots = arena_alloc(&work->plan->arena, n * sizeof *slots);
        struct view_cursor cursor = { 0 };
        const Sk__Task *task;

        while ((task = view_each_service_task(work->view, work->service->id, &cursor))) {
                uint64_t number = task->definition->slot;

                for (; n_known + 1 < number; n_known++)
                        slots[n_known] = slot_of(work, n_known + 1, "", NULL);
                if (n_known + 1 == number)
                        slots[n_known++] = slot_of(work, number, "", task);
        }
        *ret_n = n_known;
        return slots;
}

/* While canaries are tried, what else comes is like what else is there. */
static const Sk__Task *like_others(const struct work *work, const struct slot *slots,
                                   size_t n_slots)
{
        const Sk__Task *like = NULL;

        for (size_t i = 0; i < n_slots && !like; i++)
                if (slots[i].state != SLOT_EMPTY)
                        like = work_like(work, slots[i].newest);
        return like;
}

/* Its newest task was told to stop before it took over from this one. */
static bool still_serves(struct work *work, const struct slot *slot)
{
        const Sk__Task *task = slot->newest;

        while (task && !task_is_wanted(task))
                task = view_slot_older(work->view, task);
        return task;
}

static void fill_slot(struct work *work, const struct filling *filling, uint64_t number,
                      const Sk__Task *newest)
{
        fill(work, number, "", newest, fill_like(work, filling, newest),
             newest ? "the slot is empty" : "the service wants it");
}

/* Where something goes on until it is replaced; then the lowest numbers first, those given up
 * before included. */
static void scale_up(struct work *work, const struct slot *slots, size_t n_slots,
                     uint64_t n_missing)
{
        struct filling filling =
                fill_begin(work, slots, n_slots, like_others(work, slots, n_slots));
        bool *is_filled = arena_alloc(&work->plan->arena, n_slots * sizeof *is_filled);

        for (size_t i = 0; i < n_slots && n_missing && !work_is_full(work); i++) {
                is_filled[i] = slots[i].state != SLOT_EMPTY;
                if (is_filled[i] || !still_serves(work, &slots[i]))
                        continue;
                fill_slot(work, &filling, i + 1, slots[i].newest);
                is_filled[i] = true;
                n_missing--;
        }
        for (uint64_t number = 1; n_missing && !work_is_full(work); number++) {
                if (number <= n_slots && is_filled[number - 1])
                        continue;
                fill_slot(work, &filling, number,
                          number <= n_slots ? slots[number - 1].newest : NULL);
                n_missing--;
        }
}

/* A slot in the order of staying: 'nth' counts the copies of the service on its node. */
struct rank {
        const struct slot *slot;
        bool is_running;
        uint64_t nth;
};

static int compare_running(const void *a, const void *b)
{
        const struct rank *x = a, *y = b;

        if (x->is_running != y->is_running)
                return x->is_running ? -1 : 1;
        return x->slot->number < y->slot->number ? -1 : x->slot->number > y->slot->number;
}

static int compare_rank(const void *a, const void *b)
{
        const struct rank *x = a, *y = b;

        if (x->is_running == y->is_running && x->nth != y->nth)
                return x->nth < y->nth ? -1 : 1;
        return compare_running(a, b);
}

static void count_copies(struct work *work, struct rank *ranks, size_t n)
{
        struct map copies = { 0 };

        for (size_t i = 0; i < n; i++) {
                const char *node = ranks[i].is_running ? task_node(ranks[i].slot->newest) : "";
                uint64_t *count = *node ? map_find(&copies, node) : NULL;

                if (*node && !count) {
                        count = arena_alloc(&work->plan->arena, sizeof *count);
                        map_put(&copies, node, count);
                }
                ranks[i].nth = count ? ++*count : UINT64_MAX;
        }
        map_done(&copies);
}

/* The taken slots, those that should stay longest first: running ones before others, then those
 * with the fewest copies on their node, then low numbers. */
static struct rank *ranks_of(struct work *work, const struct slot *slots, size_t n_slots,
                             size_t *ret_n)
{
        struct rank *ranks = arena_alloc(&work->plan->arena, n_slots * sizeof *ranks);
        size_t n = 0;

        for (size_t i = 0; i < n_slots; i++)
                if (slots[i].state != SLOT_EMPTY)
                        ranks[n++] = (struct rank){
                                .slot = &slots[i],
                                .is_running = slots[i].state == SLOT_ALIVE &&
                                              task_is_ready(slots[i].newest),
                        };
        if (n)
                qsort(ranks, n, sizeof *ranks, compare_running);
        count_copies(work, ranks, n);
        if (n)
                qsort(ranks, n, sizeof *ranks, compare_rank);
        *ret_n = n;
        return ranks;
}

static void give_up(struct work *work, const struct slot *slot, const char *reason)
{
        for (const Sk__Task *task = slot->newest; task; task = view_slot_older(work->view, task))
                work_desire(work, task, SK__TASK_STATE__TASK_REMOVE, reason);
}

/* Gives up what is too much; the slots that stay come first in 'slots' afterwards, and their number
 * is returned. */
static size_t scale_down(struct work *work, struct slot *slots, size_t n_slots, uint64_t replicas)
{
        size_t n_taken, n_kept = 0;
        struct rank *ranks = ranks_of(work, slots, n_slots, &n_taken);
        struct slot *kept = arena_alloc(&work->plan->arena, n_taken * sizeof *kept);

        for (size_t i = 0; i < n_taken; i++) {
                if (i < replicas)
                        kept[n_kept++] = *ranks[i].slot;
                else if (!work_is_full(work))
                        give_up(work, ranks[i].slot, "scaled down");
        }
        /* History of slots that nobody is going to fill. */
        for (size_t i = 0; i < n_slots && n_taken >= replicas && !work_is_full(work); i++)
                if (slots[i].state == SLOT_EMPTY)
                        give_up(work, &slots[i], "the slot was given up");
        memcpy(slots, kept, n_kept * sizeof *kept);
        return n_kept;
}

void replicated_decide(struct work *work)
{
        uint64_t replicas = replicas_of(work);
        size_t n_slots, n_kept;
        struct slot *all = slots_of(work, &n_slots);
        struct slot *kept = arena_copy(&work->plan->arena, all, n_slots * sizeof *all);

        n_kept = scale_down(work, kept, n_slots, replicas);
        if (n_kept < replicas)
                scale_up(work, all, n_slots, replicas - n_kept);
        update_decide(work, kept, n_kept);
}

static void live(struct work *work, uint64_t number)
{
        struct slot slot = slot_look(work, number, "");

        slot_live(work, &slot);
}

void replicated_decide_range(struct work *work, uint64_t range)
{
        uint64_t last = view_slots_max(work->view, work->service->id);

        for (uint64_t i = 0; i < RANGE_SLOTS && !work_is_full(work); i++)
                if (range * RANGE_SLOTS + i < last)
                        live(work, range * RANGE_SLOTS + i + 1);
}
