/* The simulated network: every message travels alone, unless it is lost. */
#include <inttypes.h>
#include <string.h>

#include "lib/base/check.h"
#include "lib/base/mem.h"
#include "tests/sim/raft/sim.h"

struct message_event {
        struct sim_event event;
        struct raft_message message;
        struct raft_entry **entries;
};

static void message_drop(struct sim_event *event)
{
        struct message_event *carried = container_of(event, struct message_event, event);

        for (size_t i = 0; i < carried->message.n_entries; i++)
                raft_entry_unref(carried->entries[i]);
        free(carried->entries);
}

static bool is_cut(const struct sim *sim, uint64_t from, uint64_t to)
{
        return sim->is_blocked[from][to];
}

static void message_arrives(struct sim *sim, struct sim_event *event)
{
        const struct raft_message *message =
                &container_of(event, struct message_event, event)->message;
        struct server *server = sim_server(sim, message->to);

        if (!server->raft || is_cut(sim, message->from, message->to))
                return;
        sim_trace(sim,
                  "%" PRIu64 " > %" PRIu64 " %s term %" PRIu64 " index %" PRIu64
                  "+%zu match %" PRIu64 "%s",
                  message->from, message->to, raft_message_name(message->kind), message->term,
                  message->log_index, message->n_entries, message->match,
                  message->reject ? " no" : "");
        server_step(sim, server, &(struct raft_event){ .kind = RAFT_RECEIVED, .received = message },
                    NULL);
}

static int64_t travel_time(struct sim *sim)
{
        if (sim_chance(sim, sim->weather.slow_permille))
                return sim_between(sim, 0, sim->weather.slow_latency);
        return sim_between(sim, 20000, sim->weather.latency);
}

static void send_once(struct sim *sim, const struct raft_message *message)
{
        struct message_event *event = mem_alloc(sizeof *event);

        *event = (struct message_event){
                .event = { .server = message->to, .run = message_arrives, .drop = message_drop },
                .message = *message,
                .entries = mem_alloc_array(message->n_entries, sizeof(struct raft_entry *)),
        };
        for (size_t i = 0; i < message->n_entries; i++)
                event->entries[i] = raft_entry_ref(message->entries[i]);
        event->message.entries = event->entries;
        sim_plan(sim, &event->event, travel_time(sim));
}

void net_send(struct sim *sim, const struct raft_message *message)
{
        if (!sim_server(sim, message->to) || is_cut(sim, message->from, message->to) ||
            sim_chance(sim, sim->weather.loss_permille))
                return;
        send_once(sim, message);
        if (sim_chance(sim, sim->weather.repeat_permille))
                send_once(sim, message);
}

/* ---- Snapshots: a transfer that arrives as a whole, or fails ---- */

struct transfer_event {
        struct sim_event event;
        uint64_t from, from_life, to, term;
        struct raft_snapshot snapshot;
        struct state state;
        bool is_ok;
};

static void plan_transfer(struct sim *sim, const struct transfer_event *transfer, int64_t delay)
{
        struct transfer_event *copy = mem_copy(transfer, sizeof *transfer);

        sim_plan(sim, &copy->event, delay);
}

static void transfer_ends(struct sim *sim, struct sim_event *event)
{
        const struct transfer_event *transfer = container_of(event, struct transfer_event, event);
        struct server *server = sim_server(sim, transfer->from);

        server_step(sim, server,
                    &(struct raft_event){ .kind = RAFT_SNAPSHOT_SENT,
                                          .snapshot_sent = { transfer->to, transfer->snapshot.index,
                                                             transfer->is_ok } },
                    NULL);
}

static void plan_transfer_end(struct sim *sim, const struct transfer_event *transfer, bool is_ok)
{
        struct transfer_event end = *transfer;

        end.event = (struct sim_event){ .server = transfer->from,
                                        .life = transfer->from_life,
                                        .run = transfer_ends };
        end.is_ok = is_ok;
        plan_transfer(sim, &end, travel_time(sim));
}

/* The receiver has it on disk, or found that it needs it not. */
static void transfer_is_installed(struct sim *sim, struct sim_event *event)
{
        const struct transfer_event *transfer = container_of(event, struct transfer_event, event);
        struct server *server = sim_server(sim, transfer->to);

        if (server->install_write) {
                plan_transfer(sim, transfer, sim->weather.disk_latency);
                return;
        }
        plan_transfer_end(sim, transfer, true);
}

static void transfer_arrives(struct sim *sim, struct sim_event *event)
{
        struct transfer_event *transfer = container_of(event, struct transfer_event, event);
        struct server *server = sim_server(sim, transfer->to);

        if (!server->raft || is_cut(sim, transfer->from, transfer->to)) {
                plan_transfer_end(sim, transfer, false);
                return;
        }
        sim_trace(sim, "%" PRIu64 " > %" PRIu64 " snapshot %" PRIu64, transfer->from, transfer->to,
                  transfer->snapshot.index);
        server_step(sim, server,
                    &(struct raft_event){ .kind = RAFT_SNAPSHOT_RECEIVED,
                                          .snapshot_received = { transfer->from, transfer->term,
                                                                 &transfer->snapshot } },
                    &transfer->state);
        transfer->event = (struct sim_event){ .server = transfer->to,
                                              .life = server->life,
                                              .run = transfer_is_installed };
        plan_transfer(sim, transfer, sim->weather.disk_latency);
}

void net_send_snapshot(struct sim *sim, struct server *from, const struct raft_snapshot_send *send)
{
        struct transfer_event transfer = {
                .event = { .server = send->peer, .run = transfer_arrives },
                .from = from->id,
                .from_life = from->life,
                .to = send->peer,
                .term = send->term,
                .state = from->state,
        };

        CHECK(raft_snapshot_at(from->raft, from->state.applied, &transfer.snapshot));
        if (sim_chance(sim, sim->weather.loss_permille) || is_cut(sim, from->id, send->peer))
                plan_transfer_end(sim, &transfer, false);
        else
                plan_transfer(sim, &transfer, sim_between(sim, 0, 20 * sim->weather.latency));
}

/* ---- Partitions ---- */

void net_partition(struct sim *sim, uint64_t one)
{
        unsigned kind = (unsigned)sim_between(sim, 0, 3);
        bool side[SERVERS_MAX + 1];

        sim_trace(sim, "partition %u around %" PRIu64, kind, one);
        for (size_t i = 1; i <= sim->n_servers; i++)
                side[i] = kind == 0 ? sim_chance(sim, 500) : i == one;
        for (size_t from = 1; from <= sim->n_servers; from++)
                for (size_t to = 1; to <= sim->n_servers; to++) {
                        if (kind == 3) /* single links, one way */
                                sim->is_blocked[from][to] = sim_chance(sim, 250);
                        else if (kind == 2) /* one cannot be heard, or cannot hear */
                                sim->is_blocked[from][to] = side[from] && !side[to];
                        else
                                sim->is_blocked[from][to] = side[from] != side[to];
                }
}

void net_heal(struct sim *sim)
{
        memset(sim->is_blocked, 0, sizeof sim->is_blocked);
}
