/* Builders of objects. */
#include "tests/lib/build_objects.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/check.h"
#include "lib/base/id.h"
#include "lib/base/str.h"
#include "lib/base/time.h"
#include "lib/state/task_digest.h"
#include "lib/state/task_life.h"

/* A message of the world's arena, initialised. */
#define MAKE(world, Message, message)                                               \
        __extension__({                                                             \
                Sk__##Message *made_ = arena_alloc(&(world)->arena, sizeof *made_); \
                sk__##message##__init(made_);                                       \
                made_;                                                              \
        })

void world_init(struct world *world)
{
        *world = (struct world){ .view = view_new(), .now = 1000 * NS_PER_S };
        view_set_version(world->view, 0, world->now);
}

void world_done(struct world *world)
{
        view_free(world->view);
        arena_done(&world->arena);
}

void world_wait(struct world *world, int64_t ns)
{
        world->now += ns;
        view_set_now(world->view, world->now);
}

struct applied world_apply(struct world *world, const struct plan *plan)
{
        struct applied applied;

        view_apply_plan(world->view, plan, ++world->version, world->now, &world->arena, &applied);
        return applied;
}

const char *an_id(struct world *world, const char *name)
{
        char *id = arena_alloc(&world->arena, ID_SIZE);

        memset(id, 'x', ID_LENGTH);
        for (size_t i = 0; i < ID_LENGTH && name[i]; i++)
                if (islower((unsigned char)name[i]) || isdigit((unsigned char)name[i]))
                        id[i] = name[i];
        return id;
}

/* --- by way of a plan, so that versions and times are the store's --- */

const struct object_head *a_part(struct world *world, Sk__Kind kind, const char *id,
                                 const char *name, size_t part, const ProtobufCMessage *message)
{
        struct plan plan;
        struct plan_change *change;

        plan_init(&plan);
        change = view_find(world->view, kind, id) ? plan_update(&plan, kind, id)
                                                  : plan_create(&plan, kind, id);
        change->name = name;
        plan_set_part(change, part, message);
        CHECK(world_apply(world, &plan).n_accepted == 1);
        plan_done(&plan);
        return view_find(world->view, kind, id);
}

void no_more(struct world *world, Sk__Kind kind, const char *id)
{
        struct plan plan;

        plan_init(&plan);
        plan_remove(&plan, kind, id);
        world_apply(world, &plan);
        plan_done(&plan);
}

/* --- services --- */

static Sk__ServiceSpec *bare_spec(struct world *world, const char *name)
{
        Sk__ServiceSpec *spec = MAKE(world, ServiceSpec, service_spec);

        spec->annotations = MAKE(world, Annotations, annotations);
        spec->annotations->name = arena_strdup(&world->arena, name);
        spec->task = MAKE(world, TaskSpec, task_spec);
        spec->task->container = MAKE(world, ContainerSpec, container_spec);
        spec->task->container->image = "img:1";
        spec->task->restart = MAKE(world, RestartPolicy, restart_policy);
        return spec;
}

Sk__ServiceSpec *a_spec(struct world *world, const char *name, uint64_t replicas)
{
        Sk__ServiceSpec *spec = bare_spec(world, name);

        spec->mode_case = SK__SERVICE_SPEC__MODE_REPLICATED;
        spec->replicated = MAKE(world, ReplicatedService, replicated_service);
        spec->replicated->replicas = replicas;
        return spec;
}

Sk__ServiceSpec *a_global_spec(struct world *world, const char *name)
{
        Sk__ServiceSpec *spec = bare_spec(world, name);

        spec->mode_case = SK__SERVICE_SPEC__MODE_GLOBAL;
        spec->global = MAKE(world, GlobalService, global_service);
        return spec;
}

Sk__ServiceSpec *a_job_spec(struct world *world, const char *name, uint64_t completions)
{
        Sk__ServiceSpec *spec = bare_spec(world, name);

        spec->mode_case = SK__SERVICE_SPEC__MODE_REPLICATED_JOB;
        spec->replicated_job = MAKE(world, ReplicatedJob, replicated_job);
        spec->replicated_job->total_completions = completions;
        spec->task->restart->condition = SK__RESTART_POLICY__CONDITION__ON_FAILURE;
        return spec;
}

const Sk__Service *a_service_of(struct world *world, const Sk__ServiceSpec *spec)
{
        const char *name = spec->annotations->name, *id = an_id(world, name);
        const Sk__Service *before = view_service(world->view, id);
        Sk__ServiceSpecRevision *revision = MAKE(world, ServiceSpecRevision, service_spec_revision);
        Sk__ServiceRevision *wanted = MAKE(world, ServiceRevision, service_revision);

        revision->service_id = id;
        revision->revision = before ? before->spec->revision + 1 : 1;
        revision->spec = (Sk__ServiceSpec *)message_copy(&world->arena, &spec->base);
        revision->task_digest = task_digest_of(revision->spec, &world->arena);
        wanted->revision = revision->revision;
        wanted->spec_id = an_id(world, arena_printf(&world->arena, "%sspec%llu", name,
                                                    (unsigned long long)revision->revision));
        if (before)
                wanted->previous_spec_id = arena_strdup(&world->arena, before->spec->spec_id);
        a_part(world, SK__KIND__KIND_SERVICE_SPEC, wanted->spec_id, NULL, PART_SERVICE_SPEC_spec,
               &revision->base);
        return (const Sk__Service *)a_part(world, SK__KIND__KIND_SERVICE, id, name,
                                           PART_SERVICE_spec, &wanted->base);
}

const Sk__Service *a_service(struct world *world, const char *name, uint64_t replicas)
{
        return a_service_of(world, a_spec(world, name, replicas));
}

const Sk__Service *a_global_service(struct world *world, const char *name)
{
        return a_service_of(world, a_global_spec(world, name));
}

/* --- tasks --- */

/* Counts up in the service's progress, as the orchestrator does. */
static uint64_t next_generation(struct world *world, const Sk__Service *service)
{
        Sk__ServiceProgress *progress = MAKE(world, ServiceProgress, service_progress);

        if (service->progress)
                progress = (Sk__ServiceProgress *)message_copy(&world->arena,
                                                               &service->progress->base);
        progress->generation++;
        a_part(world, SK__KIND__KIND_SERVICE, service->id, NULL, PART_SERVICE_progress,
               &progress->base);
        return progress->generation;
}

static const Sk__Task *place(struct world *world, const char *id, Sk__TaskState state,
                             const char *node)
{
        Sk__TaskPlacement *placement = MAKE(world, TaskPlacement, task_placement);
        Sk__TaskAllocation *allocation = MAKE(world, TaskAllocation, task_allocation);

        if (state >= SK__TASK_STATE__TASK_PENDING)
                a_part(world, SK__KIND__KIND_TASK, id, NULL, PART_TASK_allocation,
                       &allocation->base);
        placement->node_id = node ? an_id(world, node) : "";
        placement->at_ns = world->now;
        if (state >= SK__TASK_STATE__TASK_ASSIGNED && node)
                a_part(world, SK__KIND__KIND_TASK, id, NULL, PART_TASK_placement, &placement->base);
        return state >= SK__TASK_STATE__TASK_ACCEPTED
                       ? is_now(world, view_task(world->view, id), state, NULL)
                       : view_task(world->view, id);
}

static const Sk__Task *make_task(struct world *world, const char *service_name, uint64_t slot,
                                 Sk__TaskState state, const char *own_node, const char *node)
{
        const Sk__Service *service = view_service(world->view, an_id(world, service_name));
        Sk__TaskDefinition *definition = MAKE(world, TaskDefinition, task_definition);
        char slot_key[32], *id = arena_alloc(&world->arena, ID_SIZE);

        CHECK(service);
        definition->service_id = arena_strdup(&world->arena, service->id);
        definition->spec_id = arena_strdup(&world->arena, service->spec->spec_id);
        definition->slot = slot;
        definition->node_id = own_node ? an_id(world, own_node) : "";
        definition->generation = next_generation(world, service);
        definition->desired_state = state > SK__TASK_STATE__TASK_RUNNING
                                            ? SK__TASK_STATE__TASK_SHUTDOWN
                                            : SK__TASK_STATE__TASK_RUNNING;
        snprintf(slot_key, sizeof slot_key, "%llu", (unsigned long long)slot);
        id_of_task(definition->service_id, own_node ? definition->node_id : slot_key,
                   definition->generation, id);
        a_part(world, SK__KIND__KIND_TASK, id, NULL, PART_TASK_definition, &definition->base);
        return place(world, id, state, node);
}

const Sk__Task *a_task(struct world *world, const char *service, uint64_t slot, Sk__TaskState state,
                       const char *node)
{
        return make_task(world, service, slot, state, NULL, node);
}

const Sk__Task *a_node_task(struct world *world, const char *service, const char *node,
                            Sk__TaskState state)
{
        return make_task(world, service, 0, state, node, node);
}

const Sk__Task *is_now(struct world *world, const Sk__Task *task, Sk__TaskState state,
                       const char *error)
{
        Sk__TaskStatus *status = MAKE(world, TaskStatus, task_status);

        status->state = state;
        status->at_ns = world->now;
        status->message = task_state_name(state);
        status->err = error ? arena_strdup(&world->arena, error) : "";
        return (const Sk__Task *)a_part(world, SK__KIND__KIND_TASK, task->id, NULL,
                                        PART_TASK_status, &status->base);
}

const Sk__Task *shall_be(struct world *world, const Sk__Task *task, Sk__TaskState desired)
{
        Sk__TaskDefinition *definition =
                (Sk__TaskDefinition *)message_copy(&world->arena, &task->definition->base);

        definition->desired_state = desired;
        return (const Sk__Task *)a_part(world, SK__KIND__KIND_TASK, task->id, NULL,
                                        PART_TASK_definition, &definition->base);
}

/* --- nodes --- */

Sk__NodeSpec *a_node_spec(struct world *world, const char *name)
{
        Sk__NodeSpec *spec = MAKE(world, NodeSpec, node_spec);

        spec->annotations = MAKE(world, Annotations, annotations);
        spec->annotations->name = arena_strdup(&world->arena, name);
        return spec;
}

Sk__NodeDescription *a_node_description(struct world *world, const char *name)
{
        Sk__NodeDescription *description = MAKE(world, NodeDescription, node_description);

        description->hostname = arena_strdup(&world->arena, name);
        description->platform = MAKE(world, Platform, platform);
        description->platform->architecture = "x86_64";
        description->platform->os = "linux";
        description->resources = MAKE(world, Resources, resources);
        description->resources->nano_cpus = INT64_C(4000000000);
        description->resources->memory_bytes = INT64_C(8) << 30;
        description->engine_version = "1.0.0";
        return description;
}

const Sk__Node *a_node_that_is(struct world *world, const char *name, Sk__NodeStatus__State state,
                               Sk__NodeSpec__Availability availability)
{
        const char *id = an_id(world, name);
        Sk__NodeSpec *spec = a_node_spec(world, name);
        Sk__NodeStatus *status = MAKE(world, NodeStatus, node_status);

        spec->availability = availability;
        status->state = state;
        status->address = "10.0.0.1";
        status->since_ns = world->now;
        a_part(world, SK__KIND__KIND_NODE, id, name, PART_NODE_spec, &spec->base);
        a_part(world, SK__KIND__KIND_NODE, id, NULL, PART_NODE_identity,
               &MAKE(world, NodeIdentity, node_identity)->base);
        a_part(world, SK__KIND__KIND_NODE, id, NULL, PART_NODE_description,
               &a_node_description(world, name)->base);
        return (const Sk__Node *)a_part(world, SK__KIND__KIND_NODE, id, NULL, PART_NODE_status,
                                        &status->base);
}

const Sk__Node *a_node(struct world *world, const char *name)
{
        return a_node_that_is(world, name, SK__NODE_STATUS__STATE__READY,
                              SK__NODE_SPEC__AVAILABILITY__ACTIVE);
}

/* --- the rest --- */

const Sk__Cluster *a_cluster(struct world *world)
{
        Sk__ClusterSpec *spec = MAKE(world, ClusterSpec, cluster_spec);

        spec->annotations = MAKE(world, Annotations, annotations);
        spec->annotations->name = "default";
        spec->task_history_limit = 5;
        spec->dispatcher_heartbeat_ns = 5 * NS_PER_S;
        spec->certificate_expiry_ns = 90 * NS_PER_DAY;
        return (const Sk__Cluster *)a_part(world, SK__KIND__KIND_CLUSTER, an_id(world, "cluster"),
                                           "default", PART_CLUSTER_spec, &spec->base);
}

const Sk__Network *a_network(struct world *world, const char *name)
{
        Sk__NetworkSpec *spec = MAKE(world, NetworkSpec, network_spec);

        spec->annotations = MAKE(world, Annotations, annotations);
        spec->annotations->name = arena_strdup(&world->arena, name);
        spec->driver = "overlay";
        spec->scope = "swarm";
        return (const Sk__Network *)a_part(world, SK__KIND__KIND_NETWORK, an_id(world, name), name,
                                           PART_NETWORK_spec, &spec->base);
}

const Sk__Secret *a_secret(struct world *world, const char *name)
{
        Sk__SecretSpec *spec = MAKE(world, SecretSpec, secret_spec);

        spec->annotations = MAKE(world, Annotations, annotations);
        spec->annotations->name = arena_strdup(&world->arena, name);
        return (const Sk__Secret *)a_part(world, SK__KIND__KIND_SECRET, an_id(world, name), name,
                                          PART_SECRET_spec, &spec->base);
}

const Sk__Config *a_config(struct world *world, const char *name)
{
        Sk__ConfigSpec *spec = MAKE(world, ConfigSpec, config_spec);

        spec->annotations = MAKE(world, Annotations, annotations);
        spec->annotations->name = arena_strdup(&world->arena, name);
        return (const Sk__Config *)a_part(world, SK__KIND__KIND_CONFIG, an_id(world, name), name,
                                          PART_CONFIG_spec, &spec->base);
}

const char **a_list(struct world *world, size_t *ret_n, ...)
{
        va_list words, again;
        const char **list;
        size_t n = 0;

        va_start(words, ret_n);
        va_copy(again, words);
        while (va_arg(words, const char *))
                n++;
        va_end(words);
        list = arena_alloc(&world->arena, n * sizeof *list);
        for (size_t i = 0; i < n; i++)
                list[i] = va_arg(again, const char *);
        va_end(again);
        *ret_n = n;
        return list;
}

Sk__Label *a_label(struct world *world, const char *key, const char *value)
{
        Sk__Label *label = MAKE(world, Label, label);

        label->key = arena_strdup(&world->arena, key);
        label->value = arena_strdup(&world->arena, value);
        return label;
}
