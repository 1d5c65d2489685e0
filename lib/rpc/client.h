/* Calls to another daemon.  One client is one connection (gRPC channel) that reconnects by itself
 * with jittered back-off, 100 ms to 5 s; keep-alive finds dead peers.  Everything runs on the loop;
 * callbacks never run inside the function that started the call. */
#pragma once
#include "lib/os/loop.h"
#include "lib/rpc/service.h"
#include "lib/rpc/tls.h"

struct rpc_client;

/* A pair that goes along with every call; keys are lower case. */
struct rpc_metadata {
        const char *key, *value;
};

struct rpc_client_options {
        const char *address; /* "host:port", "unix:/path" */
        /* Outlives the client.  NULL: plain, unix only, unless one of the last two is set. */
        const struct rpc_identity *identity;
        /* With TLS, "store": the certificate must be that daemon's ("store.skep"). */
        const char *server_daemon;
        size_t message_size_max;             /* 0: 64 MiB */
        int backoff_max_ms;                  /* between attempts to connect; 0: 5 s */
        const struct rpc_metadata *metadata; /* copied; for servers that are not ours (at most 8) */
        size_t n_metadata;
        /* For those who join and have no certificate yet; without an identity: */
        const char *root_pem; /* TLS to a server of this root; we present nothing */
        /* TLS to whoever answers: only to fetch a root that a digest will prove. */
        bool is_unverified;
};

/* Does not connect yet.  ERR_INVALID for plain TCP, or TLS without a server_daemon. */
int rpc_client_new(struct loop *loop, const struct rpc_client_options *options,
                   struct rpc_client **ret_client, struct err *err);

/* Speaks over a connection that is there already, to somebody who is not ours, without TLS; it is
 * not made again when it breaks.  Takes 'fd' over, also when it fails. */
int rpc_client_adopt(struct loop *loop, int fd, size_t message_size_max,
                     struct rpc_client **ret_client, struct err *err);

/* Calls under way end with ERR_CANCELLED before it returns. */
void rpc_client_free(struct rpc_client *client);

/* Calls started from now on carry this request id (copied; NULL: none), by which logs of several
 * daemons can be joined. */
void rpc_client_set_request_id(struct rpc_client *client, const char *id);

/* Which method: "Store" of &sk__store__descriptor, "Commit".  A message of another type than the
 * method's trips a CHECK. */
struct rpc_method_id {
        const ProtobufCServiceDescriptor *service;
        const char *method;
};
#define RPC_METHOD(service_, Method) \
        (&(const struct rpc_method_id){ &sk__##service_##__descriptor, #Method })

/* 'out' (arena of the call, borrowed) is NULL when 'err' is set. */
typedef void rpc_answered(void *context, const void *out, const struct err *err);

/* A unary call.  'timeout_ns' 0: none.  'in' is packed before it returns.  wait_for_ready: while
 * there is no connection the call waits for one (until its deadline) instead of failing with
 * ERR_UNAVAILABLE.  (A call that is started just when its connection breaks still fails so: nothing
 * is retried here.) */
struct rpc_request;
struct rpc_request *rpc_client_call(struct rpc_client *client, const struct rpc_method_id *method,
                                    const ProtobufCMessage *in, int64_t timeout_ns,
                                    bool wait_for_ready, rpc_answered *answered, void *context);

/* 'answered' is not called any more; the request is gone.  Only before 'answered' was called. */
void rpc_request_cancel(struct rpc_request *request);

/* --- streams --- */

struct rpc_stream;
struct rpc_stream_events {
        void (*message)(void *context, const void *out);
        void (*writable)(void *context);
        /* Over: ERR_OK when the server ended it well.  Exactly once, and last; the stream is freed
         * when it returns. */
        void (*closed)(void *context, const struct err *err);
};

/* Opens any streaming method.  For a server stream pass the request as 'in' (the sending side is
 * closed after it); for client and bidi streams 'in' is NULL.  Never fails at once: problems come
 * as 'closed'. */
struct rpc_stream *rpc_client_stream(struct rpc_client *client, const struct rpc_method_id *method,
                                     const ProtobufCMessage *in,
                                     const struct rpc_stream_events *events, void *context);

/* As rpc_call_write(): false means wait for 'writable'. */
bool rpc_stream_write(struct rpc_stream *stream, const ProtobufCMessage *message);
/* No more from us; a client stream's answer comes as 'message'. */
void rpc_stream_half_close(struct rpc_stream *stream);
void rpc_stream_pause_reading(struct rpc_stream *stream);
void rpc_stream_resume_reading(struct rpc_stream *stream);

/* Ends it now; 'closed' is not called any more, the stream is freed. */
void rpc_stream_cancel(struct rpc_stream *stream);
