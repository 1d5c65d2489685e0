/* The other stores of the cluster, as the membership names them: what a follower passes on to the
 * leader, and the leader's care for who belongs. */
#pragma once
#include "api/raft.h"
#include "manager/store/store.h"
#include "manager/store/transport.h"

STORE_PEER_METHODS(RPC_PROTOTYPE)

extern const struct rpc_service store_peer_service;

/* Another store. */
struct peer {
        struct peer *next;
        uint64_t id;
        bool is_member;
        char *node_id, *address, *raft_address;
        struct rpc_client *client;
};

void peers_close(struct store *store);

/* A part of the cluster's object; NULL while there is none.  In 'arena'. */
const ProtobufCMessage *store_cluster_part(const struct store *store, size_t part,
                                           const ProtobufCMessageDescriptor *descriptor,
                                           struct arena *arena);

/* The membership as it is in the state, in the arena; NULL before there is one. */
const Sk__ClusterMembership *peers_membership(const struct store *store, struct arena *arena);

/* The membership may have changed: connects to who is new. */
void peers_refresh(struct store *store);
void peers_learn(struct store *store, const Sk__ClusterMembership *membership);

struct peer *peers_member(struct store *store,
                          uint64_t id); /* NULL: unknown, or this store itself */

/* A client of a store's second face. */
struct rpc_client *peers_connect(struct store *store, const char *address);
