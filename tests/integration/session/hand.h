/* An agent by hand: it opens a session, lets its heart beat, says what the test tells it to, and
 * remembers what it was told. */
#pragma once
#include "api/dispatcher.pb-c.h"
#include "tests/lib/manager/manager.h"

struct hand {
        struct rpc_identity *identity;
        struct rpc_client *client;
        struct rpc_stream *session; /* NULL: it ended */
        struct loop *loop;
        struct loop_timer heartbeat;
        char id[26], request_id[64];
        bool is_open, is_asked;
        uint64_t acknowledged; /* the newest batch that is durable */
        size_t n_echoes;       /* of heartbeats */
};

/* As the manager's node i; waits until the session is open. */
void hand_open(struct hand *hand, struct manager *manager, size_t i);
void hand_done(struct hand *hand);
