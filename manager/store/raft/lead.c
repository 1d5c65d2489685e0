/* What a leader does besides replicating: it accepts proposals and changes of members, and watches
 * its own majority. */
#include "manager/store/raft/core.h"

#include "lib/base/check.h"

static void append_own(struct raft *raft, struct raft_entry *entry)
{
        CHECK(!entry->index); /* an entry is proposed once */
        entry->index = raft->log.last + 1;
        entry->term = raft->term;
        raft->uncommitted_bytes += entry_cost(entry);
        append_entry(raft, entry);
}

void become_leader(struct raft *raft)
{
        struct raft_entry *noop = raft_entry_new(RAFT_NOOP, 0);

        raft->role = RAFT_LEADER;
        raft->leader = raft->config.id;
        raft->led_since = raft->now;
        raft->heartbeat_at = raft->now + raft->config.heartbeat; /* the no-op goes out at once */
        raft->round = 0;
        raft->transfer_to = 0;
        raft->is_transfer_sent = false;
        raft->uncommitted_bytes = 0;
        peers_follow_members(raft);
        /* Entries of older terms are never committed by counting; this one commits them. */
        raft->noop_index = raft->log.last + 1;
        append_own(raft, noop);
        raft_entry_unref(noop);
}

/* May this leader append now? */
static bool may_append(struct raft *raft)
{
        if (raft->role != RAFT_LEADER)
                refuse(raft, ERR_UNAVAILABLE, "this server does not lead");
        else if (raft->transfer_to)
                refuse(raft, ERR_UNAVAILABLE, "leadership is being handed over");
        return raft->effects.refused == ERR_OK;
}

void take_proposal(struct raft *raft, const struct raft_event *event)
{
        size_t cost = 0;

        if (!may_append(raft))
                return;
        for (size_t i = 0; i < event->propose.n; i++)
                cost += entry_cost(event->propose.entries[i]);
        /* One that is too large for the limit alone is let through when nothing else is under way.
         */
        if (raft->uncommitted_bytes &&
            raft->uncommitted_bytes + cost > raft->config.max_uncommitted_bytes) {
                refuse(raft, ERR_EXHAUSTED, "too much is proposed and not committed yet");
                return;
        }
        raft->effects.proposed_index = raft->log.last + 1;
        for (size_t i = 0; i < event->propose.n; i++)
                append_own(raft, event->propose.entries[i]);
}

static bool is_alive(const struct raft *raft, uint64_t id)
{
        for (size_t i = 0; i < raft->n_peers; i++)
                if (raft->peers[i].id == id)
                        return raft->peers[i].acked_at &&
                               raft->now < raft->peers[i].acked_at + raft->config.election_timeout;
        return id == raft->config.id;
}

static bool has_living_majority(const struct raft *raft, const struct raft_members *members)
{
        size_t n = 0;

        for (size_t i = 0; i < members->n; i++)
                n += !members->member[i].is_learner && is_alive(raft, members->member[i].id);
        return n >= members_majority(members);
}

static void change_to_add(struct raft *raft, struct raft_members *members, uint64_t id)
{
        if (!id)
                refuse(raft, ERR_INVALID, "a member's id is not 0");
        else if (raft_members_find(members, id))
                refuse(raft, ERR_EXISTS, "it is a member already");
        else if (members->n == RAFT_MEMBERS_MAX)
                refuse(raft, ERR_EXHAUSTED, "the cluster has as many members as it can");
        else
                members_add(members, (struct raft_member){ .id = id, .is_learner = true });
}

static void change_to_promote(struct raft *raft, struct raft_members *members, uint64_t id)
{
        const struct raft_member *member = raft_members_find(members, id);
        const struct peer *peer = peer_find(raft, id);

        if (!member || !member->is_learner || !peer)
                refuse(raft, ERR_PRECONDITION, "only a learner can be promoted");
        else if (!is_alive(raft, id) || peer->match + raft->config.promote_lag < raft->log.last)
                refuse(raft, ERR_PRECONDITION, "the learner has not caught up with the log yet");
        else
                members_add(members, (struct raft_member){ .id = id });
}

static void change_to_withdraw(struct raft *raft, struct raft_members *members, uint64_t id,
                               bool is_kept)
{
        const struct raft_member *member = raft_members_find(members, id);
        bool was_voter = member && !member->is_learner;

        if (!member || (is_kept && !was_voter)) {
                refuse(raft, ERR_NOT_FOUND,
                       is_kept ? "no voter of this id" : "no member of this id");
                return;
        }
        if (is_kept)
                members_add(members, (struct raft_member){ .id = id, .is_learner = true });
        else
                members_remove(members, id);
        if (was_voter && !members_n_voters(members))
                refuse(raft, ERR_PRECONDITION, "the last voter cannot go");
        else if (was_voter && !has_living_majority(raft, members))
                refuse(raft, ERR_PRECONDITION, "this would result in a loss of quorum");
}

/* One at a time, each next to the last one committed: so any two majorities that could ever decide
 * share a server.  That only holds once this leader has committed in its own term (it may not know
 * of its predecessor's last change). */
static bool may_change(struct raft *raft)
{
        if (!may_append(raft))
                return false;
        if (raft->commit < raft->noop_index)
                refuse(raft, ERR_UNAVAILABLE, "the leader is new and has committed nothing yet");
        else if (log_configuration_at(&raft->log, raft->log.last)->index > raft->commit)
                refuse(raft, ERR_UNAVAILABLE, "another change of members is under way");
        return raft->effects.refused == ERR_OK;
}

void take_change(struct raft *raft, const struct raft_event *event)
{
        struct raft_members members = *log_members(&raft->log);
        struct raft_entry *entry;

        if (!may_change(raft))
                return;
        switch (event->change.what) {
        case RAFT_ADD_LEARNER:
                change_to_add(raft, &members, event->change.id);
                break;
        case RAFT_PROMOTE:
                change_to_promote(raft, &members, event->change.id);
                break;
        case RAFT_DEMOTE:
        case RAFT_REMOVE:
                change_to_withdraw(raft, &members, event->change.id,
                                   event->change.what == RAFT_DEMOTE);
                break;
        }
        if (raft->effects.refused != ERR_OK)
                return;
        entry = members_entry(&members, event->change.context, event->change.context_size);
        append_own(raft, entry);
        raft_entry_unref(entry);
        raft->effects.proposed_index = raft->log.last;
        peers_follow_members(raft);
}

void run_leader_timers(struct raft *raft)
{
        int64_t heard = quorum_acked_at(raft);

        if (heard < raft->led_since)
                heard = raft->led_since;
        if (raft->now >= heard + raft->config.election_timeout) {
                become_follower(raft, raft->term,
                                0); /* others may have elected a leader long since */
                return;
        }
        if (raft->transfer_to && raft->now >= raft->transfer_until)
                raft->transfer_to = 0;
        if (raft->n_peers && raft->now >= raft->heartbeat_at)
                broadcast_heartbeat(raft);
}

/* "If there exists an N such that N > commitIndex, a majority of matchIndex[i] >= N, and
 * log[N].term == currentTerm: set commitIndex = N" */
static void advance_commit(struct raft *raft)
{
        uint64_t match = quorum_match(raft);

        if (match > raft->commit && log_term_at(&raft->log, match) == raft->term)
                commit_to(raft, match);
}

void settle_leader(struct raft *raft)
{
        advance_commit(raft);
        confirm_reads(raft);
        for (size_t i = 0; i < raft->n_peers; i++)
                replicate(raft, &raft->peers[i]);
        settle_transfer(raft);
}
