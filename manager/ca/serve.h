/* skep-ca's shell: judges (ca.h), signs on a worker thread, commits, answers. */
#pragma once
#include "lib/run/committer.h"
#include "lib/run/daemon.h"
#include "lib/run/mirror.h"

struct ca_config {
        const char *store;
};

extern const struct rpc_service ca_service;

int ca_start(struct daemon *daemon, struct err *err);
void ca_stop(struct daemon *daemon);
