/* Server, client and waiting. */
#include "tests/integration/rpc/fixture.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/check.h"
#include "lib/base/mem.h"
#include "lib/base/time.h"
#include "lib/os/file.h"
#include "tests/lib/identity/identity.h"

#define OK(call)                                  \
        do {                                      \
                if ((call) < 0)                   \
                        fail_msg("%s", err.text); \
        } while (0)

int fixture_setup(void **state)
{
        struct fixture *fixture = mem_alloc(sizeof *fixture);
        struct err err;

        snprintf(fixture->folder, sizeof fixture->folder, "/tmp/skep-rpc-XXXXXX");
        CHECK(mkdtemp(fixture->folder));
        OK(loop_new(&fixture->loop, &err));
        fixture->echo.loop = fixture->loop;
        *state = fixture;
        return 0;
}

int fixture_teardown(void **state)
{
        struct fixture *fixture = *state;

        rpc_client_free(fixture->client);
        rpc_server_free(fixture->server, 0);
        rpc_identity_free(fixture->identity);
        rpc_identity_free(fixture->client_identity);
        loop_free(fixture->loop);
        file_remove_tree(fixture->folder, NULL);
        free(fixture);
        return 0;
}

void fixture_serve(struct fixture *fixture, enum rpc_trust trust, bool is_unix,
                   const struct rpc_server_options *options)
{
        struct rpc_server_options all = options ? *options : (struct rpc_server_options){ 0 };
        struct err err;

        if (trust != RPC_LOCAL_ADMIN && !fixture->identity) {
                test_identity_make(fixture->folder, "cluster1", "node1", "swarm-manager", "store");
                OK(rpc_identity_open(fixture->folder, "store", &fixture->identity, &err));
        }
        all.identity = fixture->identity;
        OK(rpc_server_new(fixture->loop, &all, &fixture->server, &err));
        OK(rpc_server_add(fixture->server, &echo_service, &fixture->echo, &err));
        if (is_unix)
                snprintf(fixture->address, sizeof fixture->address, "unix:%s/s", fixture->folder);
        else if (!fixture->address[0])
                strcpy(fixture->address, "127.0.0.1:0");
        OK(rpc_server_listen(fixture->server, fixture->address, trust, 0600, &err));
        if (!is_unix)
                snprintf(fixture->address, sizeof fixture->address, "127.0.0.1:%d",
                         rpc_server_port(fixture->server));
        OK(rpc_server_start(fixture->server, &err));
        rpc_server_set_serving(fixture->server, true);
}

void fixture_stop(struct fixture *fixture, int grace_ms)
{
        rpc_server_free(TAKE(fixture->server), grace_ms);
}

void fixture_connect(struct fixture *fixture, const char *daemon)
{
        struct rpc_client_options options = { .address = fixture->address };
        struct err err;

        if (daemon) {
                test_identity_make(fixture->folder, "cluster1", "node1", "swarm-manager", daemon);
                OK(rpc_identity_open(fixture->folder, daemon, &fixture->client_identity, &err));
                options.identity = fixture->client_identity;
                options.server_daemon = "store";
        }
        OK(rpc_client_new(fixture->loop, &options, &fixture->client, &err));
}

static void wait_turn(struct fixture *fixture, int64_t *left_ms)
{
        int64_t before = loop_now_boot(fixture->loop);

        if (*left_ms <= 0)
                fail_msg("waited in vain");
        CHECK(loop_turn(fixture->loop, 100, NULL) == 0);
        *left_ms -= (loop_now_boot(fixture->loop) - before) / NS_PER_MS;
}

void fixture_wait(struct fixture *fixture, const bool *done)
{
        int64_t left_ms = 10000;

        while (!*done)
                wait_turn(fixture, &left_ms);
}

void fixture_wait_count(struct fixture *fixture, const unsigned *n, unsigned wanted)
{
        int64_t left_ms = 10000;

        while (*n != wanted)
                wait_turn(fixture, &left_ms);
}

static void answered(void *context, const void *out, const struct err *err)
{
        const Sk__EchoResponse *response = out;
        struct answer *answer = context;

        answer->is_done = true;
        if (err) {
                answer->err = *err;
                return;
        }
        snprintf(answer->text, sizeof answer->text, "%s", response->text);
        snprintf(answer->caller, sizeof answer->caller, "%s", response->caller);
        snprintf(answer->request_id, sizeof answer->request_id, "%s", response->request_id);
        answer->number = response->number;
        answer->left_ms = response->left_ms;
}

struct rpc_request *fixture_start(struct fixture *fixture, const struct rpc_method_id *method,
                                  const Sk__EchoRequest *request, int64_t timeout_ns,
                                  struct answer *ret)
{
        *ret = (struct answer){ 0 };
        return rpc_client_call(fixture->client, method, &request->base, timeout_ns, true, answered,
                               ret);
}

void fixture_call(struct fixture *fixture, const struct rpc_method_id *method,
                  const Sk__EchoRequest *request, int64_t timeout_ns, struct answer *ret)
{
        fixture_start(fixture, method, request, timeout_ns, ret);
        fixture_wait(fixture, &ret->is_done);
}
