/* skep-join: the one door open to strangers.  Holds no key of value and no state: it tells the root
 * certificate and hands join requests to the ca, few at a time and small. */
#pragma once
#include "lib/rpc/client.h"
#include "lib/run/daemon.h"

struct join_config {
        const char *ca;
        const char *root_certificate; /* file */
        int64_t requests_max;         /* forwarded at the same time; more are refused */
};

extern const struct rpc_service join_service;

int join_start(struct daemon *daemon, struct err *err);
void join_stop(struct daemon *daemon);
