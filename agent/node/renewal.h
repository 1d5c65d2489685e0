/* New certificates for this node's daemons, from the CA of any manager. */
#pragma once
#include "api/ca.pb-c.h"
#include "lib/os/loop.h"
#include "lib/os/worker.h"

struct renewal;

struct renewal_options {
        struct loop *loop;
        struct worker_pool *workers;
        const char *folder; /* keys.h; must hold the agent's certificate and the root */
        Sk__NodeRole role;  /* whose daemons; the CA refuses what the store does not say */
        /* Of the managers' CAs, "host:port", tried one after the other. */
        const char *const *addresses;
        size_t n_addresses;
        /* The last that is heard of it; NULL: the certificates are in the folder. */
        void (*ended)(void *context, const struct err *err);
        void *context;
};

/* What is pointed to is copied.  'ended' comes later, never inside. */
struct renewal *renewal_begin(const struct renewal_options *options);

/* 'ended' is not called any more. */
void renewal_cancel(struct renewal *renewal);
