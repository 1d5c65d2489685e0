/* Addresses as people give them, the node's record, the daemons' command lines. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/node/address.h"
#include "agent/node/daemons.h"
#include "agent/node/record.h"
#include "lib/base/check.h"
#include "lib/os/file.h"
#include "tests/unit/test.h"

static char host[128], port[8];

static int split(const char *given)
{
        struct err err;

        return address_split(given, "2377", host, sizeof host, port, sizeof port, &err);
}

static void an_address_without_a_port_has_the_default_one(void **state)
{
        (void)state;
        assert_int_equal(split("10.0.0.1"), 0);
        assert_string_equal(host, "10.0.0.1");
        assert_string_equal(port, "2377");
}

static void an_address_may_name_its_port(void **state)
{
        (void)state;
        assert_int_equal(split("10.0.0.1:4000"), 0);
        assert_string_equal(host, "10.0.0.1");
        assert_string_equal(port, "4000");
}

static void ipv6_addresses_with_a_port_stand_in_brackets(void **state)
{
        (void)state;
        assert_int_equal(split("[fd00::1]:4000"), 0);
        assert_string_equal(host, "[fd00::1]");
        assert_string_equal(port, "4000");
        assert_int_equal(split("fd00::1"), 0);
        assert_string_equal(host, "fd00::1");
        assert_string_equal(port, "2377");
}

static void what_is_no_address_is_refused(void **state)
{
        static const char *const bad[] = { ":2377",          "10.0.0.1:",     "10.0.0.1:0",
                                           "10.0.0.1:65536", "10.0.0.1:http", "[fd00::1",
                                           "10.0.0.1:-1" };

        (void)state;
        for (size_t i = 0; i < COUNT_OF(bad); i++)
                assert_int_equal(split(bad[i]), ERR_INVALID);
}

static const char *a_path(void)
{
        static char path[512];

        snprintf(path, sizeof path, "%s/node.conf", getenv("TEST_TMPDIR"));
        return path;
}

static const struct node_record example = { "node1", "cluster1", "manager", "10.0.0.1",
                                            "2377",  "0.0.0.0",  "2377" };

static void a_record_is_read_as_it_was_written(void **state)
{
        struct node_record read;
        struct err err;

        (void)state;
        assert_int_equal(node_record_write(a_path(), &example, &err), 0);
        assert_int_equal(node_record_read(a_path(), &read, &err), 0);
        assert_memory_equal(&read, &example, sizeof read);
}

static int read_text(const char *text)
{
        struct node_record read;
        struct err err;

        assert_int_equal(file_write_atomic(a_path(), text, strlen(text), 0600, &err), 0);
        return node_record_read(a_path(), &read, &err);
}

static void keys_of_a_newer_version_are_passed_over(void **state)
{
        (void)state;
        assert_int_equal(read_text("node_id=a\nrole=worker\nshoe_size=44\n"), 0);
}

static void a_damaged_record_is_told(void **state)
{
        (void)state;
        assert_int_equal(read_text("node_id=a\nrole"), ERR_DATA_LOSS);
        assert_int_equal(read_text("role=worker\n"), ERR_DATA_LOSS);
        assert_int_equal(read_text(""), ERR_DATA_LOSS);
        assert_int_equal(read_text("node_id=a\nrole=a role that is far too long\n"), ERR_DATA_LOSS);
}

static void no_record_means_no_swarm(void **state)
{
        struct node_record read;
        struct err err;

        (void)state;
        assert_int_equal(node_record_read("/nonexistent/node.conf", &read, &err), ERR_NOT_FOUND);
}

static void places_in_a_daemons_options_are_filled_in(void **state)
{
        const struct daemon_row row = { "x", "--a %S/x --b unix:%R/y --c %L:%P --d %A:1 100%",
                                        true };
        struct arena arena = { 0 };
        const char *const *words =
                daemon_arguments(&row, &example, "/state", "/run", "--e f", &arena);
        static const char *const expected[] = { "--a",         "/state/x",   "--b",
                                                "unix:/run/y", "--c",        "0.0.0.0:2377",
                                                "--d",         "10.0.0.1:1", "100%" };
        size_t n = 0;

        (void)state;
        for (; n < COUNT_OF(expected); n++)
                assert_string_equal(words[n], expected[n]);
        while (words[n])
                n++;
        assert_string_equal(words[n - 2], "--e");
        assert_string_equal(words[n - 1], "f");
        arena_done(&arena);
}

static void only_the_mesh_runs_on_workers(void **state)
{
        (void)state;
        for (const struct daemon_row *row = daemon_rows; row->name; row++)
                assert_int_equal(row->on_workers, strcmp(row->name, "mesh") == 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(an_address_without_a_port_has_the_default_one),
                cmocka_unit_test(an_address_may_name_its_port),
                cmocka_unit_test(ipv6_addresses_with_a_port_stand_in_brackets),
                cmocka_unit_test(what_is_no_address_is_refused),
                cmocka_unit_test(a_record_is_read_as_it_was_written),
                cmocka_unit_test(keys_of_a_newer_version_are_passed_over),
                cmocka_unit_test(a_damaged_record_is_told),
                cmocka_unit_test(no_record_means_no_swarm),
                cmocka_unit_test(places_in_a_daemons_options_are_filled_in),
                cmocka_unit_test(only_the_mesh_runs_on_workers),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
