/* Who has to go from a node so that there is room for a task: as few as it takes, the least
 * important first. */
#include <string.h>

#include "manager/orchestrator/preempt.h"

struct candidate {
        const Sk__Task *task;
        int32_t priority;
        bool goes;
};

/* Those on a node that may have to go, beside all that goes anyway. */
struct choice {
        struct preempt *preempt;
        struct room *room;
        const struct placement_need *need;
        struct vec candidates;         /* struct candidate, who goes first comes first */
        struct map by_id;              /* struct candidate, by task id */
        const struct candidate *alone; /* only it goes; NULL: who is said to */
};

static bool is_without(const void *context, const Sk__Task *task)
{
        const struct choice *choice = context;
        const struct candidate *candidate = map_find(&choice->by_id, task->id);

        if (!candidate)
                return preempt_is_going(choice->preempt, task);
        return choice->alone ? candidate == choice->alone : candidate->goes;
}

static bool helps(struct choice *choice)
{
        struct placement_usage *usage = &choice->preempt->usage;

        preempt_read_usage(choice->preempt, choice->room, is_without, choice, usage);
        return placement_has_room(choice->need, choice->room->node, usage);
}

/* The least important first; of equals the youngest, which lose the least. */
static int compare_candidates(const void *a, const void *b)
{
        const struct candidate *x = a, *y = b;
        int64_t x_at = x->task->meta ? x->task->meta->created_at_ns : 0;
        int64_t y_at = y->task->meta ? y->task->meta->created_at_ns : 0;

        if (x->priority != y->priority)
                return x->priority < y->priority ? -1 : 1;
        if (x_at != y_at)
                return x_at > y_at ? -1 : 1;
        return strcmp(x->task->id, y->task->id);
}

static void find_candidates(struct choice *choice)
{
        const struct preempt *preempt = choice->preempt;
        struct view_cursor cursor = { 0 };
        const Sk__Task *task;

        while ((task = view_each_node_task(preempt->view, choice->room->node->id, &cursor))) {
                int32_t priority = preempt_priority(preempt->view, task->definition->spec_id);

                if (priority < choice->need->priority &&
                    task_state(task) >= SK__TASK_STATE__TASK_ASSIGNED && !task_is_over(task) &&
                    !preempt_is_going(preempt, task))
                        vec_push(&choice->candidates, &(struct candidate){ task, priority, false });
        }
        if (choice->candidates.n)
                vec_sort(&choice->candidates, compare_candidates);
        for (size_t i = 0; i < choice->candidates.n; i++) {
                struct candidate *candidate = vec_at(&choice->candidates, i);

                map_put(&choice->by_id, candidate->task->id, candidate);
        }
}

/* One level of importance after the other goes, until there is room.  How many candidates that
 * takes; 0: it never helps, or costs no less than 'best'. */
static size_t levels_to_go(struct choice *choice, const struct eviction *best, int32_t *ret_highest)
{
        struct candidate *all = choice->candidates.data;
        size_t n = 0;

        while (n < choice->candidates.n) {
                int32_t level = all[n].priority;

                if (best->room &&
                    (level > best->highest || (level == best->highest && best->n == 1)))
                        return 0;
                for (; n < choice->candidates.n && all[n].priority == level; n++)
                        all[n].goes = true;
                *ret_highest = level;
                if (helps(choice))
                        return n;
        }
        return 0;
}

/* Does it reserve what is missing as long as everybody stays?  Else the others need not be added up
 * to know that it is not enough alone. */
static bool reserves_enough(const struct choice *choice, const Sk__Task *task)
{
        const struct placement_need *need = choice->need;
        const struct placement_usage *usage = &choice->room->usage;
        const Sk__NodeDescription *node = choice->room->node->description;
        const Sk__ServiceSpecRevision *revision = view_task_spec(choice->preempt->view, task);
        const Sk__Resources *have = node ? node->resources : NULL;
        const Sk__TaskSpec *spec = revision && revision->spec ? revision->spec->task : NULL;
        const Sk__Resources *reserved = spec ? spec->reservations : NULL;
        int64_t cpus = (have ? have->nano_cpus : 0) - usage->nano_cpus;
        int64_t memory = (have ? have->memory_bytes : 0) - usage->memory_bytes;

        cpus += reserved ? reserved->nano_cpus : 0;
        memory += reserved ? reserved->memory_bytes : 0;
        return (!need->nano_cpus || cpus >= need->nano_cpus) &&
               (!need->memory_bytes || memory >= need->memory_bytes);
}

/* As few of the first 'n' as it takes: whoever can stay stays, the most important first; but one
 * alone goes when that is enough. */
static void choose(struct choice *choice, size_t n, struct eviction *ret)
{
        struct preempt *preempt = choice->preempt;
        struct candidate *all = choice->candidates.data;

        for (size_t i = n; i-- > 0;) {
                all[i].goes = false;
                placement_usage_add_task(&preempt->usage, preempt->view, all[i].task);
                if (placement_has_room(choice->need, choice->room->node, &preempt->usage))
                        continue;
                all[i].goes = true;
                helps(choice);
        }
        ret->tasks = arena_alloc(&preempt->plan->arena, n * sizeof *ret->tasks);
        for (size_t i = 0; i < n; i++)
                if (all[i].goes)
                        ret->tasks[ret->n++] = all[i].task;
        for (size_t i = 0; i < n && ret->n > 1; i++) {
                choice->alone = &all[i];
                if (reserves_enough(choice, all[i].task) && helps(choice)) {
                        ret->tasks[0] = all[i].task;
                        ret->n = 1;
                }
        }
}

bool evict_on(struct preempt *preempt, struct room *room, const struct placement_need *need,
              const struct eviction *best)
{
        struct choice choice = {
                .preempt = preempt,
                .room = room,
                .need = need,
                .candidates = VEC_OF(struct candidate),
        };
        size_t n;

        if (room->offered_to == need && room->offered_at == room->change)
                return true;
        room->offered_to = NULL;
        room->offer = (struct eviction){ .room = room };
        preempt->n_rooms_searched++;
        find_candidates(&choice);
        n = levels_to_go(&choice, best, &room->offer.highest);
        if (n) {
                choose(&choice, n, &room->offer);
                room->offered_to = need;
                room->offered_at = room->change;
        }
        vec_done(&choice.candidates);
        map_done(&choice.by_id);
        return n;
}
