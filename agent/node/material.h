/* Everything a new swarm begins with: root, tokens, this node's certificates, and log entry 1. */
#pragma once
#include "agent/node/record.h"
#include "api/node.pb-c.h"

/* Makes it all and writes it below 'state_folder': identity.new/ (keys, certificates, root.crt),
 * bootstrap (a packed LogEntry). material_commit() then makes it the node's in one step.  A crash
 * in between leaves a node that is in no swarm. Blocking: for a worker thread.  'record' comes with
 * addresses and leaves with ids and role; the worker token is told. */
int material_make(const char *state_folder, const Sk__InitSwarmRequest *in, const char *hostname,
                  struct node_record *record, char ret_token[static 96], struct err *err);
int material_commit(const char *state_folder, const struct node_record *record, struct err *err);

/* Removes what an interrupted init, join or leave left; the node is in no swarm. */
void material_clean(const char *state_folder);
