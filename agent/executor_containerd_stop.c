/* Stopping containers and removing every trace of them. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "agent/executor_containerd_task.h"
#include "api/containerd/containers.pb-c.h"
#include "api/containerd/tasks.pb-c.h"
#include "lib/base/check.h"
#include "lib/os/file.h"
#include "lib/os/log.h"

static const int64_t timeout_ns = 30 * NS_PER_S, grace_default_ns = 10 * NS_PER_S,
                     after_kill_ns = 60 * NS_PER_S;

/* --- signals --- */

static void signalled(void *context, const void *out, const struct err *err)
{
        struct executor_task *task = context;

        (void)out;
        task->kill = NULL;
        /* It ended by itself, or containerd is away: patience decides. */
        if (err && err->code != ERR_NOT_FOUND)
                LOG(WARN, "a container could not be signalled", STR("task", task->id),
                    STR("err", err->text));
}

void executor_send_signal(struct executor_task *task, int signal, bool to_all)
{
        Ctd__Tasks__KillRequest in = CTD__TASKS__KILL_REQUEST__INIT;

        in.container_id = task->id;
        in.signal = (uint32_t)signal;
        in.all = to_all;
        if (task->kill)
                rpc_request_cancel(task->kill);
        task->kill = rpc_client_call(task->executor->client, CONTAINERD_METHOD(tasks, tasks, Kill),
                                     &in.base, timeout_ns, true, signalled, task);
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

        (void)err; /* no step of it fails */
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
        Ctd__Tasks__DeleteRequest in = CTD__TASKS__DELETE_REQUEST__INIT;

        if (task->process != PROCESS_CREATED) {
                chain_next(&task->verb);
                return;
        }
        in.container_id = task->id;
        chain_call(&task->verb, CONTAINERD_METHOD(tasks, tasks, Delete), &in.base, timeout_ns,
                   deleted_process);
}

chain_step *const executor_shutdown_steps[] = { executor_find_process, send_stop_signal, await_end,
                                                delete_process, NULL };
chain_step *const executor_terminate_steps[] = { executor_find_process, send_kill, await_end,
                                                 delete_process, NULL };

/* --- remove --- */

static void container_gone(void *context, const void *out, const struct err *err)
{
        struct executor_task *task = context;

        (void)out;
        if (err && err->code != ERR_NOT_FOUND)
                chain_fail(&task->verb, err);
        else
                chain_next(&task->verb);
}

static void delete_container(void *context)
{
        struct executor_task *task = context;
        Ctd__Containers__DeleteRequest in = CTD__CONTAINERS__DELETE_REQUEST__INIT;

        in.id = task->id;
        chain_call(&task->verb, CONTAINERD_METHOD(containers, containers, Delete), &in.base,
                   timeout_ns, container_gone);
}

static void remove_snapshot(void *context)
{
        struct executor_task *task = context;
        Ctd__Snapshots__RemoveRequest in = CTD__SNAPSHOTS__REMOVE_REQUEST__INIT;

        in.snapshotter = CONTAINERD_SNAPSHOTTER;
        in.key = task->id;
        chain_call(&task->verb, CONTAINERD_METHOD(snapshots, snapshots, Remove), &in.base,
                   timeout_ns, container_gone);
}

static void detached(void *context, const Sk__MeshReport__Attachment *attachment,
                     const struct err *err)
{
        struct executor_task *task = context;

        task->network_request = NULL;
        container_gone(task, attachment, err);
}

static void detach_network(void *context)
{
        struct executor_task *task = context;
        struct network *network = task->executor->options.network;

        if (network)
                task->network_request = network_detach(network, task->id, detached, task);
        else
                chain_next(&task->verb);
}

static int remove_files_on_pool(void *context, struct err *err)
{
        struct executor_task *task = context;
        char path[PATH_SIZE];

        snprintf(path, sizeof path, "%s/%s", task->executor->memory_folder, task->id);
        TRY(file_remove_tree(path, err));
        task_run_path(task, NULL, path);
        TRY(file_remove_tree(path, err));
        task_path(task, NULL, path);
        return file_remove_tree(path, err);
}

static void remove_files(void *context)
{
        struct executor_task *task = context;

        log_sink_free(TAKE(task->sink));
        task->is_prepared = false;
        chain_work(&task->verb, remove_files_on_pool);
}

chain_step *const executor_remove_steps[] = {
        executor_find_process, send_kill,      await_end,    delete_process, delete_container,
        remove_snapshot,       detach_network, remove_files, NULL,
};
