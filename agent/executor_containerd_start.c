/* Starting a container, and what follows when it ends. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/executor_containerd_marks.h"
#include "agent/executor_containerd_task.h"
#include "api/containerd/tasks.pb-c.h"
#include "lib/base/check.h"
#include "lib/base/str.h"
#include "lib/os/file.h"
#include "lib/os/log.h"

static const int64_t timeout_ns = 60 * NS_PER_S, wait_pause_ns = 250 * NS_PER_MS;

static int make_fifo(const struct executor_task *task, const char *prefix, const char *name,
                     struct err *err)
{
        char path[PATH_SIZE], whole[64];

        snprintf(whole, sizeof whole, "%s%s", prefix, name);
        task_run_path(task, whole, path);
        if (mkfifo(path, 0600) == 0 || errno == EEXIST)
                return 0;
        return err_set(err, ERR_UNAVAILABLE, "make '%s': %s", path, strerror(errno));
}

int executor_make_fifos(const struct executor_task *task, const char *prefix, struct err *err)
{
        TRY(make_fifo(task, prefix, "stdout", err));
        return make_fifo(task, prefix, "stderr", err);
}

static int make_stdio_on_pool(void *context, struct err *err)
{
        struct executor_task *task = context;
        char path[PATH_SIZE];

        task_run_path(task, NULL, path);
        TRY(file_make_folders(path, 0700, err));
        TRY(executor_make_fifos(task, "", err));
        executor_read_health(task);
        TRY(executor_make_probe_fifos(task, err));
        task_path(task, NULL, path);
        return marks_set_started(path, err);
}

static void make_stdio(void *context)
{
        struct executor_task *task = context;

        chain_work(&task->verb, make_stdio_on_pool);
}

/* --- start --- */

void executor_end_turn(struct executor_task *task)
{
        struct executor_containerd *executor = task->executor;

        if (!task->has_turn)
                return;
        task->has_turn = false;
        executor->n_starting--;
        chain_queue_wake(&executor->turns, 1);
}

/* False: the step comes again, or has failed. */
static bool begin_turn(struct executor_task *task)
{
        struct executor_containerd *executor = task->executor;
        struct err err;

        if (task->has_turn)
                return true;
        task->is_shim_gone = shim_place_is_stale(&task->shim);
        if (task->is_shim_gone) {
                chain_queue_wake(&executor->turns, 1);
                err_set(&err, ERR_UNAVAILABLE, "the container's shim has ended");
                chain_fail(&task->verb, &err);
                return false;
        }
        if (!shim_place_may_start(&task->shim)) {
                chain_wait(&task->verb, shim_place_queue(&task->shim));
                chain_queue_wake(&executor->turns, 1); /* in case it was this one's */
                return false;
        }
        if (executor->n_starting == executor->n_starting_most) {
                chain_wait(&task->verb, &executor->turns);
                return false;
        }
        task->has_turn = true;
        executor->n_starting++;
        shim_place_begin_start(&task->shim);
        return true;
}

static bool is_unclear(enum err_code code)
{
        return code == ERR_EXISTS || code == ERR_UNAVAILABLE || code == ERR_DEADLINE ||
               code == ERR_CANCELLED;
}

static void created_process(void *context, const void *out, const struct err *err)
{
        struct executor_task *task = context;
        const Ctd__Tasks__CreateResponse *answer = out;

        shim_place_end_start(&task->shim);
        task->process = PROCESS_CREATED; /* for all one knows, also when it failed */
        /* A containerd that went away in the middle of it knows no more of it than we. */
        task->has_lost_process = task->verb.n_tries > 0 || (err && is_unclear(err->code));
        if (err && err->code != ERR_EXISTS) {
                chain_fail(&task->verb, err);
                return;
        }
        if (answer) {
                task->facts.pid = answer->pid;
                shim_find((int)answer->pid, &task->shim_process);
        }
        chain_next(&task->verb);
}

static void create_process(void *context)
{
        struct executor_task *task = context;
        Ctd__Tasks__CreateRequest in = CTD__TASKS__CREATE_REQUEST__INIT;
        Ctd__Types__Any options = CTD__TYPES__ANY__INIT;
        char out[PATH_SIZE], errors[PATH_SIZE];
        struct arena arena = { 0 };
        struct err err;

        if (!begin_turn(task))
                return;
        if (executor_open_logs(task, &err) < 0) {
                chain_fail(&task->verb, &err);
                return;
        }
        task_run_path(task, "stdout", out);
        task_run_path(task, "stderr", errors);
        executor_runtime_options(task, &arena, &options);
        in.container_id = task->id;
        in.rootfs = task->snapshot->mounts;
        in.n_rootfs = task->snapshot->n_mounts;
        in.stdout = out;
        in.stderr = task->is_tty ? "" : errors;
        in.terminal = task->is_tty;
        in.options = &options;
        task->has_lost_process = true; /* unless containerd tells of it */
        chain_call(&task->verb, CONTAINERD_METHOD(tasks, tasks, Create), &in.base, timeout_ns,
                   created_process);
        arena_done(&arena);
}

static void process_started(struct executor_task *task, uint32_t pid)
{
        task->facts.pid = pid;
        executor_end_turn(task);
        executor_watch_process(task);
        executor_begin_health(task, false);
        chain_next(&task->verb);
}

/* Created by an agent that died: it may have been asked to start already, and have run and ended.
 */
static bool is_resumed(const struct executor_task *task)
{
        return !task->is_prepared;
}

static void asked_whether_it_runs(void *context, const void *out, const struct err *err)
{
        struct executor_task *task = context;
        const Ctd__Tasks__GetResponse *answer = out;

        bool runs = !err && answer->process &&
                    (answer->process->status == CTD__TASKS__STATUS__RUNNING ||
                     (is_resumed(task) && answer->process->status == CTD__TASKS__STATUS__STOPPED));

        if (runs)
                process_started(task, answer->process->pid);
        else
                chain_fail(&task->verb, &task->start_err);
}

/* When containerd dies before it answers, the call is made again, and is refused because the
 * process runs: so a refusal is not believed before containerd was asked. */
static void started_process(void *context, const void *out, const struct err *err)
{
        struct executor_task *task = context;
        const Ctd__Tasks__StartResponse *answer = out;
        Ctd__Tasks__GetRequest in = CTD__TASKS__GET_REQUEST__INIT;

        if (!err) {
                process_started(task, answer->pid);
                return;
        }
        task->start_err = *err;
        in.container_id = task->id;
        chain_call(&task->verb, CONTAINERD_METHOD(tasks, tasks, Get), &in.base, timeout_ns,
                   asked_whether_it_runs);
}

static void start_process(void *context)
{
        struct executor_task *task = context;
        Ctd__Tasks__StartRequest in = CTD__TASKS__START_REQUEST__INIT;

        in.container_id = task->id;
        chain_call(&task->verb, CONTAINERD_METHOD(tasks, tasks, Start), &in.base, timeout_ns,
                   started_process);
}

static int drop_parts_on_pool(void *context, struct err *err)
{
        return executor_unmount_parts(context, err);
}

/* The container has mounts of its own by now. */
static void drop_parts(void *context)
{
        struct executor_task *task = context;

        if (task->bundle.n_parts > 0)
                chain_work(&task->verb, drop_parts_on_pool);
        else
                chain_next(&task->verb);
}

/* As docker: a container with a health check has started when it is healthy, or when it has ended.
 */
static void await_health(void *context)
{
        struct executor_task *task = context;

        if (!task->facts.is_unwell || task->process != PROCESS_RUNNING) {
                chain_next(&task->verb);
                return;
        }
        task->awaits_health = true;
        task->events.progress(task->context, "starting: it runs, but is not healthy yet");
}

static void open_logs(void *context)
{
        struct executor_task *task = context;
        struct err err;

        if (executor_open_logs(task, &err) < 0)
                chain_fail(&task->verb, &err);
        else
                chain_next(&task->verb);
}

chain_step *const executor_start_steps[] = { make_stdio, create_process, start_process,
                                             drop_parts, await_health,   NULL };
chain_step *const executor_resume_steps[] = { executor_attach_network, open_logs, start_process,
                                              await_health, NULL };
chain_step *const executor_wait_steps[] = { await_health, NULL };

/* --- after a prepare or start that failed: no shim, no port may stay taken --- */

static void removed_remains(void *context, const void *out, const struct err *err)
{
        struct executor_task *task = context;

        (void)out;
        (void)err;
        task->process = PROCESS_NONE;
        chain_next(&task->verb);
}

static void remove_remains(void *context)
{
        struct executor_task *task = context;

        if (task->process == PROCESS_NONE)
                chain_next(&task->verb);
        else
                executor_delete_process(task, &task->verb, removed_remains);
}

chain_step *const executor_undo_steps[] = { remove_remains, EXECUTOR_CLEAN_STEPS, NULL };

/* --- the end --- */

static void begin_wait(void *context);

static void process_ended(struct executor_task *task, int exit_code)
{
        task->process = PROCESS_ENDING;
        shim_place_will_leave(&task->shim);
        executor_end_health(task);
        executor_forget_signal(task);
        marks_describe_exit(exit_code, false, task->cause, &task->exit);
        chain_begin(&task->ending, executor_ending_steps, executor_end_cleaned);
}

static void lost_process(struct executor_task *task)
{
        task->has_lost_process = true;
        process_ended(task, -1);
}

static void waited(void *context, const void *out, const struct err *err)
{
        struct executor_task *task = context;
        const Ctd__Tasks__WaitResponse *answer = out;

        task->wait = NULL;
        if (!err)
                process_ended(task, (int)(answer->exit_status & 0xff));
        else if (err->code == ERR_NOT_FOUND)
                lost_process(task);
        else
                loop_timer_set(task->executor->options.loop, &task->wait_retry, wait_pause_ns);
}

static void begin_wait(void *context)
{
        struct executor_task *task = context;
        Ctd__Tasks__WaitRequest in = CTD__TASKS__WAIT_REQUEST__INIT;

        in.container_id = task->id;
        task->wait = rpc_client_call(task->executor->client, CONTAINERD_METHOD(tasks, tasks, Wait),
                                     &in.base, 0, true, waited, task);
}

void executor_watch_process(struct executor_task *task)
{
        task->process = PROCESS_RUNNING;
        task->facts.is_running = true;
        task->wait_retry = (struct loop_timer){ .fire = begin_wait, .context = task };
        begin_wait(task);
}

/* Before containerd forgets the process: why it ended, in words that a later agent finds. */
static int note_end_on_pool(void *context, struct err *err)
{
        struct executor_task *task = context;
        const struct executor_containerd *executor = task->executor;
        char folder[PATH_SIZE], cgroup[PATH_SIZE];

        snprintf(cgroup, sizeof cgroup, "/%s/%s", executor->options.cgroup_parent, task->id);
        if (task->exit.exit_code != 0 && marks_was_oom_killed(cgroup, executor->host.has_cgroup_v2))
                marks_describe_exit(task->exit.exit_code, true, task->cause, &task->exit);
        task_path(task, NULL, folder);
        if (marks_write_exit(folder, &task->exit, err) < 0)
                LOG(WARN, "a container's end could not be written down", STR("task", task->id),
                    STR("err", err->text));
        return 0;
}

static void note_end(void *context)
{
        struct executor_task *task = context;

        chain_work(&task->ending, note_end_on_pool);
}

static void tell_end(void *context)
{
        struct executor_task *task = context;

        task->has_exited = true;
        task->facts.is_running = false;
        task->facts.pid = 0;
        chain_next(&task->ending);
        if (task->awaits_health)
                chain_next(&task->verb);
        task->awaits_health = false;
        task->events.exited(task->context, &task->exit);
}

static void deleted_process(void *context, const void *out, const struct err *err)
{
        struct executor_task *task = context;

        (void)out;
        if (err && err->code != ERR_NOT_FOUND)
                LOG(WARN, "a container that ended cannot be cleaned up", STR("task", task->id),
                    STR("err", err->text));
        chain_next(&task->ending);
}

static void delete_process(void *context)
{
        struct executor_task *task = context;

        executor_delete_process(task, &task->ending, deleted_process);
}

static void logs_finished(void *context)
{
        struct executor_task *task = context;

        executor_close_logs(task);
        chain_next(&task->ending);
}

static void finish_logs(void *context)
{
        struct executor_task *task = context;

        if (task->sink)
                log_sink_finish(task->sink, logs_finished, task);
        else
                chain_next(&task->ending);
}

chain_step *const executor_ending_steps[] = {
        note_end, tell_end, delete_process, finish_logs, EXECUTOR_CLEAN_STEPS, NULL
};
