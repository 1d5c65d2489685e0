/* Jobs: in each run every index (or node) is to be completed once, so many at a time.
 *
 * A run is an iteration of the job with tasks of its own; the service's progress lists those that
 * are kept.  What a run has done is read off its tasks.  Within a run an index is a slot with the
 * tasks of that iteration alone, so restarts, delays and history are as everywhere.  When runs
 * begin and end is told in job_run.c. */
#include "manager/orchestrator/job.h"

/* The indexes of a run. */
struct tally {
        struct slot *slots;
        size_t n, n_busy, n_completed, n_failed;
};

static bool is_complete(const Sk__Task *task)
{
        return task_state(task) == SK__TASK_STATE__TASK_COMPLETE;
}

static const Sk__Task *newest_of_run(const struct work *work, uint64_t number, const char *node_id)
{
        const char *service_id = work->service->id;
        const Sk__Task *task = *node_id ? view_node_slot_newest(work->view, service_id, node_id)
                                        : view_slot_newest(work->view, service_id, number);

        while (task && task->definition->job_iteration != work->run->iteration)
                task = view_slot_older(work->view, task);
        return task;
}

static bool has_completed(const struct work *work, const struct slot *slot)
{
        const Sk__Task *task = slot->newest;

        while (task && !is_complete(task))
                task = slot_older(work, task);
        return task;
}

static void count_slot(const struct work *work, struct tally *tally, struct slot slot)
{
        /* One that was given up for lost may have completed before its replacement. */
        bool is_done = has_completed(work, &slot);

        if (is_done)
                slot.state = SLOT_FINISHED;
        tally->n_busy += slot.state == SLOT_ALIVE || slot.state == SLOT_BROKEN;
        tally->n_completed += is_done;
        tally->n_failed += slot.state == SLOT_FINISHED && !is_done;
        tally->slots[tally->n++] = slot;
}

static const Sk__ServiceSpec *spec_of_run(const struct work *work)
{
        const Sk__ServiceSpecObject *object = view_service_spec(work->view, work->run->spec_id);

        return object && object->spec && object->spec->spec &&
                               object->spec->spec->mode_case == work->spec->mode_case
                       ? object->spec->spec
                       : work->spec;
}

static void count_nodes(struct work *work, struct tally *tally)
{
        struct view_cursor cursor = { 0 };
        const struct object_head *head;

        tally->slots = arena_alloc(&work->plan->arena, view_count(work->view, SK__KIND__KIND_NODE) *
                                                               sizeof *tally->slots);
        while ((head = view_each(work->view, SK__KIND__KIND_NODE, &cursor))) {
                const Sk__Task *newest = newest_of_run(work, 0, head->id);
                struct slot slot = slot_of(work, 0, head->id, newest);

                if (newest || global_takes_new(work, (const Sk__Node *)head, NULL))
                        count_slot(work, tally, slot);
        }
}

static void count_indexes(struct work *work, struct tally *tally)
{
        uint64_t total = spec_of_run(work)->replicated_job->total_completions;

        tally->slots = arena_alloc(&work->plan->arena, total * sizeof *tally->slots);
        for (uint64_t number = 1; number <= total; number++)
                count_slot(work, tally, slot_of(work, number, "", newest_of_run(work, number, "")));
}

static struct tally count(struct work *work)
{
        struct tally tally = { 0 };

        if (work->is_global)
                count_nodes(work, &tally);
        else
                count_indexes(work, &tally);
        return tally;
}

/* How many tasks of other runs are not gone yet: they count against what may run at once. */
static size_t count_others(const struct work *work)
{
        struct view_cursor cursor = { 0 };
        const Sk__Task *task;
        size_t n = 0;

        while ((task = view_each_service_task(work->view, work->service->id, &cursor)))
                n += task->definition->job_iteration != work->run->iteration &&
                     !slot_task_is_lost(work->view, task);
        return n;
}

static uint64_t at_once(const struct work *work)
{
        uint64_t most = work->is_global ? 0 : spec_of_run(work)->replicated_job->max_concurrent;

        return most ? most : UINT64_MAX;
}

static bool overlaps(const struct work *work)
{
        return work->spec->schedule &&
               work->spec->schedule->concurrency == SK__SCHEDULE__CONCURRENCY__ALLOW;
}

void job_require_incomplete(struct work *work, const Sk__Task *newest)
{
        for (const Sk__Task *task = newest; task; task = slot_older(work, task))
                if (!task_is_over(task))
                        plan_require_unchanged(work->plan, SK__KIND__KIND_TASK,
                                               (const struct object_head *)task, PART_TASK_status);
}

static void begin_more(struct work *work, const struct tally *tally)
{
        uint64_t most = at_once(work);
        size_t n_busy = tally->n_busy + (overlaps(work) ? 0 : count_others(work));

        for (size_t i = 0; i < tally->n && n_busy < most && !work_is_full(work); i++) {
                const struct slot *slot = &tally->slots[i];

                if (slot->state != SLOT_EMPTY ||
                    (work->is_global &&
                     !global_takes_new(work, view_node(work->view, slot->node_id), NULL)))
                        continue;
                work_create(work, slot->number, slot->node_id, NULL,
                            restart_desired(work, slot->newest, false),
                            work->is_global ? "every node runs one" : "the job wants it");
                job_require_incomplete(work, slot->newest);
                n_busy++;
        }
}

/* It is done: whoever still works on it may stop, and who completed it stays as it is. */
static void leave_completed(struct work *work, const struct slot *slot)
{
        for (const Sk__Task *task = slot->newest; task; task = slot_older(work, task))
                if (task_is_wanted(task) && !is_complete(task))
                        work_desire(work, task, SK__TASK_STATE__TASK_SHUTDOWN,
                                    "the index was completed");
        reap_slot(work, slot->newest);
}

static void live(struct work *work, const struct tally *tally)
{
        for (size_t i = 0; i < tally->n && !work_is_full(work); i++)
                if (has_completed(work, &tally->slots[i]))
                        leave_completed(work, &tally->slots[i]);
                else
                        slot_live(work, &tally->slots[i]);
}

/* Nodes where the run has tasks count as long as those are not over, or completed. */
static bool is_over(const struct work *work, const struct tally *tally)
{
        for (size_t i = 0; i < tally->n; i++) {
                const struct slot *slot = &tally->slots[i];

                if (slot->state != SLOT_FINISHED &&
                    (!work->is_global || slot->state != SLOT_EMPTY ||
                     global_takes_new(work, view_node(work->view, slot->node_id), NULL)))
                        return false;
        }
        return true;
}

/* Does the run go on when it was over, because there are nodes it has not seen? */
static bool may_go_on(const struct work *work, const Sk__JobStatus__Run *run)
{
        return work->is_global && !work->spec->schedule &&
               run == work->service->progress->job->runs[0];
}

/* A run goes on with the spec it began with, on the nodes that suit that. */
static void take_run(struct work *work, const Sk__JobStatus__Run *run)
{
        const Sk__ServiceSpecObject *object = view_service_spec(work->view, run->spec_id);
        struct placement_need *need;

        work->run = run;
        if (!object || !object->spec || !object->spec->spec || !object->spec->spec->task)
                return;
        need = arena_alloc(&work->plan->arena, sizeof *need);
        placement_need_read(&work->plan->arena, work->view, object->id, object->spec, need);
        work->need = need;
}

static void decide_run(struct work *work, const Sk__JobStatus__Run *run)
{
        const struct placement_need *need = work->need;
        struct tally tally;

        if (run->ended_at_ns && !may_go_on(work, run))
                return;
        take_run(work, run);
        tally = count(work);
        live(work, &tally);
        begin_more(work, &tally);
        job_tell(work, &(struct job_result){ .is_over = is_over(work, &tally),
                                             .n_completed = tally.n_completed,
                                             .n_failed = tally.n_failed,
                                             .n = tally.n });
        work->run = NULL;
        work->need = need;
        /* Tasks of one slot in two runs must not be one. */
        work->has_generation = false;
}

const Sk__JobStatus__Run *job_find_run(const Sk__JobStatus *job, uint64_t iteration)
{
        for (size_t i = 0; job && i < job->n_runs; i++)
                if (job->runs[i]->iteration == iteration)
                        return job->runs[i];
        return NULL;
}

/* Tasks of runs that were ended stop; those of runs that are not kept are forgotten. */
static void retire(struct work *work, const Sk__JobStatus *job)
{
        struct view_cursor cursor = { 0 };
        const Sk__Task *task;

        while ((task = view_each_service_task(work->view, work->service->id, &cursor)) &&
               !work_is_full(work)) {
                const Sk__JobStatus__Run *run = job_find_run(job, task->definition->job_iteration);

                if (!run && slot_task_is_lost(work->view, task))
                        work_remove(work, task, "its run is not kept any longer");
                else if (!run)
                        work_desire(work, task, SK__TASK_STATE__TASK_REMOVE,
                                    "its run is not kept any longer");
                else if (run->ended_at_ns && !task_is_over(task) && task_is_wanted(task))
                        work_desire(work, task, SK__TASK_STATE__TASK_SHUTDOWN, run->message);
        }
}

void job_decide(struct work *work)
{
        const Sk__JobStatus *job;

        /* What begins now gets its tasks in the next look, which sees the run. */
        if (job_begin(work))
                return;
        job = work->service->progress->job;
        if (job->next_execution_ns)
                plan_wake(work->plan, job->next_execution_ns);
        for (size_t i = 0; i < job->n_runs && !work_is_full(work); i++)
                decide_run(work, job->runs[i]);
        if (!work_is_full(work))
                retire(work, job);
}
