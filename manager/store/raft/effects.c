/* Gathers what a step wants done, and keeps back what may not leave before a write is durable. */
#include "manager/store/raft/core.h"

#include <string.h>

#include "lib/base/check.h"
#include "lib/base/mem.h"

void effects_init(struct raft *raft)
{
        raft->pending = VEC_OF(struct pending_write);
        raft->held = VEC_OF(struct held_message);
        raft->writes = VEC_OF(struct raft_entry *);
        raft->messages = VEC_OF(struct raft_message);
        raft->carried = VEC_OF(struct raft_entry *);
        raft->log_reads = VEC_OF(struct raft_log_read);
        raft->snapshot_sends = VEC_OF(struct raft_snapshot_send);
        raft->answers = VEC_OF(struct raft_read);
}

static void drop_carried(struct raft *raft)
{
        for (size_t i = 0; i < raft->carried.n; i++)
                raft_entry_unref(VEC_AT(&raft->carried, struct raft_entry *, i));
        vec_clear(&raft->carried);
}

void effects_done(struct raft *raft)
{
        drop_carried(raft);
        vec_done(&raft->pending);
        vec_done(&raft->held);
        vec_done(&raft->writes);
        vec_done(&raft->messages);
        vec_done(&raft->carried);
        vec_done(&raft->log_reads);
        vec_done(&raft->snapshot_sends);
        vec_done(&raft->answers);
}

void effects_begin(struct raft *raft)
{
        struct raft_effects *effects = &raft->effects;

        drop_carried(raft);
        vec_clear(&raft->writes);
        vec_clear(&raft->messages);
        vec_clear(&raft->log_reads);
        vec_clear(&raft->snapshot_sends);
        vec_clear(&raft->answers);
        raft->vote_changed = false;
        raft->owes_ack = false;
        /* The situation stays, to be compared with at the end. */
        effects->refused = ERR_OK;
        effects->why = NULL;
        effects->proposed_index = 0;
        effects->write = (struct raft_write){ 0 };
}

static void end_write(struct raft *raft)
{
        struct raft_write *write = &raft->effects.write;

        if (!raft->vote_changed && !write->install && !write->truncate_from && !raft->writes.n &&
            !write->compact)
                return;
        write->id = ++raft->last_write;
        if (raft->vote_changed) {
                write->has_vote = true;
                write->term = raft->term;
                write->vote = raft->vote;
                raft->vote_write = write->id;
        }
        write->entries = raft->writes.data;
        write->n_entries = raft->writes.n;
        vec_push(&raft->pending,
                 &(struct pending_write){ .id = write->id, .last = raft->log.last });
}

static void end_messages(struct raft *raft)
{
        struct raft_entry **entries = raft->carried.data;

        for (size_t i = 0; i < raft->messages.n; i++) {
                struct raft_message *message = vec_at(&raft->messages, i);

                message->entries = message->n_entries ? entries : NULL;
                entries += message->n_entries;
        }
        raft->effects.messages = raft->messages.data;
        raft->effects.n_messages = raft->messages.n;
}

static void end_situation(struct raft *raft)
{
        struct raft_effects *effects = &raft->effects;
        bool is_ready = raft->role == RAFT_LEADER && raft->applied >= raft->noop_index;

        effects->role_changed = effects->role != raft->role || effects->term != raft->term ||
                                effects->leader != raft->leader || effects->is_ready != is_ready;
        effects->role = raft->role;
        effects->term = raft->term;
        effects->leader = raft->leader;
        effects->is_ready = is_ready;
}

void effects_end(struct raft *raft)
{
        struct raft_effects *effects = &raft->effects;
        uint64_t durable_commit = raft->commit < raft->persisted ? raft->commit : raft->persisted;

        end_write(raft);
        end_messages(raft);
        effects->log_reads = raft->log_reads.data;
        effects->n_log_reads = raft->log_reads.n;
        effects->snapshot_sends = raft->snapshot_sends.data;
        effects->n_snapshot_sends = raft->snapshot_sends.n;
        effects->reads = raft->answers.data;
        effects->n_reads = raft->answers.n;
        if (raft->apply_to < durable_commit)
                raft->apply_to = durable_commit;
        effects->apply_to = raft->apply_to;
        end_situation(raft);
        log_evict(&raft->log, raft->config.cache_bytes, durable_commit);
}

void refuse(struct raft *raft, enum err_code code, const char *why)
{
        raft->effects.refused = code;
        raft->effects.why = why;
}

/* The write that the present term and vote rest on, 0 when they are durable. */
static uint64_t vote_under_way(const struct raft *raft)
{
        if (raft->vote_changed)
                return raft->last_write + 1;
        return raft->vote_write > raft->durable_write ? raft->vote_write : 0;
}

/* A newer message of a kind makes the one that waits pointless: so what is held stays small. */
static void hold_message(struct raft *raft, uint64_t write, const struct raft_message *message)
{
        struct held_message held = { .write = write, .message = *message };

        for (size_t i = 0; i < raft->held.n; i++) {
                struct held_message *other = vec_at(&raft->held, i);

                if (other->message.kind == message->kind && other->message.to == message->to) {
                        *other = held;
                        return;
                }
        }
        vec_push(&raft->held, &held);
}

void send_message(struct raft *raft, struct raft_message message)
{
        uint64_t write = vote_under_way(raft);

        message.from = raft->config.id;
        if (!message.term)
                message.term = raft->term;
        if (write)
                hold_message(raft, write, &message);
        else
                vec_push(&raft->messages, &message);
}

void send_append(struct raft *raft, struct raft_message message, struct raft_entry *const *entries,
                 size_t n)
{
        CHECK(!vote_under_way(raft)); /* or it could not have been elected */
        message.n_entries = n;
        for (size_t i = 0; i < n; i++)
                vec_push(&raft->carried, &(struct raft_entry *){ raft_entry_ref(entries[i]) });
        send_message(raft, message);
}

static void release_held(struct raft *raft)
{
        size_t kept = 0;

        for (size_t i = 0; i < raft->held.n; i++) {
                struct held_message *held = vec_at(&raft->held, i);

                if (held->write <= raft->durable_write)
                        vec_push(&raft->messages, &held->message);
                else
                        VEC_AT(&raft->held, struct held_message, kept++) = *held;
        }
        raft->held.n = kept;
}

void change_vote(struct raft *raft, uint64_t term, uint64_t vote)
{
        CHECK(term > raft->term || (term == raft->term && (!raft->vote || raft->vote == vote)));
        if (term > raft->term)
                vec_clear(&raft->held); /* nobody waits for answers of an older term */
        raft->vote_changed = raft->vote_changed || term != raft->term || vote != raft->vote;
        raft->term = term;
        raft->vote = vote;
}

void append_entry(struct raft *raft, struct raft_entry *entry)
{
        log_append(&raft->log, entry);
        vec_push(&raft->writes, &entry);
}

/* From here on the durable log is what it was below 'from', whatever older writes still report. */
static void forget_durable(struct raft *raft, uint64_t from)
{
        if (raft->persisted >= from)
                raft->persisted = from - 1;
        for (size_t i = 0; i < raft->pending.n; i++) {
                struct pending_write *pending = vec_at(&raft->pending, i);

                if (pending->last >= from)
                        pending->last = from - 1;
        }
}

void truncate_log(struct raft *raft, uint64_t from)
{
        CHECK(from > raft->commit && !raft->writes.n);
        forget_durable(raft, from);
        log_truncate(&raft->log, from);
        raft->effects.write.truncate_from = from;
}

void install_snapshot(struct raft *raft, const struct raft_snapshot *snapshot)
{
        CHECK(snapshot->index > raft->commit && !raft->writes.n);
        forget_durable(raft, raft->commit + 1);
        log_reset(&raft->log, snapshot);
        raft->install = *snapshot;
        raft->effects.write.install = &raft->install;
        raft->commit = snapshot->index;
}

void take_persisted(struct raft *raft, uint64_t id)
{
        size_t n = 0;

        CHECK(id <= raft->last_write);
        if (id <= raft->durable_write)
                return;
        raft->durable_write = id;
        for (; n < raft->pending.n; n++) {
                struct pending_write *pending = vec_at(&raft->pending, n);

                if (pending->id > id)
                        break;
                if (raft->persisted < pending->last)
                        raft->persisted = pending->last;
        }
        raft->pending.n -= n;
        if (raft->pending.n)
                memmove(raft->pending.data, (struct pending_write *)raft->pending.data + n,
                        raft->pending.n * sizeof(struct pending_write));
        if (raft->applied < raft->log.snapshot_index && raft->persisted >= raft->log.snapshot_index)
                raft->applied = raft->log.snapshot_index;
        release_held(raft);
}
