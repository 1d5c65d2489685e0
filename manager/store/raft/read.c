/* Linearizable reads: a read may be served from the state at 'index' when this index was committed
 * after the read was asked, as seen by a leader that a majority still followed after the read was
 * asked, or promised to follow (lease). */
#include "manager/store/raft/core.h"

enum { READS_MAX = 65536 };

static struct waiting_read *read_at(const struct raft *raft, size_t i)
{
        return vec_at(&raft->reads, i);
}

static void answer_read(struct raft *raft, uint64_t id, bool is_ok)
{
        vec_push(&raft->answers, &(struct raft_read){ .id = id, .is_ok = is_ok });
}

static struct waiting_read *add_read(struct raft *raft, uint64_t from)
{
        struct waiting_read *read = vec_add(&raft->reads);

        read->from = from;
        read->stamp = raft->now;
        return read;
}

void take_read(struct raft *raft, uint64_t id)
{
        struct waiting_read *read;

        if (!raft->leader || raft->reads.n >= READS_MAX) {
                answer_read(raft, id, false);
                return;
        }
        read = add_read(raft, raft->config.id);
        read->id = id;
        if (raft->role == RAFT_LEADER)
                return;
        read->token = raft->next_token++;
        send_message(raft, (struct raft_message){
                                   .kind = RAFT_READ_INDEX,
                                   .to = raft->leader,
                                   .read_id = read->token,
                           });
}

static void reply_read_index(struct raft *raft, uint64_t to, uint64_t token, uint64_t index)
{
        send_message(raft, (struct raft_message){
                                   .kind = RAFT_READ_INDEX_REPLY,
                                   .to = to,
                                   .read_id = token,
                                   .read_index = index,
                                   .reject = !index,
                           });
}

void receive_read_index(struct raft *raft, const struct raft_message *message)
{
        if (raft->role == RAFT_LEADER && raft->reads.n < READS_MAX)
                add_read(raft, message->from)->token = message->read_id;
        else
                reply_read_index(raft, message->from, message->read_id, 0);
}

void receive_read_index_reply(struct raft *raft, const struct raft_message *message)
{
        for (size_t i = 0; i < raft->reads.n; i++) {
                struct waiting_read *read = read_at(raft, i);

                if (read->from != raft->config.id || read->index || !read->token ||
                    read->token != message->read_id)
                        continue;
                if (!message->reject) {
                        read->index = message->read_index;
                        return;
                }
                answer_read(raft, read->id, false);
                vec_swap_remove(&raft->reads, i);
                return;
        }
}

void fail_unconfirmed_reads(struct raft *raft)
{
        size_t kept = 0;

        for (size_t i = 0; i < raft->reads.n; i++) {
                struct waiting_read *read = read_at(raft, i);

                if (read->index)
                        *read_at(raft, kept++) = *read;
                else if (read->from == raft->config.id)
                        answer_read(raft, read->id, false);
        }
        raft->reads.n = kept;
}

/* Everything asked up to this stamp is confirmed. */
static int64_t confirmed_until(const struct raft *raft)
{
        int64_t acked = quorum_acked_at(raft);

        if (acked && !raft->is_transfer_sent && raft->now < acked + raft->config.lease)
                return raft->now;
        return acked;
}

void confirm_reads(struct raft *raft)
{
        int64_t until = raft->reads.n ? confirmed_until(raft) : 0, newest = 0;
        size_t kept = 0;

        for (size_t i = 0; i < raft->reads.n; i++) {
                struct waiting_read *read = read_at(raft, i);

                /* Before the first commit of its term a leader may not know what is committed. */
                if (!read->index && read->stamp <= until && raft->commit >= raft->noop_index)
                        read->index = raft->commit;
                if (read->index && read->from != raft->config.id) {
                        reply_read_index(raft, read->from, read->token, read->index);
                        continue;
                }
                if (!read->index && newest < read->stamp)
                        newest = read->stamp;
                *read_at(raft, kept++) = *read;
        }
        raft->reads.n = kept;
        /* One round of heartbeats at a time answers all reads that were there when it began. */
        if (newest > raft->round && until >= raft->round)
                broadcast_heartbeat(raft);
}

static bool is_too_old(const struct raft *raft, const struct waiting_read *read)
{
        return !read->index && raft->role != RAFT_LEADER &&
               raft->now >= read->stamp + raft->config.election_timeout;
}

void settle_reads(struct raft *raft)
{
        size_t kept = 0;

        for (size_t i = 0; i < raft->reads.n; i++) {
                struct waiting_read *read = read_at(raft, i);

                if (read->index && read->index <= raft->applied)
                        answer_read(raft, read->id, true);
                else if (is_too_old(raft, read))
                        answer_read(raft, read->id, false);
                else
                        *read_at(raft, kept++) = *read;
        }
        raft->reads.n = kept;
}

int64_t reads_deadline(const struct raft *raft)
{
        int64_t deadline = TIME_NEVER;

        if (raft->role == RAFT_LEADER)
                return deadline;
        for (size_t i = 0; i < raft->reads.n; i++) {
                const struct waiting_read *read = read_at(raft, i);

                if (!read->index && deadline > read->stamp + raft->config.election_timeout)
                        deadline = read->stamp + raft->config.election_timeout;
        }
        return deadline;
}
