/* The simulator's clock. */
#include "tests/sim/cluster/internal.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/check.h"
#include "manager/allocator/allocator.h"
#include "manager/orchestrator/orchestrator.h"

struct event {
        struct heap_node node;
        int64_t at;
        uint64_t sequence;
        void (*fire)(struct sim *, void *, uint64_t);
        void *context;
        uint64_t number;
};

static bool is_before(const struct heap_node *a, const struct heap_node *b)
{
        const struct event *x = container_of(a, const struct event, node);
        const struct event *y = container_of(b, const struct event, node);

        return x->at != y->at ? x->at < y->at : x->sequence < y->sequence;
}

void sim_after(struct sim *sim, int64_t delay_ns, void (*fire)(struct sim *, void *, uint64_t),
               void *context, uint64_t number)
{
        struct event *event = mem_alloc(sizeof *event);

        event->at = sim->world.now + delay_ns;
        event->sequence = sim->n_queued++;
        event->fire = fire;
        event->context = context;
        event->number = number;
        heap_add(&sim->queue, &event->node);
}

bool sim_has_faults(const struct sim *sim)
{
        return sim->world.now < sim->faults_end;
}

bool sim_one_in(struct sim *sim, uint64_t n)
{
        return random_below(&sim->random, n) == 0;
}

int64_t sim_between(struct sim *sim, int64_t least_ms, int64_t most_ms)
{
        return random_between(&sim->random, least_ms * 1000, most_ms * 1000) * 1000;
}

void sim_fail(struct sim *sim, const char *format, ...)
{
        va_list arguments;

        if (sim->result.failure)
                return;
        va_start(arguments, format);
        vsnprintf(sim->failure, sizeof sim->failure, format, arguments);
        va_end(arguments);
        sim->result.failure = sim->failure;
        sim->result.failed_at = sim->world.now - sim->begun;
}

static bool step(struct sim *sim, int64_t until)
{
        struct heap_node *first = heap_first(&sim->queue);
        struct event *event;

        if (!first || sim->result.failure)
                return false;
        event = container_of(first, struct event, node);
        if (event->at > until)
                return false;
        heap_remove(&sim->queue, first);
        CHECK(event->at >= sim->world.now);
        sim->world.now = event->at;
        sim->result.n_events++;
        event->fire(sim, event->context, event->number);
        free(event);
        return true;
}

static void end_faults(struct sim *sim, void *context, uint64_t number)
{
        (void)context;
        (void)number;
        person_finish(sim);
        if (sim->options->is_ailing)
                sim_after(sim, 10 * NS_PER_MINUTE, person_rebalance, NULL, 0);
        sim_after(sim, 90 * NS_PER_MINUTE, person_drain, &sim->nodes[0], 0);
}

static void drop_queue(struct sim *sim)
{
        struct heap_node *first;

        while ((first = heap_first(&sim->queue))) {
                struct event *event = container_of(first, struct event, node);

                heap_remove(&sim->queue, first);
                free(event);
        }
        heap_done(&sim->queue);
}

static void sim_done(struct sim *sim)
{
        struct seen_task *seen;

        for (size_t i = 0; i < SIM_LOOPS; i++)
                loop_done(&sim->loops[i]);
        for (size_t i = 0; i < sim->options->n_nodes; i++)
                node_done(&sim->nodes[i]);
        drop_queue(sim);
        for (size_t at = 0; (seen = map_next(&sim->seen, &at));)
                free(seen);
        for (size_t i = 0; i < sim->all_news.n; i++)
                arena_done(&VEC_AT(&sim->all_news, struct news *, i)->arena);
        vec_done(&sim->all_news);
        map_done(&sim->seen);
        map_done(&sim->seen_jobs);
        map_done(&sim->start_first);
        arena_done(&sim->arena);
        world_done(&sim->world);
}

struct sim_result sim_run(const struct sim_options *options)
{
        static char failure[512];
        static const struct reconciler *const loops[SIM_LOOPS] = { &orchestrator, &allocator,
                                                                   &scheduler };
        struct sim *sim = mem_alloc(sizeof *sim);
        struct sim_result result;

        CHECK(options->n_nodes <= SIM_NODES_MOST);
        sim->options = options;
        sim->queue.is_before = is_before;
        sim->all_news = VEC_OF(struct news *);
        random_init(&sim->random, options->seed);
        world_init(&sim->world);
        a_cluster(&sim->world);
        sim->begun = sim->world.now;
        sim->faults_end = sim->begun + options->faults_ns;
        for (size_t i = 0; i < options->n_nodes; i++)
                node_init(sim, &sim->nodes[i], i);
        for (size_t i = 0; i < SIM_LOOPS; i++)
                loop_init(sim, &sim->loops[i], loops[i]);
        person_begin(sim);
        sim_after(sim, options->faults_ns, end_faults, NULL, 0);
        while (step(sim, sim->faults_end + options->rest_ns))
                ;
        if (!sim->result.failure) {
                sim->world.now = sim->faults_end + options->rest_ns;
                check_rest(sim);
        }
        result = sim->result;
        if (result.failure) {
                snprintf(failure, sizeof failure, "%s", sim->failure);
                result.failure = failure;
        }
        sim_done(sim);
        free(sim);
        return result;
}
