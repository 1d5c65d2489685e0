/* Service specs, labels and resources of a situation. */
#include "tests/golden/specs.h"

#include <string.h>

#include "lib/base/check.h"
#include "lib/base/str.h"
#include "lib/base/time.h"
#include "lib/state/task_life.h"

/* A message of the world's arena, initialised. */
#define MAKE(world, Message, message)                                               \
        __extension__({                                                             \
                Sk__##Message *made_ = arena_alloc(&(world)->arena, sizeof *made_); \
                sk__##message##__init(made_);                                       \
                made_;                                                              \
        })

Sk__Label **situation_labels(struct world *world, struct yaml from, size_t *ret_n)
{
        Sk__Label **labels = arena_alloc(&world->arena, yaml_count(from) * sizeof *labels);

        for (size_t i = 0; i < yaml_count(from); i++)
                labels[i] = a_label(world, yaml_key_at(from, i), yaml_text(yaml_at(from, i), ""));
        *ret_n = yaml_count(from);
        return labels;
}

static Sk__GenericResource *generic_new(struct world *world, const char *kind, const char *text)
{
        Sk__GenericResource *generic = MAKE(world, GenericResource, generic_resource);
        uint64_t count;

        generic->kind = arena_strdup(&world->arena, kind);
        if (str_to_uint64(text, &count, NULL) == 0) {
                generic->value_case = SK__GENERIC_RESOURCE__VALUE_COUNT;
                generic->count = (int64_t)count;
        } else {
                generic->value_case = SK__GENERIC_RESOURCE__VALUE_NAMED;
                generic->named = arena_strdup(&world->arena, text);
        }
        return generic;
}

Sk__GenericResource **situation_generic(struct world *world, struct yaml from, size_t *ret_n)
{
        Sk__GenericResource **all;
        size_t n = 0;

        for (size_t i = 0; i < yaml_count(from); i++)
                n += yaml_count(yaml_at(from, i));
        all = arena_alloc(&world->arena, n * sizeof *all);
        *ret_n = 0;
        for (size_t i = 0; i < yaml_count(from); i++)
                for (size_t k = 0; k < yaml_count(yaml_at(from, i)); k++)
                        all[(*ret_n)++] = generic_new(world, yaml_key_at(from, i),
                                                      yaml_text(yaml_at(yaml_at(from, i), k), ""));
        return all;
}

static const char **words_of(struct world *world, struct yaml from, size_t *ret_n)
{
        const char **words = arena_alloc(&world->arena, yaml_count(from) * sizeof *words);

        for (size_t i = 0; i < yaml_count(from); i++)
                words[i] = yaml_text(yaml_at(from, i), "");
        *ret_n = yaml_count(from);
        return words;
}

static void set_restart(struct world *world, Sk__TaskSpec *task, struct yaml from)
{
        static const char *const conditions[] = { "any", "on-failure", "none", NULL };

        if (!from.node)
                return;
        yaml_allow(from, "condition delay attempts window backoff reset");
        task->restart->condition =
                (Sk__RestartPolicy__Condition)yaml_word(yaml_get(from, "condition"), conditions, 0);
        task->restart->max_attempts = yaml_count_of(yaml_get(from, "attempts"), 0);
        task->restart->window_ns = yaml_duration(yaml_get(from, "window"), 0);
        task->restart->backoff_max_ns = yaml_duration(yaml_get(from, "backoff"), 0);
        task->restart->backoff_reset_ns = yaml_duration(yaml_get(from, "reset"), 0);
        if (yaml_get(from, "delay").node) {
                task->restart->delay =
                        MAKE(world, ContainerSpec__Duration, container_spec__duration);
                task->restart->delay->ns = yaml_duration(yaml_get(from, "delay"), 0);
        }
}

static Sk__Schedule *schedule_of(struct world *world, struct yaml from)
{
        static const char *const policies[] = { "allow", "forbid", "replace", NULL };
        Sk__Schedule *schedule = MAKE(world, Schedule, schedule);

        if (!from.node)
                return NULL;
        yaml_allow(from, "cron rule concurrency deadline history");
        schedule->cron = yaml_text(yaml_get(from, "cron"), "* * * * *");
        schedule->concurrency =
                (Sk__Schedule__Concurrency)yaml_word(yaml_get(from, "concurrency"), policies, 0);
        schedule->starting_deadline_ns = yaml_duration(yaml_get(from, "deadline"), 0);
        schedule->history = yaml_count_of(yaml_get(from, "history"), 0);
        if (yaml_get(from, "rule").node) {
                schedule->zone = MAKE(world, Zone, zone);
                schedule->zone->rule = yaml_text(yaml_get(from, "rule"), "");
        }
        return schedule;
}

static Sk__UpdateConfig *update_of(struct world *world, struct yaml from)
{
        static const char *const orders[] = { "stop-first", "start-first", NULL };
        static const char *const actions[] = { "pause", "continue", "rollback", NULL };
        Sk__UpdateConfig *update = MAKE(world, UpdateConfig, update_config);

        if (!from.node)
                return NULL;
        yaml_allow(from,
                   "parallelism percent delay order on-failure monitor ratio deadline canary");
        update->parallelism = yaml_count_of(yaml_get(from, "parallelism"), 1);
        update->delay_ns = yaml_duration(yaml_get(from, "delay"), 0);
        update->order = (Sk__UpdateConfig__Order)yaml_word(yaml_get(from, "order"), orders, 0);
        update->failure_action =
                (Sk__UpdateConfig__FailureAction)yaml_word(yaml_get(from, "on-failure"), actions,
                                                           0);
        update->monitor_ns = yaml_duration(yaml_get(from, "monitor"), 0);
        update->parallelism_percent = (uint32_t)yaml_count_of(yaml_get(from, "percent"), 0);
        update->canary = yaml_count_of(yaml_get(from, "canary"), 0);
        update->progress_deadline_ns = strcmp(yaml_text(yaml_get(from, "deadline"), ""), "none")
                                               ? yaml_duration(yaml_get(from, "deadline"), 0)
                                               : -1;
        str_to_double(yaml_text(yaml_get(from, "ratio"), "0"), &update->max_failure_ratio, NULL);
        return update;
}

static Sk__Resources *resources_of(struct world *world, struct yaml from)
{
        Sk__Resources *resources = MAKE(world, Resources, resources);
        double cpus = 0;

        if (!from.node)
                return NULL;
        yaml_allow(from, "cpus memory generic");
        str_to_double(yaml_text(yaml_get(from, "cpus"), "0"), &cpus, NULL);
        resources->nano_cpus = (int64_t)(cpus * 1e9);
        resources->memory_bytes = yaml_bytes(yaml_get(from, "memory"), 0);
        resources->generic =
                situation_generic(world, yaml_get(from, "generic"), &resources->n_generic);
        return resources;
}

/* What is looked for in one mapping, then in another. */
struct either {
        struct yaml first, second;
};

static struct yaml get(struct either from, const char *key)
{
        struct yaml found = yaml_get(from.first, key);

        return found.node ? found : yaml_get(from.second, key);
}

/* { node.labels.zone: 1 } */
static void set_skews(struct world *world, Sk__Placement *placement, struct yaml from)
{
        placement->spread_limits =
                arena_alloc(&world->arena, yaml_count(from) * sizeof *placement->spread_limits);
        for (size_t i = 0; i < yaml_count(from); i++) {
                Sk__Placement__SpreadLimit *limit =
                        MAKE(world, Placement__SpreadLimit, placement__spread_limit);

                limit->over = yaml_key_at(from, i);
                limit->max_skew = yaml_count_of(yaml_at(from, i), 0);
                placement->spread_limits[placement->n_spread_limits++] = limit;
        }
}

static Sk__Placement *placement_of(struct world *world, struct either from)
{
        static const char *const strategies[] = { "default", "spread", "binpack", "random", NULL };
        Sk__Placement *placement = MAKE(world, Placement, placement);
        struct yaml platforms = get(from, "platforms");

        placement->constraints =
                words_of(world, get(from, "constraints"), &placement->n_constraints);
        placement->spread = words_of(world, get(from, "spread"), &placement->n_spread);
        placement->affinities = words_of(world, get(from, "affinities"), &placement->n_affinities);
        set_skews(world, placement, get(from, "max_skew"));
        placement->priority = (int32_t)yaml_count_of(get(from, "priority"), 0);
        placement->max_replicas_per_node = yaml_count_of(get(from, "max_per_node"), 0);
        placement->strategy =
                (Sk__Placement__Strategy)yaml_word(get(from, "strategy"), strategies, 0);
        placement->platforms =
                arena_alloc(&world->arena, yaml_count(platforms) * sizeof *placement->platforms);
        for (size_t i = 0; i < yaml_count(platforms); i++) {
                Sk__Platform *platform = MAKE(world, Platform, platform);
                char *text = arena_strdup(&world->arena, yaml_text(yaml_at(platforms, i), ""));

                platform->os = strsep(&text, "/");
                platform->architecture = text ? text : "";
                placement->platforms[placement->n_platforms++] = platform;
        }
        return placement;
}

/* Host-mode ports: 8080, or "53/udp". */
static Sk__EndpointSpec *endpoint_of(struct world *world, struct yaml from)
{
        Sk__EndpointSpec *endpoint = MAKE(world, EndpointSpec, endpoint_spec);

        if (!from.node)
                return NULL;
        endpoint->ports = arena_alloc(&world->arena, yaml_count(from) * sizeof *endpoint->ports);
        for (size_t i = 0; i < yaml_count(from); i++) {
                char *text = arena_strdup(&world->arena, yaml_text(yaml_at(from, i), ""));
                Sk__PortConfig *port = MAKE(world, PortConfig, port_config);
                uint64_t number = 0;

                CHECK(str_to_uint64(strsep(&text, "/"), &number, NULL) == 0);
                port->published_port = port->target_port = (uint32_t)number;
                port->publish_mode = SK__PORT_CONFIG__PUBLISH_MODE__HOST;
                port->protocol = text && !strcmp(text, "udp") ? SK__PORT_CONFIG__PROTOCOL__UDP
                                                              : SK__PORT_CONFIG__PROTOCOL__TCP;
                endpoint->ports[endpoint->n_ports++] = port;
        }
        return endpoint;
}

static void set_mounts(struct world *world, Sk__ContainerSpec *container, struct yaml drivers)
{
        container->mounts =
                arena_alloc(&world->arena, yaml_count(drivers) * sizeof *container->mounts);
        for (size_t i = 0; i < yaml_count(drivers); i++) {
                Sk__Mount *mount = MAKE(world, Mount, mount);

                mount->type = SK__MOUNT__TYPE__VOLUME;
                mount->volume = MAKE(world, Mount__VolumeOptions, mount__volume_options);
                mount->volume->driver = yaml_text(yaml_at(drivers, i), "");
                container->mounts[container->n_mounts++] = mount;
        }
}

static Sk__ServiceSpec *spec_of_mode(struct world *world, const char *name, struct either from)
{
        static const char *const modes[] = { "replicated", "global", "replicated-job", "global-job",
                                             NULL };
        uint64_t replicas = yaml_count_of(get(from, "replicas"), 1);
        Sk__ServiceSpec *spec;

        switch (yaml_word(get(from, "mode"), modes, 0)) {
        case 1:
                return a_global_spec(world, name);
        case 2:
                spec = a_job_spec(world, name, replicas);
                spec->replicated_job->max_concurrent = yaml_count_of(get(from, "at_once"), 0);
                return spec;
        case 3:
                spec = a_job_spec(world, name, replicas);
                spec->mode_case = SK__SERVICE_SPEC__MODE_GLOBAL_JOB;
                spec->global_job = MAKE(world, GlobalJob, global_job);
                return spec;
        default:
                return a_spec(world, name, replicas);
        }
}

Sk__ServiceSpec *situation_spec(struct world *world, const char *name, struct yaml first,
                                struct yaml second)
{
        struct either from = { first, second };
        Sk__ServiceSpec *spec = spec_of_mode(world, name, from);

        spec->task->container->image = yaml_text(get(from, "image"), "img:1");
        spec->annotations->labels =
                situation_labels(world, get(from, "labels"), &spec->annotations->n_labels);
        set_restart(world, spec->task, get(from, "restart"));
        spec->schedule = schedule_of(world, get(from, "schedule"));
        spec->update = update_of(world, get(from, "update"));
        spec->rollback = update_of(world, get(from, "rollback"));
        spec->task->placement = placement_of(world, from);
        spec->task->reservations = resources_of(world, get(from, "reserve"));
        spec->task->limits = resources_of(world, get(from, "limits"));
        spec->endpoint = endpoint_of(world, get(from, "ports"));
        set_mounts(world, spec->task->container, get(from, "mounts"));
        if (get(from, "log_driver").node) {
                spec->task->log_driver = MAKE(world, LogDriver, log_driver);
                spec->task->log_driver->name = yaml_text(get(from, "log_driver"), "");
        }
        return spec;
}

void situation_advance(struct world *world, const char *task_id, Sk__TaskState state,
                       const char *node, int64_t at)
{
        Sk__TaskPlacement *placement = MAKE(world, TaskPlacement, task_placement);

        if (state >= SK__TASK_STATE__TASK_PENDING)
                a_part(world, SK__KIND__KIND_TASK, task_id, NULL, PART_TASK_allocation,
                       &MAKE(world, TaskAllocation, task_allocation)->base);
        if (state >= SK__TASK_STATE__TASK_ASSIGNED && node) {
                placement->node_id = an_id(world, node);
                placement->at_ns = world->now;
                a_part(world, SK__KIND__KIND_TASK, task_id, NULL, PART_TASK_placement,
                       &placement->base);
        }
        world->now = at;
        if (state >= SK__TASK_STATE__TASK_ACCEPTED)
                is_now(world, view_task(world->view, task_id), state, NULL);
}
