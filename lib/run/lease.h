/* The right to act as a loop on this node: AcquireLease, asked for again for as long as it takes.
 */
#pragma once
#include "lib/rpc/client.h"

struct lease;

struct lease_options {
        struct loop *loop;
        struct rpc_client *store; /* borrowed */
        const char *loop_name;    /* "scheduler" */
        const char *node_id;      /* part of the holder's name; another part is drawn at start */
        /* It was granted (decide only on a mirror that has reached 'version', commit with 'epoch'),
         * or it is over. */
        void (*changed)(void *context, bool is_held, uint64_t epoch, uint64_t version);
        void *context;
};

int lease_new(const struct lease_options *options, struct lease **ret_lease, struct err *err);
void lease_free(struct lease *lease); /* accepts NULL; gives it back */

/* Gives it up and asks for a new one: what was committed under the old one and is not applied by
 * then never will be. */
void lease_renew(struct lease *lease);

bool lease_is_held(const struct lease *lease);
