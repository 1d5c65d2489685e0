/* The handlers of skep.test.Echo.
 *
 * Say answers at once, Later after 10 ms, Count writes 'number' messages as fast as the reader
 * takes them, Sum adds up, Chat answers each message (the text "all" to all who chat), Secret is
 * for ROLE_STORE only.  All refuse with 'fail_with' when it is set. */
#pragma once
#include "lib/rpc/service.h"
#include "tests/lib/echo/echo.pb-c.h"

/* The context of the service. */
struct chatting;
struct echo {
        struct loop *loop;
        struct chatting *chats;
        unsigned n_open;      /* streams and delayed calls under way */
        unsigned n_cancelled; /* of those, ended by the caller */
};

extern const struct rpc_service echo_service;
