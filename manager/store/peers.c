/* Peers: connections to other stores. */
#include "manager/store/peers.h"

#include <string.h>

#include "lib/base/check.h"
#include "lib/base/str.h"
#include "lib/base/time.h"
#include "lib/message/message.h"
#include "lib/os/log.h"
#include "lib/rpc/client.h"
#include "manager/store/check.h"

enum { FORWARD_TIMEOUT_S = 30, MESSAGE_BYTES = 16 << 20, BACKOFF_MS = 200 };

/* --- who there is --- */

const ProtobufCMessage *store_cluster_part(const struct store *store, size_t part,
                                           const ProtobufCMessageDescriptor *descriptor,
                                           struct arena *arena)
{
        size_t at = 0;
        const struct record *cluster = state_each(store->state, SK__KIND__KIND_CLUSTER, &at);
        struct record_content content;
        ProtobufCMessage *message;

        if (!cluster || !cluster->part_versions[part])
                return NULL;
        record_content(cluster, &content);
        if (message_unpack(arena, descriptor, content.parts[part].data, content.parts[part].size,
                           &message, NULL) < 0)
                return NULL;
        return message;
}

const Sk__ClusterMembership *peers_membership(const struct store *store, struct arena *arena)
{
        return (const Sk__ClusterMembership *)store_cluster_part(
                store, PART_CLUSTER_membership, &sk__cluster_membership__descriptor, arena);
}

struct peer *peers_member(struct store *store, uint64_t id)
{
        struct peer *peer = store->peers;

        while (peer && peer->id != id)
                peer = peer->next;
        return peer;
}

static void peer_free(struct peer *peer)
{
        rpc_client_free(peer->client);
        free(peer->node_id);
        free(peer->address);
        free(peer->raft_address);
        free(peer);
}

struct rpc_client *peers_connect(struct store *store, const char *address)
{
        struct rpc_client_options options = { .address = address,
                                              .identity = store->options.identity,
                                              .server_daemon = "store",
                                              .message_size_max = MESSAGE_BYTES,
                                              .backoff_max_ms = BACKOFF_MS };
        struct rpc_client *client;
        struct err err;

        if (rpc_client_new(store->loop, &options, &client, &err) == 0)
                return client;
        LOG(WARN, "another store cannot be reached", STR("address", address),
            STR("error", err.text));
        return NULL;
}

static void learn(struct store *store, const Sk__ClusterMembership__Member *member)
{
        uint64_t id = transport_member_id(member->node_id);
        struct peer *peer = peers_member(store, id), **at = &store->peers;

        if (id == store->id || !*member->address)
                return;
        if (peer && strcmp(peer->address, member->address) == 0 &&
            strcmp(peer->raft_address, member->raft_address) == 0) {
                peer->is_member = true;
                return;
        }
        while (peer && *at != peer)
                at = &(*at)->next;
        if (peer) {
                *at = peer->next;
                peer_free(peer);
        }
        peer = mem_alloc(sizeof *peer);
        peer->id = id;
        peer->is_member = true;
        peer->node_id = str_copy(member->node_id);
        peer->address = str_copy(member->address);
        peer->raft_address = str_copy(member->raft_address);
        peer->client = peers_connect(store, peer->address);
        peer->next = store->peers;
        store->peers = peer;
        replica_set_peer(store->replica, id, peer->raft_address);
}

/* Who left stays connected until the store stops: Raft may still have a word for it. */
void peers_learn(struct store *store, const Sk__ClusterMembership *membership)
{
        for (struct peer *peer = store->peers; peer; peer = peer->next)
                peer->is_member = false;
        for (size_t i = 0; membership && i < membership->n_members; i++)
                learn(store, membership->members[i]);
}

void peers_refresh(struct store *store)
{
        size_t at = 0;
        const struct record *cluster = state_each(store->state, SK__KIND__KIND_CLUSTER, &at);
        uint64_t version = cluster ? cluster->part_versions[PART_CLUSTER_membership] : 0;
        struct arena arena = { 0 };

        if (version == store->membership_version)
                return;
        store->membership_version = version;
        peers_learn(store, peers_membership(store, &arena));
        arena_done(&arena);
}

void peers_close(struct store *store)
{
        while (store->peers) {
                struct peer *peer = store->peers;

                store->peers = peer->next;
                peer_free(peer);
        }
}

/* --- forwarding --- */

static void forwarded(void *context, const void *out, const struct err *err)
{
        struct rpc_call *call = context;

        if (err)
                rpc_fail(call, err);
        else
                rpc_reply(call, out);
}

void peers_forward(struct store *store, struct rpc_call *call, const Sk__CommitRequest *request)
{
        struct peer *leader = peers_member(store, replica_role(store->replica)->leader);
        Sk__LogCommit commit = SK__LOG_COMMIT__INIT;
        struct err err;

        if (!leader || !leader->client) {
                (void)store_no_leader(store, &err);
                rpc_fail(call, &err);
                return;
        }
        commit.request = (Sk__CommitRequest *)request;
        commit.writer = rpc_call_peer(call)->roles;
        rpc_client_call(leader->client, RPC_METHOD(store_peer, Forward), &commit.base,
                        FORWARD_TIMEOUT_S * NS_PER_S, false, forwarded, call);
}

static void answer(struct store *store, void *context, const struct applied *applied,
                   const struct err *err)
{
        propose_answer(store, context, applied, err);
}

void forward(void *context, struct rpc_call *call, const Sk__LogCommit *in)
{
        struct store *store = context;
        struct err err;
        int r = in->request ? 0 : err_set(&err, ERR_INVALID, "a commit without a request");

        if (r == 0)
                r = store_propose(store, in->request, in->writer, answer, call, &err);
        if (r < 0)
                rpc_fail(call, &err);
}
