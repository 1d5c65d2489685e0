/* Snapshots between stores.  The sender is one more reader of the order of changes: what changes
 * while it sends is sent again, and when it reaches the end, what was sent is the state as of that
 * version.  The receiver gathers it beside its own state, and takes that one's place when Raft and
 * the disk have it. */
#include <string.h>

#include "lib/base/check.h"
#include "lib/base/map.h"
#include "lib/base/str.h"
#include "lib/os/log.h"
#include "lib/rpc/client.h"
#include "manager/store/peers.h"

enum { CHUNK_BYTES = 128 << 10, CHUNK_OBJECTS = 2048 };

/* --- sending --- */

struct sending {
        struct sending *next;
        struct store *store;
        uint64_t peer, term;
        struct rpc_stream *stream; /* NULL: over */
        struct state_mark mark;
        uint64_t since;   /* removals up to here are of no interest */
        uint64_t reached; /* the version of what the mark passed last */
        uint64_t index;   /* what was sent is as of this; 0: not yet at the end */
        int64_t time_ns;
        bool is_naming; /* Raft was asked for the snapshot's name */
        bool is_installed;
};

static void sending_free(struct sending *sending)
{
        struct sending **at = &sending->store->sendings;

        if (sending->is_naming)
                return; /* snapshot_named() comes back to it */
        while (*at != sending)
                at = &(*at)->next;
        *at = sending->next;
        free(sending);
}

static void sending_end(struct sending *sending, bool is_ok)
{
        state_mark_remove(&sending->mark);
        LOG(INFO, "snapshot sent", INT("index", (int64_t)sending->index), INT("ok", is_ok));
        replica_snapshot_sent(sending->store->replica, sending->peer, sending->index, is_ok);
        sending_free(sending);
}

static void sending_abort(struct sending *sending)
{
        if (sending->stream)
                rpc_stream_cancel(TAKE(sending->stream));
        sending_end(sending, false);
}

static bool missed_removals(const struct sending *sending)
{
        uint64_t forgotten = state_forgotten(sending->store->state);

        return sending->since < forgotten && sending->reached <= forgotten;
}

/* Fills a chunk; true when the end of the order was reached. */
static bool fill_objects(struct sending *sending, struct arena *arena, Sk__SnapshotChunk *chunk)
{
        const struct record *record;
        size_t bytes = 0;

        chunk->objects = arena_alloc(arena, CHUNK_OBJECTS * sizeof *chunk->objects);
        while (bytes < CHUNK_BYTES && chunk->n_objects < CHUNK_OBJECTS) {
                record = state_mark_next(&sending->mark);
                if (!record)
                        return true;
                sending->reached = record->version;
                if (record->is_removed && record->version <= sending->since)
                        continue;
                chunk->objects[chunk->n_objects++] = record_stored(record, arena);
                bytes += record_size(record);
        }
        return false;
}

/* All of them at once: they have to be as of the same version. */
static void send_answers(struct sending *sending, struct arena *arena)
{
        const struct answers *answers = state_answers(sending->store->state);

        for (uint64_t i = answers->first; i && i <= answers->last; i++) {
                const struct answer *answer = answers_at(answers, i);
                Sk__SnapshotChunk chunk = SK__SNAPSHOT_CHUNK__INIT;
                Sk__StoredAnswer stored = SK__STORED_ANSWER__INIT, *list[] = { &stored };

                if (!answer)
                        continue;
                stored.number = answer->number;
                stored.request_id = (char *)answer->request_id;
                stored.response.data = (uint8_t *)answer->data;
                stored.response.len = answer->size;
                chunk.answers = list;
                chunk.n_answers = 1;
                chunk.leader_term = sending->term;
                rpc_stream_write(sending->stream, &chunk.base);
        }
        arena_clear(arena);
}

static void reach_end(struct sending *sending, struct arena *arena)
{
        struct store *store = sending->store;

        send_answers(sending, arena);
        sending->index = state_version(store->state);
        sending->time_ns = state_time(store->state);
        state_mark_remove(&sending->mark);
        sending->is_naming = true;
        replica_name_snapshot(store->replica, sending->index, sending);
}

static void send_some(struct sending *sending)
{
        struct arena *arena = &sending->store->arena;
        bool is_full = false, is_end = false;

        if (missed_removals(sending)) {
                sending_abort(sending);
                return;
        }
        while (!is_full && !is_end) {
                Sk__SnapshotChunk chunk = SK__SNAPSHOT_CHUNK__INIT;

                chunk.leader_term = sending->term;
                is_end = fill_objects(sending, arena, &chunk);
                is_full = !rpc_stream_write(sending->stream, &chunk.base);
                arena_clear(arena);
        }
        if (is_end)
                reach_end(sending, arena);
}

static void sending_writable(void *context)
{
        struct sending *sending = context;

        if (!sending->index)
                send_some(sending);
}

static void sending_answered(void *context, const void *out)
{
        struct sending *sending = context;

        sending->is_installed = ((const Sk__InstallSnapshotResponse *)out)->index == sending->index;
}

static void sending_closed(void *context, const struct err *err)
{
        struct sending *sending = context;

        sending->stream = NULL;
        if (err->code)
                LOG(WARN, "a snapshot was not taken", STR("error", err->text));
        sending_end(sending, !err->code && sending->is_installed);
}

static const struct rpc_stream_events sending_events = { .message = sending_answered,
                                                         .writable = sending_writable,
                                                         .closed = sending_closed };

void snapshot_send(struct store *store, uint64_t peer_id, uint64_t term)
{
        struct peer *peer = peers_member(store, peer_id);
        struct sending *sending;

        if (!peer || !peer->client) {
                replica_snapshot_sent(store->replica, peer_id, 0, false);
                return;
        }
        sending = mem_alloc(sizeof *sending);
        sending->store = store;
        sending->peer = peer_id;
        sending->term = term;
        sending->since = state_version(store->state);
        state_mark_first(store->state, &sending->mark);
        sending->next = store->sendings;
        store->sendings = sending;
        sending->stream = rpc_client_stream(peer->client, RPC_METHOD(store_peer, InstallSnapshot),
                                            NULL, &sending_events, sending);
        send_some(sending);
}

static void send_last(struct sending *sending, const struct raft_snapshot *snapshot)
{
        Sk__SnapshotChunk chunk = SK__SNAPSHOT_CHUNK__INIT;
        Sk__RaftMember members[RAFT_MEMBERS_MAX], *pointers[RAFT_MEMBERS_MAX];

        for (size_t i = 0; i < snapshot->members.n; i++) {
                sk__raft_member__init(&members[i]);
                members[i].id = snapshot->members.member[i].id;
                members[i].is_learner = snapshot->members.member[i].is_learner;
                pointers[i] = &members[i];
        }
        chunk.members = pointers;
        chunk.n_members = snapshot->members.n;
        chunk.is_last = true;
        chunk.index = snapshot->index;
        chunk.term = snapshot->term;
        chunk.time_ns = sending->time_ns;
        chunk.leader_term = sending->term;
        rpc_stream_write(sending->stream, &chunk.base);
        rpc_stream_half_close(sending->stream);
}

void snapshot_named(struct store *store, void *ticket, const struct raft_snapshot *snapshot)
{
        struct sending *sending = ticket;

        (void)store;
        sending->is_naming = false;
        if (!sending->stream)
                sending_free(sending);
        else if (!snapshot)
                sending_abort(sending);
        else
                send_last(sending, snapshot);
}

static void abort_all(struct store *store)
{
        for (struct sending *sending = store->sendings, *next; sending; sending = next) {
                next = sending->next;
                if (sending->stream)
                        sending_abort(sending);
        }
}

/* What another term's leader began is of no use. */
void snapshot_role(struct store *store)
{
        const struct replica_role *role = replica_role(store->replica);

        if (!role->is_leader || (store->sendings && store->sendings->term != role->term))
                abort_all(store);
}

/* --- receiving --- */

struct receiving {
        struct store *store;
        struct rpc_call *call; /* NULL: the sender is gone */
        struct map records[OBJECT_KINDS];
        struct state *state; /* what it becomes; holds the answers from the beginning */
        struct raft_snapshot snapshot;
        uint64_t from, term;
        bool is_handed_over;
};

static void receiving_free(struct receiving *receiving)
{
        struct record *record;

        for (size_t kind = 0; kind < OBJECT_KINDS; kind++) {
                for (size_t at = 0; (record = map_next(&receiving->records[kind], &at));)
                        free(record);
                map_done(&receiving->records[kind]);
        }
        state_free(receiving->state);
        free(receiving);
}

static int take_object(struct receiving *receiving, const Sk__StoredObject *stored, struct err *err)
{
        const Sk__Event *event = stored->object;
        struct record *record;
        struct map *map;

        if (!event || !object_kind(event->kind))
                return err_set(err, ERR_INVALID, "an object of no kind");
        map = &receiving->records[event->kind];
        if (event->op == SK__EVENT__OP__REMOVE) {
                free(map_remove(map, event->id));
                return 0;
        }
        TRY(record_from_stored(stored, &receiving->store->arena, &record, err));
        free(map_put(map, record_id(record), record));
        return 0;
}

static int take_members(struct receiving *receiving, const Sk__SnapshotChunk *chunk,
                        struct err *err)
{
        struct raft_members *members = &receiving->snapshot.members;

        if (chunk->n_members > RAFT_MEMBERS_MAX)
                return err_set(err, ERR_INVALID, "too many members");
        for (size_t i = 0; i < chunk->n_members; i++) {
                if (!chunk->members[i]->id ||
                    (i && chunk->members[i]->id <= chunk->members[i - 1]->id))
                        return err_set(err, ERR_INVALID, "members out of order");
                members->member[i].id = chunk->members[i]->id;
                members->member[i].is_learner = chunk->members[i]->is_learner;
        }
        members->n = chunk->n_members;
        receiving->snapshot.index = chunk->index;
        receiving->snapshot.term = chunk->term;
        return 0;
}

static int make_state(struct receiving *receiving, const Sk__SnapshotChunk *last, struct err *err)
{
        struct record *record;

        for (size_t kind = 0; kind < OBJECT_KINDS; kind++)
                for (size_t at = 0; (record = map_next(&receiving->records[kind], &at));) {
                        map_remove(&receiving->records[kind], record_id(record));
                        TRY(state_load(receiving->state, record, err));
                }
        state_loaded(receiving->state, last->index, last->time_ns);
        return 0;
}

/* On the log writer's thread; nobody else touches this state meanwhile. */
static void fill_batch(void *context, struct disk_batch *batch)
{
        struct receiving *receiving = context;

        load_replace(batch, receiving->state);
}

/* The own state's way to the disk has to be free first. */
void snapshot_flushed(struct store *store)
{
        struct receiving *receiving = store->installing;

        if (!receiving || receiving->is_handed_over || store->flush.job)
                return;
        receiving->is_handed_over = true;
        replica_install(store->replica, receiving->from, receiving->term, &receiving->snapshot,
                        fill_batch, receiving);
}

static int take_chunk(struct receiving *receiving, const Sk__SnapshotChunk *chunk, struct err *err)
{
        struct store *store = receiving->store;

        for (size_t i = 0; i < chunk->n_objects; i++)
                TRY(take_object(receiving, chunk->objects[i], err));
        for (size_t i = 0; i < chunk->n_answers; i++)
                answers_load(state_answers(receiving->state), chunk->answers[i]->number,
                             chunk->answers[i]->request_id, chunk->answers[i]->response.data,
                             chunk->answers[i]->response.len);
        receiving->term = chunk->leader_term;
        if (!chunk->is_last)
                return 0;
        if (store->installing)
                return err_set(err, ERR_UNAVAILABLE, "another snapshot is being installed");
        TRY(take_members(receiving, chunk, err));
        TRY(make_state(receiving, chunk, err));
        store->installing = receiving;
        snapshot_flushed(store);
        return 0;
}

static void chunk_came(void *context, struct rpc_call *call, const void *in)
{
        struct receiving *receiving = context;
        struct err err;

        if (receiving->store->installing != receiving && take_chunk(receiving, in, &err) < 0)
                rpc_fail(call, &err);
        arena_clear(&receiving->store->arena);
}

static void receiving_closed(void *context, struct rpc_call *call)
{
        struct receiving *receiving = context;

        (void)call;
        receiving->call = NULL;
        if (receiving->store->installing != receiving)
                receiving_free(receiving);
}

static const struct rpc_call_events receiving_events = { .message = chunk_came,
                                                         .closed = receiving_closed };

void receive_snapshot(void *context, struct rpc_call *call, const Sk__SnapshotChunk *in)
{
        struct receiving *receiving = mem_alloc(sizeof *receiving);

        (void)in;
        receiving->store = context;
        receiving->call = call;
        receiving->from = transport_member_id(rpc_call_peer(call)->node_id);
        receiving->state = state_new();
        rpc_call_on(call, &receiving_events, receiving);
}

/* --- the change --- */

static void take_over(struct store *store, struct receiving *receiving)
{
        struct state *old = store->state;

        propose_forget(store);
        state_mark_remove(&store->flush.mark);
        abort_all(store);
        store->state = TAKE(receiving->state);
        watch_restart(store);
        flush_begin(store);
        store->reported = state_version(store->state);
        state_free(old);
        peers_refresh(store);
        LOG(INFO, "snapshot installed", INT("version", (int64_t)store->reported),
            INT("objects", (int64_t)state_count_all(store->state)));
}

void snapshot_installed(struct store *store, bool is_ok)
{
        struct receiving *receiving = TAKE(store->installing);
        Sk__InstallSnapshotResponse response = SK__INSTALL_SNAPSHOT_RESPONSE__INIT;
        struct err err;

        response.index = receiving->snapshot.index;
        if (is_ok)
                take_over(store, receiving);
        err_set(&err, ERR_PRECONDITION, "the snapshot is of no use here any more");
        if (receiving->call && is_ok)
                rpc_reply(receiving->call, &response.base);
        else if (receiving->call)
                rpc_fail(receiving->call, &err);
        if (receiving->call)
                return; /* 'closed' frees it */
        receiving_free(receiving);
}

void snapshot_done(struct store *store)
{
        while (store->sendings) {
                struct sending *sending = store->sendings;

                if (sending->stream)
                        rpc_stream_cancel(sending->stream);
                state_mark_remove(&sending->mark);
                store->sendings = sending->next;
                free(sending);
        }
        if (store->installing && !store->installing->call)
                receiving_free(TAKE(store->installing));
}
