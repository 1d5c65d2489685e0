/* Probes: a program run inside the container, and what all kinds share. */
#include "agent/executor_containerd_probe.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "api/containerd/tasks.pb-c.h"
#include "lib/base/check.h"
#include "lib/base/str.h"

static const int64_t timeout_ns = 30 * NS_PER_S, kill_pause_ns = 100 * NS_PER_MS,
                     old_end_ns = 2 * NS_PER_S;

struct program_probe {
        struct probe probe;
        struct chain chain;
        struct loop_timer timer; /* until it takes too long */
        struct rpc_request *kill;
        struct log_sink *sink;
        bool is_late, was_away, has_cleared, is_read;
        int exit_code;
        struct err err; /* of the step that failed */
};

/* --- what all kinds share --- */

void probe_init(struct probe *probe, const struct probe_request *request,
                void (*cancel)(struct probe *probe))
{
        probe->request = request;
        probe->cancel = cancel;
        probe->started_ns = loop_now(request->task->executor->options.loop);
}

void probe_tell(struct probe *probe, struct probe_end *end)
{
        end->result.started_ns = probe->started_ns;
        end->result.ended_ns = loop_now(probe->request->task->executor->options.loop);
        probe->request->ended(probe->request->context, end);
}

void probe_add_timeout(const struct probe *probe, struct str *ret)
{
        str_add(ret, "Health check exceeded timeout (");
        str_add_duration(ret, probe->request->settings->timeout_ns);
        str_add(ret, ")");
}

struct probe *probe_begin(const struct probe_request *request)
{
        return request->process ? probe_begin_program(request) : probe_begin_network(request);
}

void probe_cancel(struct probe *probe)
{
        probe->cancel(probe);
}

/* --- how a program's end is told --- */

static void free_program(struct program_probe *probe)
{
        loop_timer_cancel(&probe->timer);
        if (probe->kill)
                rpc_request_cancel(TAKE(probe->kill));
        log_sink_free(probe->sink);
        (void)chain_cancel(&probe->chain, NULL);
        free(probe);
}

static void cancel_program(struct probe *base)
{
        free_program(container_of(base, struct program_probe, probe));
}

static bool is_about_containerd(const struct program_probe *probe, const struct err *err)
{
        return probe->was_away || probe->chain.n_tries > 0 || err->code == ERR_UNAVAILABLE ||
               err->code == ERR_DEADLINE || err->code == ERR_CANCELLED;
}

static void tell_program(struct program_probe *probe, const struct err *err)
{
        _cleanup_(str_done) struct str text = { 0 };
        const struct str *said = probe->is_read ? log_sink_kept(probe->sink) : NULL;
        struct probe_end end = { .result.exit_code = probe->exit_code };

        if (probe->is_late) {
                probe_add_timeout(&probe->probe, &text);
                str_add(&text, said && said->length ? ": " : "");
                end.result.exit_code = -1;
                end.is_void = probe->was_away;
        } else if (err) {
                str_add(&text, err->text);
                end.result.exit_code = -1;
                end.is_void = probe->was_away;
        }
        if (said)
                str_add_bytes(&text, said->text, said->length);
        end.output = str_text(&text);
        end.output_size = text.length;
        probe_tell(&probe->probe, &end);
        free_program(probe);
}

/* --- one that takes too long --- */

/* It may have ended just now, or not have begun yet: that is told alike. */
static void killed(void *context, const void *out, const struct err *err)
{
        struct program_probe *probe = context;

        (void)out;
        probe->kill = NULL;
        if (!err)
                return;
        probe->was_away |= err->code == ERR_UNAVAILABLE;
        loop_timer_set(probe->chain.loop, &probe->timer, kill_pause_ns);
}

static void fill_kill(const struct program_probe *probe, Ctd__Tasks__KillRequest *in)
{
        ctd__tasks__kill_request__init(in);
        in->container_id = probe->probe.request->task->id;
        in->exec_id = probe->probe.request->name;
        in->signal = SIGKILL;
        in->all = true;
}

static void stop_late_program(void *context)
{
        struct program_probe *probe = context;
        Ctd__Tasks__KillRequest in;

        probe->is_late = true;
        fill_kill(probe, &in);
        probe->kill = rpc_client_call(probe->chain.client, CONTAINERD_METHOD(tasks, tasks, Kill),
                                      &in.base, timeout_ns, false, killed, probe);
}

/* --- steps --- */

static void answered(void *context, const void *out, const struct err *err)
{
        struct program_probe *probe = context;

        (void)out;
        if (err)
                chain_fail(&probe->chain, err);
        else
                chain_next(&probe->chain);
}

/* Whatever the answer is, what comes next will show. */
static void tried(void *context, const void *out, const struct err *err)
{
        struct program_probe *probe = context;

        (void)out;
        (void)err;
        chain_next(&probe->chain);
}

static void kill_old(void *context)
{
        struct program_probe *probe = context;
        Ctd__Tasks__KillRequest in;

        fill_kill(probe, &in);
        chain_call(&probe->chain, CONTAINERD_METHOD(tasks, tasks, Kill), &in.base, timeout_ns,
                   tried);
}

static void await_program(struct program_probe *probe, int64_t most_ns,
                          void (*ended)(void *context, const void *out, const struct err *err))
{
        Ctd__Tasks__WaitRequest in = CTD__TASKS__WAIT_REQUEST__INIT;

        in.container_id = probe->probe.request->task->id;
        in.exec_id = probe->probe.request->name;
        chain_call(&probe->chain, CONTAINERD_METHOD(tasks, tasks, Wait), &in.base, most_ns, ended);
}

static void await_old(void *context)
{
        await_program(context, old_end_ns, tried);
}

static void delete_program(struct program_probe *probe,
                           void (*deleted)(void *context, const void *out, const struct err *err))
{
        Ctd__Tasks__DeleteProcessRequest in = CTD__TASKS__DELETE_PROCESS_REQUEST__INIT;

        in.container_id = probe->probe.request->task->id;
        in.exec_id = probe->probe.request->name;
        chain_call(&probe->chain, CONTAINERD_METHOD(tasks, tasks, DeleteProcess), &in.base,
                   timeout_ns, deleted);
}

static void delete_old(void *context)
{
        delete_program(context, tried);
}

static int open_sink(struct program_probe *probe, char out[static PATH_SIZE],
                     char errors[static PATH_SIZE], struct err *err)
{
        struct executor_task *task = probe->probe.request->task;
        char folder[PATH_SIZE], name[64];
        struct log_sink_options options = {
                .folder = folder,
                .fifos = { out, errors },
                .n_files_max = 1,
                .discard = true,
                .n_kept_max = HEALTH_OUTPUT_MAX + 1,
        };

        task_path(task, NULL, folder);
        snprintf(name, sizeof name, "%s-stdout", probe->probe.request->name);
        task_run_path(task, name, out);
        snprintf(name, sizeof name, "%s-stderr", probe->probe.request->name);
        task_run_path(task, name, errors);
        if (probe->sink)
                return 0;
        return log_sink_new(probe->chain.loop, probe->chain.pool, &options, &probe->sink, err);
}

static void create(void *context)
{
        struct program_probe *probe = context;
        const struct probe_request *request = probe->probe.request;
        Ctd__Tasks__ExecRequest in = CTD__TASKS__EXEC_REQUEST__INIT;
        Ctd__Types__Any spec = CTD__TYPES__ANY__INIT;
        char out[PATH_SIZE], errors[PATH_SIZE];
        struct err err;

        if (open_sink(probe, out, errors, &err) < 0) {
                chain_fail(&probe->chain, &err);
                return;
        }
        spec.type_url = "types.containerd.io/opencontainers/runtime-spec/1/Process";
        spec.value.data = (uint8_t *)request->process;
        spec.value.len = strlen(request->process);
        in.container_id = request->task->id;
        in.exec_id = request->name;
        in.stdout = out;
        in.stderr = errors;
        in.spec = &spec;
        chain_call(&probe->chain, CONTAINERD_METHOD(tasks, tasks, Exec), &in.base, timeout_ns,
                   answered);
}

static void start(void *context)
{
        struct program_probe *probe = context;
        Ctd__Tasks__StartRequest in = CTD__TASKS__START_REQUEST__INIT;

        in.container_id = probe->probe.request->task->id;
        in.exec_id = probe->probe.request->name;
        chain_call_once(&probe->chain, CONTAINERD_METHOD(tasks, tasks, Start), &in.base, timeout_ns,
                        answered);
}

static void ran(void *context, const void *out, const struct err *err)
{
        struct program_probe *probe = context;
        const Ctd__Tasks__WaitResponse *answer = out;

        if (answer)
                probe->exit_code = (int)answer->exit_status;
        answered(context, out, err);
}

static void await_end(void *context)
{
        await_program(context, 0, ran);
}

static void delete_own(void *context)
{
        delete_program(context, answered);
}

static void output_read(void *context)
{
        struct program_probe *probe = context;

        probe->is_read = true;
        chain_next(&probe->chain);
}

static void read_output(void *context)
{
        struct program_probe *probe = context;

        log_sink_finish(probe->sink, output_read, probe);
}

#define CLEAR_STEPS delete_old, kill_old, await_old, delete_old
#define RUN_STEPS create, start, await_end, delete_own, read_output, NULL

static void cleared(void *context, const struct err *err)
{
        struct program_probe *probe = context;

        (void)err;
        tell_program(probe, &probe->err);
}

static void program_ended(void *context, const struct err *err)
{
        /* An earlier agent's, or a creation that containerd answered to nobody, is in the way. */
        static chain_step *const clearing[] = { CLEAR_STEPS, RUN_STEPS };
        static chain_step *const deleting[] = { CLEAR_STEPS, NULL };
        struct program_probe *probe = context;

        if (!err) {
                tell_program(probe, NULL);
        } else if (err->code == ERR_EXISTS && !probe->has_cleared) {
                probe->has_cleared = true;
                chain_begin(&probe->chain, clearing, program_ended);
        } else {
                probe->was_away = is_about_containerd(probe, err);
                probe->err = *err;
                chain_begin(&probe->chain, deleting, cleared);
        }
}

struct probe *probe_begin_program(const struct probe_request *request)
{
        static chain_step *const steps[] = { RUN_STEPS };
        struct program_probe *probe = mem_alloc(sizeof *probe);
        const struct executor_containerd *executor = request->task->executor;

        probe_init(&probe->probe, request, cancel_program);
        probe->exit_code = -1;
        probe->chain = (struct chain){
                .loop = executor->options.loop,
                .pool = executor->options.pool,
                .client = executor->client,
                .context = probe,
        };
        probe->timer = (struct loop_timer){ .fire = stop_late_program, .context = probe };
        loop_timer_set(executor->options.loop, &probe->timer, request->settings->timeout_ns);
        chain_begin(&probe->chain, steps, program_ended);
        return &probe->probe;
}
