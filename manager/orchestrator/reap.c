/* What may be forgotten: old tasks of a slot, tasks given up, tasks of removed services, specs that
 * nobody needs. */
#include <string.h>

#include "manager/orchestrator/work.h"

enum { HISTORY_DEFAULT = 5 };

/* Those that go on until the newest is up. */
static uint64_t count_older_wanted(const struct work *work, const Sk__Task *newest)
{
        uint64_t n = 0;

        for (const Sk__Task *task = newest; (task = slot_older(work, task));)
                n += task_is_wanted(task);
        return n;
}

/* How many tasks a slot may keep, the live ones included. */
static uint64_t history_of(const struct work *work, const Sk__Task *newest, uint64_t n_older_wanted)
{
        const Sk__Cluster *cluster = view_cluster(work->view);
        int64_t limit =
                cluster && cluster->spec ? cluster->spec->task_history_limit : HISTORY_DEFAULT;
        uint64_t wanted = restart_history_wanted(work, newest);

        if (limit < 0)
                return UINT64_MAX;
        /* The newest says how the slot stands. */
        if (limit < 1)
                limit = 1;
        wanted = wanted ? wanted + n_older_wanted : 0;
        return wanted > (uint64_t)limit ? wanted : (uint64_t)limit;
}

/* Over, never placed, or nobody is there to say so.  That an index completed is never forgotten: it
 * would run again. */
static bool is_forgettable(const struct view *view, const Sk__Task *task)
{
        if (task->definition->job_iteration && task_state(task) == SK__TASK_STATE__TASK_COMPLETE)
                return false;
        return task_is_over(task) || task_state(task) < SK__TASK_STATE__TASK_ASSIGNED ||
               !view_node(view, task_node(task));
}

void reap_slot(struct work *work, const Sk__Task *newest)
{
        uint64_t n_older_wanted = count_older_wanted(work, newest);
        uint64_t kept = n_older_wanted, most = history_of(work, newest, n_older_wanted);

        for (const Sk__Task *task = newest; task; task = slot_older(work, task)) {
                if (task->definition->desired_state == SK__TASK_STATE__TASK_REMOVE) {
                        if (slot_task_is_lost(work->view, task))
                                work_remove(work, task, "it was given up and is gone");
                        else
                                kept++;
                } else if ((task == newest || !task_is_wanted(task)) && ++kept > most &&
                           task != newest && is_forgettable(work->view, task)) {
                        work_remove(work, task, "the history is full");
                }
        }
}

void reap_orphans(const struct view *view, const char *service_id, size_t limit, struct plan *plan)
{
        struct view_cursor cursor = { 0 };
        const Sk__Task *task;

        while ((task = view_each_service_task(view, service_id, &cursor))) {
                bool is_lost = slot_task_is_lost(view, task);

                if (!is_lost && task->definition->desired_state == SK__TASK_STATE__TASK_REMOVE)
                        continue;
                if (plan->n_changes >= limit) {
                        plan_wake(plan, view_now(view));
                        return;
                }
                plan_group(plan);
                if (is_lost)
                        plan_remove(plan, SK__KIND__KIND_TASK, task->id)->reason =
                                "its service was removed";
                else
                        plan_desire(plan, task, SK__TASK_STATE__TASK_REMOVE,
                                    "its service was removed");
        }
}

static bool service_names(const Sk__Service *service, const char *spec_id)
{
        const Sk__ServiceRevision *spec = service->spec;
        const Sk__JobStatus *job = service->progress ? service->progress->job : NULL;

        /* A run that is under way may have its tasks yet to come. */
        for (size_t i = 0; job && i < job->n_runs; i++)
                if (!job->runs[i]->ended_at_ns && !strcmp(job->runs[i]->spec_id, spec_id))
                        return true;
        if (!spec)
                return false;
        if (!strcmp(spec->spec_id, spec_id) || !strcmp(spec->previous_spec_id, spec_id))
                return true;
        for (size_t i = 0; i < spec->n_history; i++)
                if (!strcmp(spec->history[i], spec_id))
                        return true;
        return false;
}

void reap_specs(const struct view *view, size_t limit, struct plan *plan)
{
        struct view_cursor cursor = { 0 };
        const struct object_head *head;

        while ((head = view_each(view, SK__KIND__KIND_SERVICE_SPEC, &cursor))) {
                const Sk__ServiceSpecObject *object = (const Sk__ServiceSpecObject *)head;
                const Sk__Service *service =
                        object->spec ? view_service(view, object->spec->service_id) : NULL;

                if (view_count_spec_tasks(view, object->id) ||
                    (service && service_names(service, object->id)))
                        continue;
                if (plan->n_changes >= limit) {
                        plan_wake(plan, view_now(view));
                        return;
                }
                plan_group(plan);
                plan_remove(plan, SK__KIND__KIND_SERVICE_SPEC, object->id)->reason =
                        "no task and no service names it";
                if (service)
                        plan_require_unchanged(plan, SK__KIND__KIND_SERVICE,
                                               (const struct object_head *)service,
                                               PART_SERVICE_spec);
        }
}
