/* Messages of other servers: checked, put in the right term, handed to whom they concern. */
#include "manager/store/raft/core.h"

const char *raft_message_name(enum raft_message_kind kind)
{
        static const char *const names[RAFT_MESSAGE_KINDS] = {
                [RAFT_PRE_VOTE] = "pre-vote",
                [RAFT_PRE_VOTE_REPLY] = "pre-vote reply",
                [RAFT_VOTE] = "vote",
                [RAFT_VOTE_REPLY] = "vote reply",
                [RAFT_APPEND] = "append",
                [RAFT_APPEND_REPLY] = "append reply",
                [RAFT_HEARTBEAT] = "heartbeat",
                [RAFT_HEARTBEAT_REPLY] = "heartbeat reply",
                [RAFT_TIMEOUT_NOW] = "timeout now",
                [RAFT_READ_INDEX] = "read index",
                [RAFT_READ_INDEX_REPLY] = "read index reply",
        };

        return (unsigned)kind < RAFT_MESSAGE_KINDS ? names[kind] : "unknown";
}

/* Only the entry before the first has no index, and only it has no term. */
static bool has_log_position(const struct raft_message *message)
{
        switch (message->kind) {
        case RAFT_PRE_VOTE:
        case RAFT_VOTE:
        case RAFT_APPEND:
                return !message->log_index == !message->log_term &&
                       message->log_term <= message->term;
        default:
                return true;
        }
}

static const char *entries_fault(const struct raft_message *message)
{
        uint64_t term = message->log_term;
        struct raft_members members;

        for (size_t i = 0; i < message->n_entries; i++) {
                const struct raft_entry *entry = message->entries[i];

                if (entry->index != message->log_index + 1 + i)
                        return "its entries have gaps";
                if (entry->term < term || entry->term > message->term || !entry->term)
                        return "its entries' terms are out of order";
                if (entry->kind >= RAFT_ENTRY_KINDS)
                        return "it has an entry of an unknown kind";
                if (entry->kind == RAFT_MEMBERS_ARE &&
                    raft_entry_members(entry, &members, NULL, NULL, NULL) < 0)
                        return "it has a malformed configuration";
                term = entry->term;
        }
        return NULL;
}

const char *message_fault(const struct raft *raft, const struct raft_message *message)
{
        if ((unsigned)message->kind >= RAFT_MESSAGE_KINDS)
                return "its kind is unknown";
        if (!message->from || message->from == raft->config.id || message->to != raft->config.id)
                return "it is not from another server to this one";
        if (!message->term && !message->reject)
                return "it has no term";
        if (message->n_entries && message->kind != RAFT_APPEND)
                return "only an append has entries";
        if (!has_log_position(message))
                return "its index and term do not fit together";
        if (message->term > (uint64_t)INT64_MAX)
                return "its term is out of range";
        if (message->log_index > (uint64_t)INT64_MAX || message->match > (uint64_t)INT64_MAX)
                return "its index is out of range";
        return entries_fault(message);
}

/* A message of an older term.  Whoever sent it must learn that there is a newer one, or it would
 * wait for ever. */
static void answer_stale(struct raft *raft, const struct raft_message *message)
{
        enum raft_message_kind kind;

        switch (message->kind) {
        case RAFT_PRE_VOTE:
                kind = RAFT_PRE_VOTE_REPLY;
                break;
        case RAFT_VOTE:
                kind = RAFT_VOTE_REPLY;
                break;
        case RAFT_APPEND:
        case RAFT_HEARTBEAT:
                kind = RAFT_APPEND_REPLY;
                break;
        default:
                return;
        }
        send_message(raft,
                     (struct raft_message){ .kind = kind, .to = message->from, .reject = true });
}

/* "If RPC request or response contains term T > currentTerm: set currentTerm = T, convert to
 * follower".  A pre-vote and its grant speak of a term that does not exist yet. */
static bool speaks_of_future(const struct raft_message *message)
{
        return message->kind == RAFT_PRE_VOTE ||
               (message->kind == RAFT_PRE_VOTE_REPLY && !message->reject);
}

static void (*const handlers[RAFT_MESSAGE_KINDS])(struct raft *, const struct raft_message *) = {
        [RAFT_PRE_VOTE] = receive_pre_vote,
        [RAFT_PRE_VOTE_REPLY] = receive_vote_reply,
        [RAFT_VOTE] = receive_vote,
        [RAFT_VOTE_REPLY] = receive_vote_reply,
        [RAFT_APPEND] = receive_append,
        [RAFT_APPEND_REPLY] = receive_append_reply,
        [RAFT_HEARTBEAT] = receive_heartbeat,
        [RAFT_HEARTBEAT_REPLY] = receive_heartbeat_reply,
        [RAFT_TIMEOUT_NOW] = receive_timeout_now,
        [RAFT_READ_INDEX] = receive_read_index,
        [RAFT_READ_INDEX_REPLY] = receive_read_index_reply,
};

void receive(struct raft *raft, const struct raft_message *message)
{
        const char *fault = message_fault(raft, message);
        bool is_request_to_vote = message->kind == RAFT_PRE_VOTE || message->kind == RAFT_VOTE;

        if (fault) {
                refuse(raft, ERR_INVALID, fault);
                return;
        }
        if (message->term < raft->term) {
                answer_stale(raft, message);
                return;
        }
        if (is_request_to_vote && !message->is_transfer && is_loyal(raft))
                return;
        if (message->term > raft->term && !speaks_of_future(message))
                become_follower(raft, message->term, 0);

        handlers[message->kind](raft, message);
}
