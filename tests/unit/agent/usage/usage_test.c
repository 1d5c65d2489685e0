/* What the kernel says of a container, and what is made of it. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/usage/usage.h"
#include "lib/os/file.h"
#include "tests/unit/test.h"

static void all_devices_but_loopback_are_counted(void **state)
{
        static const char text[] =
                "Inter-|   Receive                                                |  Transmit\n"
                " face |bytes    packets errs drop fifo frame compressed multicast|bytes    "
                "packets\n"
                "    lo:    9000      9    0    0    0     0          0         0   9000      9\n"
                "  eth0:     100      1    0    0    0     0          0         0     50      1\n"
                "  eth1:      11      1    0    0    0     0          0         0      7      1\n";
        uint64_t received, sent;

        (void)state;
        usage_network(text, &received, &sent);
        assert_int_equal(received, 111);
        assert_int_equal(sent, 57);
        usage_network("eth0:", &received, &sent);
        assert_int_equal(received, 0);
}

static void a_name_may_hold_anything(void **state)
{
        static const char text[] = "7 (a) S 9 (b) R 3 7 7 34817 7 0 0 0 0 0 20 22 0 0 20 0 1 0 555 "
                                   "1 1\n";
        struct usage_stat stat;

        (void)state;
        assert_true(usage_stat(text, &stat));
        assert_string_equal(stat.command, "a) S 9 (b");
        assert_int_equal(stat.parent_pid, 3);
        assert_int_equal(stat.terminal, 34817);
        assert_int_equal(stat.ticks, 42);
        assert_int_equal(stat.started_ticks, 555);
        assert_false(usage_stat("", &stat));
        assert_false(usage_stat("7 )(", &stat));
        assert_true(usage_stat("7 (x) S", &stat));
}

static void reads_and_writes_of_all_devices_are_added_up(void **state)
{
        (void)state;
        assert_int_equal(usage_sum("8:0 Read 5\n8:0 Write 7\n8:16 Read 6\nTotal 18\n", "Read "),
                         11);
        assert_int_equal(usage_sum("8:0 rbytes=5 wbytes=7\n8:16 rbytes=6 wbytes=1\n", "wbytes="),
                         8);
        assert_int_equal(usage_value("a 1\ninactive_file 33\n", "inactive_file"), 33);
        assert_int_equal(usage_value("total_inactive_file 33\n", "inactive_file"), 0);
}

static void write_text(const char *folder, const char *name, const char *text)
{
        char path[256];

        snprintf(path, sizeof path, "%s/skep/task/%s", folder, name);
        assert_int_equal(file_write_atomic(path, text, strlen(text), 0600, NULL), 0);
}

static void the_unified_hierarchy_is_read(void **state)
{
        struct executor_place place = { .cgroup = "skep/task", .has_cgroup_v2 = true };
        Sk__TaskUsage usage = SK__TASK_USAGE__INIT;
        char folder[] = "/tmp/skep-usage-XXXXXX", path[64];

        (void)state;
        assert_non_null(mkdtemp(folder));
        snprintf(place.cgroup_root, sizeof place.cgroup_root, "%s", folder);
        snprintf(path, sizeof path, "%s/skep/task", folder);
        assert_int_equal(file_make_folders(path, 0700, NULL), 0);
        write_text(folder, "cpu.stat", "usage_usec 1500\nuser_usec 1\n");
        write_text(folder, "memory.stat", "anon 5\ninactive_file 24\n");
        write_text(folder, "memory.current", "1024\n");
        write_text(folder, "memory.max", "4096\n");
        write_text(folder, "io.stat", "8:0 rbytes=5 wbytes=7\n");
        write_text(folder, "pids.current", "3\n");
        usage_read(&place, &usage);
        file_remove_tree(folder, NULL);
        assert_int_equal(usage.cpu_ns, 1500000);
        assert_int_equal(usage.memory_bytes, 1000);
        assert_int_equal(usage.memory_limit_bytes, 4096);
        assert_int_equal(usage.written_bytes, 7);
        assert_int_equal(usage.pids, 3);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(all_devices_but_loopback_are_counted),
                cmocka_unit_test(a_name_may_hold_anything),
                cmocka_unit_test(reads_and_writes_of_all_devices_are_added_up),
                cmocka_unit_test(the_unified_hierarchy_is_read),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
