/* A node whose resources shrank may bear less than is on it: the least important tasks are shut
 * down, of equals those that came last, until the others fit. */
#include "manager/orchestrator/work.h"

#include <string.h>

/* A task that takes something. */
struct taker {
        const Sk__Task *task;
        const Sk__Resources *reserved; /* NULL: nothing */
        int32_t priority;
        bool stays;
};

static struct taker taker_of(const struct view *view, const Sk__Task *task)
{
        const Sk__ServiceSpecRevision *revision = view_task_spec(view, task);
        const Sk__TaskSpec *spec = revision && revision->spec ? revision->spec->task : NULL;

        return (struct taker){
                .task = task,
                .reserved = spec ? spec->reservations : NULL,
                .priority = spec && spec->placement ? spec->placement->priority : 0,
        };
}

/* Who stays rather than others, first. */
static int compare_takers(const void *a, const void *b)
{
        const struct taker *x = a, *y = b;
        int64_t x_at = x->task->meta ? x->task->meta->created_at_ns : 0;
        int64_t y_at = y->task->meta ? y->task->meta->created_at_ns : 0;

        if (x->priority != y->priority)
                return x->priority > y->priority ? -1 : 1;
        if (x_at != y_at)
                return x_at < y_at ? -1 : 1;
        return strcmp(x->task->id, y->task->id);
}

static struct vec takers_on(const struct view *view, const char *node_id)
{
        struct vec takers = VEC_OF(struct taker);
        struct view_cursor cursor = { 0 };
        const Sk__Task *task;

        while ((task = view_each_node_task(view, node_id, &cursor))) {
                struct taker taker = taker_of(view, task);

                if (!task_is_over(task) && task_is_wanted(task) &&
                    task_state(task) >= SK__TASK_STATE__TASK_ASSIGNED)
                        vec_push(&takers, &taker);
        }
        if (takers.n)
                vec_sort(&takers, compare_takers);
        return takers;
}

/* How much of a countable kind those that stay were given. */
static int64_t given_of(const struct vec *takers, const char *kind)
{
        int64_t n = 0;

        for (size_t i = 0; i < takers->n; i++) {
                const struct taker *taker = vec_at(takers, i);
                const Sk__TaskPlacement *placement = taker->task->placement;

                for (size_t k = 0; taker->stays && k < placement->n_assigned_generic; k++)
                        if (!strcmp(placement->assigned_generic[k]->kind, kind) &&
                            placement->assigned_generic[k]->value_case ==
                                    SK__GENERIC_RESOURCE__VALUE_COUNT)
                                n += placement->assigned_generic[k]->count;
        }
        return n;
}

/* Does the node still have what the task was given? */
static bool has_given(const Sk__Resources *have, const struct vec *takers,
                      const Sk__GenericResource *given)
{
        for (size_t i = 0; i < have->n_generic; i++) {
                const Sk__GenericResource *generic = have->generic[i];

                if (strcmp(generic->kind, given->kind) != 0 ||
                    generic->value_case != given->value_case)
                        continue;
                if (generic->value_case == SK__GENERIC_RESOURCE__VALUE_COUNT)
                        return given->count <= generic->count - given_of(takers, given->kind);
                if (generic->value_case == SK__GENERIC_RESOURCE__VALUE_NAMED &&
                    !strcmp(generic->named, given->named))
                        return true;
        }
        return false;
}

static bool fits(const Sk__Resources *have, const struct vec *takers, const struct taker *taker,
                 const Sk__Resources *left)
{
        const Sk__TaskPlacement *placement = taker->task->placement;

        if (taker->reserved &&
            ((taker->reserved->nano_cpus > 0 && taker->reserved->nano_cpus > left->nano_cpus) ||
             (taker->reserved->memory_bytes > 0 &&
              taker->reserved->memory_bytes > left->memory_bytes)))
                return false;
        for (size_t i = 0; i < placement->n_assigned_generic; i++)
                if (!has_given(have, takers, placement->assigned_generic[i]))
                        return false;
        return true;
}

static void enforce(const struct view *view, const Sk__Resources *have, const struct vec *takers,
                    size_t limit, struct plan *plan)
{
        Sk__Resources left = *have;

        for (size_t i = 0; i < takers->n; i++) {
                struct taker *taker = vec_at(takers, i);

                taker->stays = fits(have, takers, taker, &left);
                if (taker->stays && taker->reserved) {
                        left.nano_cpus -= taker->reserved->nano_cpus;
                        left.memory_bytes -= taker->reserved->memory_bytes;
                }
                if (taker->stays)
                        continue;
                if (plan->n_changes >= limit) {
                        plan_wake(plan, view_now(view));
                        return;
                }
                plan_group(plan);
                plan_desire(plan, taker->task, SK__TASK_STATE__TASK_SHUTDOWN,
                            "its node has too few resources left");
        }
}

/* As docker: a paused node is left alone, a drained one loses all its tasks anyway. */
void enforce_node(const struct view *view, const char *node_id, size_t limit, struct plan *plan)
{
        const Sk__Node *node = view_node(view, node_id);
        const Sk__Resources *have = node && node->description ? node->description->resources : NULL;
        struct vec takers;

        if (!have || !node->spec || node->spec->availability != SK__NODE_SPEC__AVAILABILITY__ACTIVE)
                return;
        takers = takers_on(view, node_id);
        enforce(view, have, &takers, limit, plan);
        vec_done(&takers);
}
