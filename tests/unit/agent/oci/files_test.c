/* /etc/hosts and /etc/resolv.conf of a container. */
#include "tests/unit/test.h"

#include <string.h>

#include "agent/oci/files.h"
#include "lib/base/mem.h"

static const char node[] = "# comment\nnameserver 127.0.0.53\nnameserver 10.0.0.2\nsearch corp\n"
                           "options ndots:2\nnameserve";

static const char *hosts(const char *entry, const char *address, struct str *str, int *ret)
{
        Sk__ContainerSpec container = SK__CONTAINER_SPEC__INIT;

        container.hosts = &entry;
        container.n_hosts = entry != NULL;
        *ret = oci_hosts_text(&container, address, "h1", str, NULL);
        return str_text(str);
}

static void hosts_have_the_specs_and_ones_own(void **state)
{
        _cleanup_(str_done) struct str str = { 0 };
        const char *text;
        int result;

        (void)state;
        text = hosts("10.1.1.1 db db2", "172.20.0.7", &str, &result);
        assert_int_equal(result, 0);
        assert_true(str_starts_with(text, "127.0.0.1\tlocalhost\n"));
        assert_true(str_ends_with(text, "\n10.1.1.1\tdb db2\n172.20.0.7\th1\n"));
}

static void a_host_without_address_is_refused(void **state)
{
        static const char *const bad[] = { "db", "db 10.1.1.1", "10.1.1.1", "10.1.1.1 a\nevil b" };
        int result;

        (void)state;
        for (size_t i = 0; i < 4; i++) {
                _cleanup_(str_done) struct str str = { 0 };

                hosts(bad[i], "", &str, &result);
                assert_int_equal(result, ERR_INVALID);
        }
}

static const char *resolv(const Sk__DnsConfig *dns, const char *server, bool own, struct str *str)
{
        assert_int_equal(oci_resolv_text(dns, server, node, own, str, NULL), 0);
        return str_text(str);
}

static void the_nodes_network_brings_the_nodes_servers(void **state)
{
        _cleanup_(str_done) struct str str = { 0 };

        (void)state;
        assert_string_equal(resolv(NULL, NULL, false, &str),
                            "nameserver 127.0.0.53\nnameserver 10.0.0.2\nsearch corp\n"
                            "options ndots:2\n");
}

static void a_loopback_server_is_of_no_use_in_another_network(void **state)
{
        _cleanup_(str_done) struct str str = { 0 };

        (void)state;
        assert_true(str_starts_with(resolv(NULL, NULL, true, &str), "nameserver 10.0.0.2\nsearch"));
}

static void what_the_spec_says_comes_first(void **state)
{
        _cleanup_(str_done) struct str str = { 0 };
        Sk__DnsConfig dns = SK__DNS_CONFIG__INIT;
        const char *servers[] = { "9.9.9.9", "fd00::1" }, *search[] = { "a.b", "c" };

        (void)state;
        dns.servers = servers;
        dns.n_servers = 2;
        dns.search = search;
        dns.n_search = 2;
        assert_string_equal(resolv(&dns, "127.0.0.11", true, &str),
                            "nameserver 9.9.9.9\nnameserver fd00::1\nsearch a.b c\n"
                            "options ndots:2\n");
}

static void a_server_that_is_no_address_is_refused(void **state)
{
        _cleanup_(str_done) struct str str = { 0 };
        Sk__DnsConfig dns = SK__DNS_CONFIG__INIT;
        const char *servers[] = { "dns.example\nnameserver 6.6.6.6" };

        (void)state;
        dns.servers = servers;
        dns.n_servers = 1;
        assert_int_equal(oci_resolv_text(&dns, NULL, node, true, &str, NULL), ERR_INVALID);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(hosts_have_the_specs_and_ones_own),
                cmocka_unit_test(a_host_without_address_is_refused),
                cmocka_unit_test(the_nodes_network_brings_the_nodes_servers),
                cmocka_unit_test(a_loopback_server_is_of_no_use_in_another_network),
                cmocka_unit_test(what_the_spec_says_comes_first),
                cmocka_unit_test(a_server_that_is_no_address_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
