/* The insides of a server, shared by the files that make it. */
#pragma once
#include <grpc/grpc.h>

#include "lib/base/map.h"
#include "lib/base/vec.h"
#include "lib/rpc/metrics.h"
#include "lib/rpc/peers.h"
#include "lib/rpc/pipe.h"
#include "lib/rpc/server.h"

enum {
        ARMED_MAX = 64,   /* calls of one method that gRPC may hand over before we have looked */
        POOLED_MAX = 256, /* call structs kept for reuse */
        ARENA_KEPT = 64 * 1024, /* what a pooled struct's arena may have taken */
        REQUEST_ID_SIZE = 65,
};

#define RPC_REQUEST_ID_KEY "skep-request-id"

/* A method being served. */
struct served {
        struct rpc_server *server;
        const struct rpc_method *method;
        const ProtobufCMethodDescriptor *descriptor;
        void *context;
        void *registered;                 /* gRPC's handle */
        unsigned n_armed, n_armed_wanted; /* requests we wait for; doubles when none is left */
        struct method_metrics metrics;
};

struct rpc_server {
        struct rpc_queue *queue;
        grpc_server *server;
        struct rpc_server_options options;
        struct vec services; /* const struct rpc_service * */
        struct vec served;   /* struct served * */
        struct vec reloaders;
        struct peers peers;
        struct rpc_call *calls;  /* being served; doubly linked */
        struct rpc_call *next;   /* of them to be abandoned; moves on when it ends before */
        struct rpc_call *pooled; /* for reuse; singly linked */
        size_t n_pooled;
        size_t n_structs; /* calls armed or being served: who hold this server in memory */
        int port;
        bool is_started, is_stopping, is_stopped, is_freed;
        bool is_serving; /* what health says */
        struct health_watcher *watchers;
        struct rpc_event stopped;
};

struct rpc_call {
        struct rpc_server *server;
        struct served *served; /* NULL: waits for, or is, a call of a method nobody serves */
        struct rpc_call *previous, *next;

        grpc_call *call;
        grpc_call_details details; /* of unknown methods only */
        grpc_metadata_array metadata;
        gpr_timespec deadline;
        grpc_byte_buffer *request; /* the first message, read with the call */
        struct known_peer *peer;
        struct arena arena;
        char id[REQUEST_ID_SIZE];
        int64_t started_ns;

        const struct rpc_call_events *events;
        void *context;
        struct rpc_event requested, closed, finished;
        struct writer writer;
        struct reader reader;

        int code; /* what the call ended with, once it is answered */
        grpc_slice text;
        grpc_byte_buffer *response;
        int was_cancelled;
        bool is_answered;      /* the handler has said its last word */
        bool is_finished;      /* and so have we, to gRPC */
        bool is_close_awaited; /* RECV_CLOSE is under way, or was */
        bool is_closed;        /* gRPC is done with the call */
        bool is_in_handler;
        unsigned n_pending; /* of 'closed' and 'finished' */
};

/* Asks gRPC for the next calls of a method (NULL: of methods nobody serves). */
void call_arm(struct rpc_server *server, struct served *served);

/* Goes on with a call after anything happened to it; inside a handler that waits until it has
 * returned. */
void call_settle(struct rpc_call *call);

/* Ends a call that the server will not wait for: 'closed' is called now. */
void call_abandon(struct rpc_call *call);

/* Frees a pooled struct. */
void call_free(struct rpc_call *call);

/* Frees the server when nothing refers to it any more. */
void server_settle(struct rpc_server *server);
