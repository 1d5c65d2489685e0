/* Calls and streams of all shapes, started, cancelled and cut off at random moments: every call
 * ends exactly once, and nothing is left over.  (Memory is the sanitizers' part.) */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/check.h"
#include "lib/base/random.h"
#include "lib/base/time.h"
#include "tests/integration/rpc/fixture.h"
#include "tests/lib/identity/identity.h"

enum { CALLS = 40, STEPS = 120 };

struct storm_call {
        struct rpc_request *request;
        struct rpc_stream *stream;
        bool is_under_way, is_half_closed;
        unsigned n_ends;
};

struct storm {
        struct fixture *fixture;
        struct random random;
        struct storm_call calls[CALLS];
};

static void ended(struct storm_call *call)
{
        call->is_under_way = false;
        call->n_ends++;
}

static void on_answered(void *context, const void *out, const struct err *err)
{
        assert_true(!out == !!err);
        ended(context);
}

static void on_closed(void *context, const struct err *err)
{
        assert_in_range(-err->code, 0, 16);
        ended(context);
}

static const struct rpc_stream_events stream_events = { .closed = on_closed };

static void start_call(struct storm *storm, struct storm_call *call)
{
        static const char *const unary[] = { "Say", "Later", "Secret" };
        static const char *const streams[] = { "Count", "Sum", "Chat" };
        uint64_t shape = random_below(&storm->random, 6);
        Sk__EchoRequest request = SK__ECHO_REQUEST__INIT;
        struct rpc_method_id method = { &sk__echo__descriptor, NULL };
        struct rpc_client *client = storm->fixture->client;

        *call = (struct storm_call){ .is_under_way = true };
        request.number = random_below(&storm->random, 2000);
        if (shape < 3) {
                method.method = unary[shape];
                call->request =
                        rpc_client_call(client, &method, &request.base,
                                        random_below(&storm->random, 2) ? 5 * NS_PER_MS : NS_PER_S,
                                        random_below(&storm->random, 2), on_answered, call);
        } else {
                method.method = streams[shape - 3];
                call->is_half_closed = shape == 3;
                call->stream = rpc_client_stream(client, &method, shape == 3 ? &request.base : NULL,
                                                 &stream_events, call);
        }
}

static void use_stream(struct storm *storm, struct storm_call *call)
{
        Sk__EchoRequest request = SK__ECHO_REQUEST__INIT;

        request.fail_with = random_below(&storm->random, 8) == 0 ? 9 : 0;
        switch (random_below(&storm->random, 5)) {
        case 0:
                rpc_stream_pause_reading(call->stream);
                break;
        case 1:
                rpc_stream_resume_reading(call->stream);
                break;
        case 2:
                if (!call->is_half_closed)
                        rpc_stream_half_close(call->stream);
                call->is_half_closed = true;
                break;
        default:
                if (!call->is_half_closed)
                        rpc_stream_write(call->stream, &request.base);
        }
}

static void cancel(struct storm_call *call)
{
        if (call->request)
                rpc_request_cancel(call->request);
        else
                rpc_stream_cancel(call->stream);
        call->is_under_way = false;
}

static void step(struct storm *storm)
{
        struct storm_call *call = &storm->calls[random_below(&storm->random, CALLS)];

        if (!call->is_under_way)
                start_call(storm, call);
        else if (random_below(&storm->random, 10) == 0)
                cancel(call);
        else if (call->stream)
                use_stream(storm, call);
        if (random_below(&storm->random, 4) == 0)
                assert_int_equal(loop_turn(storm->fixture->loop, 0, NULL), 0);
}

static void blow(struct fixture *fixture, uint64_t seed)
{
        struct storm storm = { .fixture = fixture };

        random_init(&storm.random, seed);
        for (int i = 0; i < STEPS; i++)
                step(&storm);
        if (random_below(&storm.random, 2))
                fixture_stop(fixture, (int)random_below(&storm.random, 20));
        for (int i = 0; i < 5; i++)
                assert_int_equal(loop_turn(fixture->loop, 1, NULL), 0);
        rpc_client_free(TAKE(fixture->client));
        for (int i = 0; i < CALLS; i++) {
                assert_false(storm.calls[i].is_under_way);
                assert_in_range(storm.calls[i].n_ends, 0, 1);
        }
        if (fixture->server)
                fixture_stop(fixture, 0);
        assert_int_equal(fixture->echo.n_open, 0);
}

static void every_call_ends_once_whatever_happens(void **state)
{
        struct fixture *fixture = *state;

        for (uint64_t seed = 1; seed <= 60; seed++) {
                print_message("seed %d\n", (int)seed);
                fixture_serve(fixture, seed % 2 ? RPC_LOCAL_ADMIN : RPC_MUTUAL_TLS, true, NULL);
                if (seed % 2) {
                        fixture_connect(fixture, NULL);
                } else {
                        rpc_identity_free(TAKE(fixture->client_identity));
                        fixture_connect(fixture, "api");
                }
                blow(fixture, seed);
        }
}

static void a_client_comes_back_when_its_server_does(void **state)
{
        struct fixture *fixture = *state;
        Sk__EchoRequest request = SK__ECHO_REQUEST__INIT;
        struct answer answer;

        fixture_serve(fixture, RPC_MUTUAL_TLS, false, NULL);
        fixture_connect(fixture, "api");
        for (int i = 0; i < 3; i++) {
                /* The first one may still meet the end of the old connection. */
                for (int attempt = 0; attempt < 2; attempt++)
                        fixture_call(fixture, RPC_METHOD(echo, Say), &request, 5 * NS_PER_S,
                                     &answer);
                assert_string_equal(answer.err.text, "");
                fixture_stop(fixture, 0);
                fixture_serve(fixture, RPC_MUTUAL_TLS, false, NULL);
        }
}

/* --- a server on a loop of its own, on a thread of its own --- */

struct other_loop {
        struct fixture *fixture;
        struct loop *loop;
        struct rpc_server *server;
        struct loop_post stop;
};

static void stop_loop(struct loop_post *post)
{
        loop_stop(container_of(post, struct other_loop, stop)->loop);
}

static void *run_other_loop(void *context)
{
        struct other_loop *other = context;

        CHECK(loop_run(other->loop, NULL) == 0);
        rpc_server_free(other->server, 0);
        return NULL;
}

static void two_loops_in_one_process_do_not_meet(void **state)
{
        struct fixture *fixture = *state, served = *fixture;
        struct other_loop other = { .fixture = fixture, .stop.run = stop_loop };
        Sk__EchoRequest request = SK__ECHO_REQUEST__INIT;
        struct answer answer;
        pthread_t thread;

        assert_int_equal(loop_new(&other.loop, NULL), 0);
        served.loop = other.loop;
        fixture_serve(&served, RPC_MUTUAL_TLS, false, NULL);
        other.server = served.server;
        strcpy(fixture->address, served.address);
        CHECK(pthread_create(&thread, NULL, run_other_loop, &other) == 0);
        fixture_connect(fixture, "api");
        for (uint64_t i = 0; i < 1000; i++) {
                request.number = i;
                fixture_call(fixture, RPC_METHOD(echo, Say), &request, 5 * NS_PER_S, &answer);
                assert_int_equal(answer.number, i);
        }
        loop_post(other.loop, &other.stop);
        pthread_join(thread, NULL);
        loop_free(other.loop);
        rpc_identity_free(served.identity);
}

/* Makes clients of the fixture's identity, on a loop of its own. */
static void *make_clients(void *context)
{
        const struct fixture *fixture = context;
        const struct rpc_client_options options = { .address = "127.0.0.1:1",
                                                    .identity = fixture->client_identity,
                                                    .server_daemon = "store" };
        struct rpc_client *client;
        struct loop *loop;

        CHECK(loop_new(&loop, NULL) == 0);
        for (int i = 0; i < 20; i++) {
                CHECK(rpc_client_new(loop, &options, &client, NULL) == 0);
                rpc_client_free(client);
                CHECK(loop_turn(loop, 0, NULL) == 0);
        }
        loop_free(loop);
        return NULL;
}

/* ThreadSanitizer's part: the store and its Raft do so. */
static void two_loops_may_share_an_identity(void **state)
{
        struct fixture *fixture = *state;
        pthread_t thread;

        strcpy(fixture->address, "127.0.0.1:1");
        fixture_connect(fixture, "api");
        test_identity_make(fixture->folder, "cluster1", "node1", "swarm-manager", "api");
        CHECK(pthread_create(&thread, NULL, make_clients, fixture) == 0);
        make_clients(fixture);
        pthread_join(thread, NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(every_call_ends_once_whatever_happens),
                TEST(two_loops_in_one_process_do_not_meet),
                TEST(two_loops_may_share_an_identity),
                TEST(a_client_comes_back_when_its_server_does),
        };

        return cmocka_run_group_tests_name("storm", tests, NULL, NULL);
}
