/* Clients: they append to the list and read it, at any server, and write down what they saw. */
#include <inttypes.h>
#include <string.h>

#include "lib/base/check.h"
#include "lib/base/mem.h"
#include "tests/sim/raft/sim.h"

enum { BURST_MAX = 8, ENTRY_SIZE_MAX = 120 };

static uint64_t mix(uint64_t a, uint64_t b)
{
        a ^= b + 0x9e3779b97f4a7c15u + (a << 6) + (a >> 2);
        a *= 0xff51afd7ed558ccdu;
        return a ^ (a >> 32);
}

uint64_t entry_op(const struct raft_entry *entry)
{
        uint64_t op = 0;

        if (entry->kind == RAFT_COMMAND)
                memcpy(&op, entry->data, sizeof op);
        return op;
}

uint64_t entry_digest(const struct raft_entry *entry)
{
        uint64_t digest = mix(entry->kind, entry->size);

        for (size_t i = 0; i < entry->size; i++)
                digest = mix(digest, entry->data[i]);
        return digest;
}

void state_apply(struct state *state, const struct raft_entry *entry)
{
        state->applied = entry->index;
        if (entry->kind != RAFT_COMMAND)
                return;
        state->count++;
        state->digest = mix(state->digest, entry_op(entry));
}

struct op *sim_op(struct sim *sim, uint64_t id)
{
        return vec_at(&sim->ops, id - 1);
}

static uint64_t invoke(struct sim *sim)
{
        struct op *op = vec_add(&sim->ops);

        op->floor = sim->seen;
        return sim->ops.n;
}

static void append(struct sim *sim, struct server *server)
{
        struct raft_entry *entries[BURST_MAX];
        struct raft_event event = { .kind = RAFT_PROPOSE };
        uint64_t n = (uint64_t)sim_between(sim, 1, BURST_MAX), first = sim->ops.n + 1, index, term;

        for (uint64_t i = 0; i < n; i++) {
                uint64_t op = invoke(sim);

                entries[i] =
                        raft_entry_new(RAFT_COMMAND, (size_t)sim_between(sim, 8, ENTRY_SIZE_MAX));
                memcpy(entries[i]->data, &op, sizeof op);
        }
        event.propose.entries = entries;
        event.propose.n = n;
        server_step(sim, server, &event, NULL);
        index = entries[0]->index;
        term = entries[0]->term;
        for (uint64_t i = 0; i < n; i++) {
                if (index)
                        vec_push(&server->proposals, &(struct proposal){ .index = index + i,
                                                                         .term = term,
                                                                         .op = first + i });
                else
                        check_op_failed(sim, first + i);
                raft_entry_unref(entries[i]);
        }
}

void client_applied(struct sim *sim, struct server *server, const struct raft_entry *entry)
{
        for (size_t i = 0; i < server->proposals.n; i++) {
                struct proposal *proposal = vec_at(&server->proposals, i);

                if (proposal->index != entry->index)
                        continue;
                if (proposal->term == entry->term) {
                        sim->n_appends++;
                        check_op_done(sim, proposal->op, server->state.count, false);
                } else {
                        check_op_failed(sim, proposal->op);
                }
                vec_swap_remove(&server->proposals, i--);
        }
}

void client_read_answered(struct sim *sim, struct server *server, uint64_t op, bool is_ok)
{
        if (!is_ok)
                return;
        sim->n_reads++;
        check_op_done(sim, op, server->state.count, true);
}

static struct server *pick_server(struct sim *sim)
{
        struct server *picked =
                sim_server(sim, (uint64_t)sim_between(sim, 1, (int64_t)sim->n_servers));

        if (sim_chance(sim, 700))
                for (size_t i = 0; i < sim->n_servers; i++)
                        if (sim->servers[i].raft && sim->servers[i].role == RAFT_LEADER &&
                            sim_chance(sim, 700))
                                picked = &sim->servers[i];
        return picked;
}

static void client_acts(struct sim *sim, struct sim_event *event)
{
        struct server *server = pick_server(sim);

        if (sim->clients_rest)
                return;
        if (server->raft && server->paused_until <= sim->now) {
                if (sim_chance(sim, 500))
                        append(sim, server);
                else
                        server_step(sim, server,
                                    &(struct raft_event){ .kind = RAFT_READ,
                                                          .read = { invoke(sim) } },
                                    NULL);
        }
        sim_plan(sim, mem_copy(event, sizeof *event),
                 sim_between(sim, 1000, sim->weather.client_every));
}

void clients_start(struct sim *sim)
{
        struct sim_event *event = mem_alloc(sizeof *event);

        *event = (struct sim_event){ .run = client_acts };
        sim_plan(sim, event, sim->weather.client_every);
}
