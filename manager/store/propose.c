/* Commits become entries: all that came while the disk was busy share the next one. */
#include <string.h>

#include "lib/base/check.h"
#include "lib/message/message.h"
#include "manager/store/check.h"
#include "manager/store/store.h"

enum {
        PROPOSALS_MAX = 2,       /* entries under way: one on the disk's way, one behind it */
        ENTRY_BYTES = 1 << 20,   /* of commits in one entry, about; a larger commit has its own */
        TAG_TIME = 1 << 3,       /* LogEntry.time_ns, a varint */
        TAG_COMMIT = 2 << 3 | 2, /* LogEntry.commits, with a length */
        VARINT_MAX = 10,
};

static void queue_init(struct commit_queue *queue)
{
        queue->first = NULL;
        queue->end = &queue->first;
}

static void queue_add(struct commit_queue *queue, struct commit *commit)
{
        commit->next = NULL;
        *queue->end = commit;
        queue->end = &commit->next;
}

static struct commit *queue_take(struct commit_queue *queue)
{
        struct commit *commit = queue->first;

        queue->first = commit->next;
        if (!queue->first)
                queue->end = &queue->first;
        return commit;
}

/* --- endings --- */

static void commit_end(struct store *store, struct commit *commit, const struct applied *applied,
                       const struct err *err)
{
        store->queued_bytes -= commit->size;
        store->counters.commits++;
        store->counters.commit_ns += (uint64_t)(loop_now_boot(store->loop) - commit->began_boot_ns);
        commit->done(store, commit->context, applied, err);
        free(commit);
}

static void queue_fail(struct store *store, struct commit_queue *queue, const struct err *err)
{
        while (queue->first)
                commit_end(store, queue_take(queue), NULL, err);
}

/* --- in --- */

static int may_propose(const struct store *store, size_t size, struct err *err)
{
        if (!replica_role(store->replica)->is_leader)
                return err_set(err, ERR_UNAVAILABLE, "this store does not lead; ask the leader's");
        if (store->queued_bytes + size > (size_t)store->options.config->queue_bytes)
                return err_set(err, ERR_EXHAUSTED,
                               "%zu bytes of commits are waiting already; try again later",
                               store->queued_bytes);
        return 0;
}

static struct commit *commit_new(struct store *store, const Sk__CommitRequest *request,
                                 uint32_t writer)
{
        Sk__LogCommit log = SK__LOG_COMMIT__INIT;
        struct commit *commit;
        uint8_t *data;
        size_t size;

        log.request = (Sk__CommitRequest *)request;
        log.writer = writer;
        message_pack(&store->arena, &log.base, &data, &size);
        commit = mem_alloc(sizeof *commit + size);
        memcpy(commit->packed, data, size);
        commit->size = size;
        commit->began_boot_ns = loop_now_boot(store->loop);
        arena_clear(&store->arena);
        return commit;
}

int store_propose(struct store *store, const Sk__CommitRequest *request, uint32_t writer,
                  void (*done)(struct store *, void *context, const struct applied *,
                               const struct err *),
                  void *context, struct err *err)
{
        struct commit *commit;

        TRY(may_propose(store, 0, err));
        TRY(check_commit(request, writer, err));
        TRY(check_contents(request, err));
        commit = commit_new(store, request, writer);
        if (commit->size > CHECK_BYTES_MAX || may_propose(store, commit->size, err) < 0) {
                bool is_large = commit->size > CHECK_BYTES_MAX;

                free(commit);
                if (is_large)
                        err_set(err, ERR_EXHAUSTED, "a commit may have at most %d bytes",
                                CHECK_BYTES_MAX);
                return ERR_EXHAUSTED;
        }
        commit->done = done;
        commit->context = context;
        store->queued_bytes += commit->size;
        queue_add(&store->queue, commit);
        return 0;
}

int store_propose_part(struct store *store, Sk__Change *change, uint32_t part,
                       const ProtobufCMessage *message,
                       void (*done)(struct store *, void *context, const struct applied *,
                                    const struct err *),
                       void *context, struct err *err)
{
        struct arena arena = { 0 };
        Sk__Part packed = SK__PART__INIT, *parts[] = { &packed };
        Sk__Change *changes[] = { change };
        Sk__Group group = SK__GROUP__INIT, *groups[] = { &group };
        Sk__CommitRequest request = SK__COMMIT_REQUEST__INIT;
        int r;

        packed.index = part;
        message_pack(&arena, message, &packed.data.data, &packed.data.len);
        change->parts = parts;
        change->n_parts = 1;
        group.changes = changes;
        group.n_changes = 1;
        request.groups = groups;
        request.n_groups = 1;
        r = store_propose(store, &request, ROLE_STORE, done, context, err);
        arena_done(&arena);
        return r;
}

/* --- entries --- */

static size_t put_varint(uint8_t *at, uint64_t value)
{
        size_t n = 0;

        for (; value >= 0x80; value >>= 7)
                at[n++] = (uint8_t)(value | 0x80);
        at[n++] = (uint8_t)value;
        return n;
}

/* A LogEntry made of commits that are packed already. */
static struct raft_entry *entry_of(struct store *store, const struct proposal *proposal)
{
        size_t size = 1 + VARINT_MAX;
        struct raft_entry *entry;
        uint8_t *at;

        for (const struct commit *commit = proposal->commits.first; commit; commit = commit->next)
                size += 1 + VARINT_MAX + commit->size;
        entry = raft_entry_new(RAFT_COMMAND, size);
        at = entry->data;
        *at++ = TAG_TIME;
        at += put_varint(at, (uint64_t)loop_now(store->loop));
        for (const struct commit *commit = proposal->commits.first; commit; commit = commit->next) {
                *at++ = TAG_COMMIT;
                at += put_varint(at, commit->size);
                at = mempcpy(at, commit->packed, commit->size);
        }
        entry->size = (size_t)(at - entry->data);
        return entry;
}

static void propose_next(struct store *store)
{
        struct proposal *proposal = mem_alloc(sizeof *proposal);

        queue_init(&proposal->commits);
        do {
                struct commit *commit = queue_take(&store->queue);

                proposal->bytes += commit->size;
                queue_add(&proposal->commits, commit);
        } while (store->queue.first && proposal->bytes + store->queue.first->size <= ENTRY_BYTES);
        *store->end_proposal = proposal;
        store->end_proposal = &proposal->next;
        store->n_proposals++;
        replica_propose(store->replica, entry_of(store, proposal), proposal);
}

void propose_turn(struct store *store)
{
        while (store->queue.first && store->n_proposals < PROPOSALS_MAX && !flush_is_behind(store))
                propose_next(store);
}

static void proposal_remove(struct store *store, struct proposal *proposal)
{
        struct proposal **at = &store->first_proposal;

        while (*at != proposal)
                at = &(*at)->next;
        *at = proposal->next;
        if (!*at)
                store->end_proposal = at;
        store->n_proposals--;
        free(proposal);
}

void propose_accepted(struct store *store, struct proposal *proposal, uint64_t index, uint64_t term,
                      const struct err *err)
{
        proposal->index = index;
        proposal->term = term;
        if (!err)
                return;
        queue_fail(store, &proposal->commits, err);
        proposal_remove(store, proposal);
}

static void proposal_answer(struct store *store, struct proposal *proposal,
                            const struct applied *results, size_t n)
{
        struct err unreadable;

        err_set(&unreadable, ERR_INVALID, "the commit's entry was refused as malformed");
        for (size_t i = 0; proposal->commits.first; i++)
                commit_end(store, queue_take(&proposal->commits), i < n ? &results[i] : NULL,
                           i < n ? NULL : &unreadable);
}

void propose_applied(struct store *store, const struct raft_entry *entry,
                     const struct applied *results, size_t n)
{
        struct proposal *proposal = store->first_proposal;
        struct err lost;

        if (!proposal || !proposal->index || proposal->index > entry->index)
                return;
        if (proposal->term == entry->term) {
                proposal_answer(store, proposal, results, n);
                proposal_remove(store, proposal);
                return;
        }
        err_set(&lost, ERR_UNAVAILABLE, "another leader took over before this was committed");
        while ((proposal = store->first_proposal) && proposal->index &&
               proposal->index <= entry->index) {
                queue_fail(store, &proposal->commits, &lost);
                proposal_remove(store, proposal);
        }
}

/* What was not yet proposed can be sent to the new leader; what was, may still come through. */
void propose_role(struct store *store)
{
        struct err err;

        if (replica_role(store->replica)->is_leader)
                return;
        err_set(&err, ERR_UNAVAILABLE, "this store does not lead any more; ask the leader's");
        queue_fail(store, &store->queue, &err);
}

static void forget(struct store *store, const struct err *err)
{
        while (store->first_proposal) {
                queue_fail(store, &store->first_proposal->commits, err);
                proposal_remove(store, store->first_proposal);
        }
}

void propose_forget(struct store *store)
{
        struct err err;

        err_set(&err, ERR_UNAVAILABLE, "another leader took over; the outcome is not known");
        forget(store, &err);
}

/* --- life --- */

void propose_init(struct store *store)
{
        queue_init(&store->queue);
        store->end_proposal = &store->first_proposal;
}

void propose_done(struct store *store)
{
        struct err err;

        err_set(&err, ERR_UNAVAILABLE, "the store stops; the outcome is not known");
        queue_fail(store, &store->queue, &err);
        forget(store, &err);
}

/* --- the method --- */

void propose_answer(struct store *store, struct rpc_call *call, const struct applied *applied,
                    const struct err *err)
{
        struct err refused;

        if (err) {
                rpc_fail(call, err);
                return;
        }
        if (applied->code) {
                err_set(&refused, applied->code, "%s", applied->why);
                rpc_fail(call, &refused);
                return;
        }
        store->counters.groups_refused += applied->response->n_results != 0;
        rpc_reply(call, &applied->response->base);
}

static void answer(struct store *store, void *context, const struct applied *applied,
                   const struct err *err)
{
        propose_answer(store, context, applied, err);
}

void commit(void *context, struct rpc_call *call, const Sk__CommitRequest *in)
{
        struct store *store = context;
        struct err err;

        if (!replica_role(store->replica)->is_leader) {
                peers_forward(store, call, in);
                return;
        }
        store->counters.groups += in->n_groups;
        if (store_propose(store, in, rpc_call_peer(call)->roles, answer, call, &err) < 0)
                rpc_fail(call, &err);
}
