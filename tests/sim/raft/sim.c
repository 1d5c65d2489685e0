/* The world: a heap of events, a clock, a seeded generator. */
#include "tests/sim/raft/sim.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "lib/base/check.h"
#include "lib/base/mem.h"

static bool is_before(const struct heap_node *left, const struct heap_node *right)
{
        const struct sim_event *a = container_of(left, struct sim_event, node);
        const struct sim_event *b = container_of(right, struct sim_event, node);

        return a->at != b->at ? a->at < b->at : a->order < b->order;
}

void sim_plan(struct sim *sim, struct sim_event *event, int64_t delay)
{
        event->at = sim->now + delay;
        event->order = ++sim->order;
        event->node = (struct heap_node){ 0 };
        heap_add(&sim->events, &event->node);
}

void sim_fail(struct sim *sim, const char *format, ...)
{
        va_list args;

        if (sim->is_failed)
                return;
        sim->is_failed = true;
        va_start(args, format);
        vsnprintf(sim->failure, sizeof sim->failure, format, args);
        va_end(args);
}

void sim_trace(struct sim *sim, const char *format, ...)
{
        va_list args;

        if (!sim->options.is_traced)
                return;
        printf("[%10.3f ms] ", (double)sim->now / 1e6);
        va_start(args, format);
        vprintf(format, args);
        va_end(args);
        putchar('\n');
}

void sim_mix(struct sim *sim, uint64_t value)
{
        sim->trace = (sim->trace ^ value) * 0x100000001b3u;
        sim->trace ^= sim->trace >> 29;
}

bool sim_chance(struct sim *sim, unsigned permille)
{
        return random_below(&sim->random, 1000) < permille;
}

int64_t sim_between(struct sim *sim, int64_t least, int64_t most)
{
        return least < most ? random_between(&sim->random, least, most) : least;
}

/* Everything at once and all the time, where it hurts: what needs three faults within one election
 * shows only here. */
static void make_storm(struct sim *sim, struct weather *weather)
{
        static const unsigned often[] = { 0, 50, 150, 400 };
        static const unsigned calming[] = { 20, 60, 300 };

        weather->is_storm = true;
        weather->heal_permille = calming[sim_between(sim, 0, 2)];
        weather->latency = sim_between(sim, 1, 30) * NS_PER_MS / 10;
        weather->disk_latency = sim_between(sim, 1, 100) * NS_PER_MS / 10;
        weather->chaos_every = sim_between(sim, 5, 100) * NS_PER_MS;
        weather->client_every = sim_between(sim, 5, 40) * NS_PER_MS / 10;
        weather->new_leader_permille = often[sim_between(sim, 0, 3)];
        weather->crash_permille = often[sim_between(sim, 0, 3)];
        weather->partition_permille = often[sim_between(sim, 0, 3)];
        weather->transfer_permille = often[sim_between(sim, 0, 3)];
        weather->change_permille = often[sim_between(sim, 0, 3)];
}

/* Every seed has its own: faults that all strike at once hide what one alone would show. */
static struct weather draw_weather(struct sim *sim)
{
        static const unsigned loss[] = { 0, 0, 5, 50, 200 }, rare[] = { 0, 0, 20, 100 };
        struct weather weather = {
                .loss_permille = loss[sim_between(sim, 0, 4)],
                .repeat_permille = loss[sim_between(sim, 0, 4)],
                .slow_permille = loss[sim_between(sim, 0, 4)],
                .latency = sim_between(sim, 1, 8) * NS_PER_MS,
                .slow_latency = sim_between(sim, 10, 1500) * NS_PER_MS,
                .disk_latency = sim_between(sim, 1, sim_chance(sim, 200) ? 200 : 15) * NS_PER_MS,
                .chaos_every = sim_between(sim, 20, 400) * NS_PER_MS,
                .client_every = sim_between(sim, 2, 40) * NS_PER_MS,
                .change_permille = loss[sim_between(sim, 0, 4)],
                .crash_permille = rare[sim_between(sim, 0, 3)],
                .partition_permille = rare[sim_between(sim, 0, 3)],
                .pause_permille = rare[sim_between(sim, 0, 3)],
                .compact_permille = loss[sim_between(sim, 0, 4)],
                .transfer_permille = rare[sim_between(sim, 0, 3)],
                .heal_permille = 300,
                .is_tiny = sim_chance(sim, 500),
                .has_lease = sim_chance(sim, 700),
        };

        if (sim_chance(sim, 400))
                make_storm(sim, &weather);
        return weather;
}

static void make_servers(struct sim *sim)
{
        struct raft_members first = { 0 };
        size_t n_voters = (size_t)sim_between(sim, 1, 5);

        sim->n_servers = (size_t)sim_between(sim, (int64_t)n_voters, SERVERS_MAX);
        for (size_t i = 0; i < n_voters; i++)
                first.member[first.n++].id = i + 1;
        for (size_t i = 0; i < sim->n_servers; i++) {
                struct server *server = &sim->servers[i];

                server->id = i + 1;
                server->clock_offset = sim_between(sim, 0, 1000 * NS_PER_S);
                server->clock_ppm = sim_between(sim, -70000, 70000);
                server->writes = VEC_OF(struct disk_write *);
                server->proposals = VEC_OF(struct proposal);
                disk_init(&server->durable, i < n_voters ? &first : &(struct raft_members){ 0 });
                disk_init(&server->wanted, &first);
        }
        for (size_t i = 0; i < sim->n_servers && !sim->is_failed; i++)
                server_boot(sim, &sim->servers[i]);
}

static void drop_event(struct sim_event *event)
{
        if (event->drop)
                event->drop(event);
        free(event);
}

static void run_event(struct sim *sim, struct sim_event *event)
{
        const struct server *server = sim_server(sim, event->server);

        if (server && server->paused_until > sim->now) {
                sim_plan(sim, event, server->paused_until - sim->now);
                return;
        }
        if (!event->life || (server->life == event->life && server->raft))
                event->run(sim, event);
        drop_event(event);
}

static void run_until(struct sim *sim, int64_t end)
{
        struct heap_node *first;

        while (!sim->is_failed && (first = heap_first(&sim->events))) {
                struct sim_event *event = container_of(first, struct sim_event, node);

                if (event->at > end)
                        break;
                heap_remove(&sim->events, first);
                sim->now = event->at;
                run_event(sim, event);
        }
        if (!sim->is_failed)
                sim->now = end;
}

static void drop_events(struct sim *sim)
{
        struct heap_node *first;

        while ((first = heap_first(&sim->events))) {
                heap_remove(&sim->events, first);
                drop_event(container_of(first, struct sim_event, node));
        }
}

/* Generous: a follower far behind may have a slow disk and small windows. */
static void settle(struct sim *sim)
{
        int64_t limit = sim->now + 10 * NS_PER_MINUTE;
        char why[200] = "";

        do {
                run_until(sim, sim->now + 2 * NS_PER_S);
        } while (!sim->is_failed && !check_convergence(sim, why) && sim->now < limit);
        if (sim->now >= limit)
                sim_fail(sim, "liveness: %s", why);
}

bool sim_run(struct sim *sim, const struct sim_options *options)
{
        *sim = (struct sim){ .options = *options, .events = { .is_before = is_before } };
        random_init(&sim->random, options->seed);
        sim->weather = draw_weather(sim);
        check_init(sim);
        make_servers(sim);
        clients_start(sim);
        chaos_start(sim);
        run_until(sim, options->duration);
        if (sim->is_failed)
                return false;
        chaos_stop(sim);
        run_until(sim, sim->now + 5 * NS_PER_S);
        sim->clients_rest = true;
        settle(sim);
        if (!sim->is_failed)
                chaos_in_silence(sim);
        settle(sim);
        return !sim->is_failed;
}

void sim_done(struct sim *sim)
{
        drop_events(sim);
        heap_done(&sim->events);
        for (size_t i = 0; i < sim->n_servers; i++) {
                struct server *server = &sim->servers[i];

                for (size_t at = 0; at < server->writes.n; at++)
                        disk_write_free(VEC_AT(&server->writes, struct disk_write *, at));
                vec_done(&server->writes);
                vec_done(&server->proposals);
                raft_free(server->raft);
                disk_done(&server->durable);
                disk_done(&server->wanted);
        }
        check_done(sim);
}
