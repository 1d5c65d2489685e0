/* The right to act as a loop on this node. */
#include "lib/run/lease.h"

#include <stdio.h>
#include <stdlib.h>

#include "api/store.pb-c.h"
#include "lib/base/id.h"
#include "lib/base/mem.h"
#include "lib/os/file.h"
#include "lib/run/backoff.h"

struct lease {
        struct lease_options options;
        char holder[128];
        struct rpc_stream *stream;
        struct loop_timer retry;
        struct backoff backoff;
        bool is_held;
        uint64_t epoch;
};

static void tell(struct lease *lease, bool is_held, uint64_t epoch, uint64_t version)
{
        if (is_held == lease->is_held && epoch == lease->epoch)
                return;
        lease->is_held = is_held;
        lease->epoch = epoch;
        lease->options.changed(lease->options.context, is_held, epoch, version);
}

static void told(void *context, const void *out)
{
        struct lease *lease = context;
        const Sk__LeaseState *state = out;

        backoff_reset(&lease->backoff);
        if (state->is_held)
                tell(lease, true, state->epoch, state->version);
        else
                tell(lease, false, 0, 0);
}

static void closed(void *context, const struct err *err)
{
        struct lease *lease = context;

        (void)err;
        lease->stream = NULL;
        loop_timer_set(lease->options.loop, &lease->retry, backoff_next(&lease->backoff));
        tell(lease, false, 0, 0);
}

static void ask(void *context)
{
        static const struct rpc_stream_events events = { .message = told, .closed = closed };
        struct lease *lease = context;
        Sk__AcquireLeaseRequest request = SK__ACQUIRE_LEASE_REQUEST__INIT;

        request.loop = lease->options.loop_name;
        request.holder = lease->holder;
        lease->stream = rpc_client_stream(lease->options.store, RPC_METHOD(store, AcquireLease),
                                          &request.base, &events, lease);
}

int lease_new(const struct lease_options *options, struct lease **ret_lease, struct err *err)
{
        struct lease *lease = mem_alloc(sizeof *lease);
        char start[ID_SIZE];

        (void)err;
        lease->options = *options;
        os_random_id(start);
        snprintf(lease->holder, sizeof lease->holder, "%.64s/%s", options->node_id, start);
        lease->retry = (struct loop_timer){ .fire = ask, .context = lease };
        ask(lease);
        *ret_lease = lease;
        return 0;
}

void lease_free(struct lease *lease)
{
        if (!lease)
                return;
        if (lease->stream)
                rpc_stream_cancel(lease->stream);
        loop_timer_cancel(&lease->retry);
        free(lease);
}

void lease_renew(struct lease *lease)
{
        if (lease->stream)
                rpc_stream_cancel(lease->stream);
        closed(lease, NULL);
}

bool lease_is_held(const struct lease *lease)
{
        return lease->is_held;
}
