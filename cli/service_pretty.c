/* A service in words: service inspect --pretty, with docker's lines. */
#include "cli/service.h"

#include <string.h>

#include "cli/print.h"
#include "lib/base/time.h"
#include "lib/docker/docker.h"

static void add_labels(struct str *out, Sk__Label *const *labels, size_t n, const char *indent,
                       const char *between)
{
        for (size_t i = 0; i < n; i++) {
                const char *value = str_or(labels[i]->value, "");

                str_addf(out, "%s%s%s%s\n", indent, labels[i]->key, value[0] ? between : "", value);
        }
}

static void add_words(struct str *out, const char *title, char *const *words, size_t n)
{
        if (!n)
                return;
        str_add(out, title);
        for (size_t i = 0; i < n; i++)
                str_addf(out, "%s ", words[i]);
        str_add_char(out, '\n');
}

/* "[a b]", as Go prints a list. */
static void add_list(struct str *out, const char *title, const char *prefix, char *const *words,
                     size_t n)
{
        if (!n)
                return;
        str_add(out, title);
        for (size_t i = 0; i < n; i++)
                str_addf(out, "%s%s%s", i ? " " : "[", prefix, words[i]);
        str_add(out, "]\n");
}

static void add_joined(struct str *out, const char *title, char *const *words, size_t n)
{
        if (!n)
                return;
        str_add(out, title);
        for (size_t i = 0; i < n; i++)
                str_addf(out, "%s%s", i ? ", " : "", words[i]);
        str_add_char(out, '\n');
}

static void add_mode(struct str *out, const Sk__ServiceSpec *spec)
{
        str_add(out, "Service Mode:");
        switch (spec->mode_case) {
        case SK__SERVICE_SPEC__MODE_REPLICATED:
                str_addf(out, "\tReplicated\n Replicas:\t%llu\n",
                         (unsigned long long)spec->replicated->replicas);
                break;
        case SK__SERVICE_SPEC__MODE_GLOBAL:
                str_add(out, "\tGlobal\n");
                break;
        case SK__SERVICE_SPEC__MODE_REPLICATED_JOB:
                str_addf(out, "\tReplicated Job\n Total Completions:\t%llu\n",
                         (unsigned long long)spec->replicated_job->total_completions);
                break;
        case SK__SERVICE_SPEC__MODE_GLOBAL_JOB:
                str_add(out, "\tGlobal Job\n");
                break;
        default:
                str_add_char(out, '\n');
        }
}

static void add_run(struct str *out, const Sk__JobStatus__Run *run, int64_t now_ns)
{
        str_addf(out, " Run %llu:\t\tbegan ", (unsigned long long)run->iteration - 1);
        add_ago(out, run->started_at_ns, now_ns);
        if (run->ended_at_ns)
                str_addf(out, ", %llu completed, %llu failed: %s\n",
                         (unsigned long long)run->n_completed, (unsigned long long)run->n_failed,
                         run->message);
        else
                str_add(out, ", under way\n");
}

static void add_schedule(struct str *out, const Sk__Schedule *schedule)
{
        static const char *const policies[] = { "allow", "forbid", "replace" };

        str_addf(out, "Schedule:\t%s\n Timezone:\t%s\n", schedule->cron,
                 str_is_empty(schedule->timezone) ? "UTC" : schedule->timezone);
        if (schedule->concurrency < 3)
                str_addf(out, " Concurrency:\t%s\n", policies[schedule->concurrency]);
}

static void add_job_status(struct str *out, const Sk__ServiceSpec *spec, const Sk__JobStatus *job,
                           int64_t now_ns)
{
        if (spec && spec->schedule)
                add_schedule(out, spec->schedule);
        if (!job)
                return;
        str_add(out, "JobStatus:\n");
        if (job->next_execution_ns) {
                str_add(out, " Next Run:\t");
                str_add_time(out, job->next_execution_ns);
                str_add_char(out, '\n');
        }
        if (job->n_missed)
                str_addf(out, " Missed Runs:\t%llu\n", (unsigned long long)job->n_missed);
        for (size_t i = 0; i < job->n_runs; i++)
                add_run(out, job->runs[i], now_ns);
}

static void add_update_status(struct str *out, const Sk__UpdateStatus *update, int64_t now_ns)
{
        if (!update || !update->state)
                return;
        str_addf(out, "UpdateStatus:\n State:\t\t%s\n", docker_update_state(update->state));
        if (update->started_at_ns) {
                str_add(out, " Started:\t");
                add_ago(out, update->started_at_ns, now_ns);
                str_add_char(out, '\n');
        }
        if (update->completed_at_ns && update->state == SK__UPDATE_STATUS__STATE__COMPLETED) {
                str_add(out, " Completed:\t");
                add_ago(out, update->completed_at_ns, now_ns);
                str_add_char(out, '\n');
        }
        str_addf(out, " Message:\t%s\n", update->message);
}

static void add_placement(struct str *out, const Sk__Placement *placement)
{
        str_add(out, "Placement:\n");
        if (!placement)
                return;
        add_list(out, " Constraints:\t", "", (char *const *)placement->constraints,
                 placement->n_constraints);
        add_list(out, " Preferences:   ", "spread=", (char *const *)placement->spread,
                 placement->n_spread);
        if (placement->max_replicas_per_node)
                str_addf(out, " Max Replicas Per Node:   %llu\n",
                         (unsigned long long)placement->max_replicas_per_node);
}

static void add_update(struct str *out, const Sk__UpdateConfig *update, const char *title,
                       const char *order_title)
{
        Sk__UpdateConfig none = SK__UPDATE_CONFIG__INIT;

        none.parallelism = 1;
        update = update ? update : &none;
        if (update->parallelism_percent)
                str_addf(out, "%s:\n Parallelism:\t%u%%\n", title, update->parallelism_percent);
        else
                str_addf(out, "%s:\n Parallelism:\t%llu\n", title,
                         (unsigned long long)update->parallelism);
        if (update->delay_ns) {
                str_add(out, " Delay:\t\t");
                str_add_duration(out, update->delay_ns);
                str_add_char(out, '\n');
        }
        str_addf(out, " On failure:\t%s\n Monitoring Period: ",
                 docker_failure_action(update->failure_action));
        str_add_duration(out, update->monitor_ns ? update->monitor_ns : INT64_C(5000000000));
        str_addf(out, "\n Max failure ratio: %g\n %s%s\n", update->max_failure_ratio, order_title,
                 docker_update_order(update->order));
        if (update->progress_deadline_ns > 0) {
                str_add(out, " Progress deadline: ");
                str_add_duration(out, update->progress_deadline_ns);
                str_add_char(out, '\n');
        } else if (update->progress_deadline_ns < 0) {
                str_add(out, " Progress deadline: none\n");
        }
        if (update->canary)
                str_addf(out, " Canaries:          %llu\n", (unsigned long long)update->canary);
}

static void add_capabilities(struct str *out, const Sk__ContainerSpec *container)
{
        if (!container->n_capability_add && !container->n_capability_drop)
                return;
        str_add(out, "Capabilities:\n");
        add_joined(out, " Add: ", (char *const *)container->capability_add,
                   container->n_capability_add);
        add_joined(out, " Drop: ", (char *const *)container->capability_drop,
                   container->n_capability_drop);
}

static void add_mounts(struct str *out, const Sk__ContainerSpec *container)
{
        str_add(out, container->n_mounts ? "Mounts:\n" : "");
        for (size_t i = 0; i < container->n_mounts; i++) {
                const Sk__Mount *mount = container->mounts[i];

                str_addf(out, " Target:\t%s\n  Source:\t%s\n  ReadOnly:\t%s\n  Type:\t\t%s\n",
                         mount->target, mount->source, mount->read_only ? "true" : "false",
                         docker_mount_type(mount->type));
        }
}

static void add_files(struct str *out, const char *title, Sk__FileReference *const *files, size_t n)
{
        str_add(out, n ? title : "");
        for (size_t i = 0; i < n; i++)
                str_addf(out, " Target:\t%s\n  Source:\t%s\n", files[i]->target, files[i]->name);
}

static void add_container(struct str *out, const Sk__ContainerSpec *container)
{
        str_addf(out, "ContainerSpec:\n Image:\t\t%s\n", container->image);
        add_words(out, " Args:\t\t", (char *const *)container->args, container->n_args);
        add_words(out, " Env:\t\t", (char *const *)container->env, container->n_env);
        if (!str_is_empty(container->dir))
                str_addf(out, " Dir:\t\t%s\n", container->dir);
        if (container->init)
                str_addf(out, " Init:\t\t%s\n", container->init->enabled ? "true" : "false");
        if (!str_is_empty(container->user))
                str_addf(out, " User: %s\n", container->user);
        add_joined(out, " Devices:\t", (char *const *)container->devices, container->n_devices);
        add_capabilities(out, container);
        str_add(out, container->n_sysctls ? "SysCtls:\n" : "");
        add_labels(out, container->sysctls, container->n_sysctls, " ", ": ");
        str_add(out, container->n_ulimits ? "Ulimits:\n" : "");
        for (size_t i = 0; i < container->n_ulimits; i++)
                str_addf(out, " %s: %lld:%lld\n", container->ulimits[i]->name,
                         (long long)container->ulimits[i]->soft,
                         (long long)container->ulimits[i]->hard);
        add_mounts(out, container);
        add_files(out, "Configs:\n", container->configs, container->n_configs);
        add_files(out, "Secrets:\n", container->secrets, container->n_secrets);
}

static void add_amounts(struct str *out, const char *title, const Sk__Resources *resources)
{
        if (!resources || (!resources->nano_cpus && !resources->memory_bytes && !resources->pids))
                return;
        str_add(out, title);
        if (resources->nano_cpus)
                str_addf(out, "  CPU:\t\t%g\n", (double)resources->nano_cpus / 1e9);
        if (resources->memory_bytes) {
                str_add(out, "  Memory:\t");
                str_add_bytes_iec(out, (double)resources->memory_bytes);
                str_add_char(out, '\n');
        }
        if (resources->pids)
                str_addf(out, "  PIDs:\t\t%lld\n", (long long)resources->pids);
}

static void add_task(struct str *out, const Sk__TaskSpec *task)
{
        if (task->log_driver) {
                str_add(out, "Log Driver:\n");
                if (!str_is_empty(task->log_driver->name))
                        str_addf(out, " Name:\t\t%s\n", task->log_driver->name);
                str_add(out, task->log_driver->n_options ? " LogOpts:\n" : "");
                add_labels(out, task->log_driver->options, task->log_driver->n_options, "  ",
                           ":       ");
                str_add_char(out, '\n');
        }
        str_add(out, "Resources:\n");
        add_amounts(out, " Reservations:\n", task->reservations);
        add_amounts(out, " Limits:\n", task->limits);
        if (!task->n_networks)
                return;
        str_add(out, "Networks:");
        for (size_t i = 0; i < task->n_networks; i++)
                str_addf(out, " %s", task->networks[i]->target);
        str_add(out, " \n");
}

static void add_ports(struct str *out, const Sk__ServiceView *service)
{
        const Sk__ServiceEndpoint *endpoint = service->service->endpoint;
        const Sk__EndpointSpec *spec = service->spec->endpoint;
        bool is_allocated = endpoint && endpoint->n_ports;
        Sk__PortConfig *const *ports = is_allocated ? endpoint->ports : spec ? spec->ports : NULL;
        size_t n = is_allocated ? endpoint->n_ports : spec ? spec->n_ports : 0;

        str_addf(out, "Endpoint Mode:\t%s\n",
                 spec && spec->mode == SK__ENDPOINT_SPEC__MODE__DNSRR ? "dnsrr" : "vip");
        str_add(out, n ? "Ports:\n" : "");
        for (size_t i = 0; i < n; i++)
                str_addf(out,
                         " PublishedPort = %u\n  Protocol = %s\n  TargetPort = %u\n"
                         "  PublishMode = %s%s\n",
                         ports[i]->published_port, docker_protocol(ports[i]->protocol),
                         ports[i]->target_port, docker_publish_mode(ports[i]->publish_mode),
                         i + 1 == n ? " " : "");
}

static void add_duration(struct str *out, const char *title, int64_t ns)
{
        str_add(out, title);
        str_add_duration(out, ns);
        str_add_char(out, '\n');
}

static void add_health(struct str *out, const char *title, const Sk__HealthConfig *health)
{
        if (!health)
                return;
        str_addf(out, " %s:\n", title);
        add_duration(out, "  Interval = ", health->interval_ns);
        str_addf(out, "  Retries = %lld\n", (long long)health->retries);
        add_duration(out, "  StartPeriod =\t", health->start_period_ns);
        add_duration(out, "  Timeout =\t", health->timeout_ns);
        str_add(out, health->n_test ? "  Tests:\n" : "");
        for (size_t i = 0; i < health->n_test; i++)
                str_addf(out, "\t Test = %s%s\n", health->test[i],
                         i + 1 == health->n_test ? " " : "");
}

void service_pretty(struct str *out, const Sk__ServiceView *view, int64_t now_ns)
{
        const Sk__ServiceSpec *spec = view->spec;
        const Sk__ServiceProgress *progress = view->service->progress;

        str_addf(out, "\nID:\t\t%s\nName:\t\t%s\n", view->service->id, view->service->name);
        if (!spec || !spec->task || !spec->task->container)
                return;
        if (spec->annotations && spec->annotations->n_labels) {
                str_add(out, "Labels:\n");
                add_labels(out, spec->annotations->labels, spec->annotations->n_labels, " ", "=");
        }
        add_mode(out, spec);
        add_job_status(out, view->spec, progress ? progress->job : NULL, now_ns);
        add_update_status(out, progress ? progress->update : NULL, now_ns);
        add_placement(out, spec->task->placement);
        add_update(out, spec->update, "UpdateConfig", "Update order:      ");
        add_update(out, spec->rollback, "RollbackConfig", "Rollback order:    ");
        add_container(out, spec->task->container);
        add_task(out, spec->task);
        add_ports(out, view);
        add_health(out, "Healthcheck", spec->task->container->health);
        add_health(out, "Readiness", spec->task->container->readiness);
        str_add_char(out, '\n');
}
