/* A leader's book about its followers: who they are, what they have, what is under way to them. */
#include "manager/store/raft/core.h"

#include <string.h>

#include "lib/base/mem.h"

struct peer *peer_find(struct raft *raft, uint64_t id)
{
        for (size_t i = 0; i < raft->n_peers; i++)
                if (raft->peers[i].id == id)
                        return &raft->peers[i];
        return NULL;
}

static void remove_peer(struct raft *raft, size_t i)
{
        free(raft->peers[i].inflight);
        raft->n_peers--;
        memmove(&raft->peers[i], &raft->peers[i + 1], (raft->n_peers - i) * sizeof *raft->peers);
}

void peers_follow_members(struct raft *raft)
{
        const struct raft_members *members = log_members(&raft->log);

        for (size_t i = raft->n_peers; i-- > 0;)
                if (!raft_members_find(members, raft->peers[i].id))
                        remove_peer(raft, i);
        for (size_t i = 0; i < members->n; i++) {
                uint64_t id = members->member[i].id;

                if (id == raft->config.id || peer_find(raft, id))
                        continue;
                raft->peers[raft->n_peers++] = (struct peer){
                        .id = id,
                        .next = raft->log.last + 1,
                        .inflight =
                                mem_alloc_array(raft->config.max_inflight, sizeof(struct inflight)),
                };
        }
}

void peers_clear(struct raft *raft)
{
        while (raft->n_peers)
                remove_peer(raft, raft->n_peers - 1);
}

void peer_probe(struct peer *peer, uint64_t next)
{
        peer->progress = RAFT_PROBE;
        peer->next = next > peer->match ? next : peer->match + 1;
        peer->n_inflight = peer->inflight_bytes = 0;
}

bool peer_has_room(const struct raft *raft, const struct peer *peer)
{
        if (peer->is_reading || peer->progress == RAFT_SNAPSHOT)
                return false;
        if (peer->progress == RAFT_PROBE)
                return peer->n_inflight == 0;
        return peer->n_inflight < raft->config.max_inflight &&
               peer->inflight_bytes < raft->config.max_inflight_bytes;
}

static struct inflight *inflight_at(const struct raft *raft, const struct peer *peer, size_t i)
{
        return &peer->inflight[(peer->inflight_head + i) % raft->config.max_inflight];
}

void peer_sent(struct raft *raft, struct peer *peer, uint64_t last, size_t bytes)
{
        *inflight_at(raft, peer, peer->n_inflight++) =
                (struct inflight){ .last = last, .bytes = bytes, .stamp = raft->now };
        peer->inflight_bytes += bytes;
}

void peer_arrived(struct raft *raft, struct peer *peer, uint64_t match)
{
        while (peer->n_inflight && inflight_at(raft, peer, 0)->last <= match) {
                peer->inflight_bytes -= inflight_at(raft, peer, 0)->bytes;
                peer->inflight_head = (peer->inflight_head + 1) % raft->config.max_inflight;
                peer->n_inflight--;
        }
}

bool peer_lost_any(const struct raft *raft, const struct peer *peer, uint64_t match, int64_t stamp)
{
        for (size_t i = 0; i < peer->n_inflight; i++) {
                const struct inflight *inflight = inflight_at(raft, peer, i);

                if (inflight->stamp >= stamp)
                        return false;
                if (inflight->last > match)
                        return true;
        }
        return false;
}
