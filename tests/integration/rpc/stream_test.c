/* Streams in all shapes, their back-pressure, and their ends. */
#include <string.h>

#include "lib/base/check.h"
#include "lib/base/time.h"
#include "tests/integration/rpc/fixture.h"

/* What a stream told us. */
struct listener {
        struct fixture *fixture;
        struct rpc_stream *stream;
        unsigned n_messages, n_writable;
        uint64_t last_number;
        unsigned pause_after; /* messages; 0: never */
        bool is_in_order, is_closed;
        struct err err;
};

static void on_message(void *context, const void *out)
{
        const Sk__EchoResponse *response = out;
        struct listener *listener = context;

        if (listener->n_messages && response->number != listener->last_number + 1)
                listener->is_in_order = false;
        listener->last_number = response->number;
        listener->n_messages++;
        if (listener->n_messages == listener->pause_after)
                rpc_stream_pause_reading(listener->stream);
}

static void on_writable(void *context)
{
        ((struct listener *)context)->n_writable++;
}

static void on_closed(void *context, const struct err *err)
{
        struct listener *listener = context;

        listener->is_closed = true;
        listener->err = *err;
}

static const struct rpc_stream_events events = {
        .message = on_message,
        .writable = on_writable,
        .closed = on_closed,
};

static void open_stream(struct fixture *fixture, const struct rpc_method_id *method,
                        const Sk__EchoRequest *in, struct listener *ret)
{
        ret->fixture = fixture;
        ret->is_in_order = true;
        ret->stream =
                rpc_client_stream(fixture->client, method, in ? &in->base : NULL, &events, ret);
}

static void serve_and_connect(struct fixture *fixture)
{
        fixture_serve(fixture, RPC_MUTUAL_TLS, false, NULL);
        fixture_connect(fixture, "api");
}

static bool write_number(struct listener *listener, uint64_t number)
{
        Sk__EchoRequest request = SK__ECHO_REQUEST__INIT;

        request.number = number;
        return rpc_stream_write(listener->stream, &request.base);
}

/* The value of the first metric of that name that has one. */
static unsigned long long metric(struct fixture *fixture, const char *name)
{
        struct str metrics = { 0 };
        const char *at;
        unsigned long long value;

        rpc_server_metrics(fixture->server, &metrics);
        at = strstr(strstr(str_text(&metrics), name), "{");
        value = strtoull(strchr(at, '}') + 1, NULL, 10);
        str_done(&metrics);
        return value;
}

static void a_server_stream_delivers_all_in_order(void **state)
{
        Sk__EchoRequest request = SK__ECHO_REQUEST__INIT;
        struct listener listener = { 0 };

        serve_and_connect(*state);
        request.number = 100000;
        open_stream(*state, RPC_METHOD(echo, Count), &request, &listener);
        fixture_wait(*state, &listener.is_closed);
        assert_int_equal(listener.err.code, ERR_OK);
        assert_int_equal(listener.n_messages, 100000);
        assert_true(listener.is_in_order);
}

static void an_empty_stream_ends_well(void **state)
{
        Sk__EchoRequest request = SK__ECHO_REQUEST__INIT;
        struct listener listener = { 0 };

        serve_and_connect(*state);
        open_stream(*state, RPC_METHOD(echo, Count), &request, &listener);
        fixture_wait(*state, &listener.is_closed);
        assert_int_equal(listener.err.code, ERR_OK);
}

static void a_refused_stream_says_why(void **state)
{
        Sk__EchoRequest request = SK__ECHO_REQUEST__INIT;
        struct listener listener = { 0 };

        serve_and_connect(*state);
        request.fail_with = -ERR_NOT_FOUND;
        open_stream(*state, RPC_METHOD(echo, Count), &request, &listener);
        fixture_wait(*state, &listener.is_closed);
        assert_int_equal(listener.err.code, ERR_NOT_FOUND);
        assert_string_equal(listener.err.text, "as you wished");
}

static void a_client_stream_is_answered_after_its_half_close(void **state)
{
        struct listener listener = { 0 };

        serve_and_connect(*state);
        open_stream(*state, RPC_METHOD(echo, Sum), NULL, &listener);
        for (unsigned i = 1; i <= 1000; i++)
                write_number(&listener, i);
        rpc_stream_half_close(listener.stream);
        fixture_wait(*state, &listener.is_closed);
        assert_int_equal(listener.err.code, ERR_OK);
        assert_int_equal(listener.last_number, 500500);
}

static void both_sides_of_a_stream_talk(void **state)
{
        struct listener listener = { 0 };

        serve_and_connect(*state);
        open_stream(*state, RPC_METHOD(echo, Chat), NULL, &listener);
        for (unsigned i = 0; i < 100; i++) {
                write_number(&listener, i);
                fixture_wait_count(*state, &listener.n_messages, i + 1);
        }
        rpc_stream_half_close(listener.stream);
        fixture_wait(*state, &listener.is_closed);
        assert_int_equal(listener.err.code, ERR_OK);
}

static void a_chat_can_be_broken_off_with_a_reason(void **state)
{
        Sk__EchoRequest request = SK__ECHO_REQUEST__INIT;
        struct fixture *fixture = *state;
        struct listener listener = { 0 };

        serve_and_connect(*state);
        open_stream(*state, RPC_METHOD(echo, Chat), NULL, &listener);
        request.fail_with = -ERR_EXHAUSTED;
        rpc_stream_write(listener.stream, &request.base);
        fixture_wait(*state, &listener.is_closed);
        assert_int_equal(listener.err.code, ERR_EXHAUSTED);
        fixture_wait_count(fixture, &fixture->echo.n_open, 0);
}

/* What does not unpack ends the stream; whoever else writes to it must have heard of that. */
static void garbage_ends_a_stream_for_all_who_hold_it(void **state)
{
        Sk__EchoRequest garbage = SK__ECHO_REQUEST__INIT, to_all = SK__ECHO_REQUEST__INIT;
        struct fixture *fixture = *state;
        struct listener listener = { 0 }, others[100];

        serve_and_connect(*state);
        garbage.text = "\xff";
        to_all.text = "all";
        open_stream(*state, RPC_METHOD(echo, Chat), NULL, &listener);
        for (unsigned i = 0; i < COUNT_OF(others); i++) {
                others[i] = (struct listener){ 0 };
                open_stream(*state, RPC_METHOD(echo, Chat), NULL, &others[i]);
                fixture_wait_count(*state, &fixture->echo.n_open, 2);
                rpc_stream_write(others[i].stream, &garbage.base);
                rpc_stream_write(listener.stream, &to_all.base);
                fixture_wait_count(*state, &listener.n_messages, i + 1);
                fixture_wait(*state, &others[i].is_closed);
                assert_int_equal(others[i].err.code, ERR_INVALID);
                fixture_wait_count(*state, &fixture->echo.n_open, 1);
        }
}

static void a_cancelled_stream_is_not_taken_for_a_finished_one(void **state)
{
        struct fixture *fixture = *state;

        serve_and_connect(*state);
        for (unsigned i = 1; i <= 50; i++) {
                struct listener listener = { 0 };

                open_stream(*state, RPC_METHOD(echo, Chat), NULL, &listener);
                write_number(&listener, 1);
                fixture_wait_count(fixture, &listener.n_messages, 1);
                rpc_stream_cancel(listener.stream);
                fixture_wait_count(fixture, &fixture->echo.n_open, 0);
                assert_int_equal(fixture->echo.n_cancelled, i);
        }
}

static void a_paused_reader_holds_the_writer_back(void **state)
{
        static uint8_t payload[10000];
        Sk__EchoRequest request = SK__ECHO_REQUEST__INIT;
        struct listener listener = { .pause_after = 10 };

        serve_and_connect(*state);
        request.number = 100000;
        request.payload = (ProtobufCBinaryData){ .len = sizeof payload, .data = payload };
        open_stream(*state, RPC_METHOD(echo, Count), &request, &listener);
        fixture_wait_count(*state, &listener.n_messages, 10);
        for (int i = 0; i < 20; i++)
                loop_turn(((struct fixture *)*state)->loop, 20, NULL);
        assert_int_equal(listener.n_messages, 10);
        /* A gigabyte was asked for; what was packed is what fits windows and queues. */
        assert_in_range(metric(*state, "skep_rpc_sent_bytes_total{"), 100000, 32 << 20);
        rpc_stream_cancel(listener.stream);
}

static void a_resumed_reader_gets_the_rest(void **state)
{
        Sk__EchoRequest request = SK__ECHO_REQUEST__INIT;
        struct listener listener = { .pause_after = 10 };

        serve_and_connect(*state);
        request.number = 50000;
        open_stream(*state, RPC_METHOD(echo, Count), &request, &listener);
        fixture_wait_count(*state, &listener.n_messages, 10);
        rpc_stream_resume_reading(listener.stream);
        fixture_wait(*state, &listener.is_closed);
        assert_int_equal(listener.n_messages, 50000);
}

static void a_chat_goes_on_when_its_reader_does(void **state)
{
        static uint8_t payload[10000];
        enum { MESSAGES = 2000 };
        Sk__EchoRequest request = SK__ECHO_REQUEST__INIT;
        struct listener listener = { .pause_after = 1 };

        serve_and_connect(*state);
        open_stream(*state, RPC_METHOD(echo, Chat), NULL, &listener);
        request.payload = (ProtobufCBinaryData){ .len = sizeof payload, .data = payload };
        for (unsigned i = 0; i < MESSAGES; i++, request.number++)
                rpc_stream_write(listener.stream, &request.base);
        fixture_wait_count(*state, &listener.n_messages, 1);
        for (int i = 0; i < 20; i++)
                loop_turn(((struct fixture *)*state)->loop, 20, NULL);
        assert_int_equal(listener.n_messages, 1);
        rpc_stream_resume_reading(listener.stream);
        fixture_wait_count(*state, &listener.n_messages, MESSAGES);
        assert_true(listener.is_in_order);
        rpc_stream_cancel(listener.stream);
}

static void a_writer_is_told_when_to_wait_and_when_to_go_on(void **state)
{
        static uint8_t payload[100000];
        Sk__EchoRequest request = SK__ECHO_REQUEST__INIT;
        struct listener listener = { 0 };
        unsigned n = 1;

        serve_and_connect(*state);
        open_stream(*state, RPC_METHOD(echo, Sum), NULL, &listener);
        request.payload = (ProtobufCBinaryData){ .len = sizeof payload, .data = payload };
        while (rpc_stream_write(listener.stream, &request.base))
                n++;
        assert_in_range(n, 2, 10);
        fixture_wait_count(*state, &listener.n_writable, 1);
        rpc_stream_cancel(listener.stream);
}

static void a_server_that_goes_away_closes_streams(void **state)
{
        struct fixture *fixture = *state;
        struct listener listener = { 0 };

        serve_and_connect(*state);
        open_stream(*state, RPC_METHOD(echo, Chat), NULL, &listener);
        write_number(&listener, 1);
        fixture_wait_count(*state, &listener.n_messages, 1);
        fixture_stop(fixture, 0);
        assert_int_equal(fixture->echo.n_open, 0);
        fixture_wait(*state, &listener.is_closed);
        assert_int_equal(listener.err.code, ERR_UNAVAILABLE);
}

static void a_client_that_goes_away_closes_streams(void **state)
{
        struct fixture *fixture = *state;
        struct listener listener = { 0 };

        serve_and_connect(*state);
        open_stream(*state, RPC_METHOD(echo, Chat), NULL, &listener);
        write_number(&listener, 1);
        fixture_wait_count(*state, &listener.n_messages, 1);
        rpc_client_free(TAKE(fixture->client));
        assert_int_equal(listener.err.code, ERR_CANCELLED);
        fixture_wait_count(fixture, &fixture->echo.n_open, 0);
}

static void a_stream_to_nowhere_is_closed_later_not_at_once(void **state)
{
        struct fixture *fixture = *state;
        struct listener listener = { 0 };

        strcpy(fixture->address, "unix:/nonexistent/socket");
        fixture_connect(fixture, NULL);
        open_stream(*state, RPC_METHOD(echo, Chat), NULL, &listener);
        assert_false(listener.is_closed);
        fixture_wait(*state, &listener.is_closed);
        assert_int_equal(listener.err.code, ERR_UNAVAILABLE);
}

static void a_stream_of_a_method_nobody_serves_is_unimplemented(void **state)
{
        static const ProtobufCServiceDescriptor *const real = &sk__echo__descriptor;
        ProtobufCServiceDescriptor other = *real;
        struct listener listener = { 0 };

        other.name = "skep.test.Silence";
        serve_and_connect(*state);
        open_stream(*state, &(struct rpc_method_id){ &other, "Chat" }, NULL, &listener);
        fixture_wait(*state, &listener.is_closed);
        assert_int_equal(listener.err.code, ERR_UNIMPLEMENTED);
        assert_string_equal(listener.err.text, "there is no method '/skep.test.Silence/Chat' here");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(a_server_stream_delivers_all_in_order),
                TEST(an_empty_stream_ends_well),
                TEST(a_refused_stream_says_why),
                TEST(a_client_stream_is_answered_after_its_half_close),
                TEST(both_sides_of_a_stream_talk),
                TEST(a_chat_can_be_broken_off_with_a_reason),
                TEST(garbage_ends_a_stream_for_all_who_hold_it),
                TEST(a_cancelled_stream_is_not_taken_for_a_finished_one),
                TEST(a_paused_reader_holds_the_writer_back),
                TEST(a_resumed_reader_gets_the_rest),
                TEST(a_chat_goes_on_when_its_reader_does),
                TEST(a_writer_is_told_when_to_wait_and_when_to_go_on),
                TEST(a_server_that_goes_away_closes_streams),
                TEST(a_client_that_goes_away_closes_streams),
                TEST(a_stream_to_nowhere_is_closed_later_not_at_once),
                TEST(a_stream_of_a_method_nobody_serves_is_unimplemented),
        };

        return cmocka_run_group_tests_name("streams", tests, NULL, NULL);
}
