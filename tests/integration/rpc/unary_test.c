/* Unary calls between a real server and a real client, over unix sockets and over mutual TLS. */
#include <stdio.h>
#include <string.h>

#include "lib/base/time.h"
#include "tests/integration/rpc/fixture.h"

static Sk__EchoRequest a_request(const char *text, uint64_t number)
{
        Sk__EchoRequest request = SK__ECHO_REQUEST__INIT;

        request.text = text;
        request.number = number;
        return request;
}

static void a_call_over_a_plain_socket_is_answered(void **state)
{
        Sk__EchoRequest request = a_request("hello", 7);
        struct answer answer;

        fixture_serve(*state, RPC_LOCAL_ADMIN, true, NULL);
        fixture_connect(*state, NULL);
        fixture_call(*state, RPC_METHOD(echo, Say), &request, 0, &answer);
        assert_string_equal(answer.err.text, "");
        assert_string_equal(answer.text, "hello");
        assert_string_equal(answer.caller, "local");
}

static void a_call_over_mutual_tls_knows_its_caller(void **state)
{
        Sk__EchoRequest request = a_request("hello", 7);
        struct answer answer;

        fixture_serve(*state, RPC_MUTUAL_TLS, false, NULL);
        fixture_connect(*state, "scheduler");
        fixture_call(*state, RPC_METHOD(echo, Say), &request, 0, &answer);
        assert_string_equal(answer.err.text, "");
        assert_int_equal(answer.number, 7);
        assert_string_equal(answer.caller, "scheduler");
}

static void mutual_tls_works_over_a_unix_socket(void **state)
{
        Sk__EchoRequest request = a_request("hello", 7);
        struct answer answer;

        fixture_serve(*state, RPC_MUTUAL_TLS, true, NULL);
        fixture_connect(*state, "api");
        fixture_call(*state, RPC_METHOD(echo, Say), &request, 0, &answer);
        assert_string_equal(answer.caller, "api");
}

static void a_plain_client_gets_nowhere_with_tls(void **state)
{
        Sk__EchoRequest request = a_request("hello", 7);
        struct answer answer;

        fixture_serve(*state, RPC_MUTUAL_TLS, true, NULL);
        fixture_connect(*state, NULL);
        fixture_call(*state, RPC_METHOD(echo, Say), &request, NS_PER_S, &answer);
        assert_int_equal(answer.err.code, ERR_DEADLINE);
}

static void an_error_crosses_the_wire_as_it_is(void **state)
{
        Sk__EchoRequest request = a_request("", 0);
        struct answer answer;

        request.fail_with = -ERR_PRECONDITION;
        fixture_serve(*state, RPC_LOCAL_ADMIN, true, NULL);
        fixture_connect(*state, NULL);
        fixture_call(*state, RPC_METHOD(echo, Say), &request, 0, &answer);
        assert_int_equal(answer.err.code, ERR_PRECONDITION);
        assert_string_equal(answer.err.text, "as you wished");
}

static void a_method_of_another_role_is_denied(void **state)
{
        Sk__EchoRequest request = a_request("", 0);
        struct answer answer;

        fixture_serve(*state, RPC_MUTUAL_TLS, false, NULL);
        fixture_connect(*state, "scheduler");
        fixture_call(*state, RPC_METHOD(echo, Secret), &request, 0, &answer);
        assert_int_equal(answer.err.code, ERR_DENIED);
        assert_string_equal(answer.err.text, "'scheduler' may not call Secret");
}

static void text_that_is_no_utf8_stops_at_the_door(void **state)
{
        Sk__EchoRequest request = a_request("\xff", 0);
        struct answer answer;

        fixture_serve(*state, RPC_LOCAL_ADMIN, true, NULL);
        fixture_connect(*state, NULL);
        fixture_call(*state, RPC_METHOD(echo, Say), &request, 0, &answer);
        assert_int_equal(answer.err.code, ERR_INVALID);
        assert_non_null(strstr(answer.err.text, "'text' of skep.test.EchoRequest"));
}

static void a_request_that_is_too_large_is_refused(void **state)
{
        struct rpc_server_options options = { .message_size_max = 1000 };
        Sk__EchoRequest request = a_request("", 0);
        uint8_t payload[2000] = { 0 };
        struct answer answer;

        request.payload = (ProtobufCBinaryData){ .len = sizeof payload, .data = payload };
        fixture_serve(*state, RPC_LOCAL_ADMIN, true, &options);
        fixture_connect(*state, NULL);
        fixture_call(*state, RPC_METHOD(echo, Say), &request, 0, &answer);
        assert_int_equal(answer.err.code, ERR_EXHAUSTED);
}

static void a_call_that_takes_longer_than_its_deadline_fails(void **state)
{
        struct fixture *fixture = *state;
        Sk__EchoRequest request = a_request("", 0);
        struct answer answer;

        fixture_serve(*state, RPC_LOCAL_ADMIN, true, NULL);
        fixture_connect(*state, NULL);
        fixture_call(*state, RPC_METHOD(echo, Say), &request, 0, &answer);
        fixture_call(*state, RPC_METHOD(echo, Later), &request, 2 * NS_PER_MS, &answer);
        assert_int_equal(answer.err.code, ERR_DEADLINE);
        fixture_wait_count(fixture, &fixture->echo.n_cancelled, 1);
}

static void a_handler_knows_how_long_its_caller_will_wait(void **state)
{
        Sk__EchoRequest request = a_request("how long?", 0);
        struct answer with, without;

        fixture_serve(*state, RPC_LOCAL_ADMIN, true, NULL);
        fixture_connect(*state, NULL);
        fixture_call(*state, RPC_METHOD(echo, Say), &request, NS_PER_MINUTE, &with);
        fixture_call(*state, RPC_METHOD(echo, Say), &request, 0, &without);
        assert_in_range(with.left_ms, 50000, 61000); /* gRPC rounds up on the wire */
        assert_int_equal(without.left_ms, -1);
}

static void a_cancelled_call_is_not_answered_and_the_server_hears_of_it(void **state)
{
        struct fixture *fixture = *state;
        Sk__EchoRequest request = a_request("", 0);
        struct rpc_request *started;
        struct answer answer;

        fixture_serve(*state, RPC_LOCAL_ADMIN, true, NULL);
        fixture_connect(*state, NULL);
        started = fixture_start(*state, RPC_METHOD(echo, Later), &request, 0, &answer);
        fixture_wait_count(fixture, &fixture->echo.n_open, 1);
        rpc_request_cancel(started);
        fixture_wait_count(fixture, &fixture->echo.n_cancelled, 1);
        assert_false(answer.is_done);
}

static void freeing_a_client_ends_its_calls(void **state)
{
        struct fixture *fixture = *state;
        Sk__EchoRequest request = a_request("", 0);
        struct answer answer;

        fixture_serve(*state, RPC_LOCAL_ADMIN, true, NULL);
        fixture_connect(*state, NULL);
        fixture_start(*state, RPC_METHOD(echo, Later), &request, 0, &answer);
        rpc_client_free(TAKE(fixture->client));
        assert_true(answer.is_done);
        assert_int_equal(answer.err.code, ERR_CANCELLED);
}

static void a_request_id_reaches_the_handler(void **state)
{
        struct fixture *fixture = *state;
        Sk__EchoRequest request = a_request("which id?", 0);
        struct answer answer;

        fixture_serve(*state, RPC_LOCAL_ADMIN, true, NULL);
        fixture_connect(*state, NULL);
        rpc_client_set_request_id(fixture->client, "req-42");
        fixture_call(*state, RPC_METHOD(echo, Say), &request, 0, &answer);
        assert_string_equal(answer.request_id, "req-42");
}

static void without_a_request_id_one_is_drawn(void **state)
{
        Sk__EchoRequest request = a_request("which id?", 0);
        struct answer answer;

        fixture_serve(*state, RPC_LOCAL_ADMIN, true, NULL);
        fixture_connect(*state, NULL);
        fixture_call(*state, RPC_METHOD(echo, Say), &request, 0, &answer);
        assert_int_equal(strlen(answer.request_id), 25);
}

static void a_call_waits_for_a_server_that_comes_later(void **state)
{
        struct fixture *fixture = *state;
        Sk__EchoRequest request = a_request("", 3);
        struct answer answer;

        snprintf(fixture->address, sizeof fixture->address, "unix:%s/s", fixture->folder);
        fixture_connect(*state, NULL);
        fixture_start(*state, RPC_METHOD(echo, Say), &request, 0, &answer);
        fixture_serve(*state, RPC_LOCAL_ADMIN, true, NULL);
        fixture_wait(*state, &answer.is_done);
        assert_int_equal(answer.number, 3);
}

static void a_server_that_stops_gives_calls_their_grace(void **state)
{
        struct fixture *fixture = *state;
        Sk__EchoRequest request = a_request("", 5);
        struct answer answer;

        fixture_serve(*state, RPC_LOCAL_ADMIN, true, NULL);
        fixture_connect(*state, NULL);
        fixture_start(*state, RPC_METHOD(echo, Later), &request, 0, &answer);
        fixture_wait_count(fixture, &fixture->echo.n_open, 1);
        fixture_stop(fixture, 1000);
        fixture_wait(fixture, &answer.is_done);
        assert_int_equal(answer.number, 5);
}

static void a_server_that_stops_at_once_closes_its_calls(void **state)
{
        struct fixture *fixture = *state;
        Sk__EchoRequest request = a_request("", 5);
        struct answer answer;

        fixture_serve(*state, RPC_LOCAL_ADMIN, true, NULL);
        fixture_connect(*state, NULL);
        fixture_start(*state, RPC_METHOD(echo, Later), &request, 0, &answer);
        fixture_wait_count(fixture, &fixture->echo.n_open, 1);
        fixture_stop(fixture, 0);
        assert_int_equal(fixture->echo.n_open, 0);
        fixture_wait(fixture, &answer.is_done);
        assert_int_equal(answer.err.code, ERR_UNAVAILABLE);
}

static void two_servers_cannot_share_a_socket(void **state)
{
        struct fixture *fixture = *state;
        struct rpc_server *second;
        struct err err;

        fixture_serve(*state, RPC_LOCAL_ADMIN, true, NULL);
        assert_int_equal(rpc_server_new(fixture->loop, &(struct rpc_server_options){ 0 }, &second,
                                        &err),
                         0);
        assert_int_equal(rpc_server_listen(second, fixture->address, RPC_LOCAL_ADMIN, 0600, &err),
                         ERR_EXISTS);
        rpc_server_free(second, 0);
}

static void a_socket_in_no_folder_is_explained(void **state)
{
        struct fixture *fixture = *state;
        struct err err;

        assert_int_equal(rpc_server_new(fixture->loop, &(struct rpc_server_options){ 0 },
                                        &fixture->server, &err),
                         0);
        assert_int_equal(rpc_server_listen(fixture->server, "unix:/nonexistent/s", RPC_LOCAL_ADMIN,
                                           0600, &err),
                         ERR_UNAVAILABLE);
        assert_string_equal(err.text, "cannot listen on 'unix:/nonexistent/s': does its folder "
                                      "exist, and may we write there?");
}

static void tcp_without_tls_is_refused(void **state)
{
        struct fixture *fixture = *state;
        struct err err;

        assert_int_equal(rpc_server_new(fixture->loop, &(struct rpc_server_options){ 0 },
                                        &fixture->server, &err),
                         0);
        assert_int_equal(rpc_server_listen(fixture->server, "127.0.0.1:0", RPC_LOCAL_ADMIN, 0,
                                           &err),
                         ERR_INVALID);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(a_call_over_a_plain_socket_is_answered),
                TEST(a_call_over_mutual_tls_knows_its_caller),
                TEST(mutual_tls_works_over_a_unix_socket),
                TEST(a_plain_client_gets_nowhere_with_tls),
                TEST(an_error_crosses_the_wire_as_it_is),
                TEST(a_method_of_another_role_is_denied),
                TEST(text_that_is_no_utf8_stops_at_the_door),
                TEST(a_request_that_is_too_large_is_refused),
                TEST(a_call_that_takes_longer_than_its_deadline_fails),
                TEST(a_handler_knows_how_long_its_caller_will_wait),
                TEST(a_cancelled_call_is_not_answered_and_the_server_hears_of_it),
                TEST(freeing_a_client_ends_its_calls),
                TEST(a_request_id_reaches_the_handler),
                TEST(without_a_request_id_one_is_drawn),
                TEST(a_call_waits_for_a_server_that_comes_later),
                TEST(a_server_that_stops_gives_calls_their_grace),
                TEST(a_server_that_stops_at_once_closes_its_calls),
                TEST(two_servers_cannot_share_a_socket),
                TEST(a_socket_in_no_folder_is_explained),
                TEST(tcp_without_tls_is_refused),
        };

        return cmocka_run_group_tests_name("unary calls", tests, NULL, NULL);
}
