/* What a majority of the voters has, and what follows for the log. */
#include "manager/store/raft/core.h"

static const struct peer *peer_of(const struct raft *raft, uint64_t id)
{
        for (size_t i = 0; i < raft->n_peers; i++)
                if (raft->peers[i].id == id)
                        return &raft->peers[i];
        return NULL;
}

/* Of one number per voter, the greatest that a majority reaches.  'of' has NULL for this server
 * itself. */
static int64_t majority_of(const struct raft *raft,
                           int64_t (*of)(const struct raft *, const struct peer *))
{
        const struct raft_members *members = log_members(&raft->log);
        int64_t sorted[RAFT_MEMBERS_MAX]; /* the greatest first */
        size_t n = 0;

        for (size_t i = 0; i < members->n; i++) {
                const struct raft_member *member = &members->member[i];
                int64_t value;
                size_t at;

                if (member->is_learner)
                        continue;
                value = of(raft, member->id == raft->config.id ? NULL : peer_of(raft, member->id));
                for (at = n++; at > 0 && sorted[at - 1] < value; at--)
                        sorted[at] = sorted[at - 1];
                sorted[at] = value;
        }
        return n ? sorted[n / 2] : 0;
}

static int64_t match_of(const struct raft *raft, const struct peer *peer)
{
        return (int64_t)(peer ? peer->match : raft->persisted);
}

static int64_t acked_at_of(const struct raft *raft, const struct peer *peer)
{
        return peer ? peer->acked_at : raft->now;
}

uint64_t quorum_match(const struct raft *raft)
{
        return (uint64_t)majority_of(raft, match_of);
}

int64_t quorum_acked_at(const struct raft *raft)
{
        return majority_of(raft, acked_at_of);
}

void commit_to(struct raft *raft, uint64_t index)
{
        if (index > raft->log.last)
                index = raft->log.last;
        for (uint64_t i = raft->commit + 1; i <= index && raft->role == RAFT_LEADER; i++)
                if (i >= raft->noop_index)
                        raft->uncommitted_bytes -= entry_cost(log_cached(&raft->log, i));
        if (raft->commit < index)
                raft->commit = index;
}

void take_applied(struct raft *raft, uint64_t index)
{
        if (index > raft->apply_to) {
                refuse(raft, ERR_INVALID, "applied more than was to be applied");
                return;
        }
        if (raft->applied < index)
                raft->applied = index;
}

void take_compact(struct raft *raft, uint64_t index)
{
        if (index > raft->applied) {
                refuse(raft, ERR_INVALID, "only what is applied may be compacted");
                return;
        }
        if (index <= raft->log.snapshot_index)
                return;
        raft_snapshot_at(raft, index, &raft->compact);
        log_compact(&raft->log, index);
        raft->effects.write.compact = &raft->compact;
}
