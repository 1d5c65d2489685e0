/* What only one dispatcher of the cluster may decide, the one that holds the lease "dispatcher":
 * that a node is down, that the tasks of a node that is gone are orphans, and which managers can be
 * reached. */
#pragma once
#include "dispatcher/dispatcher.h"

struct verdicts;

int verdicts_new(struct dispatcher *dispatcher, struct verdicts **ret_verdicts, struct err *err);
void verdicts_free(struct verdicts *verdicts); /* accepts NULL */

/* The node was not heard of in time. */
void verdicts_late(struct verdicts *verdicts, const char *node_id);

/* News of a node, of the cluster. */
void verdicts_node_changed(struct verdicts *verdicts, const char *node_id);
void verdicts_cluster_changed(struct verdicts *verdicts);

/* Commits what this turn decided. */
void verdicts_commit(struct verdicts *verdicts);
