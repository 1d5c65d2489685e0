/* A node's own side: which swarm it belongs to, and which daemons run here because of it.
 *
 * Lives before and after every swarm.  Without an identity it only waits for 'skep swarm init' or
 * 'join' on node.sock; with one it keeps the node's daemons running (backend.h) and the task side
 * (agent/agent.h) connected. */
#pragma once
#include "agent/agent.h"
#include "lib/os/worker.h"
#include "lib/rpc/service.h"

struct node;
struct images; /* what the runtime can do with images (agent/containerd/images.h); NULL: nothing */

struct node_options {
        struct loop *loop;
        struct worker_pool *workers;
        struct worker_pool *volume_workers; /* whose threads volume plugins may keep waiting */
        struct agent *agent;                /* the task side; borrowed */
        struct executor *executor;          /* for describing the node; borrowed */
        struct images *images;              /* borrowed */
        const char *state_folder;           /* /var/lib/skep: identity/, node.conf, store/, log/ */
        const char *run_folder;             /* /run/skep: sockets, pid files */
        const char *program_folder; /* where skep-store and the others are; "" the folder of this
                                       program */
        const char *backend;        /* "spawn", "systemd", "auto": systemd where it is PID 1 */
        const char *daemon_options; /* extra options for daemons, "store:--log-level=debug
                                       store:..." ; for tests */
};

int node_new(const struct node_options *options, struct node **ret_node, struct err *err);

/* The node's daemons run on (unless the backend is told otherwise by leaving). */
void node_free(struct node *node);
DEFINE_CLEANUP(struct node, node_free)

/* Starts what this node is for, when it has an identity.  Call once, after the server listens. */
int node_start(struct node *node, struct err *err);

/* Wire agent_options.events to these; context is the node. */
void node_on_connected(void *context, bool is_connected, const char *message);
void node_on_node_changed(void *context, const Sk__Node *record);
void node_on_managers_told(void *context, const char *const *addresses, size_t n);
void node_on_root_changed(void *context, const char *root_certificate_pem);
void node_on_refused(void *context, const struct err *err);

/* skep.v1.NodeAgent.  The handlers' context is the struct daemon; its state must be a struct
 * node_holder (put it first in the program's own state). */
struct node_holder {
        struct node *node;
};
extern const struct rpc_service node_agent_service;
