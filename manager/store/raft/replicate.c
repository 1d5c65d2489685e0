/* A leader's log goes to its followers: probing, streaming, snapshots, heartbeats. */
#include "manager/store/raft/core.h"

static void ask_for_snapshot(struct raft *raft, struct peer *peer)
{
        peer->progress = RAFT_SNAPSHOT;
        vec_push(&raft->snapshot_sends,
                 &(struct raft_snapshot_send){ .peer = peer->id, .term = raft->term });
}

/* Entries that left memory come back by RAFT_LOG_READ. */
static void ask_for_entries(struct raft *raft, struct peer *peer)
{
        peer->is_reading = true;
        vec_push(&raft->log_reads, &(struct raft_log_read){
                                           .peer = peer->id,
                                           .first = peer->next,
                                           .last = raft->log.last - raft->log.n_cached,
                                           .max_bytes = raft->config.max_append_bytes,
                                   });
}

static void send_entries(struct raft *raft, struct peer *peer, struct raft_entry *const *entries,
                         size_t n)
{
        uint64_t previous = peer->next - 1;
        size_t bytes = 0;

        for (size_t i = 0; i < n; i++)
                bytes += entry_cost(entries[i]);
        send_append(raft,
                    (struct raft_message){
                            .kind = RAFT_APPEND,
                            .to = peer->id,
                            .log_index = previous,
                            .log_term = log_term_at(&raft->log, previous),
                            .commit = raft->commit,
                            .stamp = raft->now,
                    },
                    entries, n);
        peer->told_commit = raft->commit;
        if (n || peer->progress == RAFT_PROBE)
                peer_sent(raft, peer, previous + n, bytes);
        if (peer->progress == RAFT_REPLICATE)
                peer->next += n;
}

enum { MESSAGE_ENTRIES_MAX = 4096 };

static void send_cached(struct raft *raft, struct peer *peer)
{
        struct raft_entry *entries[MESSAGE_ENTRIES_MAX];
        size_t n = 0, bytes = 0;

        for (uint64_t i = peer->next; i <= raft->log.last && n < MESSAGE_ENTRIES_MAX; i++) {
                struct raft_entry *entry = log_cached(&raft->log, i);

                bytes += entry_cost(entry);
                if (n && bytes > raft->config.max_append_bytes)
                        break;
                entries[n++] = entry;
        }
        send_entries(raft, peer, entries, n);
}

void replicate(struct raft *raft, struct peer *peer)
{
        while (peer_has_room(raft, peer)) {
                bool is_behind = peer->next <= raft->log.last;

                if (!is_behind && peer->progress == RAFT_REPLICATE &&
                    peer->told_commit >= raft->commit)
                        return;
                if (peer->next <= raft->log.snapshot_index)
                        ask_for_snapshot(raft, peer);
                else if (is_behind && !log_cached(&raft->log, peer->next))
                        ask_for_entries(raft, peer);
                else
                        send_cached(raft, peer);
        }
}

void take_log_read(struct raft *raft, const struct raft_event *event)
{
        struct peer *peer =
                raft->role == RAFT_LEADER ? peer_find(raft, event->log_read.peer) : NULL;
        struct raft_entry *const *entries = event->log_read.entries;
        size_t n = event->log_read.n;

        if (!peer || !peer->is_reading)
                return;
        peer->is_reading = false;
        if (!n || event->log_read.first != peer->next || !peer_has_room(raft, peer))
                return;
        /* The answer to a question of an earlier term may come late. */
        for (size_t i = 0; i < n; i++)
                if (entries[i]->index != peer->next + i ||
                    entries[i]->index <= raft->log.snapshot_index ||
                    log_term_at(&raft->log, entries[i]->index) != entries[i]->term)
                        return;
        send_entries(raft, peer, entries, n);
}

void take_snapshot_sent(struct raft *raft, const struct raft_event *event)
{
        struct peer *peer =
                raft->role == RAFT_LEADER ? peer_find(raft, event->snapshot_sent.peer) : NULL;

        if (!peer || peer->progress != RAFT_SNAPSHOT)
                return;
        peer_probe(peer, event->snapshot_sent.is_ok ? event->snapshot_sent.index + 1 : peer->next);
        /* After a failure wait until the peer shows life before trying again. */
        if (!event->snapshot_sent.is_ok)
                peer_sent(raft, peer, UINT64_MAX, 0);
}

void broadcast_heartbeat(struct raft *raft)
{
        raft->heartbeat_at = raft->now + raft->config.heartbeat;
        raft->round = raft->now;
        for (size_t i = 0; i < raft->n_peers; i++) {
                struct peer *peer = &raft->peers[i];

                send_message(raft, (struct raft_message){
                                           .kind = RAFT_HEARTBEAT,
                                           .to = peer->id,
                                           .commit = raft->commit < peer->match ? raft->commit
                                                                                : peer->match,
                                           .stamp = raft->now,
                                   });
        }
}

static struct peer *answering_peer(struct raft *raft, const struct raft_message *message)
{
        struct peer *peer = raft->role == RAFT_LEADER ? peer_find(raft, message->from) : NULL;

        if (!peer)
                return NULL;
        if (message->match > raft->log.last || message->stamp > raft->now) {
                refuse(raft, ERR_INVALID, "an answer to what was never sent");
                return NULL;
        }
        if (peer->acked_at < message->stamp)
                peer->acked_at = message->stamp;
        return peer;
}

/* The peer has the log up to 'match' on disk. */
static void advance_peer(struct raft *raft, struct peer *peer, uint64_t match)
{
        if (peer->match < match)
                peer->match = match;
        if (peer->next <= peer->match)
                peer->next = peer->match + 1;
        peer_arrived(raft, peer, match);
}

/* "If AppendEntries fails because of log inconsistency: decrement nextIndex and retry" */
static void step_back(struct raft *raft, struct peer *peer, const struct raft_message *message)
{
        uint64_t agreed;

        if (message->log_index <= peer->match || peer->progress == RAFT_SNAPSHOT)
                return; /* an old answer */
        if (peer->progress == RAFT_PROBE && message->log_index != peer->next - 1)
                return;
        agreed = log_last_at_most(&raft->log, message->hint_index, message->hint_term);
        if (agreed >= message->log_index)
                agreed = message->log_index - 1;
        peer_probe(peer, agreed + 1);
}

void receive_append_reply(struct raft *raft, const struct raft_message *message)
{
        struct peer *peer = answering_peer(raft, message);

        if (!peer)
                return;
        if (message->reject) {
                step_back(raft, peer, message);
                return;
        }
        advance_peer(raft, peer, message->match);
        if (peer->progress == RAFT_SNAPSHOT && peer->match < raft->log.snapshot_index)
                return;
        /* It stores what it is sent: stream from here on. */
        if (peer->progress != RAFT_REPLICATE && peer->match + 1 == peer->next) {
                peer_probe(peer, peer->next);
                peer->progress = RAFT_REPLICATE;
        }
}

/* A heartbeat overtakes nothing, so what was sent before it and is not there is lost: send it
 * again. */
void receive_heartbeat_reply(struct raft *raft, const struct raft_message *message)
{
        struct peer *peer = answering_peer(raft, message);

        if (!peer)
                return;
        advance_peer(raft, peer, message->match);
        /* It restarted, and does not know how far its log agrees, so not what is committed either;
         * with nothing new to send it would never be told. */
        if (peer->progress == RAFT_REPLICATE && message->log_index < peer->match) {
                peer_probe(peer, peer->match + 1);
                return;
        }
        if (!peer_lost_any(raft, peer, message->log_index, message->stamp))
                return;
        if (peer->progress == RAFT_REPLICATE && message->log_index < raft->log.last)
                peer_probe(peer, message->log_index + 1);
        else
                peer_probe(peer, peer->next);
}
