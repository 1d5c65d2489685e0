/* One task at its executor. */
#include "agent/run.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/time.h"
#include "lib/message/message.h"
#include "lib/os/log.h"
#include "lib/state/task_life.h"

enum { RETRY_FIRST_S = 1, RETRY_MOST_S = 60, TEXT_MAX = 1000 };

/* --- statuses --- */

void run_keep_status(struct run *run, const Sk__TaskStatus *status)
{
        _cleanup_(arena_done) struct arena arena = {};
        uint8_t *data;

        message_pack(&arena, &status->base, &data, &run->status_size);
        free(run->status);
        run->status = mem_copy(data, run->status_size);
}

/* At most 'limit' bytes, not cut inside a character. */
static const char *cut(const char *text, size_t limit, struct arena *arena)
{
        size_t length = strlen(text);

        if (length <= limit)
                return text;
        while (limit > 0 && ((unsigned char)text[limit] & 0xc0) == 0x80)
                limit--;
        return arena_printf(arena, "%.*s", (int)limit, text);
}

static void fill_container(const struct run *run, Sk__TaskStatus *status,
                           Sk__TaskStatus__Container *container)
{
        const struct executor_facts *facts;

        if (!run->handle || run->task.state < SK__TASK_STATE__TASK_READY)
                return;
        facts = run->runner->options.executor->ops->facts(run->handle);
        container->id = str_or(facts->container_id, "");
        container->pid = facts->is_running ? facts->pid : 0;
        container->exit_code = run->task.exit_code;
        status->container = container;
        status->image_digest = str_or(facts->image_digest, "");
        status->n_host_ports = facts->n_host_ports;
        status->host_ports = (Sk__PortConfig **)facts->host_ports;
        status->health = (Sk__HealthStatus *)facts->health;
        status->readiness = (Sk__HealthStatus *)facts->readiness;
        status->log_trouble = str_or(facts->log_trouble, "");
        status->is_unready = facts->is_unready && status->state == SK__TASK_STATE__TASK_RUNNING;
}

static void make_report(const struct run *run, const Sk__TaskStatus *status, Sk__TaskReport *report)
{
        sk__task_report__init(report);
        report->task_id = run->id;
        report->status = (Sk__TaskStatus *)status;
}

Sk__TaskReport *run_report(const struct run *run, struct arena *arena)
{
        Sk__TaskReport *report;
        ProtobufCMessage *status;

        if (!run->status || message_unpack(arena, &sk__task_status__descriptor, run->status,
                                           run->status_size, &status, NULL) < 0)
                return NULL;
        report = arena_alloc(arena, sizeof *report);
        make_report(run, (Sk__TaskStatus *)status, report);
        return report;
}

static void count(struct run *run, bool is_running)
{
        run->runner->n_running += (size_t)is_running - run->is_counted;
        run->is_counted = is_running;
}

static void tell_news(struct run *run)
{
        struct runner *runner = run->runner;
        _cleanup_(arena_done) struct arena arena = {};
        Sk__TaskStatus status;
        Sk__TaskStatus__Container container;
        Sk__TaskReport report;

        sk__task_status__init(&status);
        sk__task_status__container__init(&container);
        status.state = run->task.state;
        status.at_ns = loop_now(runner->options.loop);
        if (status.state == SK__TASK_STATE__TASK_RUNNING && !run->started_at_ns)
                run->started_at_ns = status.at_ns;
        status.started_at_ns = run->started_at_ns;
        status.message = cut(run->task.message, TEXT_MAX, &arena);
        status.err = cut(str_or(run->task.err, ""), TEXT_MAX, &arena);
        status.oom_killed = run->task.oom_killed;
        fill_container(run, &status, &container);
        run_keep_status(run, &status);
        make_report(run, &status, &report);
        if (runner->options.disk)
                disk_report(runner->options.disk, &report);
        report_add(&runner->reports, &run->report);
        runner->options.has_news(runner->options.context);
        LOG(INFO, "task moved", STR("task", run->id), STR("to", task_state_name(run->task.state)),
            STR("err", run->task.err));
}

/* --- runs --- */

static void retry(void *context)
{
        struct run *run = context;

        task_retry(&run->task);
        run_advance(run);
}

struct run *run_new(struct runner *runner, const char *task_id)
{
        struct run *run = mem_alloc(sizeof *run);

        run->runner = runner;
        memcpy(run->id, task_id, strlen(task_id) + 1);
        run->retry = (struct loop_timer){ .fire = retry, .context = run };
        map_put(&runner->runs, run->id, run);
        return run;
}

void run_free(struct run *run)
{
        struct runner *runner = run->runner;

        map_remove(&runner->runs, run->id);
        count(run, false);
        report_forget(&runner->reports, &run->report);
        loop_timer_cancel(&run->retry);
        if (run->handle)
                runner->options.executor->ops->close(run->handle);
        task_done(&run->task);
        free(run->status);
        free(run);
}

/* --- the executor's events --- */

static const struct executor_facts *facts_of(const struct run *run)
{
        static const struct executor_facts nothing;

        return run->handle ? run->runner->options.executor->ops->facts(run->handle) : &nothing;
}

static void verb_ended(void *context, const struct err *err)
{
        struct run *run = context;

        run->task.is_unwell = facts_of(run)->is_unwell;
        task_verb_ended(&run->task, facts_of(run)->is_running, err);
        if (err && run->task.is_stuck)
                LOG(WARN, "what a task needs is tried again", STR("task", run->id),
                    STR("why", err->text));
        run_advance(run);
}

static void container_exited(void *context, const struct executor_exit *exit)
{
        struct run *run = context;

        task_exited(&run->task, exit);
        run_advance(run);
}

static void made_progress(void *context, const char *message)
{
        struct run *run = context;

        task_progressed(&run->task, message);
        run_advance(run);
}

static void container_changed(void *context)
{
        struct run *run = context;

        task_changed(&run->task);
        run_advance(run);
}

/* --- verbs --- */

static const struct executor_events executor_events = {
        .done = verb_ended,
        .exited = container_exited,
        .progress = made_progress,
        .changed = container_changed,
};

/* What was removed from the set is known by its id only. */
static void nameless_input(const struct run *run, Sk__TaskAssignment *assignment,
                           struct executor_input *ret_input)
{
        sk__task_assignment__init(assignment);
        assignment->id = run->id;
        *ret_input = (struct executor_input){ .assignment = assignment, .service_name = "" };
}

static void open_task(struct run *run)
{
        const struct runner_options *options = &run->runner->options;
        _cleanup_(arena_done) struct arena arena = {};
        struct executor_input input;
        Sk__TaskAssignment assignment;
        bool lacks_files;
        struct err err;

        if (run->task.is_discarded) {
                nameless_input(run, &assignment, &input);
        } else if (worker_input(options->worker, run->id, &arena, &input, &lacks_files, &err) < 0) {
                verb_ended(run, &err);
                return;
        }
        input.node_id = options->node_id;
        input.node_hostname = options->hostname;
        /* An open that failed left a handle, which may hear of the container's end later. */
        if (run->handle)
                options->executor->ops->close(run->handle);
        run->handle =
                options->executor->ops->open(options->executor, &input, &executor_events, run);
}

static void do_verb(struct run *run, enum task_verb verb)
{
        const struct executor_ops *ops = run->runner->options.executor->ops;

        switch (verb) {
        case TASK_DO_NOTHING:
                break;
        case TASK_DO_OPEN:
                open_task(run);
                break;
        case TASK_DO_PREPARE:
                ops->prepare(run->handle);
                break;
        case TASK_DO_START:
                ops->start(run->handle);
                break;
        case TASK_DO_SHUTDOWN:
                ops->shutdown(run->handle);
                break;
        case TASK_DO_TERMINATE:
                ops->terminate(run->handle);
                break;
        case TASK_DO_REMOVE:
                ops->remove(run->handle);
                break;
        }
}

/* After a restart secrets are not here before a manager sent them; what would need them waits.  So
 * does what the journal's torn end took along: that there is no spec is for a manager to say. */
static bool must_wait_for_files(const struct run *run)
{
        const struct worker *worker = run->runner->options.worker;
        _cleanup_(arena_done) struct arena arena = {};
        struct executor_input input;
        bool lacks_files = false;

        if (worker->is_fresh || run->task.is_discarded || run->task.is_open)
                return false;
        return worker_input(worker, run->id, &arena, &input, &lacks_files, NULL) < 0 ||
               (lacks_files && run->task.state < SK__TASK_STATE__TASK_RUNNING);
}

static void wait_for_retry(struct run *run)
{
        int64_t delay = RETRY_FIRST_S << (run->n_failures < 6 ? run->n_failures : 6);

        if (loop_timer_is_set(&run->retry))
                return;
        run->n_failures++;
        loop_timer_set(run->runner->options.loop, &run->retry,
                       (delay < RETRY_MOST_S ? delay : RETRY_MOST_S) * NS_PER_S);
}

void run_advance(struct run *run)
{
        struct runner *runner = run->runner;
        enum task_verb verb;

        if (must_wait_for_files(run))
                return;
        verb = task_next(&run->task);
        count(run, run->task.state == SK__TASK_STATE__TASK_RUNNING);
        if (task_take_news(&run->task) && !run->task.is_discarded)
                tell_news(run);
        if (run->task.is_stuck)
                wait_for_retry(run);
        if (run->task.is_gone) {
                run_free(run);
                runner_check_gone(runner);
                return;
        }
        do_verb(run, verb);
}
