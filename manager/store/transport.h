/* Raft's messages between stores: on the loop of Raft's thread, with a server and connections of
 * its own; snapshots and what clients ask go elsewhere.  One stream to each peer keeps messages in
 * order, so that a heartbeat's answer tells what was lost.  What cannot be sent now is lost; Raft
 * sends it again. */
#pragma once
#include "lib/os/loop.h"
#include "lib/rpc/tls.h"
#include "manager/store/raft/raft.h"

struct transport;

struct transport_options {
        struct loop *loop;
        const struct rpc_identity *identity; /* borrowed */
        const char *listen;                  /* "host:port"; "": nobody can reach us */
        /* A message that came from who it says; borrowed. */
        void (*received)(void *context, const struct raft_message *message);
        void *context;
};

int transport_new(const struct transport_options *options, struct transport **ret_transport,
                  struct err *err);
void transport_free(struct transport *transport); /* NULL is fine */

/* Where a member's Raft is reached; what is known of others stays. */
void transport_set_peer(struct transport *transport, uint64_t id, const char *address);

void transport_send(struct transport *transport, const struct raft_message *message);

/* Raft's name for a node: never 0, and as unique as node ids are. */
uint64_t transport_member_id(const char *node_id);
