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
        struct node_join *join;    /* NULL: none is on its way */
        struct node_role *role;    /* NULL: the role is not changing */
        Sk__NodeRole told_role;    /* by the managers, last */
        struct loop_timer renewal_due;
        bool is_connected;
        char connection_message[200];
};

#define NODE_ALREADY_IN_SWARM                                                                     \
        "This node is already part of a swarm. Use \"skep swarm leave\" to leave this swarm and " \
        "join another one."

/* <folder>/<name> of the state or run folder, in 'ret'. */
void node_state_path(const struct node *node, const char *name, struct str *ret);
void node_run_path(const struct node *node, const char *name, struct str *ret);

/* Starts this node's daemons and the task side; the identity and the record are in place. */
int node_start_daemons(struct node *node, struct err *err);

/* Only those of its role that do not run yet. */
int node_start_rows(struct node *node, struct err *err);

/* Stops them all, or those a worker has not, then calls back. */
void node_stop_daemons(struct node *node, bool only_managers, void (*stopped)(void *context),
                       void *context);

bool node_is_manager(const struct node *node);

/* Removes identity, store and record: the node is in no swarm any more. */
void node_forget_swarm(struct node *node);

/* A session with a manager has opened: whoever waits for it to have joined is answered. */
void node_join_connected(struct node_join *join);
void node_join_cancel(struct node_join *join); /* NULL is fine; the agent stops */

/* The managers say that this node has that role now: it becomes so, step by step. */
void node_role_told(struct node *node, Sk__NodeRole role);
void node_role_cancel(struct node *node);
bool node_role_is_stopping(const struct node *node); /* its daemons, and cannot be cancelled */

/* Certificates are renewed at a random moment of their life, from now on. */
void node_role_schedule(struct node *node);

/* What a role that was given up left behind when the agent died on the way. */
int node_role_clean(struct node *node, struct err *err);

/* docker's words: inactive pending active. */
const char *node_state_name(const struct node *node);

/* Of a handler's context. */
struct node *node_of(void *context);
