/* How many tasks per second the scheduler places: 5,000 nodes that are half full, 200 specs with
 * constraints of their own, spread.  The core alone is timed: deciding, and being told what became
 * of its plans.
 *
 *         bazel run --config=opt //tests/bench/scheduler:scheduler_bench [NODES [SPECS [TASKS]]] */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/base/check.h"
#include "lib/base/id.h"
#include "lib/state/task_life.h"
#include "manager/scheduler/scheduler.h"
#include "tests/sim/cluster/random_world.h"
#include "tests/unit/manager/scheduler/oracle.h"

enum { TASKS_BEFORE = 10, LIMIT = 4096 };

static double seconds(void)
{
        struct timespec now;

        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
        return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void make_nodes(struct world *world, size_t n_nodes, size_t n_specs)
{
        for (size_t i = 0; i < n_nodes; i++) {
                const char *name = arena_printf(&world->arena, "n%zux", i);
                const char *id = arena_strdup(&world->arena, a_node(world, name)->id);
                Sk__NodeDescription *description = a_node_description(world, name);
                Sk__NodeSpec *spec = a_node_spec(world, name);

                description->resources->nano_cpus = INT64_C(100000000000);
                description->resources->memory_bytes = INT64_C(100) << 30;
                a_part(world, SK__KIND__KIND_NODE, id, NULL, PART_NODE_description,
                       &description->base);
                spec->annotations->labels = arena_alloc(&world->arena, sizeof(Sk__Label *));
                spec->annotations->n_labels = 1;
                spec->annotations->labels[0] =
                        a_label(world, "group", arena_printf(&world->arena, "g%zu", i % n_specs));
                a_part(world, SK__KIND__KIND_NODE, id, NULL, PART_NODE_spec, &spec->base);
        }
}

/* Each leaves out other nodes, so each has to be asked about all of them. */
static void make_service(struct world *world, size_t i, int64_t percent)
{
        Sk__ServiceSpec *spec = a_spec(world, arena_printf(&world->arena, "s%zux", i), 1);
        Sk__Placement *placement = arena_alloc(&world->arena, sizeof *placement);
        Sk__Resources *resources = arena_alloc(&world->arena, sizeof *resources);

        sk__placement__init(placement);
        sk__resources__init(resources);
        placement->constraints =
                a_list(world, &placement->n_constraints,
                       arena_printf(&world->arena, "node.labels.group!=g%zu", i), NULL);
        resources->nano_cpus = percent * INT64_C(1000000000);
        resources->memory_bytes = percent << 30;
        spec->task->placement = placement;
        spec->task->reservations = resources;
        a_service_of(world, spec);
}

static void add_task(struct world *world, struct plan *plan, size_t service, uint64_t slot,
                     const char *node_id)
{
        Sk__TaskDefinition *definition = arena_alloc(&world->arena, sizeof *definition);
        Sk__TaskAllocation *allocation = arena_alloc(&world->arena, sizeof *allocation);
        Sk__TaskPlacement *placement = arena_alloc(&world->arena, sizeof *placement);
        struct plan_change *change;
        char id[ID_SIZE], slot_key[24];

        sk__task_definition__init(definition);
        sk__task_allocation__init(allocation);
        sk__task_placement__init(placement);
        definition->service_id = an_id(world, arena_printf(&world->arena, "s%zux", service));
        definition->spec_id = an_id(world, arena_printf(&world->arena, "s%zuxspec1", service));
        definition->slot = slot;
        definition->generation = 1;
        definition->desired_state = SK__TASK_STATE__TASK_RUNNING;
        snprintf(slot_key, sizeof slot_key, "%" PRIu64, slot);
        id_of_task(definition->service_id, slot_key, 1, id);
        change = plan_create(plan, SK__KIND__KIND_TASK, id);
        plan_set_part(change, PART_TASK_definition, &definition->base);
        plan_set_part(change, PART_TASK_allocation, &allocation->base);
        if (!node_id)
                return;
        placement->node_id = node_id;
        plan_set_part(change, PART_TASK_placement, &placement->base);
}

static void make_world(struct world *world, size_t n_nodes, size_t n_specs, size_t n_tasks)
{
        struct plan plan;

        world_init(world);
        a_cluster(world);
        make_nodes(world, n_nodes, n_specs);
        /* The last service has what is there already: half of every node. */
        for (size_t i = 0; i < n_specs; i++)
                make_service(world, i, 1);
        make_service(world, n_specs, 50 / TASKS_BEFORE);
        plan_init(&plan);
        for (size_t i = 0; i < n_nodes * TASKS_BEFORE; i++)
                add_task(world, &plan, n_specs, i + 1,
                         an_id(world, arena_printf(&world->arena, "n%zux", i % n_nodes)));
        for (size_t i = 0; i < n_tasks; i++)
                add_task(world, &plan, i % n_specs, i / n_specs + 1, NULL);
        world_apply(world, &plan);
        plan_done(&plan);
}

struct measured {
        double decide, touch;
        size_t n_placed, n_plans;
};

static void place_all(struct world *world, struct measured *ret)
{
        struct scheduler_config config = { .cache = scheduler_cache_new() };
        struct reconcile_keys keys = { 0 };
        struct plan plan;

        plan_init(&plan);
        for (;;) {
                double begun = seconds();
                struct applied applied;

                scheduler.decide(world->view, "pending", &config, LIMIT, &plan);
                ret->decide += seconds() - begun;
                if (plan_is_empty(&plan))
                        break;
                applied = world_apply(world, &plan);
                CHECK(applied.n_accepted == applied.n_groups);
                begun = seconds();
                for (size_t i = 0; i < applied.n_events; i++)
                        scheduler.touch(world->view, applied.events[i], &config, &keys);
                ret->touch += seconds() - begun;
                ret->n_placed += plan.n_changes;
                ret->n_plans++;
                plan_clear(&plan);
        }
        plan_done(&plan);
        reconcile_keys_done(&keys);
        scheduler_cache_free(config.cache);
}

/* A smaller world of the same shape, placed here and by the oracle: must be equal. */
static bool agrees_with_oracle(void)
{
        struct oracle_placement *wanted;
        struct measured measured = { 0 };
        struct world mine, theirs;
        bool agrees = true;
        size_t n;

        make_world(&mine, 60, 20, 800);
        make_world(&theirs, 60, 20, 800);
        place_all(&mine, &measured);
        wanted = oracle_place_all(&theirs, &n);
        for (size_t i = 0; i < n; i++)
                agrees &= !strcmp(task_node(view_task(mine.view, wanted[i].task_id)),
                                  wanted[i].node_id);
        world_done(&mine);
        world_done(&theirs);
        return agrees && n == measured.n_placed;
}

int main(int argc, char **argv)
{
        size_t n_nodes = argc > 1 ? strtoul(argv[1], NULL, 10) : 5000;
        size_t n_specs = argc > 2 ? strtoul(argv[2], NULL, 10) : 200;
        size_t n_tasks = argc > 3 ? strtoul(argv[3], NULL, 10) : 100000;
        struct measured measured = { 0 };
        struct world world;

        if (!agrees_with_oracle()) {
                printf("the oracle disagrees\n");
                return 1;
        }
        make_world(&world, n_nodes, n_specs, n_tasks);
        place_all(&world, &measured);
        printf("nodes: %zu\nspecs: %zu\nplans: %zu\n", n_nodes, n_specs, measured.n_plans);
        printf("placed: %zu tasks\n", measured.n_placed);
        printf("decide_seconds: %.3f s\ntouch_seconds: %.3f s\n", measured.decide, measured.touch);
        printf("placements_per_second: %.0f\n",
               (double)measured.n_placed / (measured.decide + measured.touch));
        world_done(&world);
        return measured.n_placed != n_tasks;
}
