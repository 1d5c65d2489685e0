/* Rules for a service, one function each, in a table. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "api/node.h"
#include "lib/base/check.h"
#include "lib/base/str.h"
#include "lib/logging/config.h"
#include "lib/base/time.h"
#include "lib/expand/expand.h"
#include "lib/message/message.h"
#include "lib/placement/affinity.h"
#include "lib/placement/constraint.h"
#include "manager/api_server/check.h"

#define RESTART_DELAY (5 * NS_PER_S) /* the default */

enum {
        CPU_LEAST_NANO = 1000000,
        MEMORY_LEAST = 4 * 1024 * 1024,
        REPLICAS_MAX = 1000000,
        COMPLETIONS_MAX = 100000,
        PORT_MAX = 65535,
        TERMS_MAX = 100, /* of each kind in a placement */
        LEVELS_MAX = 10,
};

static int rule_name(const Sk__ServiceSpec *spec, struct err *err)
{
        return check_name(spec->annotations ? spec->annotations->name : "", err);
}

static int rule_runtime(const Sk__ServiceSpec *spec, struct err *err)
{
        if (!spec->task || !spec->task->container)
                return err_set(err, ERR_INVALID, "TaskSpec: missing runtime");
        return check_image(spec->task->container->image, err);
}

/* "vendor.com/class=name", as the Container Device Interface has it. */
static int rule_devices(const Sk__ServiceSpec *spec, struct err *err)
{
        static const char word[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                   "-_.:";
        const Sk__ContainerSpec *container = spec->task->container;

        for (size_t i = 0; i < container->n_devices; i++) {
                const char *name = container->devices[i];
                size_t vendor = strspn(name, word);
                size_t class = name[vendor] == '/' ? strspn(name + vendor + 1, word) : 0;
                size_t own = class && name[vendor + 1 + class] == '='
                                     ? strspn(name + vendor + class + 2, word)
                                     : 0;

                if (!vendor || !own || name[vendor + class + 2 + own])
                        return err_set(err, ERR_INVALID,
                                       "ContainerSpec: '%.128s' is no device: one is named "
                                       "vendor.com/class=name",
                                       name);
        }
        return 0;
}

static int rule_environment(const Sk__ServiceSpec *spec, struct err *err)
{
        const Sk__ContainerSpec *container = spec->task->container;

        for (size_t i = 0; i < container->n_env; i++)
                if (!container->env[i][0] || container->env[i][0] == '=')
                        return err_set(err, ERR_INVALID,
                                       "ContainerSpec: invalid environment variable: %.64s",
                                       container->env[i]);
        return 0;
}

static int check_resources(const Sk__Resources *resources, struct err *err)
{
        if (!resources)
                return 0;
        if (resources->nano_cpus && resources->nano_cpus < CPU_LEAST_NANO)
                return err_set(err, ERR_INVALID, "invalid cpu value %g: Must be at least 0.001",
                               (double)resources->nano_cpus / 1e9);
        if (resources->memory_bytes && resources->memory_bytes < MEMORY_LEAST)
                return err_set(err, ERR_INVALID, "invalid memory value %lld: Must be at least 4MiB",
                               (long long)resources->memory_bytes);
        if (resources->pids < 0)
                return err_set(err, ERR_INVALID, "invalid pids limit %lld: cannot be negative",
                               (long long)resources->pids);
        return 0;
}

/* As docker does: what is reserved is a number of a kind, never one by name. */
static int check_generic(const Sk__Resources *reservations, struct err *err)
{
        for (size_t i = 0; reservations && i < reservations->n_generic; i++) {
                const Sk__GenericResource *generic = reservations->generic[i];

                if (generic->value_case != SK__GENERIC_RESOURCE__VALUE_COUNT ||
                    generic->count < 1 || str_is_empty(generic->kind))
                        return err_set(err, ERR_INVALID, "invalid argument for resource %.64s",
                                       generic->kind);
        }
        return 0;
}

/* Docker's: an amount of swap beside a limit of memory; -1 is no limit. */
static int check_swap(const Sk__Resources *limits, struct err *err)
{
        if (!limits)
                return 0;
        if (limits->memory_swap && limits->memory_swap->bytes < -1)
                return err_set(err, ERR_INVALID,
                               "invalid swap %lld: must be -1 for unlimited, or "
                               "a number of bytes",
                               (long long)limits->memory_swap->bytes);
        if (limits->memory_swap && !limits->memory_bytes)
                return err_set(err, ERR_INVALID,
                               "invalid swap: a limit of swap needs a limit of memory");
        if (limits->memory_swappiness &&
            (limits->memory_swappiness->percent < 0 || limits->memory_swappiness->percent > 100))
                return err_set(err, ERR_INVALID, "invalid memory swappiness %lld: must be 0 to 100",
                               (long long)limits->memory_swappiness->percent);
        return 0;
}

static int rule_resources(const Sk__ServiceSpec *spec, struct err *err)
{
        const Sk__Resources *limits = spec->task->limits, *reservations = spec->task->reservations;

        TRY(check_resources(limits, err));
        TRY(check_resources(reservations, err));
        TRY(check_generic(reservations, err));
        TRY(check_swap(limits, err));
        if (limits && reservations && limits->memory_bytes &&
            reservations->memory_bytes > limits->memory_bytes)
                return err_set(err, ERR_INVALID,
                               "the memory reservation (%lld) is larger than the memory limit "
                               "(%lld): no task could use it",
                               (long long)reservations->memory_bytes,
                               (long long)limits->memory_bytes);
        return 0;
}

static int rule_restart(const Sk__ServiceSpec *spec, struct err *err)
{
        const Sk__RestartPolicy *restart = spec->task->restart;

        if (!restart)
                return 0;
        if (restart->delay && restart->delay->ns < 0)
                return err_set(err, ERR_INVALID, "TaskSpec: restart-delay cannot be negative");
        if (restart->window_ns < 0)
                return err_set(err, ERR_INVALID, "TaskSpec: restart-window cannot be negative");
        if (restart->backoff_max_ns < 0)
                return err_set(err, ERR_INVALID,
                               "TaskSpec: restart-backoff-max cannot be negative");
        if (restart->backoff_reset_ns < 0)
                return err_set(err, ERR_INVALID,
                               "TaskSpec: restart-backoff-reset cannot be negative");
        if (restart->backoff_max_ns &&
            restart->backoff_max_ns < (restart->delay ? restart->delay->ns : RESTART_DELAY))
                return err_set(err, ERR_INVALID,
                               "TaskSpec: restart-backoff-max cannot be less than restart-delay "
                               "(5s unless it is set)");
        if (restart->condition > SK__RESTART_POLICY__CONDITION__NONE)
                return err_set(err, ERR_INVALID, "TaskSpec: unrecognized restart condition");
        return 0;
}

static int check_update_config(const Sk__UpdateConfig *update, struct err *err)
{
        if (!update)
                return 0;
        if (update->delay_ns < 0)
                return err_set(err, ERR_INVALID, "TaskSpec: update-delay cannot be negative");
        if (update->monitor_ns < 0)
                return err_set(err, ERR_INVALID, "TaskSpec: update-monitor cannot be negative");
        if (!(update->max_failure_ratio >= 0 && update->max_failure_ratio <= 1))
                return err_set(
                        err, ERR_INVALID,
                        "TaskSpec: update-maxfailureratio cannot be less than 0 or bigger than 1");
        if (update->failure_action > SK__UPDATE_CONFIG__FAILURE_ACTION__ROLLBACK)
                return err_set(err, ERR_INVALID, "TaskSpec: unrecognized update failure action");
        if (update->order > SK__UPDATE_CONFIG__ORDER__START_FIRST)
                return err_set(err, ERR_INVALID, "TaskSpec: unrecognized update order");
        if (update->parallelism_percent > 100)
                return err_set(err, ERR_INVALID,
                               "TaskSpec: update-parallelism cannot be more than 100%%");
        if (update->progress_deadline_ns < -1)
                return err_set(err, ERR_INVALID,
                               "TaskSpec: update-progress-deadline cannot be negative");
        return 0;
}

static int rule_update(const Sk__ServiceSpec *spec, struct err *err)
{
        TRY(check_update_config(spec->update, err));
        if (spec->rollback && spec->rollback->canary)
                return err_set(err, ERR_INVALID, "TaskSpec: a rollback has no canaries");
        return check_update_config(spec->rollback, err);
}

static int rule_mode(const Sk__ServiceSpec *spec, struct err *err)
{
        switch (spec->mode_case) {
        case SK__SERVICE_SPEC__MODE_REPLICATED:
                if (spec->replicated->replicas > REPLICAS_MAX)
                        return err_set(err, ERR_INVALID, "Number of replicas must be at most %d",
                                       REPLICAS_MAX);
                return 0;
        case SK__SERVICE_SPEC__MODE_GLOBAL:
                return 0;
        case SK__SERVICE_SPEC__MODE_REPLICATED_JOB:
        case SK__SERVICE_SPEC__MODE_GLOBAL_JOB:
                if (spec->update)
                        return err_set(err, ERR_INVALID, "Jobs may not have an update config");
                if (spec->mode_case == SK__SERVICE_SPEC__MODE_REPLICATED_JOB &&
                    spec->replicated_job->total_completions > COMPLETIONS_MAX)
                        return err_set(err, ERR_INVALID, "Number of replicas must be at most %d",
                                       COMPLETIONS_MAX);
                return 0;
        default:
                return err_set(err, ERR_INVALID, "Unrecognized service mode");
        }
}

static int check_port(const Sk__EndpointSpec *endpoint, const Sk__PortConfig *port, struct err *err)
{
        if (!port->target_port || port->target_port > PORT_MAX || port->published_port > PORT_MAX)
                return err_set(err, ERR_INVALID,
                               "EndpointSpec: port %u:%u is out of range, must be 1 to 65535",
                               port->published_port, port->target_port);
        if (endpoint->mode == SK__ENDPOINT_SPEC__MODE__DNSRR &&
            port->publish_mode == SK__PORT_CONFIG__PUBLISH_MODE__INGRESS)
                return err_set(err, ERR_INVALID,
                               "EndpointSpec: port published with ingress mode can't be used with "
                               "dnsrr mode");
        if (port->publish_mode == SK__PORT_CONFIG__PUBLISH_MODE__INGRESS)
                return err_set(err, ERR_UNIMPLEMENTED,
                               "EndpointSpec: publishing in ingress mode is not supported yet: use "
                               "mode=host, as in --publish mode=host,published=%u,target=%u",
                               port->published_port, port->target_port);
        return 0;
}

static int by_published(const void *a, const void *b)
{
        const Sk__PortConfig *x = *(Sk__PortConfig *const *)a, *y = *(Sk__PortConfig *const *)b;

        if (x->published_port != y->published_port)
                return x->published_port < y->published_port ? -1 : 1;
        if (x->protocol != y->protocol)
                return x->protocol < y->protocol ? -1 : 1;
        return x->publish_mode < y->publish_mode ? -1 : x->publish_mode > y->publish_mode;
}

static int rule_ports(const Sk__ServiceSpec *spec, struct err *err)
{
        const Sk__EndpointSpec *endpoint = spec->endpoint;
        const Sk__PortConfig *sorted[TASK_HOST_PORTS_MAX];

        if (!endpoint)
                return 0;
        if (endpoint->n_ports > TASK_HOST_PORTS_MAX)
                return err_set(err, ERR_INVALID,
                               "EndpointSpec: a task can publish %d ports of its node, not %zu",
                               TASK_HOST_PORTS_MAX, endpoint->n_ports);
        for (size_t i = 0; i < endpoint->n_ports; i++) {
                TRY(check_port(endpoint, endpoint->ports[i], err));
                sorted[i] = endpoint->ports[i];
        }
        qsort(sorted, endpoint->n_ports, sizeof *sorted, by_published);
        for (size_t i = 1; i < endpoint->n_ports; i++)
                if (sorted[i]->published_port && by_published(&sorted[i - 1], &sorted[i]) == 0)
                        return err_set(err, ERR_INVALID,
                                       "EndpointSpec: duplicate published ports provided");
        return 0;
}

/* A task that must stand beside one of its own service: there never is a first. */
static int check_affinity(struct arena *arena, const Sk__ServiceSpec *spec, const char *text,
                          struct err *err)
{
        struct affinity affinity;

        TRY(affinity_parse(arena, text, &affinity, err));
        if (affinity.is_equal && !affinity.is_soft && affinity_names(&affinity, spec))
                return err_set(err, ERR_INVALID,
                               "affinity '%.64s' is met by the service itself, so its first task "
                               "could never be placed: make it a wish, with ==~",
                               text);
        return 0;
}

static int check_spread_limits(const Sk__Placement *placement, struct err *err)
{
        for (size_t i = 0; i < placement->n_spread_limits; i++) {
                const Sk__Placement__SpreadLimit *limit = placement->spread_limits[i];
                bool is_known = false;

                for (size_t k = 0; k < placement->n_spread; k++)
                        is_known |= strcmp(placement->spread[k], limit->over) == 0;
                if (!is_known || !limit->max_skew)
                        return err_set(err, ERR_INVALID,
                                       "invalid max-skew %llu over '%.64s': it must be at least 1, "
                                       "over one of the placement preferences",
                                       (unsigned long long)limit->max_skew, limit->over);
        }
        return 0;
}

static int check_platforms(const Sk__Placement *placement, struct err *err)
{
        if (placement->n_platforms > PLATFORMS_MAX)
                return err_set(err, ERR_INVALID, "at most %d platforms are accepted",
                               PLATFORMS_MAX);
        for (size_t i = 0; i < placement->n_platforms; i++)
                if (!check_is_platform_word(placement->platforms[i]->os) ||
                    !check_is_platform_word(placement->platforms[i]->architecture))
                        return err_set(err, ERR_INVALID,
                                       "invalid platform %.64s/%.64s: one is an operating system "
                                       "and an architecture, as linux and amd64",
                                       placement->platforms[i]->os,
                                       placement->platforms[i]->architecture);
        return 0;
}

static int check_placement(struct arena *arena, const Sk__ServiceSpec *spec, struct err *err)
{
        const Sk__Placement *placement = spec->task->placement;
        struct constraint constraint;

        if (placement->n_constraints > TERMS_MAX || placement->n_affinities > TERMS_MAX ||
            placement->n_spread > LEVELS_MAX)
                return err_set(err, ERR_INVALID,
                               "at most %d constraints, %d affinities and %d preferences are "
                               "accepted",
                               TERMS_MAX, TERMS_MAX, LEVELS_MAX);
        for (size_t i = 0; i < placement->n_constraints; i++)
                TRY(constraint_parse(arena, placement->constraints[i], &constraint, err));
        for (size_t i = 0; i < placement->n_affinities; i++)
                TRY(check_affinity(arena, spec, placement->affinities[i], err));
        TRY(check_platforms(placement, err));
        return check_spread_limits(placement, err);
}

static int rule_placement(const Sk__ServiceSpec *spec, struct err *err)
{
        struct arena arena = { 0 };
        int result = spec->task->placement ? check_placement(&arena, spec, err) : 0;

        arena_done(&arena);
        return result;
}

static int rule_networks(const Sk__ServiceSpec *spec, struct err *err)
{
        for (size_t i = 0; i < spec->task->n_networks; i++) {
                const char *target = spec->task->networks[i]->target;

                if (strcmp(target, "host") != 0 && strcmp(target, "bridge") != 0)
                        return err_set(err, ERR_UNIMPLEMENTED,
                                       "network %.63s is not supported yet: only host and bridge "
                                       "(the default) are",
                                       target);
        }
        return 0;
}

/* Can they be expanded at all?  Tried on a task that is none. */
static int rule_templates(const Sk__ServiceSpec *spec, struct err *err)
{
        struct arena arena = { 0 };
        Sk__ContainerSpec *expanded;
        int result =
                expand_container(spec->task->container, &expand_dummies, &arena, &expanded, err);

        arena_done(&arena);
        return result;
}

static int rule_logging(const Sk__ServiceSpec *spec, struct err *err)
{
        struct arena arena = { 0 };
        struct log_config config;
        int result = log_config_read(spec->task->log_driver, &arena, &config, err);

        arena_done(&arena);
        return result;
}

static int rule_size(const Sk__ServiceSpec *spec, struct err *err)
{
        size_t size = protobuf_c_message_get_packed_size(&spec->base);

        if (size > SPEC_SIZE_MAX)
                return err_set(err, ERR_INVALID,
                               "the service's spec is %zu bytes, at most %d are accepted: shorten "
                               "its labels, environment or arguments",
                               size, SPEC_SIZE_MAX);
        return 0;
}

int check_service_spec(const Sk__ServiceSpec *spec, struct err *err)
{
        /* In docker's order where it matters which of two faults is told. */
        static int (*const rules[])(const Sk__ServiceSpec *, struct err *) = {
                rule_size,        rule_name,      rule_runtime,   rule_resources, rule_restart,
                rule_environment, rule_devices,   check_mounts,   check_health,   rule_update,
                rule_mode,        rule_ports,     rule_placement, rule_networks,  check_schedule,
                check_files,      rule_templates, rule_logging,
        };

        if (!spec)
                return err_set(err, ERR_INVALID, "service spec must be provided");
        for (size_t i = 0; i < COUNT_OF(rules); i++)
                TRY(rules[i](spec, err));
        return 0;
}

int check_service_update(const Sk__ServiceSpec *before, const Sk__ServiceSpec *after,
                         struct err *err)
{
        if (strcmp(before->annotations->name, after->annotations->name) != 0)
                return err_set(err, ERR_INVALID, "renaming services is not supported");
        if (before->mode_case != after->mode_case)
                return err_set(err, ERR_INVALID, "service mode change is not allowed");
        return 0;
}
