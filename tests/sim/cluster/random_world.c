/* Worlds drawn from a seed. */
#include "tests/sim/cluster/random_world.h"

#include <string.h>

#include "lib/base/check.h"
#include "lib/base/str.h"
#include "lib/base/time.h"
#include "lib/state/task_life.h"

#define MAKE(world, Message, message)                                               \
        __extension__({                                                             \
                Sk__##Message *made_ = arena_alloc(&(world)->arena, sizeof *made_); \
                sk__##message##__init(made_);                                       \
                made_;                                                              \
        })

static bool one_in(struct random *random, uint64_t n)
{
        return random_below(random, n) == 0;
}

static const char *pick(struct random *random, const char *const words[], size_t n)
{
        return words[random_below(random, n)];
}

/* --- nodes --- */

static const char *const zones[] = { "east", "west", "south" };
static const char *const racks[] = { "r1", "r2" };
static const char *const ranks[] = { "1", "2", "10" };

static void set_labels(struct world *world, struct random *random, Sk__NodeSpec *spec)
{
        Sk__Annotations *annotations = spec->annotations;

        annotations->labels = arena_alloc(&world->arena, 3 * sizeof *annotations->labels);
        if (!one_in(random, 4))
                annotations->labels[annotations->n_labels++] =
                        a_label(world, "zone", pick(random, zones, COUNT_OF(zones)));
        if (!one_in(random, 4))
                annotations->labels[annotations->n_labels++] =
                        a_label(world, "rack", pick(random, racks, COUNT_OF(racks)));
        if (!one_in(random, 4))
                annotations->labels[annotations->n_labels++] =
                        a_label(world, "rank", pick(random, ranks, COUNT_OF(ranks)));
}

static void set_generic(struct world *world, struct random *random, Sk__Resources *resources)
{
        size_t n_names = random_below(random, 3);

        resources->generic = arena_alloc(&world->arena, 4 * sizeof *resources->generic);
        for (size_t i = 0; i < n_names; i++) {
                Sk__GenericResource *gpu = MAKE(world, GenericResource, generic_resource);

                gpu->kind = "gpu";
                gpu->value_case = SK__GENERIC_RESOURCE__VALUE_NAMED;
                gpu->named = arena_printf(&world->arena, "g%zu", i);
                resources->generic[resources->n_generic++] = gpu;
        }
        if (one_in(random, 2)) {
                Sk__GenericResource *disk = MAKE(world, GenericResource, generic_resource);

                disk->kind = "ssd";
                disk->value_case = SK__GENERIC_RESOURCE__VALUE_COUNT;
                disk->count = random_between(random, 1, 4);
                resources->generic[resources->n_generic++] = disk;
        }
}

static void change_node(struct world *world, struct random *random, const char *id,
                        const char *name)
{
        Sk__NodeSpec *spec = a_node_spec(world, name);
        Sk__NodeStatus *status = MAKE(world, NodeStatus, node_status);

        spec->availability = one_in(random, 5) ? (Sk__NodeSpec__Availability)random_below(random, 3)
                                               : SK__NODE_SPEC__AVAILABILITY__ACTIVE;
        set_labels(world, random, spec);
        a_part(world, SK__KIND__KIND_NODE, id, NULL, PART_NODE_spec, &spec->base);
        status->state = one_in(random, 5) ? (Sk__NodeStatus__State)random_below(random, 4)
                                          : SK__NODE_STATUS__STATE__READY;
        status->address = "10.0.0.1";
        a_part(world, SK__KIND__KIND_NODE, id, NULL, PART_NODE_status, &status->base);
}

static void resize_node(struct world *world, struct random *random, const char *id,
                        const char *name)
{
        Sk__NodeDescription *description = a_node_description(world, name);

        description->resources->nano_cpus = random_between(random, 1, 8) * INT64_C(1000000000);
        description->resources->memory_bytes = random_between(random, 1, 8) << 30;
        description->platform->architecture = one_in(random, 4) ? "aarch64" : "x86_64";
        set_generic(world, random, description->resources);
        a_part(world, SK__KIND__KIND_NODE, id, NULL, PART_NODE_description, &description->base);
}

static void make_node(struct world *world, struct random *random, size_t i)
{
        const char *name = arena_printf(&world->arena, "n%zux", i);
        const char *id = arena_strdup(&world->arena, a_node(world, name)->id);

        resize_node(world, random, id, name);
        change_node(world, random, id, name);
}

/* --- services --- */

static void set_skew(struct world *world, struct random *random, Sk__Placement *placement)
{
        Sk__Placement__SpreadLimit *limit =
                MAKE(world, Placement__SpreadLimit, placement__spread_limit);

        limit->over = placement->spread[random_below(random, placement->n_spread)];
        limit->max_skew = random_between(random, 1, 3);
        placement->spread_limits = arena_alloc(&world->arena, sizeof *placement->spread_limits);
        placement->spread_limits[placement->n_spread_limits++] = limit;
}

static void set_placement(struct world *world, struct random *random, Sk__TaskSpec *task)
{
        static const char *const constraints[] = {
                "node.labels.zone==east",         "node.labels.zone!=west",
                "node.platform.arch==amd64",      "node.labels.zone in (east, south)",
                "node.labels.zone not in (east)", "node.labels.zone =~ ^.*st$",
                "node.labels.rack exists",        "node.labels.rack ~not exists",
                "node.labels.zone~==east",        "node.labels.rank >= 2"
        };
        Sk__Placement *placement = MAKE(world, Placement, placement);

        task->placement = placement;
        if (one_in(random, 3))
                placement->constraints =
                        a_list(world, &placement->n_constraints,
                               pick(random, constraints, COUNT_OF(constraints)), NULL);
        if (one_in(random, 3))
                placement->spread =
                        one_in(random, 2)
                                ? a_list(world, &placement->n_spread, "node.labels.zone", NULL)
                                : a_list(world, &placement->n_spread, "node.labels.zone",
                                         "node.labels.rack", NULL);
        if (one_in(random, 4))
                placement->max_replicas_per_node = random_below(random, 4);
        placement->strategy = (Sk__Placement__Strategy)random_below(random, 4);
        if (placement->n_spread && one_in(random, 2))
                set_skew(world, random, placement);
}

/* None that a service's own tasks would have to meet. */
static void set_affinities(struct world *world, struct random *random, Sk__ServiceSpec *spec)
{
        static const char *const affinities[] = {
                "service!=s1x",  "service!=s2x",  "service!=*",
                "image!=img:1",  "image!=img",    "service.labels.tier!=cache",
                "service~==s1x", "service~!=s2x", "service.labels.tier~==cache",
        };
        static const char *const together[] = { "service==s0x", "service==s1x", "image==img:1" };
        static const char *const tiers[] = { "cache", "front" };
        Sk__Placement *placement = spec->task->placement;
        const char *wanted = pick(random, together, COUNT_OF(together));
        bool is_own = str_ends_with(wanted, spec->annotations->name) ||
                      str_ends_with(wanted, spec->task->container->image);

        if (one_in(random, 2)) {
                spec->annotations->labels =
                        arena_alloc(&world->arena, sizeof *spec->annotations->labels);
                spec->annotations->labels[spec->annotations->n_labels++] =
                        a_label(world, "tier", pick(random, tiers, COUNT_OF(tiers)));
        }
        if (one_in(random, 4))
                placement->affinities =
                        a_list(world, &placement->n_affinities,
                               pick(random, affinities, COUNT_OF(affinities)), NULL);
        else if (one_in(random, 6) && !is_own)
                placement->affinities = a_list(world, &placement->n_affinities, wanted, NULL);
}

static void set_reservations(struct world *world, struct random *random, Sk__TaskSpec *task)
{
        Sk__Resources *resources = MAKE(world, Resources, resources);

        task->reservations = resources;
        resources->nano_cpus = random_between(random, 0, 8) * INT64_C(250000000);
        resources->memory_bytes = random_between(random, 0, 8) << 28;
        resources->generic = arena_alloc(&world->arena, sizeof *resources->generic);
        if (one_in(random, 4)) {
                Sk__GenericResource *generic = MAKE(world, GenericResource, generic_resource);

                generic->kind = one_in(random, 2) ? "gpu" : "ssd";
                generic->value_case = SK__GENERIC_RESOURCE__VALUE_COUNT;
                generic->count = random_between(random, 1, 2);
                resources->generic[resources->n_generic++] = generic;
        }
}

static void set_restart(struct world *world, struct random *random, Sk__RestartPolicy *restart)
{
        restart->condition = one_in(random, 4)
                                     ? (Sk__RestartPolicy__Condition)random_below(random, 3)
                                     : SK__RESTART_POLICY__CONDITION__ANY;
        restart->max_attempts = one_in(random, 4) ? random_between(random, 1, 3) : 0;
        restart->window_ns = one_in(random, 2) ? NS_PER_MINUTE : 0;
        if (one_in(random, 2)) {
                restart->delay = MAKE(world, ContainerSpec__Duration, container_spec__duration);
                restart->delay->ns = random_between(random, 0, 20) * NS_PER_S;
        }
}

static void set_port(struct world *world, struct random *random, Sk__ServiceSpec *spec)
{
        Sk__PortConfig *port = MAKE(world, PortConfig, port_config);

        spec->endpoint = MAKE(world, EndpointSpec, endpoint_spec);
        spec->endpoint->ports = arena_alloc(&world->arena, sizeof *spec->endpoint->ports);
        port->publish_mode = SK__PORT_CONFIG__PUBLISH_MODE__HOST;
        port->target_port = port->published_port = 8000 + (uint32_t)random_below(random, 3);
        spec->endpoint->ports[spec->endpoint->n_ports++] = port;
}

static Sk__UpdateConfig *random_update(struct world *world, struct random *random)
{
        Sk__UpdateConfig *update = MAKE(world, UpdateConfig, update_config);

        update->parallelism = random_below(random, 4);
        update->parallelism_percent = one_in(random, 4) ? random_between(random, 1, 100) : 0;
        update->delay_ns = random_between(random, 0, 10) * NS_PER_S;
        update->order = (Sk__UpdateConfig__Order)random_below(random, 2);
        update->max_failure_ratio = one_in(random, 2) ? 0.5 : 0;
        update->monitor_ns = one_in(random, 2) ? 20 * NS_PER_S : 0;
        if (one_in(random, 2))
                update->progress_deadline_ns =
                        one_in(random, 3) ? -1 : random_between(random, 20, 200) * NS_PER_S;
        return update;
}

static void set_backoff(struct random *random, Sk__RestartPolicy *restart)
{
        if (one_in(random, 2))
                restart->backoff_max_ns = random_between(random, 20, 120) * NS_PER_S;
}

/* Schedules rest after the first hour of the day, and so can a simulation. */
static Sk__Schedule *random_schedule(struct world *world, struct random *random)
{
        static const char *const crons[] = { "* 0 * * *", "*/3 0 * * *", "20-50/7 0 * * *" };
        Sk__Schedule *schedule = MAKE(world, Schedule, schedule);

        schedule->cron = pick(random, crons, COUNT_OF(crons));
        schedule->concurrency = (Sk__Schedule__Concurrency)random_below(random, 3);
        schedule->starting_deadline_ns = random_between(random, 0, 60) * NS_PER_S;
        schedule->history = random_between(random, 0, 4);
        return schedule;
}

static Sk__ServiceSpec *random_job(struct world *world, struct random *random, const char *name,
                                   size_t n_slots)
{
        Sk__ServiceSpec *spec = a_job_spec(world, name, random_below(random, n_slots + 1));

        if (name[0] == 'k') {
                spec->mode_case = SK__SERVICE_SPEC__MODE_GLOBAL_JOB;
                spec->global_job = MAKE(world, GlobalJob, global_job);
        } else {
                spec->replicated_job->max_concurrent = random_below(random, 3);
        }
        if (one_in(random, 2))
                spec->schedule = random_schedule(world, random);
        spec->task->container->image =
                arena_printf(&world->arena, "img:%d", (int)random_below(random, 3));
        set_placement(world, random, spec->task);
        set_reservations(world, random, spec->task);
        set_restart(world, random, spec->task->restart);
        set_backoff(random, spec->task->restart);
        return spec;
}

Sk__ServiceSpec *random_spec(struct world *world, struct random *random, const char *name,
                             size_t n_slots)
{
        bool is_global = name[0] == 'g';
        Sk__ServiceSpec *spec;

        if (name[0] == 'j' || name[0] == 'k')
                return random_job(world, random, name, n_slots);
        spec = is_global ? a_global_spec(world, name)
                         : a_spec(world, name, random_below(random, n_slots + 1));

        spec->task->container->image =
                arena_printf(&world->arena, "img:%d", (int)random_below(random, 3));
        set_placement(world, random, spec->task);
        set_affinities(world, random, spec);
        if (one_in(random, 3))
                spec->task->placement->priority = (int32_t)random_between(random, -1, 2);
        set_reservations(world, random, spec->task);
        set_restart(world, random, spec->task->restart);
        if (one_in(random, 4))
                set_port(world, random, spec);
        if (one_in(random, 2)) {
                spec->update = random_update(world, random);
                spec->update->failure_action =
                        (Sk__UpdateConfig__FailureAction)random_below(random, 3);
                spec->update->canary = one_in(random, 3) ? random_between(random, 1, 2) : 0;
        }
        if (one_in(random, 3))
                spec->rollback = random_update(world, random);
        return spec;
}

/* --- tasks --- */

static const Sk__Task *make_task(struct world *world, struct random *random, const char *service,
                                 uint64_t slot, const char *own_node, Sk__TaskState state,
                                 const char *node)
{
        const Sk__Task *task;
        (void)random;

        task = own_node ? a_node_task(world, service, own_node, state)
                        : a_task(world, service, slot, state, node);
        world_wait(world, random_between(random, 0, 5) * NS_PER_S);
        return task;
}

static Sk__TaskState random_state(struct random *random)
{
        static const Sk__TaskState states[] = {
                SK__TASK_STATE__TASK_NEW,      SK__TASK_STATE__TASK_PENDING,
                SK__TASK_STATE__TASK_ASSIGNED, SK__TASK_STATE__TASK_PREPARING,
                SK__TASK_STATE__TASK_READY,    SK__TASK_STATE__TASK_RUNNING,
                SK__TASK_STATE__TASK_RUNNING,  SK__TASK_STATE__TASK_RUNNING,
                SK__TASK_STATE__TASK_COMPLETE, SK__TASK_STATE__TASK_FAILED,
                SK__TASK_STATE__TASK_REJECTED, SK__TASK_STATE__TASK_SHUTDOWN,
        };

        return states[random_below(random, COUNT_OF(states))];
}

/* A slot is given up as a whole; else its newest task is told to stop. */
static void stop_slot(struct world *world, const Sk__Task *newest, Sk__TaskState desired)
{
        const Sk__Task *task = shall_be(world, newest, desired);

        if (desired != SK__TASK_STATE__TASK_REMOVE)
                return;
        while ((task = view_slot_older(world->view, task)))
                task = shall_be(world, task, desired);
}

/* Tasks of one slot: some that are over, then one that is anything. */
static void make_slot(struct world *world, struct random *random,
                      const struct random_options *options, const char *service, uint64_t slot,
                      const char *own_node)
{
        size_t n_over = options->all_waiting ? random_below(random, 2) : random_below(random, 4);
        const char *node = own_node ? own_node
                                    : arena_printf(&world->arena, "n%zux",
                                                   (size_t)random_below(random, options->n_nodes));
        Sk__TaskState state = random_state(random);
        const Sk__Task *task;

        if (options->all_waiting)
                state = one_in(random, 2) ? SK__TASK_STATE__TASK_PENDING
                                          : SK__TASK_STATE__TASK_RUNNING;
        for (size_t i = 0; i < n_over; i++)
                make_task(world, random, service, slot, own_node, SK__TASK_STATE__TASK_FAILED,
                          node);
        task = make_task(world, random, service, slot, own_node, state, node);
        if (options->all_waiting)
                return;
        if (task_is_over(task) && one_in(random, 2)) {
                /* Nobody has reacted yet. */
                Sk__TaskDefinition *definition =
                        (Sk__TaskDefinition *)message_copy(&world->arena, &task->definition->base);

                definition->desired_state = SK__TASK_STATE__TASK_RUNNING;
                a_part(world, SK__KIND__KIND_TASK, task->id, NULL, PART_TASK_definition,
                       &definition->base);
        } else if (!task_is_over(task) && one_in(random, 5)) {
                stop_slot(world, task,
                          one_in(random, 2) ? SK__TASK_STATE__TASK_SHUTDOWN
                                            : SK__TASK_STATE__TASK_REMOVE);
        }
}

static void put_service(struct world *world, struct random *random,
                        const struct random_options *options, const char *name)
{
        Sk__ServiceSpec *spec = random_spec(world, random, name, options->n_slots);

        if (options->all_fit)
                spec->task->reservations = NULL;
        a_service_of(world, spec);
}

static void make_service(struct world *world, struct random *random,
                         const struct random_options *options, size_t i)
{
        bool is_global = one_in(random, 4);
        const char *name = arena_printf(&world->arena, "%c%zux", is_global ? 'g' : 's', i);

        put_service(world, random, options, name);
        if (one_in(random, 2) && !options->all_waiting)
                put_service(world, random, options, name);
        if (is_global) {
                for (size_t n = 0; n < options->n_nodes; n++)
                        if (one_in(random, 2))
                                make_slot(world, random, options, name, 0,
                                          arena_printf(&world->arena, "n%zux", n));
                return;
        }
        for (uint64_t slot = 1; slot <= options->n_slots; slot++)
                if (!one_in(random, 4))
                        make_slot(world, random, options, name, slot, NULL);
}

void random_world(struct world *world, struct random *random, const struct random_options *options)
{
        a_cluster(world);
        for (size_t i = 0; i < options->n_nodes; i++)
                make_node(world, random, i);
        for (size_t i = 0; i < options->n_services; i++)
                make_service(world, random, options, i);
        world_wait(world, NS_PER_S);
}

/* --- news --- */

static const struct object_head *any_of(struct world *world, struct random *random, Sk__Kind kind)
{
        size_t n = view_count(world->view, kind), which = n ? random_below(random, n) : 0;
        struct view_cursor cursor = { 0 };
        const struct object_head *object = NULL;

        for (size_t i = 0; n && i <= which; i++)
                object = view_each(world->view, kind, &cursor);
        return object;
}

static void report_task(struct world *world, struct random *random, const Sk__Task *task)
{
        Sk__TaskState state = random_state(random);

        if (task_state(task) >= SK__TASK_STATE__TASK_ASSIGNED && state > task_state(task))
                is_now(world, task, state, NULL);
}

const char *random_event(struct world *world, struct random *random)
{
        const struct object_head *task = any_of(world, random, SK__KIND__KIND_TASK);
        const struct object_head *node = any_of(world, random, SK__KIND__KIND_NODE);
        const struct object_head *service = any_of(world, random, SK__KIND__KIND_SERVICE);
        const char *id = service ? arena_strdup(&world->arena, service->id) : NULL;

        switch (random_below(random, 9)) {
        case 8:
                if (node)
                        resize_node(world, random, arena_strdup(&world->arena, node->id),
                                    arena_strdup(&world->arena, node->name));
                return NULL;
        case 0:
                if (node)
                        change_node(world, random, arena_strdup(&world->arena, node->id),
                                    arena_strdup(&world->arena, node->name));
                return NULL;
        case 1:
                if (service)
                        a_service_of(world,
                                     random_spec(world, random,
                                                 arena_strdup(&world->arena, service->name), 6));
                return NULL;
        case 2:
                if (!service || !one_in(random, 8))
                        return NULL;
                no_more(world, SK__KIND__KIND_SERVICE, id);
                return id;
        case 3:
                world_wait(world, random_between(random, 1, 30) * NS_PER_S);
                return NULL;
        default:
                if (task)
                        report_task(world, random, (const Sk__Task *)task);
                return NULL;
        }
}
