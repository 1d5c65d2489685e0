/* A server of skep.test.Echo and a client of it on one loop, in a folder of their own. */
#pragma once
#include "tests/unit/test.h"

#include "lib/rpc/client.h"
#include "lib/rpc/server.h"
#include "tests/lib/echo/echo.h"

struct fixture {
        char folder[64];
        char address[128]; /* what the client dials */
        struct loop *loop;
        struct rpc_identity *identity; /* the server's: "store" of node1 */
        struct rpc_server *server;
        struct rpc_client *client;
        struct rpc_identity *client_identity;
        struct echo echo;
};

/* cmocka's; *state becomes the fixture, without server and client. */
int fixture_setup(void **state);
int fixture_teardown(void **state);

/* Starts the server, on 127.0.0.1 or (is_unix) on a socket in the folder. */
void fixture_serve(struct fixture *fixture, enum rpc_trust trust, bool is_unix,
                   const struct rpc_server_options *options);
void fixture_stop(struct fixture *fixture, int grace_ms);

/* Makes the client: as 'daemon' of node1, a manager; NULL: plain. */
void fixture_connect(struct fixture *fixture, const char *daemon);

/* Turns the loop until *done, for at most ten seconds. */
void fixture_wait(struct fixture *fixture, const bool *done);
void fixture_wait_count(struct fixture *fixture, const unsigned *n, unsigned wanted);

/* A unary call, waited for. */
struct answer {
        struct err err;
        char text[256], caller[32], request_id[80];
        uint64_t number;
        int64_t left_ms;
        bool is_done;
};
void fixture_call(struct fixture *fixture, const struct rpc_method_id *method,
                  const Sk__EchoRequest *request, int64_t timeout_ns, struct answer *ret);
struct rpc_request *fixture_start(struct fixture *fixture, const struct rpc_method_id *method,
                                  const Sk__EchoRequest *request, int64_t timeout_ns,
                                  struct answer *ret);
