/* Services and their specs. */
#include <math.h>
#include <string.h>

#include "lib/base/str.h"
#include "lib/base/time.h"
#include "lib/docker/container.h"
#include "lib/docker/field.h"

/* --- the task template --- */

void add_generic(json_t *object, Sk__GenericResource *const *generic, size_t n)
{
        json_t *list = n ? add_array(object, "GenericResources") : NULL;

        for (size_t i = 0; i < n; i++) {
                bool is_named = generic[i]->value_case == SK__GENERIC_RESOURCE__VALUE_NAMED;
                json_t *shown = add_object(append_object(list),
                                           is_named ? "NamedResourceSpec" : "DiscreteResourceSpec");

                add_text(shown, "Kind", generic[i]->kind);
                if (is_named)
                        add_text(shown, "Value", generic[i]->named);
                else
                        add_number(shown, "Value", generic[i]->count);
        }
}

static void add_amounts(json_t *object, const char *key, const Sk__Resources *resources)
{
        json_t *shown;

        if (!resources)
                return;
        shown = add_object(object, key);
        add_number(shown, "NanoCPUs", resources->nano_cpus);
        add_number(shown, "MemoryBytes", resources->memory_bytes);
        add_number(shown, "Pids", resources->pids);
        add_generic(shown, resources->generic, resources->n_generic);
}

static void add_resources(json_t *object, const Sk__TaskSpec *task, enum docker_flags flags)
{
        const Sk__Resources *limits = task->limits;
        json_t *shown;

        if (!limits && !task->reservations && !(flags & DOCKER_INSERT_DEFAULTS))
                return;
        shown = add_object(object, "Resources");
        add_amounts(shown, "Limits", limits);
        add_amounts(shown, "Reservations", task->reservations);
        if (limits && limits->memory_swap)
                add_number_always(shown, "SwapBytes", limits->memory_swap->bytes);
        if (limits && limits->memory_swappiness)
                add_number_always(shown, "MemorySwappiness", limits->memory_swappiness->percent);
}

static void add_restart(json_t *object, const Sk__RestartPolicy *restart, enum docker_flags flags)
{
        static const Sk__RestartPolicy none = SK__RESTART_POLICY__INIT;
        json_t *shown;

        if (!restart && !(flags & DOCKER_INSERT_DEFAULTS))
                return;
        shown = add_object(object, "RestartPolicy");
        restart = restart ? restart : &none;
        add_text(shown, "Condition", docker_restart_condition(restart->condition));
        if (restart->delay)
                add_number_always(shown, "Delay", restart->delay->ns);
        else if (flags & DOCKER_INSERT_DEFAULTS)
                add_number_always(shown, "Delay", 5 * NS_PER_S);
        add_number_always(shown, "MaxAttempts", (int64_t)restart->max_attempts);
        add_number(shown, "Window", restart->window_ns);
        add_number(shown, "BackoffMax", restart->backoff_max_ns);
        add_number(shown, "BackoffReset", restart->backoff_reset_ns);
}

static void add_platforms(json_t *object, const Sk__Placement *placement)
{
        json_t *list = placement->n_platforms ? add_array(object, "Platforms") : NULL;

        for (size_t i = 0; i < placement->n_platforms; i++) {
                json_t *shown = append_object(list);

                add_text(shown, "Architecture", placement->platforms[i]->architecture);
                add_text(shown, "OS", placement->platforms[i]->os);
        }
}

static void add_spread(json_t *object, const Sk__Placement *placement, const char *descriptor)
{
        json_t *spread = add_object(object, "Spread");

        add_text_always(spread, "SpreadDescriptor", descriptor);
        for (size_t i = 0; i < placement->n_spread_limits; i++)
                if (strcmp(placement->spread_limits[i]->over, descriptor) == 0)
                        add_number(spread, "MaxSkew",
                                   (int64_t)placement->spread_limits[i]->max_skew);
}

static void add_placement(json_t *object, const Sk__Placement *placement, enum docker_flags flags)
{
        static const char *const strategies[] = { "", "spread", "binpack", "random" };
        json_t *shown, *preferences;

        if (!placement && !(flags & DOCKER_INSERT_DEFAULTS))
                return;
        shown = add_object(object, "Placement");
        if (!placement)
                return;
        add_texts(shown, "Constraints", (char *const *)placement->constraints,
                  placement->n_constraints);
        preferences = placement->n_spread ? add_array(shown, "Preferences") : NULL;
        for (size_t i = 0; i < placement->n_spread; i++)
                add_spread(append_object(preferences), placement, placement->spread[i]);
        add_number(shown, "MaxReplicas", (int64_t)placement->max_replicas_per_node);
        add_platforms(shown, placement);
        /* Docker has none of these: it ignores what it does not know. */
        if (placement->strategy < 4)
                add_text(shown, "Strategy", strategies[placement->strategy]);
        add_texts(shown, "Affinities", (char *const *)placement->affinities,
                  placement->n_affinities);
        add_number(shown, "Priority", placement->priority);
}

static void add_networks(json_t *object, const Sk__TaskSpec *task)
{
        json_t *list = task->n_networks ? add_array(object, "Networks") : NULL;

        for (size_t i = 0; i < task->n_networks; i++) {
                const Sk__NetworkAttachment *network = task->networks[i];
                json_t *shown = append_object(list);

                add_text(shown, "Target", network->target);
                add_texts(shown, "Aliases", (char *const *)network->aliases, network->n_aliases);
                add_labels(shown, "DriverOpts", network->driver_options, network->n_driver_options);
        }
}

json_t *task_template(const Sk__TaskSpec *task, enum docker_flags flags, bool with_runtime)
{
        json_t *shown = json_object(), *driver;

        if (task->container)
                json_object_set_new(shown, "ContainerSpec", container_spec(task->container, flags));
        add_resources(shown, task, flags);
        add_restart(shown, task->restart, flags);
        add_placement(shown, task->placement, flags);
        add_networks(shown, task);
        if (task->log_driver) {
                driver = add_object(shown, "LogDriver");
                add_text(driver, "Name", task->log_driver->name);
                add_labels(driver, "Options", task->log_driver->options,
                           task->log_driver->n_options);
        }
        add_number_always(shown, "ForceUpdate", (int64_t)task->force_update);
        if (with_runtime)
                add_text_always(shown, "Runtime", "container");
        return shown;
}

/* --- the spec --- */

static void add_mode(json_t *object, const Sk__ServiceSpec *spec)
{
        json_t *mode = add_object(object, "Mode"), *shown;

        switch (spec->mode_case) {
        case SK__SERVICE_SPEC__MODE_GLOBAL:
                add_object(mode, "Global");
                break;
        case SK__SERVICE_SPEC__MODE_REPLICATED_JOB:
                shown = add_object(mode, "ReplicatedJob");
                add_number_always(shown, "MaxConcurrent",
                                  (int64_t)(spec->replicated_job->max_concurrent
                                                    ? spec->replicated_job->max_concurrent
                                                    : spec->replicated_job->total_completions));
                add_number_always(shown, "TotalCompletions",
                                  (int64_t)spec->replicated_job->total_completions);
                break;
        case SK__SERVICE_SPEC__MODE_GLOBAL_JOB:
                add_object(mode, "GlobalJob");
                break;
        case SK__SERVICE_SPEC__MODE_REPLICATED:
                add_number_always(add_object(mode, "Replicated"), "Replicas",
                                  (int64_t)spec->replicated->replicas);
                break;
        default:
                break;
        }
}

/* A ratio as Go writes it: 0, 0.1. */
static json_t *ratio(double value)
{
        return value == floor(value) ? json_integer((json_int_t)value) : json_real(value);
}

static void add_update(json_t *object, const char *key, const Sk__UpdateConfig *update,
                       enum docker_flags flags)
{
        static const Sk__UpdateConfig none = {
                PROTOBUF_C_MESSAGE_INIT(&sk__update_config__descriptor), .parallelism = 1
        };
        json_t *shown;

        if (!update && !(flags & DOCKER_INSERT_DEFAULTS))
                return;
        update = update ? update : &none;
        shown = add_object(object, key);
        add_number_always(shown, "Parallelism", (int64_t)update->parallelism);
        add_number(shown, "Delay", update->delay_ns);
        add_text_always(shown, "FailureAction", docker_failure_action(update->failure_action));
        add_number(shown, "Monitor",
                   update->monitor_ns || !(flags & DOCKER_INSERT_DEFAULTS) ? update->monitor_ns
                                                                           : 5 * NS_PER_S);
        json_object_set_new(shown, "MaxFailureRatio", ratio(update->max_failure_ratio));
        add_text_always(shown, "Order", docker_update_order(update->order));
        /* What docker has not, last. */
        add_number(shown, "ParallelismPercent", update->parallelism_percent);
        add_number(shown, "ProgressDeadline", update->progress_deadline_ns);
        add_number(shown, "Canary", (int64_t)update->canary);
}

void add_ports(json_t *object, const char *key, Sk__PortConfig *const *ports, size_t n)
{
        json_t *list = n ? add_array(object, key) : NULL;

        for (size_t i = 0; i < n; i++) {
                json_t *shown = append_object(list);

                add_text(shown, "Name", ports[i]->name);
                add_text_always(shown, "Protocol", docker_protocol(ports[i]->protocol));
                add_number(shown, "TargetPort", ports[i]->target_port);
                add_number(shown, "PublishedPort", ports[i]->published_port);
                add_text_always(shown, "PublishMode", docker_publish_mode(ports[i]->publish_mode));
        }
}

static void add_endpoint_spec(json_t *object, const char *key, const Sk__EndpointSpec *endpoint)
{
        json_t *shown = add_object(object, key);

        if (!endpoint)
                return;
        add_text_always(shown, "Mode",
                        endpoint->mode == SK__ENDPOINT_SPEC__MODE__DNSRR ? "dnsrr" : "vip");
        add_ports(shown, "Ports", endpoint->ports, endpoint->n_ports);
}

static void add_schedule(json_t *object, const Sk__Schedule *schedule)
{
        static const char *const policies[] = { "allow", "forbid", "replace" };
        json_t *shown = add_object(object, "Schedule");

        add_text_always(shown, "Cron", schedule->cron);
        add_text_always(shown, "Timezone",
                        str_is_empty(schedule->timezone) ? "UTC" : schedule->timezone);
        if (schedule->concurrency < 3)
                add_text(shown, "Concurrency", policies[schedule->concurrency]);
        add_number(shown, "StartingDeadline", schedule->starting_deadline_ns);
        add_number(shown, "History", (int64_t)schedule->history);
}

json_t *docker_service_spec(const Sk__ServiceSpec *spec, enum docker_flags flags)
{
        static const Sk__TaskSpec no_task = SK__TASK_SPEC__INIT;
        const Sk__Annotations *annotations = spec->annotations;
        json_t *shown = json_object();

        add_text_always(shown, "Name", annotations ? annotations->name : "");
        add_labels_always(shown, "Labels", annotations ? annotations->labels : NULL,
                          annotations ? annotations->n_labels : 0);
        json_object_set_new(shown, "TaskTemplate",
                            task_template(spec->task ? spec->task : &no_task, flags, true));
        add_mode(shown, spec);
        add_update(shown, "UpdateConfig", spec->update, flags);
        add_update(shown, "RollbackConfig", spec->rollback, flags);
        if (spec->endpoint)
                add_endpoint_spec(shown, "EndpointSpec", spec->endpoint);
        if (spec->schedule)
                add_schedule(shown, spec->schedule);
        return shown;
}

/* --- the service --- */

static void add_endpoint(json_t *object, const Sk__ServiceEndpoint *endpoint,
                         const Sk__ServiceSpec *spec)
{
        json_t *shown = add_object(object, "Endpoint"), *list;

        add_endpoint_spec(shown, "Spec",
                          endpoint && endpoint->spec                          ? endpoint->spec
                          : spec && spec->endpoint && spec->endpoint->n_ports ? spec->endpoint
                                                                              : NULL);
        if (!endpoint)
                return;
        add_ports(shown, "Ports", endpoint->ports, endpoint->n_ports);
        list = endpoint->n_virtual_ips ? add_array(shown, "VirtualIPs") : NULL;
        for (size_t i = 0; i < endpoint->n_virtual_ips; i++) {
                json_t *address = append_object(list);

                add_text(address, "NetworkID", endpoint->virtual_ips[i]->network_id);
                add_text(address, "Addr", endpoint->virtual_ips[i]->address);
        }
}

static void add_update_status(json_t *object, const Sk__UpdateStatus *update)
{
        json_t *shown;

        if (!update || !update->state)
                return;
        shown = add_object(object, "UpdateStatus");
        add_text_always(shown, "State", docker_update_state(update->state));
        if (update->started_at_ns)
                add_time(shown, "StartedAt", update->started_at_ns);
        if (update->completed_at_ns)
                add_time(shown, "CompletedAt", update->completed_at_ns);
        add_text_always(shown, "Message", update->message);
}

static void add_job_status(json_t *object, const Sk__JobStatus *job)
{
        json_t *shown = add_object(object, "JobStatus");

        /* Docker counts from 0. */
        add_number(add_object(shown, "JobIteration"), "Index",
                   job->iteration ? (int64_t)job->iteration - 1 : 0);
        if (job->last_execution_ns)
                add_time(shown, "LastExecution", job->last_execution_ns);
        /* What docker has not. */
        if (job->next_execution_ns)
                add_time(shown, "NextExecution", job->next_execution_ns);
        add_number(shown, "Missed", (int64_t)job->n_missed);
}

json_t *docker_service(const Sk__ServiceView *view, enum docker_flags flags)
{
        const Sk__Service *service = view->service;
        const Sk__ServiceProgress *progress = service->progress;
        json_t *shown = json_object(), *status;

        add_head(shown, service->id, service->meta, 0);
        if (view->spec)
                json_object_set_new(shown, "Spec", docker_service_spec(view->spec, flags));
        if (view->previous_spec)
                json_object_set_new(shown, "PreviousSpec",
                                    docker_service_spec(view->previous_spec, flags));
        add_endpoint(shown, service->endpoint, view->spec);
        if (progress)
                add_update_status(shown, progress->update);
        if (flags & DOCKER_STATUS && view->counts) {
                status = add_object(shown, "ServiceStatus");
                add_number_always(status, "RunningTasks", (int64_t)view->counts->running);
                add_number_always(status, "DesiredTasks", (int64_t)view->counts->desired);
                add_number_always(status, "CompletedTasks", (int64_t)view->counts->completed);
        }
        if (progress && progress->job)
                add_job_status(shown, progress->job);
        return shown;
}
