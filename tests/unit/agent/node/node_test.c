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
                                            "2377",  "0.0.0.0",  "2377",    "10.0.0.2,m3" };

static void a_record_is_read_as_it_was_written(void **state)
{
        struct node_record read;
        struct err err;

        (void)state;
        assert_int_equal(node_record_write(a_path(), &example, &err), 0);
        assert_int_equal(node_record_read(a_path(), &read, &err), 0);
        assert_memory_equal(&read, &example, sizeof read);
}

static void managers_are_kept_once_each_and_without_ports(void **state)
{
        char addresses[RECORD_MANAGERS_MAX][RECORD_ADDRESS_SIZE];
        struct node_record record = { 0 };
        char address[64];

        (void)state;
        node_record_add_manager(&record, "10.0.0.1:2377");
        node_record_add_manager(&record, "10.0.0.1:2382");
        node_record_add_manager(&record, "[fd00::1]:2382");
        node_record_add_manager(&record, "a,b:1");
        node_record_add_manager(&record, "a\nrole=manager:1");
        node_record_add_manager(&record, ":1");
        node_record_add_manager(&record, "no port");
        assert_string_equal(record.managers, "10.0.0.1,[fd00::1]");
        assert_int_equal(node_record_managers(&record, 2384, addresses), 2);
        assert_string_equal(addresses[0], "10.0.0.1:2384");
        assert_string_equal(addresses[1], "[fd00::1]:2384");
        for (int i = 0; i < 1000; i++) {
                snprintf(address, sizeof address, "a-manager-with-a-long-name-%d:1", i);
                node_record_add_manager(&record, address);
        }
        assert_int_equal(node_record_managers(&record, 1, addresses), RECORD_MANAGERS_MAX);
}

/* A store does not ask itself to be added. */
static void stores_to_join_are_those_of_the_others(void **state)
{
        const struct daemon_row row = { "x", "--join=%J", true };
        struct node_record record = example;
        struct arena arena = { 0 };

        (void)state;
        assert_string_equal(daemon_arguments(&row, &record, "", "", NULL, &arena)[0],
                            "--join=10.0.0.2:2383,m3:2383");
        strcpy(record.managers, "10.0.0.1,10.0.0.11");
        assert_string_equal(daemon_arguments(&row, &record, "", "", NULL, &arena)[0],
                            "--join=10.0.0.11:2383");
        record.managers[0] = '\0';
        assert_string_equal(daemon_arguments(&row, &record, "", "", NULL, &arena)[0], "--join=");
        arena_done(&arena);
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
                cmocka_unit_test(managers_are_kept_once_each_and_without_ports),
                cmocka_unit_test(stores_to_join_are_those_of_the_others),
                cmocka_unit_test(keys_of_a_newer_version_are_passed_over),
                cmocka_unit_test(a_damaged_record_is_told),
                cmocka_unit_test(no_record_means_no_swarm),
                cmocka_unit_test(places_in_a_daemons_options_are_filled_in),
                cmocka_unit_test(only_the_mesh_runs_on_workers),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
