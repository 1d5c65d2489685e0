/* What a task asks of its node. */
#include "lib/placement/need.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/str.h"
#include "lib/state/task_life.h"

static int compare_kinds(const void *a, const void *b)
{
        const struct placement_generic *x = a, *y = b;

        return strcmp(x->kind, y->kind);
}

/* A kind asked for twice is asked for once, with the sum: claims rest on that. */
static void merge_kinds(struct placement_need *need)
{
        struct placement_generic *generic = need->generic;
        size_t n = 0;

        if (need->n_generic)
                qsort(generic, need->n_generic, sizeof *generic, compare_kinds);
        for (size_t i = 0; i < need->n_generic; i++) {
                if (!n || strcmp(generic[n - 1].kind, generic[i].kind) != 0)
                        generic[n++] = generic[i];
                else if (__builtin_add_overflow(generic[n - 1].count, generic[i].count,
                                                &generic[n - 1].count))
                        generic[n - 1].count = INT64_MAX;
        }
        need->n_generic = n;
}

static void read_resources(struct arena *arena, const Sk__Resources *from,
                           struct placement_need *ret)
{
        if (!from)
                return;
        ret->nano_cpus = from->nano_cpus;
        ret->memory_bytes = from->memory_bytes;
        ret->generic = arena_alloc(arena, from->n_generic * sizeof *ret->generic);
        for (size_t i = 0; i < from->n_generic; i++) {
                const Sk__GenericResource *generic = from->generic[i];
                bool is_count = generic->value_case == SK__GENERIC_RESOURCE__VALUE_COUNT;

                if (is_count && generic->count < 1)
                        continue;
                ret->generic[ret->n_generic++] = (struct placement_generic){
                        .kind = arena_strdup(arena, generic->kind),
                        .count = is_count ? generic->count : 1,
                };
        }
        merge_kinds(ret);
}

static uint64_t max_skew_of(const Sk__Placement *placement, const char *descriptor)
{
        for (size_t i = 0; i < placement->n_spread_limits; i++)
                if (!strcmp(placement->spread_limits[i]->over, descriptor))
                        return placement->spread_limits[i]->max_skew;
        return 0;
}

static void read_spread(struct arena *arena, const Sk__Placement *from, struct placement_need *ret)
{
        ret->spread = arena_alloc(arena, from->n_spread * sizeof *ret->spread);
        for (size_t i = 0; i < from->n_spread; i++) {
                struct placement_spread *spread = &ret->spread[ret->n_spread++];

                spread->descriptor = arena_strdup(arena, from->spread[i]);
                spread->max_skew = max_skew_of(from, from->spread[i]);
                ret->has_skew |= spread->max_skew > 0;
        }
}

static void read_placement(struct arena *arena, const Sk__Placement *from,
                           struct placement_need *ret)
{
        if (!from)
                return;
        ret->constraints = arena_alloc(arena, from->n_constraints * sizeof *ret->constraints);
        ret->wishes = arena_alloc(arena, from->n_constraints * sizeof *ret->wishes);
        for (size_t i = 0; i < from->n_constraints; i++) {
                struct constraint constraint;

                /* One that cannot be read stays zeroed: no node meets it. */
                constraint_parse(arena, from->constraints[i], &constraint, NULL);
                if (constraint.is_soft)
                        ret->wishes[ret->n_wishes++] = constraint;
                else
                        ret->constraints[ret->n_constraints++] = constraint;
        }
        ret->platforms = arena_alloc(arena, from->n_platforms * sizeof *ret->platforms);
        for (size_t i = 0; i < from->n_platforms; i++)
                ret->platforms[ret->n_platforms++] = (struct placement_plugin){
                        .type = arena_strdup(arena, from->platforms[i]->architecture),
                        .name = arena_strdup(arena, from->platforms[i]->os),
                };
        ret->affinities = arena_alloc(arena, from->n_affinities * sizeof *ret->affinities);
        for (size_t i = 0; i < from->n_affinities; i++) {
                struct affinity affinity;

                /* One that cannot be read is left out: the API lets none in. */
                if (affinity_parse(arena, from->affinities[i], &affinity, NULL) < 0)
                        continue;
                ret->affinities[ret->n_affinities++] = affinity;
                ret->seeks_tasks |= affinity.is_equal && !affinity.is_soft;
        }
        read_spread(arena, from, ret);
        ret->priority = from->priority;
        ret->max_replicas = from->max_replicas_per_node;
        ret->strategy = from->strategy;
}

static void add_plugin(struct arena *arena, struct placement_need *ret, const char *type,
                       const char *name)
{
        if (str_is_empty(name))
                return;
        ret->plugins[ret->n_plugins++] = (struct placement_plugin){
                .type = type,
                .name = arena_strdup(arena, name),
        };
}

static void read_plugins(struct arena *arena, const struct view *view, const Sk__TaskSpec *task,
                         struct placement_need *ret)
{
        size_t n_mounts = task->container ? task->container->n_mounts : 0;

        ret->plugins = arena_alloc(arena, (n_mounts + task->n_networks + 1) * sizeof *ret->plugins);
        for (size_t i = 0; i < n_mounts; i++) {
                const Sk__Mount *mount = task->container->mounts[i];

                if (mount->type == SK__MOUNT__TYPE__VOLUME && mount->volume &&
                    strcmp(mount->volume->driver, "local"))
                        add_plugin(arena, ret, "Volume", mount->volume->driver);
        }
        for (size_t i = 0; i < task->n_networks; i++) {
                const Sk__Network *network = view_network(view, task->networks[i]->target);

                if (network && network->spec)
                        add_plugin(arena, ret, "Network", network->spec->driver);
        }
        if (task->log_driver && strcmp(task->log_driver->name, "none"))
                add_plugin(arena, ret, "Log", task->log_driver->name);
}

static void read_devices(struct arena *arena, const Sk__ContainerSpec *container,
                         struct placement_need *ret)
{
        size_t n = container ? container->n_devices : 0;

        ret->devices = arena_alloc(arena, n * sizeof *ret->devices);
        for (size_t i = 0; i < n; i++)
                ret->devices[ret->n_devices++] = arena_strdup(arena, container->devices[i]);
}

uint32_t placement_port(const Sk__PortConfig *port)
{
        return (uint32_t)port->protocol << 16 | (port->published_port & 0xffff);
}

static void read_ports(struct arena *arena, const Sk__EndpointSpec *from,
                       struct placement_need *ret)
{
        if (!from)
                return;
        ret->ports = arena_alloc(arena, from->n_ports * sizeof *ret->ports);
        for (size_t i = 0; i < from->n_ports; i++)
                if (from->ports[i]->publish_mode == SK__PORT_CONFIG__PUBLISH_MODE__HOST &&
                    from->ports[i]->published_port)
                        ret->ports[ret->n_ports++] = placement_port(from->ports[i]);
}

static void push_trait(void *context, uint64_t trait)
{
        traits_add(context, trait);
}

static void read_traits(struct arena *arena, const Sk__ServiceSpec *spec,
                        struct placement_need *ret)
{
        struct vec traits = VEC_OF(uint64_t);

        affinity_each_trait(spec, push_trait, &traits);
        ret->traits = arena_copy(arena, traits.data, traits.n * sizeof *ret->traits);
        ret->n_traits = traits.n;
        vec_done(&traits);
}

uint64_t placement_hash(const char *id)
{
        return hash_bytes(id, strlen(id));
}

void placement_need_read(struct arena *arena, const struct view *view, const char *spec_id,
                         const Sk__ServiceSpecRevision *revision, struct placement_need *ret)
{
        const Sk__ServiceSpec *spec = revision->spec;

        *ret = (struct placement_need){
                .service_id = arena_strdup(arena, revision->service_id),
                .spec_id = arena_strdup(arena, spec_id),
                .service = placement_hash(revision->service_id),
                .spec = placement_hash(spec_id),
        };
        if (!spec)
                return;
        read_ports(arena, spec->endpoint, ret);
        read_traits(arena, spec, ret);
        if (!spec->task)
                return;
        read_resources(arena, spec->task->reservations, ret);
        read_placement(arena, spec->task->placement, ret);
        read_plugins(arena, view, spec->task, ret);
        read_devices(arena, spec->task->container, ret);
}

Sk__Placement__Strategy placement_strategy(const struct view *view,
                                           const struct placement_need *need)
{
        const Sk__Cluster *cluster = view_cluster(view);
        Sk__Placement__Strategy strategy = need->strategy;

        if (strategy == SK__PLACEMENT__STRATEGY__CLUSTER_DEFAULT && cluster && cluster->spec)
                strategy = cluster->spec->strategy;
        return strategy == SK__PLACEMENT__STRATEGY__BINPACK ||
                               strategy == SK__PLACEMENT__STRATEGY__RANDOM
                       ? strategy
                       : SK__PLACEMENT__STRATEGY__SPREAD;
}

bool placement_constraints_met(const Sk__Placement *placement, const Sk__Node *node)
{
        struct arena arena = { 0 };
        struct constraint constraint;
        bool met = true;

        for (size_t i = 0; placement && met && i < placement->n_constraints; i++)
                met = constraint_parse(&arena, placement->constraints[i], &constraint, NULL) == 0 &&
                      (constraint.is_soft || constraint_matches(&constraint, node));
        arena_done(&arena);
        return met;
}

bool placement_constraints_hold(const struct placement_need *need, const Sk__Node *node)
{
        for (size_t i = 0; i < need->n_constraints; i++)
                if (!constraint_matches(&need->constraints[i], node))
                        return false;
        return true;
}

bool placement_is_current(const struct view *view, const Sk__Task *task,
                          const struct placement_need *wanted)
{
        const Sk__ServiceSpecRevision *made_from = view_task_spec(view, task);
        const Sk__ServiceSpecObject *object;
        const ProtobufCBinaryData *digest;
        const Sk__Node *node;

        if (!wanted || !made_from)
                return false;
        if (!strcmp(task->definition->spec_id, wanted->spec_id))
                return true;
        object = view_service_spec(view, wanted->spec_id);
        if (!object || !object->spec)
                return false;
        digest = &object->spec->task_digest;
        if (made_from->task_digest.len != digest->len ||
            memcmp(made_from->task_digest.data, digest->data, digest->len) != 0)
                return false;
        node = view_node(view, task_node(task));
        return !node || placement_constraints_hold(wanted, node);
}
