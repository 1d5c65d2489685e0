/* Tasks and their executor. */
#include "agent/runner.h"

#include <stdlib.h>
#include <string.h>

#include "agent/run.h"
#include "lib/base/check.h"
#include "lib/os/log.h"

enum { BATCH_MAX = 1000 };

/* --- the set --- */

/* What is known of it from both sides: the managers' record and our own. */
static void want(struct runner *runner, const Sk__TaskAssignment *assignment)
{
        struct run *run = map_find(&runner->runs, assignment->id);
        Sk__TaskState desired = assignment->definition ? assignment->definition->desired_state
                                                       : SK__TASK_STATE__TASK_REMOVE;

        if (!run)
                run = run_new(runner, assignment->id);
        if (!run->task.message || run->is_restored) {
                Sk__TaskState known = run->is_restored ? run->task.state : 0;

                task_init(&run->task,
                          known > assignment->observed_state ? known : assignment->observed_state,
                          desired);
                run->is_restored = false;
        }
        task_desire(&run->task, desired);
        run_advance(run);
}

static void discard(struct run *run)
{
        task_discard(&run->task);
        run_advance(run);
}

void runner_apply_changes(struct runner *runner)
{
        struct worker *worker = runner->options.worker;
        struct arena arena = {};
        struct vec changes;

        if (!worker_take_changes(worker, &changes))
                return;
        for (size_t i = 0; i < changes.n; i++) {
                const struct worker_change *change = vec_at(&changes, i);
                const Sk__TaskAssignment *assignment = worker_task(worker, change->task_id, &arena);
                struct run *run = map_find(&runner->runs, change->task_id);

                if (assignment)
                        want(runner, assignment);
                else if (run)
                        discard(run);
                arena_clear(&arena);
        }
        arena_done(&arena);
        vec_done(&changes);
}

void runner_resume(struct runner *runner)
{
        struct worker *worker = runner->options.worker;
        struct arena arena = {};
        struct run *run;
        const char *id;

        for (size_t at = 0; (id = worker_each_task(worker, &at));) {
                const Sk__TaskAssignment *assignment = worker_task(worker, id, &arena);

                if (assignment)
                        want(runner, assignment);
                arena_clear(&arena);
        }
        arena_done(&arena);
        for (size_t at = 0; (run = map_next(&runner->runs, &at));)
                if (run->is_restored)
                        run_free(run);
}

void runner_restore_report(struct runner *runner, const Sk__TaskReport *report)
{
        struct run *run = map_find(&runner->runs, report->task_id);

        if (!report->status || !id_is_valid(report->task_id))
                return;
        if (!run)
                run = run_new(runner, report->task_id);
        run->is_restored = true;
        run->task.state = report->status->state;
        run->started_at_ns = report->status->started_at_ns;
        run_keep_status(run, report->status);
}

void runner_set_disk(struct runner *runner, struct disk *disk)
{
        runner->options.disk = disk;
}

static void listed(void *context, const char *const *task_ids, size_t n, const struct err *err)
{
        struct runner *runner = context;
        struct run *run;

        runner->is_listing = false;
        if (err)
                LOG(WARN, "what is left of old tasks cannot be listed", STR("why", err->text));
        for (size_t i = 0; !err && i < n; i++) {
                if (!id_is_valid(task_ids[i]) || map_find(&runner->runs, task_ids[i]))
                        continue;
                LOG(INFO, "removing what nobody wants", STR("task", task_ids[i]));
                run = run_new(runner, task_ids[i]);
                task_init(&run->task, SK__TASK_STATE__TASK_REMOVE, SK__TASK_STATE__TASK_REMOVE);
                discard(run);
        }
        runner_check_gone(runner);
}

static void list_leftovers(struct runner *runner)
{
        struct executor *executor = runner->options.executor;

        if (runner->is_listing)
                return;
        runner->is_listing = true;
        executor->ops->list(executor, listed, runner);
}

/* Ids of all runs as they are now: acting on one may free it. */
static struct vec run_ids(const struct runner *runner)
{
        struct vec ids = VEC_OF(char[ID_SIZE]);
        const struct run *run;

        for (size_t at = 0; (run = map_next(&runner->runs, &at));)
                memcpy(vec_add(&ids), run->id, ID_SIZE);
        return ids;
}

/* Compares one task with the set that just became whole. */
static void settle(struct runner *runner, struct run *run, struct arena *arena)
{
        const Sk__TaskAssignment *assignment = worker_task(runner->options.worker, run->id, arena);

        if (!assignment) {
                if (!run->task.is_discarded)
                        discard(run);
                return;
        }
        if (run->status && run->task.state > assignment->observed_state) {
                report_add(&runner->reports, &run->report);
                runner->options.has_news(runner->options.context);
        }
        run_advance(run);
}

void runner_set_is_whole(struct runner *runner)
{
        struct vec ids = run_ids(runner);
        struct arena arena = {};
        struct run *run;

        for (size_t i = 0; i < ids.n; i++) {
                run = map_find(&runner->runs, vec_at(&ids, i));
                if (run)
                        settle(runner, run, &arena);
                arena_clear(&arena);
        }
        arena_done(&arena);
        vec_done(&ids);
        list_leftovers(runner);
}

void runner_discard_all(struct runner *runner, void (*gone)(void *context), void *context)
{
        struct vec ids = run_ids(runner);
        struct run *run;

        runner->gone = gone;
        runner->gone_context = context;
        for (size_t i = 0; i < ids.n; i++) {
                run = map_find(&runner->runs, vec_at(&ids, i));
                if (run)
                        discard(run);
        }
        vec_done(&ids);
        list_leftovers(runner);
}

/* --- batches --- */

Sk__StatusBatch *runner_take_batch(struct runner *runner, struct arena *arena)
{
        Sk__StatusBatch *batch;
        Sk__TaskReport *report;

        if (!report_take(&runner->reports, BATCH_MAX))
                return NULL;
        batch = arena_alloc(arena, sizeof *batch);
        sk__status_batch__init(batch);
        batch->sequence = runner->reports.sequence;
        batch->reports = arena_alloc(arena, runner->reports.in_flight.n * sizeof *batch->reports);
        for (size_t i = 0; i < runner->reports.in_flight.n; i++) {
                report = run_report(container_of(VEC_AT(&runner->reports.in_flight, struct report *,
                                                        i),
                                                 struct run, report),
                                    arena);
                if (report)
                        batch->reports[batch->n_reports++] = report;
        }
        return batch;
}

void runner_acknowledge(struct runner *runner, uint64_t sequence)
{
        report_acknowledge(&runner->reports, sequence);
        if (runner->reports.waiting.n)
                runner->options.has_news(runner->options.context);
}

void runner_session_lost(struct runner *runner)
{
        report_restart(&runner->reports);
}

void runner_dump_reports(struct runner *runner)
{
        struct arena arena = {};
        const Sk__TaskReport *report;
        const struct run *run;

        for (size_t at = 0; (run = map_next(&runner->runs, &at));) {
                report = run_report(run, &arena);
                if (report)
                        disk_report(runner->options.disk, report);
                arena_clear(&arena);
        }
        arena_done(&arena);
}

/* --- life --- */

void runner_check_gone(struct runner *runner)
{
        if (runner->gone && !runner->runs.n && !runner->is_listing)
                loop_timer_set(runner->options.loop, &runner->gone_timer, 0);
}

static void all_gone(void *context)
{
        struct runner *runner = context;
        void (*gone)(void *context) = TAKE(runner->gone);

        if (gone)
                gone(runner->gone_context);
}

struct runner *runner_new(const struct runner_options *options)
{
        struct runner *runner = mem_alloc(sizeof *runner);

        runner->options = *options;
        runner->gone_timer = (struct loop_timer){ .fire = all_gone, .context = runner };
        report_queue_init(&runner->reports);
        return runner;
}

void runner_free(struct runner *runner)
{
        struct run *run;

        if (!runner)
                return;
        for (size_t at = 0; (run = map_next(&runner->runs, &at));)
                run_free(run);
        loop_timer_cancel(&runner->gone_timer);
        map_done(&runner->runs);
        report_queue_done(&runner->reports);
        free(runner);
}

size_t runner_count(const struct runner *runner, size_t *ret_n_running, size_t *ret_n_unreported)
{
        *ret_n_running = runner->n_running;
        *ret_n_unreported = runner->reports.waiting.n + runner->reports.in_flight.n;
        return runner->runs.n;
}
