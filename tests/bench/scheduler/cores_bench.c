/* What the cores of the three loops cost per task: services are created, their tasks are allocated,
 * placed, started, and the services removed, in one process with the store in one function.  Only
 * the loops are timed.
 *
 *         bazel run --config=opt //tests/bench/scheduler:cores_bench [SERVICES [REPLICAS [NODES]]]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/base/check.h"
#include "lib/base/time.h"
#include "lib/state/schedule.h"
#include "lib/state/task_life.h"
#include "manager/allocator/allocator.h"
#include "manager/orchestrator/orchestrator.h"
#include "manager/scheduler/scheduler.h"
#include "tests/lib/build_objects.h"

enum { LOOPS = 3, LIMIT = 4096, KEYS = 256 };

struct bench {
        struct world world;
        struct schedule loops[LOOPS];
        double seconds[LOOPS];
        struct scheduler_config config;
};

static double seconds(void)
{
        struct timespec now;

        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
        return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void tell(struct bench *bench, const struct applied *applied)
{
        for (size_t i = 0; i < LOOPS; i++) {
                double begun = seconds();

                for (size_t e = 0; e < applied->n_events; e++)
                        schedule_news(&bench->loops[i], bench->world.view, applied->events[e]);
                bench->seconds[i] += seconds() - begun;
        }
}

/* Applies in an arena of its own: what the news hold is needed no longer than they are told. */
static void apply(struct bench *bench, const struct plan *plan, struct schedule *loop)
{
        struct world *world = &bench->world;
        struct arena arena = { 0 };
        struct applied applied;

        view_apply_plan(world->view, plan, ++world->version, world->now, &arena, &applied);
        if (loop)
                schedule_ended(loop, world->version, applied.n_groups,
                               (const Sk__GroupResult *const *)applied.results);
        tell(bench, &applied);
        arena_done(&arena);
}

/* Every loop has its turn; false when none had anything to do. */
static bool take_turns(struct bench *bench)
{
        bool is_busy = false;

        for (size_t i = 0; i < LOOPS; i++) {
                struct schedule *loop = &bench->loops[i];
                double begun = seconds();
                const struct plan *plan = schedule_decide(loop, bench->world.view, LIMIT, KEYS);

                bench->seconds[i] += seconds() - begun;
                is_busy |= plan || schedule_has_work(loop, bench->world.view);
                if (plan)
                        apply(bench, plan, loop);
        }
        return is_busy;
}

/* Until no loop has anything more to say; time passes only when all wait for it. */
static void run_loops(struct bench *bench)
{
        for (;;) {
                int64_t wake_at = TIME_NEVER;

                while (take_turns(bench))
                        ;
                for (size_t i = 0; i < LOOPS; i++)
                        if (schedule_wake_at(&bench->loops[i]) < wake_at)
                                wake_at = schedule_wake_at(&bench->loops[i]);
                if (wake_at == TIME_NEVER)
                        return;
                bench->world.now = wake_at;
                view_set_now(bench->world.view, wake_at);
        }
}

/* Every task moves to 'state', as agents would report. */
static void report_all(struct bench *bench, Sk__TaskState state)
{
        struct view_cursor cursor = { 0 };
        const struct object_head *head;
        Sk__TaskStatus status = SK__TASK_STATUS__INIT;
        struct plan plan;

        plan_init(&plan);
        status.state = state;
        status.at_ns = bench->world.now;
        while ((head = view_each(bench->world.view, SK__KIND__KIND_TASK, &cursor))) {
                plan_group(&plan);
                plan_merge_status(&plan, head->id, &status);
        }
        apply(bench, &plan, NULL);
        plan_done(&plan);
}

static void make_node(struct bench *bench, size_t i)
{
        struct world *world = &bench->world;
        const char *name = arena_printf(&world->arena, "n%zux", i);
        const char *id = arena_strdup(&world->arena, a_node(world, name)->id);
        Sk__NodeDescription *description = a_node_description(world, name);

        description->resources->nano_cpus = INT64_C(1000000000000);
        a_part(world, SK__KIND__KIND_NODE, id, NULL, PART_NODE_description, &description->base);
}

static void phase(struct bench *bench, const char *name, size_t n_tasks)
{
        static const char *const names[LOOPS] = { "orchestrator", "allocator", "scheduler" };
        double all = 0;

        memset(bench->seconds, 0, sizeof bench->seconds);
        run_loops(bench);
        for (size_t i = 0; i < LOOPS; i++) {
                printf("%s_%s: %.2f us/task, %llu decisions\n", name, names[i],
                       bench->seconds[i] / (double)n_tasks * 1e6,
                       (unsigned long long)bench->loops[i].n_decisions);
                all += bench->seconds[i];
        }
        printf("%s_per_second: %.0f\n", name, (double)n_tasks / all);
}

int main(int argc, char **argv)
{
        size_t n_services = argc > 1 ? strtoul(argv[1], NULL, 10) : 100;
        size_t n_replicas = argc > 2 ? strtoul(argv[2], NULL, 10) : 1000;
        size_t n_nodes = argc > 3 ? strtoul(argv[3], NULL, 10) : 1000;
        size_t n_tasks = n_services * n_replicas;
        struct bench bench = { .config.cache = scheduler_cache_new() };

        world_init(&bench.world);
        a_cluster(&bench.world);
        for (size_t i = 0; i < n_nodes; i++)
                make_node(&bench, i);
        for (size_t i = 0; i < n_services; i++)
                a_service(&bench.world, arena_printf(&bench.world.arena, "s%zux", i), n_replicas);
        schedule_init(&bench.loops[0], &orchestrator, NULL);
        schedule_init(&bench.loops[1], &allocator, NULL);
        schedule_init(&bench.loops[2], &scheduler, &bench.config);
        for (size_t i = 0; i < LOOPS; i++)
                schedule_restart(&bench.loops[i], bench.world.view);
        phase(&bench, "create", n_tasks);
        report_all(&bench, SK__TASK_STATE__TASK_RUNNING);
        phase(&bench, "run", n_tasks);
        report_all(&bench, SK__TASK_STATE__TASK_FAILED);
        phase(&bench, "replace", n_tasks);
        for (size_t i = 0; i < LOOPS; i++)
                schedule_done(&bench.loops[i]);
        scheduler_cache_free(bench.config.cache);
        world_done(&bench.world);
        return 0;
}
