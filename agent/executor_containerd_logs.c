/* Where a container's output goes: what the service says, and what this node makes of it. */
#include <stdio.h>
#include <string.h>

#include "agent/executor_containerd_task.h"
#include "agent/logs/files.h"
#include "lib/base/check.h"
#include "lib/base/str.h"
#include "lib/expand/expand.h"
#include "lib/logging/config.h"
#include "lib/os/log.h"

int executor_read_log_config(const struct executor_task *task, struct arena *arena,
                             struct log_config *ret, struct err *err)
{
        TRY(log_config_read(task->spec->task->log_driver, arena, ret, err));
        if (ret->size_max == 0)
                ret->size_max = task->executor->options.log_size_max;
        if (ret->n_files_max == 0)
                ret->n_files_max = task->executor->options.log_files_max;
        return 0;
}

static void logs_failed(void *context, const struct err *err)
{
        const struct executor_task *task = context;

        LOG(WARN, "a container's output is lost", STR("task", task->id), STR("err", err->text));
}

static void add_trouble(const struct log_sink *sink, struct str *ret)
{
        uint64_t dropped = log_sink_dropped(sink);

        if (dropped)
                str_addf(ret, "%llu line%s dropped", (unsigned long long)dropped,
                         dropped == 1 ? " was" : "s were");
        if (log_sink_error(sink)[0])
                str_addf(ret, "%sits log server is not reached: %s", dropped ? "; " : "",
                         log_sink_error(sink));
}

static void logs_in_trouble(void *context)
{
        struct executor_task *task = context;
        _cleanup_(str_done) struct str text = { 0 };

        if (!task->sink)
                return;
        add_trouble(task->sink, &text);
        snprintf(task->log_trouble, sizeof task->log_trouble, "%s", str_text(&text));
        task->facts.log_trouble = task->log_trouble;
        task->events.changed(task->context);
}

static const char *command_text(const struct executor_task *task, struct arena *arena)
{
        const Sk__ContainerSpec *container = task->spec->task->container;
        _cleanup_(str_done) struct str text = { 0 };

        for (size_t i = 0; i < container->n_command; i++)
                str_addf(&text, "%s%s", text.length ? " " : "", container->command[i]);
        for (size_t i = 0; i < container->n_args; i++)
                str_addf(&text, "%s%s", text.length ? " " : "", container->args[i]);
        return arena_strdup(arena, str_text(&text));
}

static int make_format(struct executor_task *task, struct arena *arena,
                       const struct log_config *config, struct log_format **ret, struct err *err)
{
        Sk__ContainerSpec *container;
        struct log_origin origin;

        TRY(expand_container(task->spec->task->container, &task->values, arena, &container, err));
        origin = (struct log_origin){
                .id = task->id,
                .name = task->name,
                .image = str_or(container->image, ""),
                .image_id = str_or(task->image.id, ""),
                .command = command_text(task, arena),
                .host = task->values.node_hostname,
                .labels = task->labels,
                .n_labels = task->n_labels,
                .env = (const char *const *)container->env,
                .n_env = container->n_env,
        };

        return log_format_new(config, &origin, ret, err);
}

/* For those who read it back. */
static int note_details(struct executor_task *task, struct arena *arena,
                        const struct log_config *config, const char *folder, struct err *err)
{
        _cleanup_(str_done) struct str text = { 0 };
        struct log_format *format;

        if (!config->tag && !config->labels && !config->labels_pattern && !config->env &&
            !config->env_pattern)
                return 0;
        TRY(make_format(task, arena, config, &format, err));
        log_format_details(format, &text);
        log_format_free(format);
        return log_files_set_details(folder, str_text(&text), err);
}

static int open_sink(struct executor_task *task, struct arena *arena, struct err *err)
{
        struct executor_containerd *executor = task->executor;
        char folder[PATH_SIZE], out[PATH_SIZE], errors[PATH_SIZE];
        struct log_sink_options options = {
                .folder = folder,
                .fifos = { out, task->is_tty ? NULL : errors },
                .resolvers = executor->resolvers,
                .failed = logs_failed,
                .trouble = logs_in_trouble,
                .context = task,
        };
        struct log_config config;

        TRY(executor_read_log_config(task, arena, &config, err));
        task_path(task, "logs", folder);
        task_run_path(task, "stdout", out);
        task_run_path(task, "stderr", errors);
        options.size_max = config.size_max;
        options.n_files_max = config.n_files_max;
        options.discard = config.driver == LOG_NONE;
        if (log_driver_is_readable(config.driver))
                TRY(note_details(task, arena, &config, folder, err));
        else
                TRY(log_files_set_elsewhere(folder, err));
        if (config.driver == LOG_JOURNALD)
                TRY(log_files_set_journal(folder, task->id, err));
        if (config.driver > LOG_NONE)
                TRY(make_format(task, arena, &config, &options.format, err));
        return log_sink_new(executor->options.loop, executor->options.pool, &options, &task->sink,
                            err);
}

int executor_open_logs(struct executor_task *task, struct err *err)
{
        struct keeper *keeper = task->executor->keeper;
        struct arena arena = { 0 };
        int fds[KEEPER_FDS_MAX], result;

        if (task->sink)
                return 0;
        result = open_sink(task, &arena, err);
        arena_done(&arena);
        if (keeper && result == 0)
                keeper_hold(keeper, task->id, fds, log_sink_fds(task->sink, fds));
        return result;
}

void executor_close_logs(struct executor_task *task)
{
        if (task->sink)
                task->executor->n_lines_dropped += log_sink_dropped(task->sink);
        log_sink_free(TAKE(task->sink));
}

/* --- what became of it --- */

void executor_containerd_metrics(struct executor *base, struct str *str)
{
        const struct executor_containerd *executor =
                container_of(base, struct executor_containerd, executor);
        uint64_t dropped = executor->n_lines_dropped, waiting = 0;
        const struct executor_task *task;

        for (size_t at = 0; (task = map_next(&executor->tasks, &at));) {
                dropped += task->sink ? log_sink_dropped(task->sink) : 0;
                waiting += task->sink && log_sink_error(task->sink)[0];
        }
        str_addf(str, "skep_agent_log_lines_dropped_total %llu\n", (unsigned long long)dropped);
        str_addf(str, "skep_agent_log_servers_unreached %llu\n", (unsigned long long)waiting);
}

bool executor_containerd_log_is_elsewhere(struct executor *base, const char *task_id,
                                          struct str *ret)
{
        const struct executor_containerd *executor =
                container_of(base, struct executor_containerd, executor);
        const struct executor_task *task = map_find(&executor->tasks, task_id);
        char folder[PATH_SIZE];
        _cleanup_(str_done) struct str trouble = { 0 };

        executor_containerd_log_folder(executor->options.state_folder, task_id, folder,
                                       sizeof folder);
        if (!log_files_is_elsewhere(folder))
                return false;
        str_addf(ret, "task %s: configured logging driver does not support reading", task_id);
        if (task && task->sink)
                add_trouble(task->sink, &trouble);
        str_addf(ret, "%s%s", trouble.length ? "; " : "", str_text(&trouble));
        return true;
}
