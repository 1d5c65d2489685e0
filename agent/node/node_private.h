/* What the files of this folder share. */
#pragma once
#include "agent/node/backend.h"
#include "agent/node/node.h"
#include "agent/node/record.h"
#include "lib/base/str.h"
#include "lib/rpc/client.h"

enum node_state { NODE_INACTIVE, NODE_PENDING, NODE_ACTIVE, NODE_LEAVING };

struct node {
        struct node_options options;
        struct backend *backend;
        enum node_state state;
        struct node_record record; /* while not inactive */
        bool is_connected;
        char connection_message[200];
};

/* <folder>/<name> of the state or run folder, in 'ret'. */
void node_state_path(const struct node *node, const char *name, struct str *ret);
void node_run_path(const struct node *node, const char *name, struct str *ret);

/* Starts this node's daemons and the task side; the identity and the record are in place. */
int node_start_daemons(struct node *node, struct err *err);

/* Stops them all, then calls back. */
void node_stop_daemons(struct node *node, void (*stopped)(void *context), void *context);

/* Removes identity, store and record: the node is in no swarm any more. */
void node_forget_swarm(struct node *node);

/* docker's words: inactive pending active. */
const char *node_state_name(const struct node *node);

/* Of a handler's context. */
struct node *node_of(void *context);
