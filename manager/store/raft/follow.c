/* A follower and its leader. */
#include "manager/store/raft/core.h"

/* False when this server knows another leader of the same term: that cannot be, so it believes
 * neither. */
static bool hear_leader(struct raft *raft, uint64_t from, int64_t stamp)
{
        if (raft->role == RAFT_LEADER || (raft->leader && raft->leader != from)) {
                refuse(raft, ERR_DATA_LOSS, "two leaders of one term");
                return false;
        }
        if (raft->role != RAFT_FOLLOWER || !raft->leader)
                become_follower(raft, raft->term, from);
        raft->heard_at = raft->now;
        reset_election_timer(raft);
        if (raft->leader_stamp < stamp)
                raft->leader_stamp = stamp;
        return true;
}

static uint64_t durable_match(const struct raft *raft)
{
        return raft->matched < raft->persisted ? raft->matched : raft->persisted;
}

static void follow_commit(struct raft *raft, uint64_t commit)
{
        commit_to(raft, commit < raft->matched ? commit : raft->matched);
}

/* The log lacks the entry before the new ones: say where it may agree, a whole term back at a time.
 */
static void reject_append(struct raft *raft, const struct raft_message *message)
{
        uint64_t hint = log_last_at_most(&raft->log, message->log_index, message->log_term);

        send_message(raft, (struct raft_message){
                                   .kind = RAFT_APPEND_REPLY,
                                   .to = message->from,
                                   .log_index = message->log_index,
                                   .hint_index = hint,
                                   .hint_term = log_term_at(&raft->log, hint),
                                   .stamp = raft->leader_stamp,
                                   .reject = true,
                           });
}

static bool contradicts_commit(const struct raft *raft, const struct raft_message *message)
{
        return message->log_index >= raft->log.snapshot_index &&
               message->log_index <= raft->commit &&
               log_term_at(&raft->log, message->log_index) != message->log_term;
}

/* "If an existing entry conflicts with a new one (same index but different terms), delete the
 * existing entry and all that follow it.  Append any new entries not already in the log."  False:
 * it conflicts with what is committed. */
static bool merge_entries(struct raft *raft, const struct raft_message *message)
{
        for (size_t i = 0; i < message->n_entries; i++) {
                struct raft_entry *entry = message->entries[i];

                if (entry->index < raft->log.snapshot_index)
                        continue;
                if (entry->index <= raft->log.last) {
                        if (log_term_at(&raft->log, entry->index) == entry->term)
                                continue;
                        if (entry->index <= raft->commit)
                                return false;
                        truncate_log(raft, entry->index);
                }
                append_entry(raft, entry);
        }
        return true;
}

void receive_append(struct raft *raft, const struct raft_message *message)
{
        uint64_t last = message->log_index + message->n_entries;

        if (!hear_leader(raft, message->from, message->stamp))
                return;
        /* What is committed agrees with every later leader's log. */
        if (raft->matched < raft->commit)
                raft->matched = raft->commit;
        if (message->log_index > raft->commit &&
            log_term_at(&raft->log, message->log_index) != message->log_term) {
                reject_append(raft, message);
                return;
        }
        if (contradicts_commit(raft, message) || !merge_entries(raft, message)) {
                refuse(raft, ERR_DATA_LOSS, "the leader's log contradicts what is committed here");
                return;
        }
        if (raft->matched < last)
                raft->matched = last;
        follow_commit(raft, message->commit);
        raft->owes_ack = durable_match(raft) >= last;
}

void receive_heartbeat(struct raft *raft, const struct raft_message *message)
{
        if (!hear_leader(raft, message->from, message->stamp))
                return;
        follow_commit(raft, message->commit);
        send_message(raft, (struct raft_message){
                                   .kind = RAFT_HEARTBEAT_REPLY,
                                   .to = message->from,
                                   .log_index = raft->matched,
                                   .match = durable_match(raft),
                                   .stamp = message->stamp,
                           });
}

void take_snapshot_received(struct raft *raft, const struct raft_event *event)
{
        const struct raft_snapshot *snapshot = event->snapshot_received.snapshot;
        uint64_t term = event->snapshot_received.term;

        if (term < raft->term || term > (uint64_t)INT64_MAX || snapshot->term > term ||
            !snapshot->term || !snapshot->index || snapshot->index > (uint64_t)INT64_MAX ||
            !members_are_valid(&snapshot->members)) {
                refuse(raft, ERR_INVALID, "a snapshot of an older leader, or malformed");
                return;
        }
        if (term > raft->term)
                become_follower(raft, term, 0);
        if (!hear_leader(raft, event->snapshot_received.from, 0))
                return;
        if (snapshot->index <= raft->commit) {
                refuse(raft, ERR_EXISTS, "the snapshot holds nothing new");
        } else if (log_term_at(&raft->log, snapshot->index) == snapshot->term) {
                commit_to(raft, snapshot->index);
                refuse(raft, ERR_EXISTS, "the log holds all that the snapshot does");
        } else {
                install_snapshot(raft, snapshot);
        }
        if (raft->matched < raft->commit)
                raft->matched = raft->commit;
        raft->owes_ack = true;
}

/* The leader hears what is durable: when that grows, and when it asked about something that already
 * is. */
void settle_follower(struct raft *raft)
{
        uint64_t match = durable_match(raft);

        if (!raft->leader || (!raft->owes_ack && match <= raft->acked))
                return;
        raft->acked = match;
        send_message(raft, (struct raft_message){
                                   .kind = RAFT_APPEND_REPLY,
                                   .to = raft->leader,
                                   .match = match,
                                   .stamp = raft->leader_stamp,
                           });
}
