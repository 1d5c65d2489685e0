/* Addresses of probes. */
#include "lib/state/probe.h"

#include <string.h>

#include "lib/base/check.h"
#include "tests/unit/test.h"

static void goes_to(const char *text, const char *host, int port, const char *path)
{
        struct probe_address address;

        assert_int_equal(probe_address_parse(text, &address, NULL), 0);
        assert_string_equal(address.host, host);
        assert_int_equal(address.port, port);
        assert_string_equal(address.path, path);
}

static void an_address_is_a_port_with_an_ip_before_and_a_path_after(void **state)
{
        (void)state;
        goes_to(":8080", "127.0.0.1", 8080, "");
        goes_to(":8080/a/b?c=d", "127.0.0.1", 8080, "/a/b?c=d");
        goes_to("10.0.0.7:65535/", "10.0.0.7", 65535, "/");
        goes_to("[::1]:1/x:y", "::1", 1, "/x:y");
}

static void anything_else_is_refused(void **state)
{
        static const char *const bad[] = { "",
                                           ":",
                                           "8080",
                                           ":0",
                                           ":65536",
                                           ":99999999999999999999",
                                           ":80x",
                                           ":80?x",
                                           "localhost:80",
                                           "::1:80",
                                           "[::1]80",
                                           "[::1",
                                           "[]",
                                           ":80/a b",
                                           ":80/\r\nHost: other",
                                           ":80/\xc3\xbc",
                                           "1111111111111111111111111111111111111111111111111:1" };
        struct probe_address address;
        struct err err;

        (void)state;
        for (size_t i = 0; i < COUNT_OF(bad); i++)
                if (probe_address_parse(bad[i], &address, &err) != ERR_INVALID)
                        fail_msg("'%s' was taken", bad[i]);
}

static void answers(const char *data, int status)
{
        size_t size = strlen(data);

        assert_int_equal(probe_http_status(data, size), status);
        while (status > 0 && size-- > 0) /* and of no part of it more is said */
                assert_int_equal(probe_http_status(data, size), PROBE_UNFINISHED);
}

static void an_http_answer_has_a_status(void **state)
{
        (void)state;
        answers("HTTP/1.1 200 OK\r\n", 200);
        answers("HTTP/1.0 503\r\n", 503);
        answers("HTTP/1.1 404 \n", 404);
        answers("HTTP/1.1 200 OK", PROBE_UNFINISHED);
        answers("HTTP/2 200 OK\r\n", PROBE_NOT_HTTP);
        answers("HTTP/1.1 2000 OK\r\n", PROBE_NOT_HTTP);
        answers("HTTP/1.1 999 OK\r\n", PROBE_NOT_HTTP);
        answers("SSH-2.0-OpenSSH\r\n", PROBE_NOT_HTTP);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(an_address_is_a_port_with_an_ip_before_and_a_path_after),
                cmocka_unit_test(anything_else_is_refused),
                cmocka_unit_test(an_http_answer_has_a_status),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
