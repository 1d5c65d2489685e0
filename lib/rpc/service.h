/* What a server offers: one row per method (api/x.h), one typed function per row.
 *
 * A row is X(Method, function, Request, Response, SHAPE, roles).  From the rows of a service come,
 * by the macros below, typed prototypes (a wrong type does not compile, a missing handler does not
 * link), shims, and the table.  rpc_service_check() compares the table with protobuf-c's descriptor
 * at start, so that it cannot drift from the .proto.
 *
 *         CONTROL_METHODS(RPC_PROTOTYPE)           in the header of the handlers
 *         CONTROL_METHODS(RPC_SHIM)                once, in rows.c; then:
 *
 *         static const struct rpc_method methods[] = { CONTROL_METHODS(RPC_ROW) };
 *         const struct rpc_service control_service = { &sk__control__descriptor,
 *                                                      methods, COUNT_OF(methods) };
 */
#pragma once
#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/base/mem.h"

/* How requests and responses flow. */
enum rpc_shape {
        RPC_UNARY,         /* one in, one out */
        RPC_SERVER_STREAM, /* one in, many out */
        RPC_CLIENT_STREAM, /* many in, one out */
        RPC_BIDI_STREAM,   /* many in, many out */
};

/* Who calls, from the certificate the peer proved or from the socket it came by. */
struct rpc_peer {
        uint32_t roles;      /* bits of enum role (api/roles.h) */
        char node_id[64];    /* CN; "" without a certificate */
        char cluster_id[64]; /* O */
        char daemon[32];     /* last segment of the URI SAN; "" when there is none */
        bool is_manager;     /* OU is swarm-manager */
        char address[80];    /* for logs: "ipv4:10.0.0.3:40312", "unix:" */
};

/* A call being served.  It lives until it was answered (rpc_reply, rpc_fail) or, for streams, until
 * 'closed' was called. */
struct rpc_call;

/* What the server does with a method; 'context' is what the service was added with
 * (rpc_server_add). All callbacks run on the loop.  'in' is borrowed and lives until the callback
 * returns unless rpc_call_arena() is used. */
struct rpc_method {
        const char *name;
        enum rpc_shape shape;
        uint32_t roles;
        /* "Sk__CommitRequest": the messages' C names, checked against the .proto. */
        const char *in, *out;
        /* Unary and server-stream methods: the request came.  Others: the stream opened ('in' is
         * NULL); set its events with rpc_call_on(). */
        void (*handle)(void *context, struct rpc_call *call, const void *in);
};

struct rpc_service {
        const ProtobufCServiceDescriptor *descriptor;
        const struct rpc_method *methods;
        size_t n_methods;
};

/* Does the table say what the .proto says, method by method? */
int rpc_service_check(const struct rpc_service *service, struct err *err);

/* --- answering; from the loop thread only --- */

/* Ends a unary or client-stream call with a response.  'out' is packed before the function returns.
 */
void rpc_reply(struct rpc_call *call, const ProtobufCMessage *out);

/* Ends any call with an error; the code crosses the wire as it is. */
void rpc_fail(struct rpc_call *call, const struct err *err);

const struct rpc_peer *rpc_call_peer(const struct rpc_call *call);
/* The request id, from the caller's "skep-request-id" or drawn. */
const char *rpc_call_id(const struct rpc_call *call);

/* Memory that lives as long as the call. */
struct arena *rpc_call_arena(struct rpc_call *call);

/* What the caller will still wait for, in CLOCK_REALTIME ns; TIME_NEVER when it set no deadline. */
int64_t rpc_call_deadline(const struct rpc_call *call);

/* --- streams and long calls --- */

struct rpc_call_events {
        /* A message came from the peer; the next one is read when this returns, unless reading is
         * paused. */
        void (*message)(void *context, struct rpc_call *call, const void *in);
        /* The peer will send no more. */
        void (*half_closed)(void *context, struct rpc_call *call);
        /* What was written has left; more may be written now. */
        void (*writable)(void *context, struct rpc_call *call);
        /* The call is over (answered, cancelled, deadline, connection lost).  Called exactly once
         * if events were set; the call is freed when it returns. */
        void (*closed)(void *context, struct rpc_call *call);
};

/* Sets whom to tell; members may be NULL.  Also useful for unary calls that take long ('closed'
 * tells of cancellation). */
void rpc_call_on(struct rpc_call *call, const struct rpc_call_events *events, void *context);

/* Writes one message of a stream.  Messages queue up inside the call, bounded: returns false when
 * more than the high-water mark (256 KiB) now waits; the writer then waits for 'writable' before it
 * writes more.  The message is packed before it returns. */
bool rpc_call_write(struct rpc_call *call, const ProtobufCMessage *message);

/* Would rpc_call_write() be welcome? */
bool rpc_call_is_writable(const struct rpc_call *call);

/* Ends a server or bidi stream well, after what was written. */
void rpc_call_finish(struct rpc_call *call);

/* No further 'message' until resumed: the peer is slowed down by flow control. */
void rpc_call_pause_reading(struct rpc_call *call);
void rpc_call_resume_reading(struct rpc_call *call);

/* --- made from rows --- */

#define RPC_PROTOTYPE(Method, function, Request, Response, SHAPE, roles) \
        void function(void *context, struct rpc_call *call, const Sk__##Request *in);
#define RPC_SHIM(Method, function, Request, Response, SHAPE, roles)                       \
        static void function##_shim(void *context, struct rpc_call *call, const void *in) \
        {                                                                                 \
                function(context, call, in);                                              \
        }
#define RPC_ROW(Method, function, Request, Response, SHAPE, roles_) \
        { #Method, RPC_##SHAPE, (roles_), "Sk__" #Request, "Sk__" #Response, function##_shim },
