/* The insides of a client, shared by unary calls and streams. */
#pragma once
#include "lib/base/vec.h"
#include "lib/rpc/client.h"
#include "lib/rpc/credentials.h"
#include "lib/rpc/pipe.h"

#define RPC_REQUEST_ID_KEY "skep-request-id"

enum { METADATA_MAX = 8 };

/* A method that was called before. */
struct called {
        const ProtobufCServiceDescriptor *service;
        const ProtobufCMethodDescriptor *method;
        void *registered; /* gRPC's handle */
};

/* A connection, or the attempts at one, with the identity it began with. */
struct channel {
        grpc_channel *channel;
        struct vec called; /* struct called */
        size_t n_users;    /* its calls, and its client while new calls go there */
};

/* What unary calls and streams have in common; first in both. */
struct outgoing {
        struct rpc_client *client;
        struct channel *channel;
        struct outgoing *previous, *next; /* of the client's */
        /* Ends it for a client that is being freed; tells the caller ERR_CANCELLED. */
        void (*abandon)(struct outgoing *outgoing);
        const ProtobufCMethodDescriptor *method;
        grpc_call *call;
        grpc_metadata_array initial_metadata, trailing_metadata;
        grpc_status_code status;
        grpc_slice text;
};

struct rpc_client {
        struct rpc_queue *queue;
        struct rpc_client_options options; /* its strings are copies; without metadata */
        struct channel *channel;           /* of new calls */
        struct file_times times;           /* of the identity that it presents */
        struct outgoing *outgoing;
        struct rpc_request *pooled;
        size_t n_pooled;
        bool is_freed;
        grpc_metadata metadata[METADATA_MAX +
                               1]; /* of every call; the request id, when set, is the last */
        size_t n_metadata;
        bool has_request_id;
};

/* Makes the gRPC call and links it in. */
void outgoing_init(struct outgoing *outgoing, struct rpc_client *client,
                   const struct rpc_method_id *method, int64_t timeout_ns);
/* Takes it out again; client_settle() must follow. */
void outgoing_done(struct outgoing *outgoing);

/* Frees a client that was given up when its last call is gone. */
void client_settle(struct rpc_client *client);

/* The op that opens a call. */
grpc_op outgoing_open_op(const struct outgoing *outgoing, uint32_t flags);
grpc_op outgoing_status_op(struct outgoing *outgoing);

/* What the peer, or gRPC in its place, says in the end; returns its code. */
int outgoing_status(const struct outgoing *outgoing, struct err *err);

/* Frees pooled requests. */
void requests_free(struct rpc_client *client);
