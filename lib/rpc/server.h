/* A gRPC server: TLS 1.3 both ways on TCP, mutual TLS or plain on unix sockets.
 *
 * Does, once for all methods: find the row, authorise by the peer's roles, bound the size, unpack
 * into the call's arena, check UTF-8, deadline, request id, count and time, pack, turn errors into
 * status.  Offers grpc.health.v1, and server reflection to ROLE_ADMIN, beside what is added. */
#pragma once
#include "lib/base/str.h"
#include "lib/os/loop.h"
#include "lib/rpc/service.h"
#include "lib/rpc/tls.h"

struct rpc_server;

struct rpc_server_options {
        size_t message_size_max; /* 0: 4 MiB */
        unsigned streams_max;    /* per connection; 0: 1,000 */
        /* All connections together; 0: 256 MiB.  Beyond it the newest streams are refused. */
        size_t memory_max;
        unsigned idle_ms; /* connections without calls are closed after that long; 0: never */
        const struct rpc_identity *identity; /* for TLS listeners; borrowed, outlives the server */
};

int rpc_server_new(struct loop *loop, const struct rpc_server_options *options,
                   struct rpc_server **ret_server, struct err *err);

/* Before rpc_server_start().  Fails when the table does not match the descriptor. */
int rpc_server_add(struct rpc_server *server, const struct rpc_service *service, void *context,
                   struct err *err);

/* How a listener treats those who connect. */
enum rpc_trust {
        RPC_MUTUAL_TLS, /* a certificate of our root is required, both ways; TCP or unix */
        /* TLS; without a certificate the caller is ROLE_STRANGER (skep-join only). */
        RPC_ALLOW_STRANGERS,
        /* Plain, unix only: whoever may open the socket has ROLE_ADMIN | ROLE_LOCAL. */
        RPC_LOCAL_ADMIN,
};

/* 'address' is "host:port", "[v6]:port" or "unix:/path"; a stale socket file is replaced;
 * 'socket_mode' is for unix. */
int rpc_server_listen(struct rpc_server *server, const char *address, enum rpc_trust trust,
                      unsigned socket_mode, struct err *err);

/* The port of the latest TCP listener; for those who listened on port 0. */
int rpc_server_port(const struct rpc_server *server);

int rpc_server_start(struct rpc_server *server, struct err *err);

/* grpc.health.v1: what Check and Watch answer for "" and every service. */
void rpc_server_set_serving(struct rpc_server *server, bool serving);

/* Adds Prometheus text: calls, errors by code, time, bytes per method. */
void rpc_server_metrics(const struct rpc_server *server, struct str *str);

/* Takes no more calls, gives those under way 'grace_ms', cancels the rest ('closed' is called
 * before it returns), frees.  To give grace it turns the loop, so it does that only when called
 * outside of the loop's callbacks; inside one, grace is 0.  A call without events that is still
 * unanswered stays valid until it is. */
void rpc_server_free(struct rpc_server *server, int grace_ms);
