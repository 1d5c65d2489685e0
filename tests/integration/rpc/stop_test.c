/* Calls that depend on each other when their server goes. */
#include <stdio.h>

#include "lib/base/check.h"
#include "lib/base/mem.h"
#include "lib/base/time.h"
#include "tests/integration/rpc/fixture.h"

/* What the handlers below share: a call that is answered when a stream is over. */
struct kept {
        struct rpc_call *call;
        unsigned n_messages;
};

static void keep(void *context, struct rpc_call *call, const void *in)
{
        (void)in;
        ((struct kept *)context)->call = call;
}

static void count_message(void *context, struct rpc_call *call, const void *in)
{
        Sk__EchoResponse out = SK__ECHO_RESPONSE__INIT;

        (void)in;
        ((struct kept *)context)->n_messages++;
        rpc_call_write(call, &out.base);
}

static void answer_kept(void *context, struct rpc_call *call)
{
        struct kept *kept = context;
        Sk__EchoResponse out = SK__ECHO_RESPONSE__INIT;

        (void)call;
        if (kept->call)
                rpc_reply(TAKE(kept->call), &out.base);
}

static void open_stream(void *context, struct rpc_call *call, const void *in)
{
        static const struct rpc_call_events events = { .message = count_message,
                                                       .closed = answer_kept };

        (void)in;
        rpc_call_on(call, &events, context);
}

static const char in_name[] = "Sk__EchoRequest", out_name[] = "Sk__EchoResponse";
static const struct rpc_method methods[] = {
        { "Say", RPC_UNARY, ~0U, in_name, out_name, keep },
        { "Later", RPC_UNARY, ~0U, in_name, out_name, keep },
        { "Count", RPC_SERVER_STREAM, ~0U, in_name, out_name, open_stream },
        { "Sum", RPC_CLIENT_STREAM, ~0U, in_name, out_name, open_stream },
        { "Chat", RPC_BIDI_STREAM, ~0U, in_name, out_name, open_stream },
        { "Secret", RPC_UNARY, ~0U, in_name, out_name, keep },
};
static const struct rpc_service service = { &sk__echo__descriptor, methods, COUNT_OF(methods) };

static void serve(struct fixture *fixture, struct kept *kept)
{
        struct rpc_server_options options = { 0 };

        snprintf(fixture->address, sizeof fixture->address, "unix:%s/s", fixture->folder);
        CHECK(rpc_server_new(fixture->loop, &options, &fixture->server, NULL) == 0);
        CHECK(rpc_server_add(fixture->server, &service, kept, NULL) == 0);
        CHECK(rpc_server_listen(fixture->server, fixture->address, RPC_LOCAL_ADMIN, 0600, NULL) ==
              0);
        CHECK(rpc_server_start(fixture->server, NULL) == 0);
}

static void ignore_answer(void *context, const void *out, const struct err *err)
{
        (void)context;
        (void)out;
        (void)err;
}

static void ignore_closed(void *context, const struct err *err)
{
        (void)context;
        (void)err;
}

/* The call was given up by its caller, so nothing but its answer holds it: that frees it, in the
 * middle of the server's walk over its calls.  (What is wrong then is the sanitizers' to see.) */
static void the_end_of_a_stream_may_answer_another_call(void **state)
{
        static const struct rpc_stream_events events = { .closed = ignore_closed };
        struct fixture *fixture = *state;
        Sk__EchoRequest request = SK__ECHO_REQUEST__INIT;
        struct kept kept = { 0 };
        struct rpc_request *given_up;
        struct rpc_stream *stream;

        serve(fixture, &kept);
        fixture_connect(fixture, NULL);
        given_up = rpc_client_call(fixture->client, RPC_METHOD(echo, Say), &request.base,
                                   10 * NS_PER_S, true, ignore_answer, NULL);
        while (!kept.call)
                CHECK(loop_turn(fixture->loop, -1, NULL) == 0);
        rpc_request_cancel(given_up);
        stream = rpc_client_stream(fixture->client, RPC_METHOD(echo, Chat), NULL, &events, NULL);
        for (unsigned i = 1; i <= 20; i++) {
                rpc_stream_write(stream, &request.base);
                fixture_wait_count(fixture, &kept.n_messages, i);
        }
        fixture_stop(fixture, 0);
        assert_null(kept.call);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(the_end_of_a_stream_may_answer_another_call),
        };

        return cmocka_run_group_tests_name("stop", tests, NULL, NULL);
}
