/* The node network: subnets, names, aliases, nft commands. */
#include "mesh/mesh.h"

#include <string.h>

#include "lib/base/check.h"
#include "tests/unit/test.h"

static struct mesh_attachment an_attachment(const char *id, uint32_t address)
{
        struct mesh_attachment attachment = { .address = address };

        strcpy(attachment.id, id);
        mesh_device_name(id, attachment.device);
        return attachment;
}

static void a_subnet_leaves_out_its_first_and_last_address(void **state)
{
        struct mesh_subnet subnet;
        struct err err;

        (void)state;
        assert_int_equal(mesh_subnet_parse("172.30.0.0/16", &subnet, &err), 0);
        assert_int_equal(subnet.first, 0xac1e0001);
        assert_int_equal(subnet.last, 0xac1efffe);
}

static void what_is_no_subnet_is_refused(void **state)
{
        static const char *const bad[] = { "",
                                           "172.30.0.0",
                                           "172.30.0.0/",
                                           "172.30.0/16",
                                           "172.30.0.0/7",
                                           "172.30.0.0/29",
                                           "172.30.0.1/16",
                                           "fd00::/16",
                                           "172.30.0.0/16x",
                                           "172.030.000.000.000.000/16" };
        struct mesh_subnet subnet;
        struct err err;

        (void)state;
        for (size_t i = 0; i < COUNT_OF(bad); i++)
                assert_int_equal(mesh_subnet_parse(bad[i], &subnet, &err), ERR_INVALID);
}

static void an_address_is_not_given_twice_nor_reused_soon(void **state)
{
        struct mesh_attachment one = an_attachment("one", 0);
        struct map taken = { 0 };
        struct mesh_subnet subnet;
        struct err err;

        (void)state;
        assert_int_equal(mesh_subnet_parse("10.9.0.0/28", &subnet, &err), 0);
        one.address = mesh_subnet_take(&subnet, &taken);
        map_put(&taken, one.id, &one);
        assert_int_equal(one.address, 0x0a090001);
        assert_int_equal(mesh_subnet_take(&subnet, &taken), 0x0a090002);
        map_remove(&taken, one.id);
        assert_int_equal(mesh_subnet_take(&subnet, &taken), 0x0a090003);
        map_done(&taken);
}

static void a_full_subnet_gives_nothing(void **state)
{
        struct mesh_attachment all[14];
        struct map taken = { 0 };
        struct mesh_subnet subnet;
        struct err err;

        (void)state;
        assert_int_equal(mesh_subnet_parse("10.9.0.0/28", &subnet, &err), 0);
        for (size_t i = 0; i < COUNT_OF(all); i++) {
                char id[8] = { 't', (char)('a' + i) };

                all[i] = an_attachment(id, mesh_subnet_take(&subnet, &taken));
                assert_int_not_equal(all[i].address, 0);
                map_put(&taken, all[i].id, &all[i]);
        }
        assert_int_equal(mesh_subnet_take(&subnet, &taken), 0);
        map_done(&taken);
}

static void device_names_are_short_stable_and_differ(void **state)
{
        char one[MESH_DEVICE_SIZE], again[MESH_DEVICE_SIZE], other[MESH_DEVICE_SIZE];

        (void)state;
        mesh_device_name("abc", one);
        mesh_device_name("abc", again);
        mesh_device_name("abd", other);
        assert_int_equal(strlen(one), 15);
        assert_string_equal(one, again);
        assert_string_not_equal(one, other);
}

static void the_two_ends_have_different_local_hardware_addresses(void **state)
{
        uint8_t inner[6], outer[6];

        (void)state;
        mesh_inner_mac(0xac1e0001, inner);
        mesh_outer_mac(0xac1e0001, outer);
        assert_memory_not_equal(inner, outer, 6);
        assert_int_equal(inner[0] & 3, 2); /* locally administered, not multicast */
}

static void ids_and_ports_that_make_no_sense_are_refused(void **state)
{
        static const char *const bad[] = { "", ".x", "a b", "a/b", "A", "a\nb" };
        Sk__PortConfig port = SK__PORT_CONFIG__INIT, *ports[MESH_PORTS_MAX + 1];
        Sk__MeshAttachment wanted = SK__MESH_ATTACHMENT__INIT;
        struct err err;

        (void)state;
        for (size_t i = 0; i < COUNT_OF(bad); i++) {
                wanted.id = bad[i];
                assert_int_equal(mesh_wanted_check(&wanted, &err), ERR_INVALID);
        }
        for (size_t i = 0; i < COUNT_OF(ports); i++)
                ports[i] = &port;
        wanted.id = "task1";
        wanted.host_ports = ports;
        wanted.n_host_ports = 1;
        assert_int_equal(mesh_wanted_check(&wanted, &err), ERR_INVALID); /* no target port */
        port.target_port = 80;
        assert_int_equal(mesh_wanted_check(&wanted, &err), 0);
        port.published_port = 65536;
        assert_int_equal(mesh_wanted_check(&wanted, &err), ERR_INVALID);
        port.published_port = 0;
        wanted.n_host_ports = MESH_PORTS_MAX + 1;
        assert_int_equal(mesh_wanted_check(&wanted, &err), ERR_INVALID);
}

static void an_alias_says_all_that_a_restarted_mesh_must_know(void **state)
{
        _cleanup_(str_done) struct str alias = { 0 };
        struct mesh_attachment read, attachment = an_attachment("task1", 0xac1e0007);
        struct err err;

        (void)state;
        attachment.ports[0] = (struct mesh_port){ IPPROTO_TCP, 80, 8080 };
        attachment.ports[1] = (struct mesh_port){ IPPROTO_UDP, 53, 5353 };
        attachment.n_ports = 2;
        mesh_alias_write(&attachment, &alias);
        assert_string_equal(str_text(&alias), "skep task1 172.30.0.7 6:80:8080 17:53:5353");
        assert_int_equal(mesh_alias_read(str_text(&alias), &read, &err), 0);
        assert_string_equal(read.id, attachment.id);
        assert_string_equal(read.device, attachment.device);
        assert_int_equal(read.address, attachment.address);
        assert_int_equal(read.n_ports, 2);
        for (size_t i = 0; i < read.n_ports; i++) {
                assert_int_equal(read.ports[i].protocol, attachment.ports[i].protocol);
                assert_int_equal(read.ports[i].target, attachment.ports[i].target);
                assert_int_equal(read.ports[i].published, attachment.ports[i].published);
        }
}

static void the_longest_alias_fits_into_the_kernels(void **state)
{
        _cleanup_(str_done) struct str alias = { 0 };
        struct mesh_attachment attachment = an_attachment("0123456789012345678901234", 0xffffffff);

        (void)state;
        for (size_t i = 0; i < MESH_PORTS_MAX; i++)
                attachment.ports[i] = (struct mesh_port){ IPPROTO_SCTP, 65535, 65535 };
        attachment.n_ports = MESH_PORTS_MAX;
        mesh_alias_write(&attachment, &alias);
        assert_true(alias.length < 256);
}

static void an_alias_that_is_not_ours_is_refused(void **state)
{
        static const char *const bad[] = { "",
                                           "uplink",
                                           "skep",
                                           "skep x",
                                           "skep task1 not-an-address",
                                           "skep A/B 10.0.0.1",
                                           "skep task1 10.0.0.1.2.3.4.5.6" };
        struct mesh_attachment read;
        struct err err;

        (void)state;
        for (size_t i = 0; i < COUNT_OF(bad); i++)
                assert_int_equal(mesh_alias_read(bad[i], &read, &err), ERR_INVALID);
}

static void ports_are_opened_and_closed_by_map_elements(void **state)
{
        _cleanup_(str_done) struct str text = { 0 };
        struct mesh_attachment attachment = an_attachment("task1", 0xac1e0007);

        (void)state;
        attachment.ports[0] = (struct mesh_port){ IPPROTO_TCP, 80, 8080 };
        attachment.n_ports = 1;
        mesh_nft_ports(&attachment, true, &text);
        mesh_nft_ports(&attachment, false, &text);
        assert_string_equal(str_text(&text),
                            "add element ip skep ports { tcp . 8080 : 172.30.0.7 . 80 }\n"
                            "delete element ip skep ports { tcp . 8080 }\n");
}

static void the_table_masquerades_what_leaves_the_subnet(void **state)
{
        _cleanup_(str_done) struct str text = { 0 };

        (void)state;
        mesh_nft_table("172.30.0.0/16", &text);
        assert_non_null(strstr(str_text(&text),
                               "oifname != \"skep*\" ip saddr 172.30.0.0/16 masquerade\n"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_subnet_leaves_out_its_first_and_last_address),
                cmocka_unit_test(what_is_no_subnet_is_refused),
                cmocka_unit_test(an_address_is_not_given_twice_nor_reused_soon),
                cmocka_unit_test(a_full_subnet_gives_nothing),
                cmocka_unit_test(device_names_are_short_stable_and_differ),
                cmocka_unit_test(the_two_ends_have_different_local_hardware_addresses),
                cmocka_unit_test(ids_and_ports_that_make_no_sense_are_refused),
                cmocka_unit_test(an_alias_says_all_that_a_restarted_mesh_must_know),
                cmocka_unit_test(the_longest_alias_fits_into_the_kernels),
                cmocka_unit_test(an_alias_that_is_not_ours_is_refused),
                cmocka_unit_test(ports_are_opened_and_closed_by_map_elements),
                cmocka_unit_test(the_table_masquerades_what_leaves_the_subnet),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
