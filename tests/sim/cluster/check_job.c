/* What holds of jobs: so many at once, each index once, no time of a schedule twice or lost. */
#include <inttypes.h>
#include <string.h>

#include "lib/cron/cron.h"
#include "lib/state/task_life.h"
#include "tests/sim/cluster/internal.h"

/* A job's status as it was told last. */
struct seen_job {
        char id[ID_SIZE], spec_id[ID_SIZE];
        uint64_t n_begun, n_missed, n_asked;
        int64_t next_ns;
};

bool is_job_spec(const Sk__ServiceSpec *spec)
{
        return spec->mode_case == SK__SERVICE_SPEC__MODE_REPLICATED_JOB ||
               spec->mode_case == SK__SERVICE_SPEC__MODE_GLOBAL_JOB;
}

/* --- every commit --- */

static uint64_t count_times(const Sk__Schedule *schedule, int64_t from_ns, int64_t to_ns)
{
        struct zone zone;
        struct cron cron;
        uint64_t n = 0;

        zone_init(&zone, NULL);
        if (cron_parse(schedule->cron, &cron, NULL) < 0)
                return 0;
        for (int64_t at = from_ns; at < to_ns; n++)
                at = cron_next(&cron, &zone, at);
        return n;
}

/* Each time that has passed, and each run that was asked for, began a run or was missed. */
static void check_balance(struct sim *sim, const Sk__Service *service, const struct seen_job *seen)
{
        const Sk__ServiceSpec *spec =
                view_service_spec(sim->world.view, service->spec->spec_id)->spec->spec;
        const Sk__JobStatus *job = service->progress->job;
        uint64_t n_done = job->iteration - seen->n_begun + job->n_missed - seen->n_missed;
        uint64_t n_due = job->runs_asked - seen->n_asked;

        if (strcmp(seen->spec_id, job->spec_id) != 0)
                return;
        if (spec->schedule && seen->next_ns)
                n_due += count_times(spec->schedule, seen->next_ns, job->next_execution_ns);
        if (n_done != n_due)
                sim_fail(sim, "job %s began or missed %" PRIu64 " runs where %" PRIu64 " were due",
                         service->name, n_done, n_due);
}

void check_job(struct sim *sim, const Sk__Service *service)
{
        const Sk__JobStatus *job = service->progress ? service->progress->job : NULL;
        struct seen_job *seen = map_find(&sim->seen_jobs, service->id);

        if (!job)
                return;
        if (seen && strcmp(job->spec_id, service->spec->spec_id) == 0)
                check_balance(sim, service, seen);
        if (!seen) {
                seen = arena_alloc(&sim->arena, sizeof *seen);
                strcpy(seen->id, service->id);
                map_put(&sim->seen_jobs, seen->id, seen);
        }
        if (job->iteration < seen->n_begun || job->n_missed < seen->n_missed)
                sim_fail(sim, "job %s counts backwards", service->name);
        strcpy(seen->spec_id, job->spec_id);
        seen->n_begun = job->iteration;
        seen->n_missed = job->n_missed;
        seen->n_asked = job->runs_asked;
        seen->next_ns = job->next_execution_ns;
}

static bool is_same_index(const Sk__TaskDefinition *a, const Sk__TaskDefinition *b)
{
        return a->slot == b->slot && !strcmp(a->node_id, b->node_id);
}

void check_job_task(struct sim *sim, const Sk__Task *task)
{
        const Sk__ServiceSpec *spec = view_task_spec(sim->world.view, task)->spec;
        uint64_t most = spec->mode_case == SK__SERVICE_SPEC__MODE_REPLICATED_JOB
                                ? spec->replicated_job->max_concurrent
                                : 0;
        const Sk__TaskDefinition *definition = task->definition;
        struct view_cursor cursor = { 0 };
        size_t n_busy = 0, n_here = 0;
        bool is_done = false;
        const Sk__Task *other;

        while ((other = view_each_service_task(sim->world.view, definition->service_id, &cursor))) {
                bool is_busy = task_is_wanted(other) && !task_is_over(other);
                bool is_here = is_same_index(other->definition, definition);

                if (other->definition->job_iteration != definition->job_iteration)
                        continue;
                n_busy += is_busy;
                n_here += is_busy && is_here;
                is_done |= is_here && task_state(other) == SK__TASK_STATE__TASK_COMPLETE;
        }
        if (most && n_busy > most)
                sim_fail(sim, "%zu tasks of a job are wanted at once, beside task %s", n_busy,
                         task->id);
        if (n_here > 1)
                sim_fail(sim, "%zu tasks are wanted for the index of task %s", n_here, task->id);
        if (is_done && task_state(task) == SK__TASK_STATE__TASK_NEW && task_is_wanted(task))
                sim_fail(sim, "task %s runs what was completed", task->id);
}

/* --- at rest --- */

static const Sk__JobStatus__Run *run_of(const Sk__JobStatus *job, uint64_t iteration)
{
        for (size_t i = 0; i < job->n_runs; i++)
                if (job->runs[i]->iteration == iteration)
                        return job->runs[i];
        return NULL;
}

static void check_run(struct sim *sim, const Sk__Service *service, const Sk__JobStatus__Run *run)
{
        struct view_cursor cursor = { 0 };
        size_t n_completed = 0, n_waiting = 0;
        const Sk__Task *task;

        while ((task = view_each_service_task(sim->world.view, service->id, &cursor))) {
                if (task->definition->job_iteration != run->iteration)
                        continue;
                n_completed += task_state(task) == SK__TASK_STATE__TASK_COMPLETE;
                n_waiting +=
                        task_is_wanted(task) && task_state(task) < SK__TASK_STATE__TASK_ASSIGNED;
                if (run->ended_at_ns && !task_is_over(task) && task_is_wanted(task))
                        sim_fail(sim, "task %s goes on after its run", task->id);
        }
        if (!run->ended_at_ns && !n_waiting)
                sim_fail(sim, "run %" PRIu64 " of job %s does not end", run->iteration,
                         service->name);
        if (!strcmp(run->message, "job complete") && n_completed < run->n_completed)
                sim_fail(sim, "run %" PRIu64 " of job %s forgot what it completed", run->iteration,
                         service->name);
}

void check_job_rest(struct sim *sim, const Sk__Service *service)
{
        const Sk__JobStatus *job = service->progress ? service->progress->job : NULL;
        struct view_cursor cursor = { 0 };
        const Sk__Task *task;

        if (!job || strcmp(job->spec_id, service->spec->spec_id) != 0 ||
            job->runs_asked != service->spec->runs_asked) {
                sim_fail(sim, "job %s is not looked at", service->name);
                return;
        }
        if (job->next_execution_ns && job->next_execution_ns <= sim->world.now)
                sim_fail(sim, "job %s is overdue", service->name);
        for (size_t i = 0; i < job->n_runs; i++)
                check_run(sim, service, job->runs[i]);
        while ((task = view_each_service_task(sim->world.view, service->id, &cursor)))
                if (!run_of(job, task->definition->job_iteration))
                        sim_fail(sim, "task %s outlives its run", task->id);
}
