/* The filters once more, from the specs alone. */
#include "tests/unit/manager/scheduler/oracle_filter.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/check.h"
#include "lib/state/task_life.h"

/* --- what is on a node --- */

/* A node, and who on it counts. */
struct place {
        const struct view *view;
        const Sk__Node *node;
        int32_t least;               /* tasks of a lower priority are not there */
        const Sk__Task *const *gone; /* nor are these */
        size_t n_gone;
};

static bool is_here(const struct place *place, const Sk__Task *task)
{
        for (size_t i = 0; i < place->n_gone; i++)
                if (!strcmp(place->gone[i]->id, task->id))
                        return false;
        return task_state(task) >= SK__TASK_STATE__TASK_ASSIGNED && !task_is_over(task) &&
               view_task_spec(place->view, task)->spec->task->placement->priority >= place->least;
}

static const Sk__ServiceSpec *spec_of(const struct view *view, const Sk__Task *task)
{
        return view_task_spec(view, task)->spec;
}

/* Calls 'is_so' with the spec of each task that is here; true when it once was. */
static bool any_here(const struct place *place,
                     bool (*is_so)(const Sk__ServiceSpec *other, const void *context),
                     const void *context)
{
        struct view_cursor cursor = { 0 };
        const Sk__Task *task;
        bool is_any = false;

        while ((task = view_each_node_task(place->view, place->node->id, &cursor)))
                is_any |= is_here(place, task) && is_so(spec_of(place->view, task), context);
        return is_any;
}

/* --- constraints: every text that random worlds use, in C --- */

const char *oracle_label(const Sk__Node *node, const char *descriptor)
{
        const char *name = descriptor + strlen("node.labels.");

        for (size_t i = 0; i < node->spec->annotations->n_labels; i++)
                if (!strcmp(node->spec->annotations->labels[i]->key, name))
                        return node->spec->annotations->labels[i]->value;
        return "";
}

/* Any other text is of the kind "node.labels.NAME!=VALUE". */
static bool meets_unequal(const char *text, const Sk__Node *node)
{
        char name[64] = "";
        const char *sign = strstr(text, "!=");

        CHECK(sign && sign - text < (ptrdiff_t)sizeof name);
        memcpy(name, text, (size_t)(sign - text));
        return strcmp(oracle_label(node, name), sign + 2) != 0;
}

static bool meets(const char *text, const Sk__Node *node)
{
        const char *zone = oracle_label(node, "node.labels.zone");
        const char *rack = oracle_label(node, "node.labels.rack");

        if (!strcmp(text, "node.labels.zone==east") || !strcmp(text, "node.labels.zone~==east"))
                return !strcmp(zone, "east");
        if (!strcmp(text, "node.labels.zone!=west"))
                return strcmp(zone, "west") != 0;
        if (!strcmp(text, "node.platform.arch==amd64"))
                return !strcmp(node->description->platform->architecture, "x86_64");
        if (!strcmp(text, "node.labels.zone in (east, south)"))
                return !strcmp(zone, "east") || !strcmp(zone, "south");
        if (!strcmp(text, "node.labels.zone not in (east)"))
                return strcmp(zone, "east") != 0;
        if (!strcmp(text, "node.labels.zone =~ ^.*st$"))
                return !strcmp(zone, "east") || !strcmp(zone, "west");
        if (!strcmp(text, "node.labels.rack exists"))
                return *rack;
        if (!strcmp(text, "node.labels.rack ~not exists"))
                return !*rack;
        if (!strcmp(text, "node.labels.rank >= 2"))
                return atoi(oracle_label(node, "node.labels.rank")) >= 2;
        return meets_unequal(text, node);
}

static bool is_soft(const char *text)
{
        return strchr(text, '~') && !strstr(text, "=~");
}

static bool constraints_are_met(const Sk__Placement *placement, const Sk__Node *node)
{
        for (size_t i = 0; i < placement->n_constraints; i++)
                if (!is_soft(placement->constraints[i]) && !meets(placement->constraints[i], node))
                        return false;
        return true;
}

/* --- affinities: KEY, "==" or "!=", VALUE; a wish has "~" before that --- */

static bool is_named(const Sk__ServiceSpec *spec, const void *text)
{
        const char *affinity = text, *value = strchr(affinity, '=') + 1;

        value += *value == '=';
        if (!strncmp(affinity, "image", 5))
                return str_starts_with(spec->task->container->image, value);
        if (!strncmp(affinity, "service.labels.tier", 19))
                return spec->annotations->n_labels &&
                       !strcmp(spec->annotations->labels[0]->value, value);
        return !strcmp(value, "*") || !strcmp(spec->annotations->name, value);
}

static bool is_wish(const char *affinity)
{
        return strchr(affinity, '~') != NULL;
}

/* What a task there says of this spec. */
static bool has_against(const Sk__ServiceSpec *other, const void *spec)
{
        const Sk__Placement *placement = other->task->placement;

        for (size_t i = 0; i < placement->n_affinities; i++)
                if (strstr(placement->affinities[i], "!=") && !is_wish(placement->affinities[i]) &&
                    is_named(spec, placement->affinities[i]))
                        return true;
        return false;
}

bool oracle_are_apart(const Sk__ServiceSpec *a, const Sk__ServiceSpec *b)
{
        return has_against(a, b) || has_against(b, a);
}

static bool affinity_holds(const struct place *place, const char *affinity)
{
        return any_here(place, is_named, affinity) == !strstr(affinity, "!=");
}

static bool affinities_hold(const struct place *place, const Sk__ServiceSpec *spec)
{
        const Sk__Placement *placement = spec->task->placement;

        for (size_t i = 0; i < placement->n_affinities; i++)
                if (!is_wish(placement->affinities[i]) &&
                    !affinity_holds(place, placement->affinities[i]))
                        return false;
        return !any_here(place, has_against, spec);
}

/* --- resources, ports, replicas --- */

static int64_t generic_of(Sk__GenericResource *const *all, size_t n_all, const char *kind)
{
        int64_t n = 0;

        for (size_t i = 0; i < n_all; i++)
                if (!strcmp(all[i]->kind, kind))
                        n += all[i]->value_case == SK__GENERIC_RESOURCE__VALUE_COUNT ? all[i]->count
                                                                                     : 1;
        return n;
}

/* What is left of one kind; kinds: "cpu", "memory", or generic. */
static int64_t left_of(const struct place *place, const char *kind)
{
        const Sk__Resources *have = place->node->description->resources;
        bool is_cpu = !strcmp(kind, "cpu"), is_memory = !strcmp(kind, "memory");
        int64_t left = is_cpu      ? have->nano_cpus
                       : is_memory ? have->memory_bytes
                                   : generic_of(have->generic, have->n_generic, kind);
        struct view_cursor cursor = { 0 };
        const Sk__Task *task;

        while ((task = view_each_node_task(place->view, place->node->id, &cursor))) {
                const Sk__Resources *taken;

                if (!is_here(place, task))
                        continue;
                taken = spec_of(place->view, task)->task->reservations;
                if (is_cpu || is_memory)
                        left -= is_cpu ? taken->nano_cpus : taken->memory_bytes;
                else if (task->placement)
                        left -= generic_of(task->placement->assigned_generic,
                                           task->placement->n_assigned_generic, kind);
        }
        return left;
}

static bool resources_suffice(const struct place *place, const Sk__ServiceSpec *spec)
{
        const Sk__Resources *asked = spec->task->reservations;

        if ((asked->nano_cpus && asked->nano_cpus > left_of(place, "cpu")) ||
            (asked->memory_bytes && asked->memory_bytes > left_of(place, "memory")))
                return false;
        for (size_t i = 0; i < asked->n_generic; i++)
                if (asked->generic[i]->count > left_of(place, asked->generic[i]->kind))
                        return false;
        return true;
}

static bool has_a_port_of(const Sk__ServiceSpec *other, const void *spec)
{
        const Sk__EndpointSpec *mine = ((const Sk__ServiceSpec *)spec)->endpoint;

        for (size_t i = 0; mine && other->endpoint && i < mine->n_ports; i++)
                for (size_t k = 0; k < other->endpoint->n_ports; k++)
                        if (mine->ports[i]->published_port ==
                            other->endpoint->ports[k]->published_port)
                                return true;
        return false;
}

static bool replicas_suffice(const struct place *place, const Sk__ServiceSpec *spec)
{
        uint64_t most = spec->task->placement->max_replicas_per_node, n = 0;
        struct view_cursor cursor = { 0 };
        const Sk__Task *task;

        while ((task = view_each_node_task(place->view, place->node->id, &cursor)))
                n += is_here(place, task) && task_is_wanted(task) &&
                     !strcmp(spec_of(place->view, task)->annotations->name,
                             spec->annotations->name);
        return !most || n < most;
}

static bool is_ready(const Sk__Node *node)
{
        return node->status->state == SK__NODE_STATUS__STATE__READY &&
               node->spec->availability == SK__NODE_SPEC__AVAILABILITY__ACTIVE;
}

bool oracle_suits(const Sk__ServiceSpec *spec, const Sk__Node *node)
{
        return is_ready(node) && constraints_are_met(spec->task->placement, node);
}

static enum placement_filter filter_of(const struct place *place, const Sk__ServiceSpec *spec)
{
        if (!is_ready(place->node))
                return FILTER_ready;
        if (!resources_suffice(place, spec))
                return FILTER_resource;
        if (!constraints_are_met(spec->task->placement, place->node))
                return FILTER_constraint;
        if (any_here(place, has_a_port_of, spec))
                return FILTER_host_port;
        if (!replicas_suffice(place, spec))
                return FILTER_max_replicas;
        return affinities_hold(place, spec) ? FILTER_NONE : FILTER_affinity;
}

enum placement_filter oracle_filter(const struct view *view, const Sk__ServiceSpec *spec,
                                    const Sk__Node *node)
{
        return oracle_filter_above(view, spec, node, INT32_MIN);
}

enum placement_filter oracle_filter_above(const struct view *view, const Sk__ServiceSpec *spec,
                                          const Sk__Node *node, int32_t least)
{
        return filter_of(&(struct place){ view, node, least, NULL, 0 }, spec);
}

enum placement_filter oracle_filter_without(const struct view *view, const Sk__ServiceSpec *spec,
                                            const Sk__Node *node, const Sk__Task *const *gone,
                                            size_t n_gone)
{
        return filter_of(&(struct place){ view, node, INT32_MIN, gone, n_gone }, spec);
}

uint32_t oracle_unmet(const struct view *view, const Sk__ServiceSpec *spec, const Sk__Node *node)
{
        const struct place place = { view, node, INT32_MIN, NULL, 0 };
        const Sk__Placement *placement = spec->task->placement;
        uint32_t n = 0;

        for (size_t i = 0; i < placement->n_constraints; i++)
                n += is_soft(placement->constraints[i]) && !meets(placement->constraints[i], node);
        for (size_t i = 0; i < placement->n_affinities; i++)
                n += is_wish(placement->affinities[i]) &&
                     !affinity_holds(&place, placement->affinities[i]);
        return n;
}
