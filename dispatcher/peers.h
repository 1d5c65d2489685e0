/* The dispatchers of the other managers: each tells all others, twice a second, which nodes it
 * hears.  So whoever holds the lease knows who is alive, also right after it got it, and whoever is
 * asked for a node's data knows whom to ask. */
#pragma once
#include "dispatcher/dispatcher.h"

struct peers;

struct peers *peers_new(struct dispatcher *dispatcher);
void peers_free(struct peers *peers); /* accepts NULL */

/* The cluster's membership may have changed. */
void peers_refresh(struct peers *peers);

/* The node was removed. */
void peers_forget_node(struct peers *peers, const char *node_id);

/* Adds Prometheus text: what was heard of other dispatchers. */
void peers_metrics(const struct peers *peers, struct str *str);

/* The connection to the dispatcher that heard of the node last; NULL: none did. */
struct rpc_client *peers_client_of(const struct peers *peers, const char *node_id);
