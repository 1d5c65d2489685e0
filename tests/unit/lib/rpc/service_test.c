/* A table of methods that does not say what the .proto says is found at start. */
#include "tests/unit/test.h"

#include <string.h>

#include "api/node.pb-c.h"
#include "lib/base/check.h"
#include "lib/rpc/service.h"
#include "tests/lib/echo/echo.pb-c.h"

static void handle(void *context, struct rpc_call *call, const void *in)
{
        (void)context;
        (void)call;
        (void)in;
}

#define ROW(Method, SHAPE)                                                             \
        {                                                                              \
#Method, RPC_##SHAPE, 1, "Sk__EchoRequest", "Sk__EchoResponse", handle \
        }
static const struct rpc_method echo_methods[] = {
        ROW(Say, UNARY),         ROW(Later, UNARY),      ROW(Count, SERVER_STREAM),
        ROW(Sum, CLIENT_STREAM), ROW(Chat, BIDI_STREAM), ROW(Secret, UNARY),
};

static int check(const struct rpc_method *methods, size_t n, struct err *err)
{
        struct rpc_service service = { &sk__echo__descriptor, methods, n };

        return rpc_service_check(&service, err);
}

/* The table with its first row replaced. */
static int check_with(const struct rpc_method *row, struct err *err)
{
        struct rpc_method methods[COUNT_OF(echo_methods)];

        memcpy(methods, echo_methods, sizeof methods);
        methods[0] = *row;
        return check(methods, COUNT_OF(methods), err);
}

static void a_table_like_the_proto_is_fine(void **state)
{
        (void)state;
        assert_int_equal(check(echo_methods, COUNT_OF(echo_methods), NULL), 0);
}

static void a_missing_row_is_found(void **state)
{
        struct err err;

        (void)state;
        assert_int_equal(check(echo_methods, COUNT_OF(echo_methods) - 1, &err), ERR_INTERNAL);
        assert_string_equal(err.text, "skep.test.Echo has 6 methods, its table 5");
}

static void a_method_given_twice_is_found(void **state)
{
        struct err err;

        (void)state;
        assert_int_equal(check_with(&echo_methods[1], &err), ERR_INTERNAL);
        assert_string_equal(err.text, "skep.test.Echo.Later has two rows");
}

static void a_method_of_another_name_is_found(void **state)
{
        struct rpc_method row = echo_methods[0];
        struct err err;

        (void)state;
        row.name = "Shout";
        assert_int_equal(check_with(&row, &err), ERR_INTERNAL);
        assert_string_equal(err.text, "skep.test.Echo has no method Shout");
}

static void another_request_type_is_found(void **state)
{
        struct rpc_method row = echo_methods[0];

        (void)state;
        row.in = "Sk__EchoResponse";
        assert_int_equal(check_with(&row, NULL), ERR_INTERNAL);
}

static void another_response_type_is_found(void **state)
{
        struct rpc_method row = echo_methods[0];

        (void)state;
        row.out = "Sk__EchoRequest";
        assert_int_equal(check_with(&row, NULL), ERR_INTERNAL);
}

static void a_row_that_nobody_may_call_is_found(void **state)
{
        struct rpc_method row = echo_methods[0];

        (void)state;
        row.roles = 0;
        assert_int_equal(check_with(&row, NULL), ERR_INTERNAL);
}

static void another_shape_is_found(void **state)
{
        const struct rpc_method row = {
                "Sync", RPC_SERVER_STREAM, 1, "Sk__MeshWanted", "Sk__MeshReport", handle,
        };
        struct rpc_service service = { &sk__mesh__descriptor, &row, 1 };
        struct err err;

        (void)state;
        assert_int_equal(rpc_service_check(&service, &err), ERR_INTERNAL);
        assert_string_equal(err.text, "skep.v1.Mesh.Sync streams otherwise than its row says");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_table_like_the_proto_is_fine),
                cmocka_unit_test(a_missing_row_is_found),
                cmocka_unit_test(a_method_given_twice_is_found),
                cmocka_unit_test(a_method_of_another_name_is_found),
                cmocka_unit_test(another_request_type_is_found),
                cmocka_unit_test(another_response_type_is_found),
                cmocka_unit_test(another_shape_is_found),
                cmocka_unit_test(a_row_that_nobody_may_call_is_found),
        };

        return cmocka_run_group_tests_name("service", tests, NULL, NULL);
}
