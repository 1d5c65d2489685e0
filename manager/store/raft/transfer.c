/* Handing leadership over: bring one voter fully up to date, then tell it to run at once. */
#include "manager/store/raft/core.h"

static struct peer *best_voter(struct raft *raft)
{
        struct peer *best = NULL;

        for (size_t i = 0; i < raft->n_peers; i++) {
                struct peer *peer = &raft->peers[i];

                if (!members_has_voter(log_members(&raft->log), peer->id))
                        continue;
                if (!best || peer->match > best->match ||
                    (peer->match == best->match && peer->acked_at > best->acked_at))
                        best = peer;
        }
        return best;
}

void take_transfer(struct raft *raft, const struct raft_event *event)
{
        struct peer *best = raft->role == RAFT_LEADER ? best_voter(raft) : NULL;
        uint64_t to = event->transfer.to;

        if (!to && best)
                to = best->id;
        if (raft->role != RAFT_LEADER)
                refuse(raft, ERR_UNAVAILABLE, "this server does not lead");
        else if (raft->transfer_to)
                refuse(raft, ERR_UNAVAILABLE, "leadership is being handed over");
        else if (to == raft->config.id)
                refuse(raft, ERR_EXISTS, "this server leads already");
        else if (!members_has_voter(log_members(&raft->log), to))
                refuse(raft, ERR_PRECONDITION, "only another voter can lead");
        if (raft->effects.refused != ERR_OK)
                return;
        raft->transfer_to = to;
        raft->is_transfer_asked = false;
        raft->transfer_until = raft->now + raft->config.election_timeout;
}

static void send_timeout_now(struct raft *raft, uint64_t to)
{
        send_message(raft, (struct raft_message){ .kind = RAFT_TIMEOUT_NOW, .to = to });
        raft->is_transfer_sent = true;
}

/* A leader that a committed change made a learner, or removed, leads no longer. */
static void step_aside(struct raft *raft)
{
        struct peer *best = best_voter(raft);

        if (best)
                send_timeout_now(raft, best->id);
        become_follower(raft, raft->term, 0);
}

void settle_transfer(struct raft *raft)
{
        struct peer *peer = raft->transfer_to ? peer_find(raft, raft->transfer_to) : NULL;

        if (!members_has_voter(log_members(&raft->log), raft->config.id) &&
            log_configuration_at(&raft->log, raft->log.last)->index <= raft->commit) {
                step_aside(raft);
                return;
        }
        if (peer && peer->match == raft->log.last && !raft->is_transfer_asked) {
                raft->is_transfer_asked = true;
                send_timeout_now(raft, peer->id);
        }
}

void receive_timeout_now(struct raft *raft, const struct raft_message *message)
{
        if (raft->role == RAFT_FOLLOWER && raft->leader == message->from && may_run(raft))
                campaign_now(raft, true);
}
