/* Looking after a container's health: probes are programs run inside it, one at a time.  An
 * unhealthy container is made to end. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "agent/executor_containerd_task.h"
#include "api/containerd/tasks.pb-c.h"
#include "lib/base/check.h"
#include "lib/base/str.h"
#include "lib/os/file.h"
#include "lib/os/log.h"

static const int64_t timeout_ns = 30 * NS_PER_S, kill_pause_ns = 100 * NS_PER_MS;

enum { HEALTH_MAX = 4 << 20 };

struct probe {
        struct executor_task *task;
        struct arena arena;
        struct health health;
        const char *process;     /* what is run, as JSON */
        struct loop_timer timer; /* until the next probe, or until this one takes too long */
        struct chain chain;
        struct rpc_request *kill;
        struct log_sink *sink; /* nobody reads what a probe prints, but it must be read */
        char exec_id[40];
        bool is_probing, is_late;
        int exit_code;
        struct loop_timer patience; /* of an unhealthy container */
};

static void await_probe(struct probe *probe);

/* --- the verdict --- */

static void kill_unhealthy(void *context)
{
        struct probe *probe = context;

        executor_send_signal(probe->task, SIGKILL, true);
}

/* As a shutdown would: its stop signal, then KILL. */
static void end_unhealthy(struct probe *probe)
{
        struct executor_task *task = probe->task;
        const Sk__ContainerSpec__Duration *grace = task->spec->task->container->stop_grace_period;

        LOG(WARN, "a container is unhealthy and will be stopped", STR("task", task->id));
        task->cause = "dockerexec: unhealthy container";
        executor_send_signal(task, task->stop_signal ? task->stop_signal : SIGTERM, false);
        probe->patience = (struct loop_timer){ .fire = kill_unhealthy, .context = probe };
        loop_timer_set(task->executor->options.loop, &probe->patience,
                       grace && grace->ns >= 0 ? grace->ns : 10 * NS_PER_S);
}

static void forget_kill(struct probe *probe)
{
        if (probe->kill)
                rpc_request_cancel(TAKE(probe->kill));
}

static void probed(void *context, const struct err *err)
{
        struct probe *probe = context;
        struct executor_task *task = probe->task;
        bool is_well = !err && !probe->is_late && probe->exit_code == 0;

        probe->is_probing = false;
        loop_timer_cancel(&probe->timer);
        forget_kill(probe);
        log_sink_free(TAKE(probe->sink));
        if (task->process != PROCESS_RUNNING || probe->health.verdict == HEALTH_UNHEALTHY)
                return;
        health_probed(&probe->health, is_well, loop_now_boot(task->executor->options.loop));
        if (probe->health.verdict == HEALTH_UNHEALTHY)
                end_unhealthy(probe);
        else
                await_probe(probe);
        if (task->awaits_health && probe->health.verdict == HEALTH_HEALTHY) {
                task->awaits_health = false;
                chain_next(&task->verb);
        }
}

/* --- one probe --- */

/* It may have ended just now, or not have begun yet: that is told alike. */
static void killed(void *context, const void *out, const struct err *err)
{
        struct probe *probe = context;

        (void)out;
        probe->kill = NULL;
        if (err)
                loop_timer_set(probe->task->executor->options.loop, &probe->timer, kill_pause_ns);
}

static void stop_late_probe(void *context)
{
        struct probe *probe = context;
        Ctd__Tasks__KillRequest in = CTD__TASKS__KILL_REQUEST__INIT;

        probe->is_late = true;
        in.container_id = probe->task->id;
        in.exec_id = probe->exec_id;
        in.signal = SIGKILL;
        in.all = true;
        probe->kill = rpc_client_call(probe->task->executor->client,
                                      CONTAINERD_METHOD(tasks, tasks, Kill), &in.base, timeout_ns,
                                      false, killed, probe);
}

static void answered(void *context, const void *out, const struct err *err)
{
        struct probe *probe = context;

        (void)out;
        if (err)
                chain_fail(&probe->chain, err);
        else
                chain_next(&probe->chain);
}

static void create_probe(void *context)
{
        struct probe *probe = context;
        struct executor_task *task = probe->task;
        Ctd__Tasks__ExecRequest in = CTD__TASKS__EXEC_REQUEST__INIT;
        Ctd__Types__Any spec = CTD__TYPES__ANY__INIT;
        char out[PATH_SIZE], errors[PATH_SIZE], folder[PATH_SIZE];
        struct log_sink_options options = {
                .folder = folder,
                .fifos = { out, errors },
                .n_files_max = 1,
                .discard = true,
        };
        struct err err;

        task_path(task, NULL, folder);
        task_run_path(task, "probe-stdout", out);
        task_run_path(task, "probe-stderr", errors);
        if (log_sink_new(task->executor->options.loop, task->executor->options.pool, &options,
                         &probe->sink, &err) < 0) {
                chain_fail(&probe->chain, &err);
                return;
        }
        spec.type_url = "types.containerd.io/opencontainers/runtime-spec/1/Process";
        spec.value.data = (uint8_t *)probe->process;
        spec.value.len = strlen(probe->process);
        in.container_id = task->id;
        in.exec_id = probe->exec_id;
        in.stdout = out;
        in.stderr = errors;
        in.spec = &spec;
        chain_call(&probe->chain, CONTAINERD_METHOD(tasks, tasks, Exec), &in.base, timeout_ns,
                   answered);
}

static void start_probe(void *context)
{
        struct probe *probe = context;
        Ctd__Tasks__StartRequest in = CTD__TASKS__START_REQUEST__INIT;

        in.container_id = probe->task->id;
        in.exec_id = probe->exec_id;
        chain_call(&probe->chain, CONTAINERD_METHOD(tasks, tasks, Start), &in.base, timeout_ns,
                   answered);
}

static void probe_ended(void *context, const void *out, const struct err *err)
{
        struct probe *probe = context;
        const Ctd__Tasks__WaitResponse *answer = out;

        if (answer)
                probe->exit_code = (int)answer->exit_status;
        answered(context, out, err);
}

static void await_probe_end(void *context)
{
        struct probe *probe = context;
        Ctd__Tasks__WaitRequest in = CTD__TASKS__WAIT_REQUEST__INIT;

        in.container_id = probe->task->id;
        in.exec_id = probe->exec_id;
        chain_call(&probe->chain, CONTAINERD_METHOD(tasks, tasks, Wait), &in.base, 0, probe_ended);
}

static void delete_probe(void *context)
{
        struct probe *probe = context;
        Ctd__Tasks__DeleteProcessRequest in = CTD__TASKS__DELETE_PROCESS_REQUEST__INIT;

        in.container_id = probe->task->id;
        in.exec_id = probe->exec_id;
        chain_call(&probe->chain, CONTAINERD_METHOD(tasks, tasks, DeleteProcess), &in.base,
                   timeout_ns, answered);
}

static void begin_probe(void *context)
{
        static chain_step *const steps[] = { create_probe, start_probe, await_probe_end,
                                             delete_probe, NULL };
        struct probe *probe = context;
        struct loop *loop = probe->task->executor->options.loop;

        /* Unlike any of an earlier agent's. */
        snprintf(probe->exec_id, sizeof probe->exec_id, "probe-%llx",
                 (unsigned long long)loop_now_boot(loop));
        probe->is_probing = true;
        probe->is_late = false;
        probe->exit_code = -1;
        probe->timer.fire = stop_late_probe;
        loop_timer_set(loop, &probe->timer, probe->health.settings.timeout_ns);
        chain_begin(&probe->chain, steps, probed);
}

static void await_probe(struct probe *probe)
{
        struct loop *loop = probe->task->executor->options.loop;

        probe->timer.fire = begin_probe;
        loop_timer_set(loop, &probe->timer, health_pause(&probe->health, loop_now_boot(loop)));
}

/* --- beginning and ending --- */

static void free_probe(void *context)
{
        struct probe *probe = context;

        arena_done(&probe->arena);
        free(probe);
}

void executor_read_health(struct executor_task *task)
{
        char path[PATH_SIZE];

        task_path(task, BUNDLE_HEALTH_FILE, path);
        if (file_read(path, HEALTH_MAX, &task->health_text, NULL) < 0)
                str_clear(&task->health_text);
}

void executor_begin_health(struct executor_task *task, bool is_adopted)
{
        struct probe *probe;
        struct oci_health settings;
        struct err err;

        if (task->probe || task->health_text.length == 0)
                return;
        probe = mem_alloc(sizeof *probe);
        probe->task = task;
        probe->timer.context = probe;
        probe->chain = (struct chain){
                .loop = task->executor->options.loop,
                .pool = task->executor->options.pool,
                .client = task->executor->client,
                .context = probe,
        };
        if (health_parse(task->health_text.text, task->health_text.length, &probe->arena, &settings,
                         &probe->process, &err) < 0) {
                LOG(WARN, "a container's health is not looked after", STR("task", task->id),
                    STR("err", err.text));
                free_probe(probe);
                return;
        }
        health_begin(&probe->health, &settings, is_adopted,
                     loop_now_boot(task->executor->options.loop));
        task->probe = probe;
        await_probe(probe);
}

void executor_end_health(struct executor_task *task)
{
        struct probe *probe = task->probe;

        if (!probe)
                return;
        task->probe = NULL;
        loop_timer_cancel(&probe->timer);
        loop_timer_cancel(&probe->patience);
        forget_kill(probe);
        log_sink_free(probe->sink);
        (void)chain_cancel(&probe->chain, NULL);
        free_probe(probe);
}
