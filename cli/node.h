/* skep node: what its files share. */
#pragma once
#include "cli/print.h"

extern const struct flag node_update_flags[];

/* Changes 'spec' (all of it in 'arena') as --availability, --role and the label flags ask. */
int node_spec_apply(struct arena *arena, Sk__NodeSpec *spec, const struct arguments *arguments,
                    struct err *err);

/* Tells how many tasks a drained node has left until it has none; returns the exit code. */
int node_wait_empty(struct cli *cli, const char *name, const char *id);

/* The node as 'node inspect --pretty' tells of it. */
void node_pretty(struct str *out, const Sk__Node *node, const char *root_pem);

/* The columns of node ls; 'self' is the id of the node whose API answered. */
extern const struct list_kind node_list;
json_t *node_row(struct arena *arena, const Sk__Node *node, const char *self);
