/* Pulling images: one pull per reference at a time however many wait for it, so many at once at
 * most, and none that waits for ever on a registry that went silent.  Private to this folder. */
#pragma once
#include "api/specs.pb-c.h"
#include "lib/os/loop.h"
#include "lib/rpc/client.h"

struct pulls;
struct pull;

/* Who waits for a pull; embed it, with the callbacks set. */
struct pull_waiter {
        void (*progress)(void *context, const char *message);
        /* The pull is over; not called after pull_leave(). */
        void (*done)(void *context, const struct err *err);
        void *context;
        struct pull *pull;
        struct pull_waiter *next;
};

/* 'silence_ns': how long a registry may send nothing. */
struct pulls *pulls_new(struct loop *loop, struct rpc_client *client, int n_most,
                        int64_t silence_ns);
void pulls_free(struct pulls *pulls); /* all waiters must have left */

/* 'auth' may be NULL.  Those who come while a pull of the reference is under way share it and its
 * credentials. */
void pull_join(struct pulls *pulls, const char *reference, const Sk__RegistryAuth *auth,
               struct pull_waiter *waiter);

/* The last to leave ends the pull.  No-op for one that does not wait. */
void pull_leave(struct pull_waiter *waiter);
