/* People and fate: who asks for what, and what goes wrong when. */
#include "tests/sim/cluster/internal.h"

#include <string.h>

#include "lib/base/check.h"
#include "lib/state/task_digest.h"
#include "manager/api_server/call.h"
#include "tests/sim/cluster/random_world.h"

static void commit(struct sim *sim, struct plan *plan)
{
        news_unref(sim_commit(sim, plan));
        plan_done(plan);
}

/* --- services --- */

static const char *service_name(struct sim *sim, size_t i)
{
        size_t n = sim->options->n_services;

        /* Jobs come last, every third a global one. */
        if (i >= n)
                return arena_printf(&sim->arena, "%c%zux", (i - n) % 3 == 2 ? 'k' : 'j', i);
        return arena_printf(&sim->arena, "%c%zux", i % 4 == 3 ? 'g' : 's', i);
}

static const Sk__Service *service_named(struct sim *sim, const char *name)
{
        return (const Sk__Service *)view_find_name(sim->world.view, SK__KIND__KIND_SERVICE, name);
}

static void add_spec(struct sim *sim, struct plan *plan, const char *spec_id,
                     const char *service_id, uint64_t number, const Sk__ServiceSpec *spec)
{
        Sk__ServiceSpecRevision *revision = arena_alloc(&plan->arena, sizeof *revision);

        sk__service_spec_revision__init(revision);
        revision->service_id = service_id;
        revision->revision = number;
        revision->spec = (Sk__ServiceSpec *)spec;
        revision->task_digest = task_digest_of(spec, &plan->arena);
        plan_set_part(plan_create(plan, SK__KIND__KIND_SERVICE_SPEC, spec_id),
                      PART_SERVICE_SPEC_spec, &revision->base);
        if ((spec->update && spec->update->order == SK__UPDATE_CONFIG__ORDER__START_FIRST) ||
            (spec->rollback && spec->rollback->order == SK__UPDATE_CONFIG__ORDER__START_FIRST))
                map_put(&sim->start_first, arena_strdup(&sim->arena, service_id), sim);
}

/* As the API does: a new revision, the one before it is the previous one, and two are kept as
 * history.  'spec': NULL, something new. */
static void put_service(struct sim *sim, const char *name, Sk__ServiceSpec *spec, bool is_rollback)
{
        const Sk__Service *before = service_named(sim, name);
        const char *id =
                before ? arena_strdup(&sim->arena, before->id)
                       : an_id(&sim->world, arena_printf(&sim->arena, "%sv%llux", name,
                                                         (unsigned long long)sim->world.version));
        Sk__ServiceRevision *revision;
        struct plan_change *change;
        struct plan plan;

        plan_init(&plan);
        revision = arena_alloc(&plan.arena, sizeof *revision);
        sk__service_revision__init(revision);
        revision->is_rollback = is_rollback;
        if (!spec)
                spec = random_spec(&sim->world, &sim->random, name, sim->options->n_slots);
        revision->revision = before ? before->spec->revision + 1 : 1;
        revision->spec_id =
                an_id(&sim->world, arena_printf(&sim->arena, "%sspec%llu%llu", name,
                                                (unsigned long long)revision->revision,
                                                (unsigned long long)sim->world.version));
        if (before) {
                revision->runs_asked = before->spec->runs_asked;
                revision->previous_spec_id = before->spec->spec_id;
                revision->history = arena_alloc(&plan.arena, sizeof *revision->history);
                if (*before->spec->previous_spec_id)
                        revision->history[revision->n_history++] = before->spec->previous_spec_id;
        }
        add_spec(sim, &plan, revision->spec_id, id, revision->revision, spec);
        change = before ? plan_update(&plan, SK__KIND__KIND_SERVICE, id)
                        : plan_create(&plan, SK__KIND__KIND_SERVICE, id);
        change->name = name;
        plan_set_part(change, PART_SERVICE_spec, &revision->base);
        commit(sim, &plan);
}

static void roll_back(struct sim *sim, const char *name)
{
        const Sk__Service *service = service_named(sim, name);
        const Sk__ServiceSpecObject *previous =
                service ? view_service_spec(sim->world.view, service->spec->previous_spec_id)
                        : NULL;

        if (previous)
                put_service(sim, name,
                            (Sk__ServiceSpec *)message_copy(&sim->arena,
                                                            &previous->spec->spec->base),
                            true);
}

/* The spec it has, but for where its tasks may be. */
static void constrain(struct sim *sim, const char *name)
{
        const Sk__Service *service = service_named(sim, name);
        Sk__ServiceSpec *other, *spec;

        if (!service)
                return;
        spec = (Sk__ServiceSpec *)message_copy(
                &sim->arena,
                &view_service_spec(sim->world.view, service->spec->spec_id)->spec->spec->base);
        other = random_spec(&sim->world, &sim->random, name, sim->options->n_slots);
        spec->task->placement->constraints = other->task->placement->constraints;
        spec->task->placement->n_constraints = other->task->placement->n_constraints;
        put_service(sim, name, spec, false);
}

/* A paused update is resumed, canaries are promoted, a job is run. */
static void go_on(struct sim *sim, const char *name)
{
        const Sk__Service *service = service_named(sim, name);
        Sk__ServiceRevision *revision;
        struct plan plan;

        if (!service)
                return;
        plan_init(&plan);
        revision = (Sk__ServiceRevision *)message_copy(&plan.arena, &service->spec->base);
        if (name[0] == 'j' || name[0] == 'k')
                revision->runs_asked++;
        else if (sim_one_in(sim, 2))
                revision->resumed_at_ns = sim->world.now;
        else
                revision->is_promoted = true;
        plan_set_part(plan_update(&plan, SK__KIND__KIND_SERVICE, service->id), PART_SERVICE_spec,
                      &revision->base);
        commit(sim, &plan);
}

/* By the API's own handler. */
static void rebalance(struct sim *sim, const char *name, uint64_t budget)
{
        Sk__RebalanceServiceRequest in = SK__REBALANCE_SERVICE_REQUEST__INIT;
        Sk__RebalanceServiceResponse out = SK__REBALANCE_SERVICE_RESPONSE__INIT;
        struct plan plan;
        struct err err;
        struct call call = { .view = sim->world.view,
                             .plan = &plan,
                             .arena = &sim->arena,
                             .err = &err,
                             .now_ns = sim->world.now };

        plan_init(&plan);
        in.id = name;
        in.budget = budget;
        if (handle_rebalance_service(&call, &in, &out) == 0 && !plan_is_empty(&plan))
                commit(sim, &plan);
        else
                plan_done(&plan);
}

static void remove_service(struct sim *sim, const char *name)
{
        const Sk__Service *service = service_named(sim, name);
        struct plan plan;

        if (!service)
                return;
        plan_init(&plan);
        plan_remove(&plan, SK__KIND__KIND_SERVICE, service->id);
        commit(sim, &plan);
}

/* --- nodes --- */

static void set_node(struct sim *sim, struct sim_node *node,
                     Sk__NodeSpec__Availability availability)
{
        static const char *const zones[] = { "east", "west", "south" };
        Sk__NodeSpec *spec = a_node_spec(&sim->world, node->name);
        struct plan plan;

        plan_init(&plan);
        spec->availability = availability;
        if (availability == SK__NODE_SPEC__AVAILABILITY__DRAIN)
                spec->drained_at_ns = sim->world.now;
        spec->annotations->labels = arena_alloc(&plan.arena, sizeof *spec->annotations->labels);
        spec->annotations->labels[spec->annotations->n_labels++] =
                a_label(&sim->world, "zone", zones[random_below(&sim->random, 3)]);
        plan_set_part(plan_update(&plan, SK__KIND__KIND_NODE, node->id), PART_NODE_spec,
                      &spec->base);
        node->changed_at = sim->world.now;
        commit(sim, &plan);
}

/* More or less of everything than before. */
static void resize_node(struct sim *sim, struct sim_node *node)
{
        Sk__NodeDescription *description = a_node_description(&sim->world, node->name);
        struct plan plan;

        plan_init(&plan);
        description->resources->nano_cpus =
                random_between(&sim->random, 1, 8) * INT64_C(1000000000);
        description->resources->memory_bytes = random_between(&sim->random, 1, 8) << 30;
        plan_set_part(plan_update(&plan, SK__KIND__KIND_NODE, node->id), PART_NODE_description,
                      &description->base);
        node->changed_at = sim->world.now;
        commit(sim, &plan);
}

static void come_back(struct sim *sim, void *context, uint64_t number)
{
        (void)sim;
        (void)number;
        node_return(context);
}

static void node_trouble(struct sim *sim)
{
        struct sim_node *node = &sim->nodes[random_below(&sim->random, sim->options->n_nodes)];

        if (sim_one_in(sim, 2))
                node_crash(node);
        else
                node_cut(node);
        sim_after(sim, sim_between(sim, 1000, 120000), come_back, node, 0);
}

/* --- the script --- */

static void act(struct sim *sim)
{
        const char *name =
                service_name(sim, random_below(&sim->random,
                                               sim->options->n_services + sim->options->n_jobs));
        struct sim_node *node = &sim->nodes[random_below(&sim->random, sim->options->n_nodes)];

        switch (random_below(&sim->random, sim->options->is_ailing ? 21 : 18)) {
        case 0:
        case 1:
        case 2:
        case 3:
                put_service(sim, name, NULL, false);
                break;
        case 4:
                remove_service(sim, name);
                break;
        case 5:
        case 6:
                set_node(sim, node, (Sk__NodeSpec__Availability)random_below(&sim->random, 3));
                break;
        case 7:
        case 8:
                set_node(sim, node, SK__NODE_SPEC__AVAILABILITY__ACTIVE);
                break;
        case 9:
        case 10:
                node_trouble(sim);
                break;
        case 11:
                resize_node(sim, node);
                break;
        case 12:
                roll_back(sim, name);
                break;
        case 13:
        case 14:
                go_on(sim, name);
                break;
        case 15:
        case 16:
                constrain(sim, name);
                break;
        case 17:
                loop_restart(&sim->loops[random_below(&sim->random, SIM_LOOPS)]);
                break;
        default:
                rebalance(sim, name, random_below(&sim->random, 4));
        }
}

static void next(struct sim *sim, void *context, uint64_t number)
{
        (void)context;
        (void)number;
        if (!sim_has_faults(sim))
                return;
        act(sim);
        sim_after(sim, sim_between(sim, 100, sim_one_in(sim, 4) ? 60000 : 8000), next, NULL, 0);
}

/* In some clusters tasks move when nodes come back. */
static void set_budget(struct sim *sim)
{
        struct plan plan;
        Sk__ClusterSpec *spec;

        plan_init(&plan);
        spec = (Sk__ClusterSpec *)message_copy(&plan.arena,
                                               &view_cluster(sim->world.view)->spec->base);
        spec->rebalance_budget = random_below(&sim->random, 3);
        plan_set_part(plan_update(&plan, SK__KIND__KIND_CLUSTER, view_cluster(sim->world.view)->id),
                      PART_CLUSTER_spec, &spec->base);
        commit(sim, &plan);
}

void person_begin(struct sim *sim)
{
        set_budget(sim);
        for (size_t i = 0; i < sim->options->n_services + sim->options->n_jobs; i++)
                put_service(sim, service_name(sim, i), NULL, false);
        sim_after(sim, NS_PER_S, next, NULL, 0);
}

void person_finish(struct sim *sim)
{
        for (size_t i = 0; i < sim->options->n_nodes; i++) {
                node_return(&sim->nodes[i]);
                set_node(sim, &sim->nodes[i], SK__NODE_SPEC__AVAILABILITY__ACTIVE);
        }
}

void person_rebalance(struct sim *sim, void *context, uint64_t number)
{
        (void)context;
        (void)number;
        for (size_t i = 0; i < sim->options->n_services; i++)
                rebalance(sim, service_name(sim, i), 0);
}

void person_drain(struct sim *sim, void *context, uint64_t number)
{
        (void)number;
        set_node(sim, context, SK__NODE_SPEC__AVAILABILITY__DRAIN);
}
