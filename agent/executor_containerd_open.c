/* Opening: what an earlier agent left of a task. */
#include <string.h>

#include "agent/executor_containerd_marks.h"
#include "agent/executor_containerd_task.h"
#include "api/containerd/containers.pb-c.h"
#include "api/containerd/tasks.pb-c.h"
#include "lib/base/str.h"
#include "lib/os/log.h"

static const int64_t timeout_ns = 30 * NS_PER_S;

/* containerd takes two seconds for each such answer. */
enum { UNKNOWN_MOST = 30 };

static int read_marks(void *context, struct err *err)
{
        struct executor_task *task = context;
        char folder[PATH_SIZE];

        (void)err;
        task_path(task, NULL, folder);
        task->was_started = marks_has_started(folder);
        task->has_exited = marks_read_exit(folder, &task->exit);
        executor_read_health(task);
        return 0;
}

static void look_for_marks(void *context)
{
        struct executor_task *task = context;

        chain_work(&task->verb, read_marks);
}

/* What prepare wrote down on the container, for an agent that finds it. */
static void adopt_labels(struct executor_task *task, const Ctd__Containers__Container *container)
{
        int64_t signal;

        for (size_t i = 0; i < container->n_labels; i++) {
                const Ctd__Types__Label *label = container->labels[i];

                if (str_equal(label->key, "skep.image-digest"))
                        task->facts.image_digest = arena_strdup(&task->arena, label->value);
                else if (str_equal(label->key, "skep.stop-signal") &&
                         str_to_int64(label->value, &signal, NULL) == 0)
                        task->stop_signal = (int)signal;
        }
        task->facts.container_id = task->id;
}

static void found_container(void *context, const void *out, const struct err *err)
{
        struct executor_task *task = context;
        const Ctd__Containers__GetResponse *answer = out;

        if (err && err->code != ERR_NOT_FOUND) {
                chain_fail(&task->verb, err);
                return;
        }
        if (!err && answer->container)
                adopt_labels(task, answer->container);
        chain_next(&task->verb);
}

static void find_container(void *context)
{
        struct executor_task *task = context;
        Ctd__Containers__GetRequest in = CTD__CONTAINERS__GET_REQUEST__INIT;

        in.id = task->id;
        chain_call(&task->verb, CONTAINERD_METHOD(containers, containers, Get), &in.base,
                   timeout_ns, found_container);
}

static void adopt_process(struct executor_task *task, const Ctd__Tasks__Process *process)
{
        struct err err;

        /* What ends, ends: one whose creation was cut off may be seen by containerd only now, and
         * goes with the shim. */
        if (task->process == PROCESS_RUNNING || task->process == PROCESS_ENDING)
                return;
        task->facts.pid = process->pid;
        shim_find((int)process->pid, &task->shim_process);
        task->has_lost_process = false;
        if (process->status == CTD__TASKS__STATUS__CREATED) {
                task->process = PROCESS_CREATED;
                return;
        }
        if (executor_open_logs(task, &err) < 0)
                LOG(WARN, "a container's output cannot be read", STR("task", task->id),
                    STR("err", err.text));
        executor_watch_process(task);
        executor_begin_health(task, true);
        executor_end_old_entries(task);
}

static void found_process(void *context, const void *out, const struct err *err)
{
        struct executor_task *task = context;
        const Ctd__Tasks__GetResponse *answer = out;

        if (err && err->code != ERR_NOT_FOUND) {
                chain_fail(&task->verb, err);
                return;
        }
        /* "Unknown" is what containerd says while the shim is too busy to tell, creating the
         * process, say: that is no sign that there is none. */
        if (!err && answer->process && answer->process->status == CTD__TASKS__STATUS__UNKNOWN &&
            task->verb.n_tries++ < UNKNOWN_MOST) {
                chain_again(&task->verb);
                return;
        }
        if (!err && answer->process && answer->process->status != CTD__TASKS__STATUS__UNKNOWN)
                adopt_process(task, answer->process);
        chain_next(&task->verb);
}

/* Also how shutdown learns what a start that gave way has left. */
void executor_find_process(void *context)
{
        struct executor_task *task = context;
        Ctd__Tasks__GetRequest in = CTD__TASKS__GET_REQUEST__INIT;

        in.container_id = task->id;
        chain_call(&task->verb, CONTAINERD_METHOD(tasks, tasks, Get), &in.base, timeout_ns,
                   found_process);
}

/* A process that was started, is gone, and left no word of its end. */
static void tell_past_exit(void *context)
{
        static chain_step *const clean[] = { EXECUTOR_CLEAN_STEPS, NULL };
        struct executor_task *task = context;

        if (task->process == PROCESS_NONE)
                task->has_lost_process =
                        task->facts.container_id || (task->was_started && !task->has_exited);
        task->is_cut_off = task->facts.container_id && task->process == PROCESS_NONE;
        if (!task->has_exited && task->was_started && task->process == PROCESS_NONE) {
                marks_describe_exit(-1, false, NULL, &task->exit);
                task->has_exited = true;
        }
        if (task->has_exited && task->process == PROCESS_NONE) {
                task->events.exited(task->context, &task->exit);
                /* After a reboot, say: containerd still has its layers, and nobody gave them back.
                 */
                if (task->facts.container_id) {
                        task->process = PROCESS_ENDING;
                        chain_begin(&task->ending, clean, executor_end_cleaned);
                }
        }
        chain_next(&task->verb);
}

/* A container found running keeps its network; asking tells the mesh so, and which ports it has. */
static void attach_again(void *context)
{
        struct executor_task *task = context;

        if (task->process == PROCESS_RUNNING)
                executor_attach_network(task);
        else
                chain_next(&task->verb);
}

chain_step *const executor_open_steps[] = { look_for_marks, find_container, executor_find_process,
                                            tell_past_exit, attach_again,   NULL };
