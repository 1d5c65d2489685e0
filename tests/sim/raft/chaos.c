/* Faults and operators: crashes, pauses, partitions, changed members, compaction, handed-over
 * leadership. */
#include <inttypes.h>

#include "lib/base/mem.h"
#include "tests/sim/raft/sim.h"

static struct server *random_server(struct sim *sim)
{
        return sim_server(sim, (uint64_t)sim_between(sim, 1, (int64_t)sim->n_servers));
}

static struct server *a_leader(struct sim *sim)
{
        for (size_t i = 0; i < sim->n_servers; i++)
                if (sim->servers[i].raft && sim->servers[i].role == RAFT_LEADER &&
                    sim->servers[i].paused_until <= sim->now && sim_chance(sim, 700))
                        return &sim->servers[i];
        return NULL;
}

static struct server *a_victim(struct sim *sim)
{
        struct server *leader =
                sim->weather.is_storm && sim_chance(sim, 300) ? a_leader(sim) : NULL;

        return leader ? leader : random_server(sim);
}

static void restart(struct sim *sim, struct sim_event *event)
{
        struct server *server = sim_server(sim, event->server);

        if (!server->raft)
                server_boot(sim, server);
}

static void plan_restart(struct sim *sim, struct server *server, int64_t delay)
{
        struct sim_event *event = mem_alloc(sizeof *event);

        *event = (struct sim_event){ .server = server->id, .run = restart };
        sim_plan(sim, event, delay);
}

static void crash(struct sim *sim, struct server *server)
{
        int64_t longest = sim_chance(sim, 500) ? 100 * NS_PER_MS : 3 * NS_PER_S;

        if (!server->raft)
                return;
        server_crash(sim, server);
        plan_restart(sim, server,
                     sim_between(sim, 0, sim->weather.is_storm ? 30 * NS_PER_MS : longest));
}

static void pause_one(struct sim *sim)
{
        struct server *server = a_victim(sim);

        server->paused_until = sim->now + sim_between(sim, 0, 2 * NS_PER_S);
        sim_trace(sim, "%" PRIu64 " is paused", server->id);
}

static void compact(struct sim *sim)
{
        struct server *server = random_server(sim);
        uint64_t keep = (uint64_t)sim_between(sim, 0, 60);

        if (!server->raft || server->paused_until > sim->now)
                return;
        server_flush(server);
        if (server->durable.state.applied <= keep || server->install_write)
                return;
        server_step(sim, server,
                    &(struct raft_event){ .kind = RAFT_COMPACT,
                                          .compact = { server->durable.state.applied - keep } },
                    NULL);
}

static void change_members(struct sim *sim, struct server *leader)
{
        struct raft_event event = { .kind = RAFT_CHANGE_MEMBERS };
        struct raft_status status;
        const struct raft_member *member;

        event.change.id = random_server(sim)->id;
        raft_status(leader->raft, &status);
        member = raft_members_find(&status.members, event.change.id);
        if (!member)
                event.change.what = RAFT_ADD_LEARNER;
        else if (member->is_learner)
                event.change.what = sim_chance(sim, 850) ? RAFT_PROMOTE : RAFT_REMOVE;
        else
                event.change.what = sim_chance(sim, 500) ? RAFT_DEMOTE : RAFT_REMOVE;
        sim_trace(sim, "%" PRIu64 " is asked for change %d of %" PRIu64, leader->id,
                  event.change.what, event.change.id);
        server_step(sim, leader, &event, NULL);
        sim->n_changes++;
}

static void transfer(struct sim *sim, struct server *leader)
{
        struct raft_event event = { .kind = RAFT_TRANSFER };

        if (sim_chance(sim, 500))
                event.transfer.to = random_server(sim)->id;
        server_step(sim, leader, &event, NULL);
}

/* ---- What hurts a leader at the worst moment ---- */

static void cut_off(struct sim *sim, struct sim_event *event)
{
        if (!sim->is_calm)
                net_partition(sim, event->server);
}

static void crash_it(struct sim *sim, struct sim_event *event)
{
        if (!sim->is_calm)
                crash(sim, sim_server(sim, event->server));
}

static void ask_it_for_change(struct sim *sim, struct sim_event *event)
{
        if (!sim->is_calm)
                change_members(sim, sim_server(sim, event->server));
}

static void hurt_soon(struct sim *sim, struct server *leader)
{
        static void (*const ways[])(struct sim *, struct sim_event *) = { cut_off, crash_it,
                                                                          ask_it_for_change };
        struct sim_event *event = mem_alloc(sizeof *event);

        *event = (struct sim_event){ .server = leader->id,
                                     .life = leader->life,
                                     .run = ways[sim_between(sim, 0, 2)] };
        sim_plan(sim, event,
                 sim_between(sim, 0, 3 * (sim->weather.latency + sim->weather.disk_latency)));
}

void chaos_greets_leader(struct sim *sim, struct server *server)
{
        for (int i = 0; i < 2; i++)
                if (!sim->is_calm && sim_chance(sim, sim->weather.new_leader_permille))
                        hurt_soon(sim, server);
}

static void chaos_acts(struct sim *sim, struct sim_event *event)
{
        const struct weather *weather = &sim->weather;
        struct server *leader;

        if (sim->is_calm)
                return;
        if (sim_chance(sim, weather->crash_permille))
                crash(sim, a_victim(sim));
        if (sim_chance(sim, weather->pause_permille))
                pause_one(sim);
        if (sim_chance(sim, weather->partition_permille))
                net_partition(sim, a_victim(sim)->id);
        else if (sim_chance(sim, weather->heal_permille))
                net_heal(sim);
        if (sim_chance(sim, weather->compact_permille))
                compact(sim);
        leader = a_leader(sim);
        if (leader && sim_chance(sim, weather->change_permille))
                change_members(sim, leader);
        if (leader && sim_chance(sim, weather->transfer_permille))
                transfer(sim, leader);
        if (leader && sim_chance(sim, weather->new_leader_permille))
                hurt_soon(sim, leader);
        sim_plan(sim, mem_copy(event, sizeof *event),
                 sim_between(sim, 1000, sim->weather.chaos_every));
}

void chaos_start(struct sim *sim)
{
        struct sim_event *event = mem_alloc(sizeof *event);

        *event = (struct sim_event){ .run = chaos_acts };
        sim_plan(sim, event, sim->weather.chaos_every);
}

void chaos_in_silence(struct sim *sim)
{
        for (size_t i = 0; i < sim->n_servers; i++) {
                struct server *server = &sim->servers[i];

                if (!server->raft || server->role == RAFT_LEADER || sim_chance(sim, 500))
                        continue;
                server_crash(sim, server);
                plan_restart(sim, server, sim_between(sim, 0, 20 * NS_PER_MS));
        }
}

void chaos_stop(struct sim *sim)
{
        sim_trace(sim, "calm");
        sim->is_calm = true;
        net_heal(sim);
        sim->weather.loss_permille = sim->weather.slow_permille = 0;
        for (size_t i = 0; i < sim->n_servers; i++) {
                sim->servers[i].paused_until = sim->now;
                if (!sim->servers[i].raft)
                        plan_restart(sim, &sim->servers[i], 1);
        }
}
