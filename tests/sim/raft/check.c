/* The invariants, checked after every step. */
#include <inttypes.h>
#include <stdio.h>

#include "lib/base/check.h"
#include "lib/base/mem.h"
#include "tests/sim/raft/sim.h"

/* ---- Log matching: "if two logs contain an entry with the same index and term, then the logs are
 * identical in all entries up through the given index" ---- */

enum { RECORDS = 1 << 14 };

struct entry_record {
        struct entry_record *next;
        uint64_t index, term, previous_term, digest;
};

static struct entry_record **record_slot(struct sim *sim, uint64_t index, uint64_t term)
{
        struct entry_record **slot = &sim->entries[(index * 31 + term * 1009) % RECORDS];

        while (*slot && ((*slot)->index != index || (*slot)->term != term))
                slot = &(*slot)->next;
        return slot;
}

void check_append(struct sim *sim, const struct server *server, const struct raft_entry *entry)
{
        struct entry_record **slot = record_slot(sim, entry->index, entry->term), *record = *slot;
        uint64_t previous_term = disk_term_at(&server->wanted, entry->index - 1);
        uint64_t digest = entry_digest(entry);

        if (!record) {
                record = *slot = mem_alloc(sizeof *record);
                *record = (struct entry_record){ NULL, entry->index, entry->term, previous_term,
                                                 digest };
        } else if (record->digest != digest || record->previous_term != previous_term) {
                sim_fail(sim,
                         "log matching: server %" PRIu64 " has another entry %" PRIu64
                         " of term %" PRIu64,
                         server->id, entry->index, entry->term);
        }
}

void check_init(struct sim *sim)
{
        sim->ops = VEC_OF(struct op);
        sim->committed = VEC_OF(struct committed);
        sim->leaders = VEC_OF(uint64_t);
        sim->entries = mem_alloc_array(RECORDS, sizeof(struct entry_record *));
}

void check_done(struct sim *sim)
{
        for (size_t i = 0; i < RECORDS; i++)
                while (sim->entries[i]) {
                        struct entry_record *record = sim->entries[i];

                        sim->entries[i] = record->next;
                        free(record);
                }
        free(sim->entries);
        vec_done(&sim->ops);
        vec_done(&sim->committed);
        vec_done(&sim->leaders);
}

/* ---- Election safety, leader completeness ---- */

static struct committed *committed_at(struct sim *sim, uint64_t index)
{
        return vec_at(&sim->committed, index - 1);
}

static void check_leader(struct sim *sim, struct server *server)
{
        while (sim->leaders.n <= server->term)
                vec_add(&sim->leaders);
        if (VEC_AT(&sim->leaders, uint64_t, server->term) == server->id)
                return;
        if (VEC_AT(&sim->leaders, uint64_t, server->term)) {
                sim_fail(sim,
                         "election safety: servers %" PRIu64 " and %" PRIu64 " lead term %" PRIu64,
                         VEC_AT(&sim->leaders, uint64_t, server->term), server->id, server->term);
                return;
        }
        VEC_AT(&sim->leaders, uint64_t, server->term) = server->id;
        sim->n_elections++;
        for (uint64_t i = server->wanted.snapshot.index + 1; i <= sim->committed.n; i++)
                if (committed_at(sim, i)->term < server->term &&
                    disk_term_at(&server->wanted, i) != committed_at(sim, i)->term)
                        sim_fail(sim,
                                 "leader completeness: server %" PRIu64 " leads term %" PRIu64
                                 " without committed entry %" PRIu64,
                                 server->id, server->term, i);
}

/* ---- Commitment ---- */

static bool is_durable_at(struct sim *sim, uint64_t id, uint64_t index, uint64_t term)
{
        const struct server *server = sim_server(sim, id);

        return index < server->durable.snapshot.index ||
               disk_term_at(&server->durable, index) == term;
}

static void check_majority(struct sim *sim, const struct raft_status *status, uint64_t index)
{
        size_t n_voters = 0, n_durable = 0;

        for (size_t i = 0; i < status->members.n; i++) {
                if (status->members.member[i].is_learner)
                        continue;
                n_voters++;
                n_durable += is_durable_at(sim, status->members.member[i].id, index,
                                           committed_at(sim, index)->term);
        }
        if (n_durable <= n_voters / 2)
                sim_fail(sim,
                         "commitment: entry %" PRIu64 " is committed but on %zu of %zu disks only",
                         index, n_durable, n_voters);
}

static void commit_anew(struct sim *sim, const struct server *server,
                        const struct raft_entry *entry)
{
        struct committed committed = { .term = entry->term, .digest = entry_digest(entry) };
        uint64_t op = entry_op(entry);

        if (!server->has_led)
                sim_fail(sim,
                         "commitment: follower %" PRIu64 " commits entry %" PRIu64
                         " that no leader has",
                         server->id, entry->index);
        if (sim->committed.n)
                committed.state = committed_at(sim, sim->committed.n)->state;
        state_apply(&committed.state, entry);
        vec_push(&sim->committed, &committed);
        if (!op)
                return;
        if (sim_op(sim, op)->is_committed || sim_op(sim, op)->status == OP_FAILED)
                sim_fail(sim, "clients: append %" PRIu64 " is committed twice or after it failed",
                         op);
        sim_op(sim, op)->is_committed = true;
}

static void check_commit(struct sim *sim, struct server *server, const struct raft_status *status)
{
        for (uint64_t i = server->commit + 1; i <= status->commit_index && !sim->is_failed; i++) {
                const struct raft_entry *entry = disk_entry(&server->wanted, i);
                bool is_new = i > sim->committed.n;

                if (!entry) {
                        if (i > server->wanted.snapshot.index || is_new)
                                sim_fail(sim,
                                         "commitment: server %" PRIu64 " commits entry %" PRIu64
                                         " without having it",
                                         server->id, i);
                        continue;
                }
                if (is_new)
                        commit_anew(sim, server, entry);
                else if (committed_at(sim, i)->term != entry->term ||
                         committed_at(sim, i)->digest != entry_digest(entry))
                        sim_fail(sim,
                                 "state machine safety: server %" PRIu64
                                 " commits another entry %" PRIu64,
                                 server->id, i);
                if (is_new && i == status->commit_index)
                        check_majority(sim, status, i);
        }
        if (status->commit_index < server->commit)
                sim_fail(sim, "commitment: server %" PRIu64 " goes back", server->id);
        server->commit = status->commit_index;
}

void check_step(struct sim *sim, struct server *server)
{
        struct raft_status status;

        if (sim->is_failed)
                return;
        raft_status(server->raft, &status);
        if (status.term < server->term)
                sim_fail(sim, "server %" PRIu64 " goes back in term", server->id);
        /* A leader that commits its own removal leads no longer after that step. */
        server->has_led = status.role == RAFT_LEADER || server->role == RAFT_LEADER;
        server->term = status.term;
        server->role = status.role;
        server->leader = status.leader;
        if (server->role == RAFT_LEADER)
                check_leader(sim, server);
        check_commit(sim, server, &status);
        if (status.persisted_index > server->durable.snapshot.index &&
            disk_term_at(&server->durable, status.persisted_index) !=
                    disk_term_at(&server->wanted, status.persisted_index) &&
            !server->install_write)
                sim_fail(sim, "durability: server %" PRIu64 " believes entry %" PRIu64 " durable",
                         server->id, status.persisted_index);
        sim_mix(sim, status.term);
        sim_mix(sim, status.commit_index * 7 + status.last_index);
}

void check_applied(struct sim *sim, const struct server *server)
{
        const struct state *expected;

        if (server->state.applied > sim->committed.n) {
                sim_fail(sim,
                         "state machine safety: server %" PRIu64 " applies what is not committed",
                         server->id);
                return;
        }
        expected = &committed_at(sim, server->state.applied)->state;
        if (expected->count != server->state.count || expected->digest != server->state.digest)
                sim_fail(sim,
                         "state machine safety: server %" PRIu64 " has another state at %" PRIu64,
                         server->id, server->state.applied);
}

/* ---- Linearizability ----
 *
 * Every append has a place in the list and every read a length, so all operations are ordered
 * already.  The order is right in real time when nobody sees less than was seen before he asked; an
 * append must see more. */

void check_op_done(struct sim *sim, uint64_t id, uint64_t position, bool is_read)
{
        struct op *op = sim_op(sim, id);

        if (op->status != OP_OPEN)
                sim_fail(sim, "clients: operation %" PRIu64 " is answered twice", id);
        if (is_read ? position < op->floor : position <= op->floor)
                sim_fail(sim,
                         "linearizability: %s %" PRIu64 " sees %" PRIu64 " though %" PRIu64
                         " was seen before",
                         is_read ? "read" : "append", id, position, op->floor);
        op->status = OP_OK;
        if (sim->seen < position)
                sim->seen = position;
}

void check_op_failed(struct sim *sim, uint64_t id)
{
        struct op *op = sim_op(sim, id);

        if (op->is_committed)
                sim_fail(sim, "clients: append %" PRIu64 " is told to have failed but is committed",
                         id);
        op->status = OP_FAILED;
}

/* ---- Liveness: with the faults over, a leader leads and all its members have what it has ---- */

static const struct server *newest_leader(const struct sim *sim)
{
        const struct server *leader = NULL;

        for (size_t i = 0; i < sim->n_servers; i++)
                if (sim->servers[i].raft && sim->servers[i].role == RAFT_LEADER &&
                    (!leader || leader->term < sim->servers[i].term))
                        leader = &sim->servers[i];
        return leader;
}

bool check_convergence(struct sim *sim, char ret_why[static 200])
{
        const struct server *leader = newest_leader(sim);
        struct raft_status status;

        if (!leader) {
                snprintf(ret_why, 200, "nobody leads");
                return false;
        }
        raft_status(leader->raft, &status);
        if (status.commit_index != status.last_index) {
                snprintf(ret_why, 200, "leader %" PRIu64 " has committed %" PRIu64 " of %" PRIu64,
                         leader->id, status.commit_index, status.last_index);
                return false;
        }
        for (size_t i = 0; i < status.members.n; i++) {
                const struct server *server = sim_server(sim, status.members.member[i].id);

                if (server->state.applied == status.commit_index)
                        continue;
                snprintf(ret_why, 200, "server %" PRIu64 " has applied %" PRIu64 " of %" PRIu64,
                         server->id, server->state.applied, status.commit_index);
                return false;
        }
        return true;
}
