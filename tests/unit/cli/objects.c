/* Objects with fixed ids and times. */
#include "tests/unit/cli/objects.h"

#include <stdbool.h>

#define IMAGE                                                                       \
        "reg:5000/bb:1@sha256:32283f19fcb4b255ab2d8aec7c03680642ff5a926a9506152c85" \
        "cd1a424f7d34"

Sk__Label *a_label(struct arena *arena, const char *key, const char *value)
{
        Sk__Label *label = MAKE(arena, Sk__Label, SK__LABEL__INIT);

        label->key = key;
        label->value = value;
        return label;
}

Sk__PortConfig *a_port(struct arena *arena, uint32_t published, uint32_t target,
                       Sk__PortConfig__PublishMode mode)
{
        Sk__PortConfig *port = MAKE(arena, Sk__PortConfig, SK__PORT_CONFIG__INIT);

        port->published_port = published;
        port->target_port = target;
        port->publish_mode = mode;
        return port;
}

static Sk__Meta *a_meta(struct arena *arena, uint64_t version)
{
        Sk__Meta *meta = MAKE(arena, Sk__Meta, SK__META__INIT);

        meta->created_at_ns = NOW_NS - SECONDS(90);
        meta->updated_at_ns = NOW_NS - SECONDS(60);
        meta->n_versions = 1;
        meta->versions = arena_copy(arena, &version, sizeof version);
        return meta;
}

Sk__ServiceView *a_web_service(struct arena *arena)
{
        Sk__ServiceView *view = MAKE(arena, Sk__ServiceView, SK__SERVICE_VIEW__INIT);
        Sk__Service *service = MAKE(arena, Sk__Service, SK__SERVICE__INIT);
        Sk__ServiceSpec *spec = MAKE(arena, Sk__ServiceSpec, SK__SERVICE_SPEC__INIT);

        spec->annotations = MAKE(arena, Sk__Annotations, SK__ANNOTATIONS__INIT);
        spec->annotations->name = "web";
        spec->task = MAKE(arena, Sk__TaskSpec, SK__TASK_SPEC__INIT);
        spec->task->container = MAKE(arena, Sk__ContainerSpec, SK__CONTAINER_SPEC__INIT);
        spec->task->container->image = IMAGE;
        spec->mode_case = SK__SERVICE_SPEC__MODE_REPLICATED;
        spec->replicated = MAKE(arena, Sk__ReplicatedService, SK__REPLICATED_SERVICE__INIT);
        spec->replicated->replicas = 2;
        service->id = "x16dq8j0gn44nxsbfhz8cnnx6";
        service->name = "web";
        service->meta = a_meta(arena, 58);
        service->spec = MAKE(arena, Sk__ServiceRevision, SK__SERVICE_REVISION__INIT);
        service->spec->spec_id = "spec1";
        view->service = service;
        view->spec = spec;
        view->counts = MAKE(arena, Sk__ServiceCounts, SK__SERVICE_COUNTS__INIT);
        view->counts->running = view->counts->desired = 2;
        return view;
}

Sk__TaskView *a_web_task(struct arena *arena, const char *id, uint64_t slot, uint64_t generation,
                         Sk__TaskState state, int64_t age_s, const char *error)
{
        Sk__TaskView *view = MAKE(arena, Sk__TaskView, SK__TASK_VIEW__INIT);
        Sk__Task *task = MAKE(arena, Sk__Task, SK__TASK__INIT);

        task->id = id;
        task->meta = a_meta(arena, 60);
        task->definition = MAKE(arena, Sk__TaskDefinition, SK__TASK_DEFINITION__INIT);
        task->definition->service_id = "x16dq8j0gn44nxsbfhz8cnnx6";
        task->definition->slot = slot;
        task->definition->generation = generation;
        task->definition->desired_state = state > SK__TASK_STATE__TASK_RUNNING
                                                  ? SK__TASK_STATE__TASK_SHUTDOWN
                                                  : SK__TASK_STATE__TASK_RUNNING;
        task->placement = MAKE(arena, Sk__TaskPlacement, SK__TASK_PLACEMENT__INIT);
        task->placement->node_id = "oyz0areg5bvzfvhymjjthws5x";
        task->status = MAKE(arena, Sk__TaskStatus, SK__TASK_STATUS__INIT);
        task->status->state = state;
        task->status->at_ns = NOW_NS - SECONDS(age_s);
        task->status->err = error;
        view->task = task;
        view->state = state;
        view->service_name = "web";
        view->node_name = "n1";
        view->image = IMAGE;
        return view;
}

static Sk__Node *a_node(struct arena *arena, const char *id, const char *name, const char *address)
{
        Sk__Node *node = MAKE(arena, Sk__Node, SK__NODE__INIT);

        node->id = id;
        node->name = name;
        node->meta = a_meta(arena, 21);
        node->spec = MAKE(arena, Sk__NodeSpec, SK__NODE_SPEC__INIT);
        node->identity = MAKE(arena, Sk__NodeIdentity, SK__NODE_IDENTITY__INIT);
        node->status = MAKE(arena, Sk__NodeStatus, SK__NODE_STATUS__INIT);
        node->status->state = SK__NODE_STATUS__STATE__READY;
        node->status->address = address;
        node->description = MAKE(arena, Sk__NodeDescription, SK__NODE_DESCRIPTION__INIT);
        node->description->hostname = name;
        node->description->engine_version = "0.1.0";
        node->description->platform = MAKE(arena, Sk__Platform, SK__PLATFORM__INIT);
        node->description->platform->architecture = "x86_64";
        node->description->platform->os = "linux";
        node->description->resources = MAKE(arena, Sk__Resources, SK__RESOURCES__INIT);
        node->description->resources->nano_cpus = 2000000000;
        node->description->resources->memory_bytes = 25276510208;
        node->description->tls_issuer_subject = "MBMx";
        node->description->tls_issuer_public_key = "MFkw";
        return node;
}

Sk__Node *a_manager(struct arena *arena)
{
        Sk__Node *node = a_node(arena, "oyz0areg5bvzfvhymjjthws5x", "n1", "10.77.0.1");

        node->spec->desired_role = SK__NODE_ROLE__NODE_ROLE_MANAGER;
        node->identity->role = SK__NODE_ROLE__NODE_ROLE_MANAGER;
        node->status->is_leader = node->status->is_reachable = true;
        node->status->manager_address = "10.77.0.1:2377";
        return node;
}

Sk__Node *a_worker(struct arena *arena)
{
        return a_node(arena, "n642purk8roatowrgodkw6rgb", "n2", "10.77.0.3");
}
