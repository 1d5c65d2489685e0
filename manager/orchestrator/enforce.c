/* A node whose resources shrank may bear less than is on it: the last to come are shut down. */
#include "manager/orchestrator/work.h"

static const Sk__Resources *reserved_by(const struct view *view, const Sk__Task *task)
{
        const Sk__ServiceSpecRevision *revision = view_task_spec(view, task);

        return revision && revision->spec && revision->spec->task
                       ? revision->spec->task->reservations
                       : NULL;
}

void enforce_node(const struct view *view, const char *node_id, size_t limit, struct plan *plan)
{
        const Sk__Node *node = view_node(view, node_id);
        const Sk__Resources *have = node && node->description ? node->description->resources : NULL;
        struct view_cursor cursor = { 0 };
        int64_t nano_cpus, memory_bytes;
        const Sk__Task *task;

        if (!have)
                return;
        nano_cpus = have->nano_cpus;
        memory_bytes = have->memory_bytes;
        while ((task = view_each_node_task(view, node_id, &cursor))) {
                const Sk__Resources *need = reserved_by(view, task);

                if (!need || task_is_over(task) || !task_is_wanted(task) ||
                    task_state(task) < SK__TASK_STATE__TASK_ASSIGNED)
                        continue;
                if (need->nano_cpus <= nano_cpus && need->memory_bytes <= memory_bytes) {
                        nano_cpus -= need->nano_cpus;
                        memory_bytes -= need->memory_bytes;
                        continue;
                }
                if (plan->n_changes >= limit) {
                        plan_wake(plan, view_now(view));
                        return;
                }
                plan_group(plan);
                plan_desire(plan, task, SK__TASK_STATE__TASK_SHUTDOWN,
                            "its node has too few resources left");
        }
}
