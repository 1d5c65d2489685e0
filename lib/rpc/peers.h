/* Who is on a connection: worked out once, remembered for the calls that follow. */
#pragma once
#include <grpc/grpc_security.h>

#include "lib/rpc/service.h"

enum { PEERS_SLOTS = 256 };

/* One connection's peer; counted, since calls may outlive its place in the table. */
struct known_peer {
        struct rpc_peer peer;
        struct err err; /* why it is refused; code 0: it is not */
        grpc_auth_context *context;
        unsigned n_refs;
};

/* A zeroed struct with 'cluster_id' set is ready; peers of other clusters are refused.  By address
 * of the connection's context, which stays unique as long as we hold on to it. */
struct peers {
        const char *cluster_id; /* borrowed; NULL when there is no identity: then no certificate is
                                   known */
        struct known_peer *slots[PEERS_SLOTS];
};

/* The caller's reference. */
struct known_peer *peers_find(struct peers *peers, grpc_call *call);
void known_peer_unref(struct known_peer *peer); /* accepts NULL */
void peers_done(struct peers *peers);

/* gRPC tells an address as a URI, "ipv6:%5B::1%5D:40312"; here it is "ipv6:[::1]:40312". */
void peer_address(const char *uri, char *ret, size_t size);
