/* What the tasks on a node take from it. */
#include "lib/placement/usage.h"

#include <string.h>

#include "lib/state/task_life.h"

void placement_usage_init(struct placement_usage *usage)
{
        *usage = (struct placement_usage){
                .services = VEC_OF(struct usage_service),
                .ports = VEC_OF(uint32_t),
                .generic = VEC_OF(struct usage_generic),
                .traits = VEC_OF(uint64_t),
                .forbidden = VEC_OF(uint64_t),
                .specs = VEC_OF(uint64_t),
                .failures = VEC_OF(struct usage_failure),
        };
}

static void usage_clear(struct placement_usage *usage)
{
        for (size_t i = 0; i < usage->generic.n; i++) {
                free((void *)VEC_AT(&usage->generic, struct usage_generic, i).kind);
                free((void *)VEC_AT(&usage->generic, struct usage_generic, i).name);
        }
        vec_clear(&usage->services);
        vec_clear(&usage->ports);
        vec_clear(&usage->generic);
        vec_clear(&usage->traits);
        vec_clear(&usage->forbidden);
        vec_clear(&usage->specs);
        vec_clear(&usage->failures);
        usage->nano_cpus = usage->memory_bytes = 0;
        usage->n_tasks = 0;
}

void placement_usage_done(struct placement_usage *usage)
{
        usage_clear(usage);
        vec_done(&usage->services);
        vec_done(&usage->ports);
        vec_done(&usage->generic);
        vec_done(&usage->traits);
        vec_done(&usage->forbidden);
        vec_done(&usage->specs);
        vec_done(&usage->failures);
}

static void add_service(struct placement_usage *usage, uint64_t service)
{
        struct usage_service *services = usage->services.data;

        usage->n_tasks++;
        for (size_t i = 0; i < usage->services.n; i++)
                if (services[i].service == service) {
                        services[i].n_tasks++;
                        return;
                }
        vec_push(&usage->services, &(struct usage_service){ service, 1 });
}

static void add_generic(struct placement_usage *usage, const Sk__GenericResource *generic)
{
        bool is_named = generic->value_case == SK__GENERIC_RESOURCE__VALUE_NAMED;
        struct usage_generic use = {
                .kind = str_copy(generic->kind),
                .name = is_named ? str_copy(generic->named) : NULL,
                .count = is_named ? 1 : generic->count,
        };

        vec_push(&usage->generic, &use);
}

static void add_failure(struct placement_usage *usage, const Sk__Task *task)
{
        struct usage_failure failure = {
                .spec = placement_hash(task->definition->spec_id),
                .at = task->status->at_ns,
        };

        strncpy(failure.task_id, task->id, sizeof failure.task_id - 1);
        vec_push(&usage->failures, &failure);
}

/* The place of the first port that is not less. */
static size_t port_place(const struct placement_usage *usage, uint32_t port)
{
        const uint32_t *ports = usage->ports.data;
        size_t low = 0, high = usage->ports.n;

        while (low < high) {
                size_t middle = (low + high) / 2;

                if (ports[middle] < port)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

bool placement_usage_has_port(const struct placement_usage *usage, uint32_t port)
{
        size_t place = port_place(usage, port);

        return place < usage->ports.n && VEC_AT(&usage->ports, uint32_t, place) == port;
}

static void add_port(struct placement_usage *usage, uint32_t port)
{
        size_t place = port_place(usage, port);
        uint32_t *ports;

        vec_push(&usage->ports, &port);
        ports = usage->ports.data;
        memmove(ports + place + 1, ports + place, (usage->ports.n - 1 - place) * sizeof port);
        ports[place] = port;
}

static void add_reserved(struct placement_usage *usage, const Sk__ServiceSpecRevision *revision)
{
        const Sk__ServiceSpec *spec = revision ? revision->spec : NULL;
        const Sk__Resources *reserved = spec && spec->task ? spec->task->reservations : NULL;
        const Sk__EndpointSpec *endpoint = spec ? spec->endpoint : NULL;

        if (reserved) {
                usage->nano_cpus += reserved->nano_cpus;
                usage->memory_bytes += reserved->memory_bytes;
        }
        for (size_t i = 0; endpoint && i < endpoint->n_ports; i++)
                if (endpoint->ports[i]->publish_mode == SK__PORT_CONFIG__PUBLISH_MODE__HOST &&
                    endpoint->ports[i]->published_port)
                        add_port(usage, placement_port(endpoint->ports[i]));
}

static void push_trait(void *context, uint64_t trait)
{
        traits_add(context, trait);
}

static void add_traits(struct placement_usage *usage, const Sk__Task *task,
                       const Sk__ServiceSpecRevision *revision)
{
        uint64_t hash = placement_hash(task->definition->spec_id);
        const Sk__ServiceSpec *spec = revision ? revision->spec : NULL;
        const Sk__Placement *placement = spec && spec->task ? spec->task->placement : NULL;
        struct arena arena = { 0 };
        struct affinity affinity;

        if (!spec || traits_have(&usage->specs, hash))
                return;
        traits_add(&usage->specs, hash);
        affinity_each_trait(spec, push_trait, &usage->traits);
        for (size_t i = 0; placement && i < placement->n_affinities; i++)
                if (affinity_parse(&arena, placement->affinities[i], &affinity, NULL) == 0 &&
                    !affinity.is_equal && !affinity.is_soft)
                        traits_add(&usage->forbidden, affinity.trait);
        arena_done(&arena);
}

void placement_usage_add_task(struct placement_usage *usage, const struct view *view,
                              const Sk__Task *task)
{
        const Sk__ServiceSpecRevision *revision;
        Sk__TaskState state = task_state(task);

        if ((state == SK__TASK_STATE__TASK_FAILED || state == SK__TASK_STATE__TASK_REJECTED) &&
            task->status->at_ns > view_now(view) - USAGE_FAILURES_NS)
                add_failure(usage, task);
        /* A preassigned task takes nothing before the scheduler let it in. */
        if (state < SK__TASK_STATE__TASK_ASSIGNED || task_is_over(task))
                return;
        revision = view_task_spec(view, task);
        add_reserved(usage, revision);
        add_traits(usage, task, revision);
        for (size_t i = 0; task->placement && i < task->placement->n_assigned_generic; i++)
                add_generic(usage, task->placement->assigned_generic[i]);
        if (task_is_wanted(task))
                add_service(usage, placement_hash(task->definition->service_id));
}

void placement_usage_read_without(struct placement_usage *usage, const struct view *view,
                                  const char *node_id,
                                  bool (*is_gone)(const void *context, const Sk__Task *task),
                                  const void *context)
{
        struct view_cursor cursor = { 0 };
        const Sk__Task *task;

        usage_clear(usage);
        while ((task = view_each_node_task(view, node_id, &cursor)))
                if (!is_gone(context, task))
                        placement_usage_add_task(usage, view, task);
}

static bool is_never_gone(const void *context, const Sk__Task *task)
{
        (void)context;
        (void)task;
        return false;
}

void placement_usage_read(struct placement_usage *usage, const struct view *view,
                          const char *node_id)
{
        placement_usage_read_without(usage, view, node_id, is_never_gone, NULL);
}

void placement_usage_add(struct placement_usage *usage, const struct placement_need *need,
                         Sk__GenericResource *const *assigned, size_t n_assigned)
{
        usage->nano_cpus += need->nano_cpus;
        usage->memory_bytes += need->memory_bytes;
        for (size_t i = 0; i < need->n_ports; i++)
                add_port(usage, need->ports[i]);
        for (size_t i = 0; i < n_assigned; i++)
                add_generic(usage, assigned[i]);
        add_service(usage, need->service);
        if (traits_have(&usage->specs, need->spec))
                return;
        traits_add(&usage->specs, need->spec);
        for (size_t i = 0; i < need->n_traits; i++)
                traits_add(&usage->traits, need->traits[i]);
        for (size_t i = 0; i < need->n_affinities; i++)
                if (!need->affinities[i].is_equal && !need->affinities[i].is_soft)
                        traits_add(&usage->forbidden, need->affinities[i].trait);
}

uint32_t placement_usage_of_service(const struct placement_usage *usage, uint64_t service)
{
        const struct usage_service *services = usage->services.data;

        for (size_t i = 0; i < usage->services.n; i++)
                if (services[i].service == service)
                        return services[i].n_tasks;
        return 0;
}

uint32_t placement_usage_failures(const struct placement_usage *usage, uint64_t spec, int64_t now)
{
        uint32_t n = 0;

        for (size_t i = 0; i < usage->failures.n; i++) {
                const struct usage_failure *failure = vec_at(&usage->failures, i);

                n += failure->spec == spec && failure->at > now - USAGE_FAILURES_NS;
        }
        return n;
}

static bool name_is_used(const struct placement_usage *usage, const Sk__GenericResource *generic)
{
        for (size_t i = 0; i < usage->generic.n; i++) {
                const struct usage_generic *use = vec_at(&usage->generic, i);

                if (use->name && !strcmp(use->kind, generic->kind) &&
                    !strcmp(use->name, generic->named))
                        return true;
        }
        return false;
}

/* How many of a countable kind are free. */
static int64_t count_free(const struct placement_usage *usage, const Sk__GenericResource *generic)
{
        int64_t n = generic->count;

        for (size_t i = 0; i < usage->generic.n; i++) {
                const struct usage_generic *use = vec_at(&usage->generic, i);

                if (!use->name && !strcmp(use->kind, generic->kind))
                        n -= use->count;
        }
        return n;
}

static Sk__GenericResource *claim_new(struct arena *arena, const Sk__GenericResource *from,
                                      int64_t count)
{
        Sk__GenericResource *claim = arena_alloc(arena, sizeof *claim);

        sk__generic_resource__init(claim);
        claim->kind = arena_strdup(arena, from->kind);
        claim->value_case = from->value_case;
        if (from->value_case == SK__GENERIC_RESOURCE__VALUE_NAMED)
                claim->named = arena_strdup(arena, from->named);
        else
                claim->count = count;
        return claim;
}

static int claim_compare(const void *a, const void *b)
{
        return strcmp((*(Sk__GenericResource *const *)a)->named,
                      (*(Sk__GenericResource *const *)b)->named);
}

/* Claims 'count' of a kind, appending at ret[*n]; false when there are too few. */
static bool claim_kind(const struct placement_generic *need, const Sk__Resources *have,
                       const struct placement_usage *usage, struct arena *arena,
                       Sk__GenericResource **ret, size_t *n)
{
        size_t first = *n, n_named;

        for (size_t i = 0; i < have->n_generic; i++) {
                const Sk__GenericResource *generic = have->generic[i];

                if (strcmp(generic->kind, need->kind))
                        continue;
                if (generic->value_case == SK__GENERIC_RESOURCE__VALUE_COUNT) {
                        if (count_free(usage, generic) < need->count)
                                return false;
                        ret[(*n)++] = claim_new(arena, generic, need->count);
                        return true;
                }
                /* An agent may send one that has neither. */
                if (generic->value_case == SK__GENERIC_RESOURCE__VALUE_NAMED &&
                    !name_is_used(usage, generic))
                        ret[(*n)++] = claim_new(arena, generic, 1);
        }
        n_named = *n - first;
        qsort(ret + first, n_named, sizeof *ret, claim_compare);
        if ((int64_t)n_named < need->count)
                return false;
        *n = first + (size_t)need->count;
        return true;
}

/* How much of a kind is free: what is countable, or so many names. */
static int64_t kind_free(const char *kind, const Sk__Resources *have,
                         const struct placement_usage *usage)
{
        int64_t n_named = 0;

        for (size_t i = 0; have && i < have->n_generic; i++) {
                const Sk__GenericResource *generic = have->generic[i];

                if (strcmp(generic->kind, kind))
                        continue;
                if (generic->value_case == SK__GENERIC_RESOURCE__VALUE_COUNT)
                        return count_free(usage, generic);
                /* An agent may send one that has neither. */
                n_named += generic->value_case == SK__GENERIC_RESOURCE__VALUE_NAMED &&
                           !name_is_used(usage, generic);
        }
        return n_named;
}

const struct placement_generic *placement_missing(const struct placement_need *need,
                                                  const Sk__Node *node,
                                                  const struct placement_usage *usage,
                                                  int64_t *ret_free)
{
        const Sk__Resources *have = node->description ? node->description->resources : NULL;

        for (size_t i = 0; i < need->n_generic; i++) {
                int64_t n_free = kind_free(need->generic[i].kind, have, usage);

                if (n_free >= need->generic[i].count)
                        continue;
                *ret_free = n_free > 0 ? n_free : 0;
                return &need->generic[i];
        }
        return NULL;
}

bool placement_claim(const struct placement_need *need, const Sk__Node *node,
                     const struct placement_usage *usage, struct arena *arena,
                     Sk__GenericResource ***ret_claims, size_t *ret_n_claims)
{
        const Sk__Resources *have = node->description ? node->description->resources : NULL;
        Sk__GenericResource **claims;
        size_t n = 0;

        *ret_n_claims = 0;
        if (!need->n_generic)
                return true;
        if (!have)
                return false;
        claims = arena_alloc(arena, (need->n_generic + have->n_generic) * sizeof *claims);
        for (size_t i = 0; i < need->n_generic; i++)
                if (!claim_kind(&need->generic[i], have, usage, arena, claims, &n))
                        return false;
        *ret_claims = claims;
        *ret_n_claims = n;
        return true;
}
