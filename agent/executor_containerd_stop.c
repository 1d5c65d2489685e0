/* Stopping containers, and removing every trace of them. */
#include <signal.h>

#include "agent/executor_containerd_task.h"
#include "api/containerd/tasks.pb-c.h"
#include "lib/base/check.h"
#include "lib/os/file.h"
#include "lib/os/log.h"

static const int64_t timeout_ns = 30 * NS_PER_S, grace_default_ns = 10 * NS_PER_S,
                     after_kill_ns = 60 * NS_PER_S, again_ns = 100 * NS_PER_MS;

/* --- signals --- */

static void send_again(void *context);

static void signalled(void *context, const void *out, const struct err *err)
{
        struct executor_task *task = context;

        (void)out;
        task->kill = NULL;
        if (!err || err->code == ERR_NOT_FOUND || task->process != PROCESS_RUNNING)
                return;
        if (err->code == ERR_UNAVAILABLE) {
                task->signal_retry = (struct loop_timer){ .fire = send_again, .context = task };
                loop_timer_set(task->executor->options.loop, &task->signal_retry, again_ns);
                return;
        }
        LOG(WARN, "a container could not be signalled", STR("task", task->id),
            STR("err", err->text));
}

static void send_again(void *context)
{
        struct executor_task *task = context;
        Ctd__Tasks__KillRequest in = CTD__TASKS__KILL_REQUEST__INIT;

        in.container_id = task->id;
        in.signal = (uint32_t)task->signal;
        in.all = task->to_all;
        task->kill = rpc_client_call(task->executor->client, CONTAINERD_METHOD(tasks, tasks, Kill),
                                     &in.base, timeout_ns, true, signalled, task);
}

void executor_forget_signal(struct executor_task *task)
{
        loop_timer_cancel(&task->signal_retry);
        if (task->kill)
                rpc_request_cancel(task->kill);
        task->kill = NULL;
}

void executor_send_signal(struct executor_task *task, int signal, bool to_all)
{
        executor_forget_signal(task);
        task->signal = signal;
        task->to_all = to_all;
        send_again(task);
}

/* --- the end of a process --- */

static void lose_patience(void *context)
{
        struct executor_task *task = context;
        struct err err;

        if (!task->is_killing) {
                task->is_killing = true;
                executor_send_signal(task, SIGKILL, true);
                loop_timer_set(task->executor->options.loop, &task->patience, after_kill_ns);
                return;
        }
        task->awaits_end = false;
        err_set(&err, ERR_DEADLINE,
                "the container does not end although it was killed: a process of it hangs in the "
                "kernel, or containerd is away");
        chain_fail(&task->verb, &err);
}

static void ask_to_end(struct executor_task *task, int signal, int64_t patience_ns, bool is_kill)
{
        task->patience = (struct loop_timer){ .fire = lose_patience, .context = task };
        task->is_killing = is_kill;
        if (task->process == PROCESS_RUNNING) {
                executor_send_signal(task, signal, is_kill);
                loop_timer_set(task->executor->options.loop, &task->patience, patience_ns);
        }
        chain_next(&task->verb);
}

static void send_stop_signal(void *context)
{
        struct executor_task *task = context;
        const Sk__ContainerSpec__Duration *grace = task->spec->task->container->stop_grace_period;

        ask_to_end(task, task->stop_signal ? task->stop_signal : SIGTERM,
                   grace && grace->ns >= 0 ? grace->ns : grace_default_ns, false);
}

static void send_kill(void *context)
{
        ask_to_end(context, SIGKILL, after_kill_ns, true);
}

static void await_end(void *context)
{
        struct executor_task *task = context;

        if (task->process == PROCESS_RUNNING || task->process == PROCESS_ENDING)
                task->awaits_end = true;
        else
                chain_next(&task->verb);
}

void executor_end_cleaned(void *context, const struct err *err)
{
        struct executor_task *task = context;

        if (err)
                LOG(WARN, "a container that ended left something", STR("task", task->id),
                    STR("err", err->text));
        task->process = PROCESS_NONE;
        loop_timer_cancel(&task->patience);
        if (!task->awaits_end)
                return;
        task->awaits_end = false;
        chain_next(&task->verb);
}

/* One that was created but never started has no end to wait for. */
static void deleted_process(void *context, const void *out, const struct err *err)
{
        struct executor_task *task = context;

        (void)out;
        if (err && err->code != ERR_NOT_FOUND) {
                chain_fail(&task->verb, err);
                return;
        }
        task->process = PROCESS_NONE;
        chain_next(&task->verb);
}

static void delete_process(void *context)
{
        struct executor_task *task = context;

        if (task->process != PROCESS_CREATED)
                chain_next(&task->verb);
        else
                executor_delete_process(task, &task->verb, deleted_process);
}

static int remove_folder_on_pool(void *context, struct err *err)
{
        struct executor_task *task = context;
        char path[PATH_SIZE];

        task_path(task, NULL, path);
        return file_remove_tree(path, err);
}

static void remove_folder(void *context)
{
        struct executor_task *task = context;

        chain_work(&task->verb, remove_folder_on_pool);
}

/* clang-format off */
chain_step *const executor_shutdown_steps[] = {
        executor_find_process, send_stop_signal, await_end, delete_process, EXECUTOR_CLEAN_STEPS, NULL,
};
chain_step *const executor_terminate_steps[] = {
        executor_find_process, send_kill, await_end, delete_process, EXECUTOR_CLEAN_STEPS, NULL,
};
chain_step *const executor_remove_steps[] = {
        executor_find_process, send_kill, await_end, delete_process, EXECUTOR_CLEAN_STEPS, remove_folder, NULL,
};
/* clang-format on */
