/* One manager in a folder of its own: its daemons as child processes over mutual TLS, a cluster
 * that knows some nodes, and clients to ask it with.  For integration tests and benchmarks. */
#pragma once
#include <stdbool.h>

#include "api/store.pb-c.h"
#include "lib/os/loop.h"
#include "lib/os/process.h"
#include "lib/rpc/client.h"
#include "lib/trust/trust.h"

enum { MANAGER_DAEMONS_MAX = 8 };

struct manager_daemon {
        const char *name, *program; /* "store", "manager/store/skep-store" */
        char *log;                  /* the file with what it printed */
        struct process process;
        bool is_running;
        int status; /* what it ended with by itself */
};

struct manager {
        char folder[96];
        char store[128], api[128], dispatcher[128]; /* addresses: local sockets */
        unsigned host;                              /* 1 for the first manager, 2… for others */
        char ip[16];                                /* a loopback address of its own */
        unsigned ports[3];                          /* dispatcher, store, Raft; the same on all */
        char agents_address[32], store_address[32], raft_address[32];
        char join[64]; /* "--join ADDRESS" for all but the first */
        char node_id[26];
        char worker_token[TRUST_TOKEN_SIZE]; /* of the first manager's cluster */
        struct loop *loop;
        struct manager_daemon daemons[MANAGER_DAEMONS_MAX];
        size_t n_daemons;
        struct rpc_identity *identity;   /* of a daemon that may commit: "orchestrator" */
        struct rpc_client *store_client; /* with it */
        struct rpc_client *api_client;   /* as a local admin */
};

/* Makes folder and identities, and a cluster with 'n_nodes' nodes that never were connected.
 * 'folder' is made; its parent must exist. */
void manager_init(struct manager *manager, struct loop *loop, const char *folder, size_t n_nodes);
/* One more manager of the same cluster; it joins when its store is started. */
void manager_init_another(struct manager *manager, const struct manager *first, unsigned host,
                          const char *folder);
void manager_done(struct manager *manager); /* kills what runs; the folder stays */

/* The id of node i, and the folder with its agent's identity (made at the first call). */
void manager_node_id(size_t i, char ret[static 26]);
void manager_node_identity(const struct manager *manager, size_t i, char *ret, size_t size);

/* Starts a daemon with options that follow those it needs ("" for none), from the working folder's
 * tree of programs. */
void manager_start(struct manager *manager, const char *daemon, const char *options);
void manager_kill(struct manager *manager, const char *daemon);
/* Tells it to stop, waits until it has, and returns its exit status. */
int manager_stop(struct manager *manager, const char *daemon);
void manager_signal_all(struct manager *manager, int signal);

/* All that tasks take: store, orchestrator, allocator, scheduler, dispatcher, api; neither ca nor
 * join. */
void manager_start_all(struct manager *manager, const char *options);

/* A call, waited for.  'out' lives in 'arena'; the code is returned. */
int manager_call(struct manager *manager, struct rpc_client *client,
                 const struct rpc_method_id *method, const ProtobufCMessage *in,
                 struct arena *arena, ProtobufCMessage **ret_out, struct err *err);

/* One change, committed by the daemon's role. */
void manager_commit(struct manager *manager, const Sk__Change *change);
