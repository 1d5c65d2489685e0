/* Files of devices: what is read, and that nothing is passed over. */
#include "tests/unit/test.h"

#include <string.h>

#include "agent/cdi/cdi.h"

static struct arena arena;
static struct vec devices;

static int begin(void **state)
{
        (void)state;
        devices = VEC_OF(struct cdi_device);
        return 0;
}

static int end(void **state)
{
        (void)state;
        vec_done(&devices);
        arena_done(&arena);
        return 0;
}

static int parse(const char *text)
{
        struct err err;

        return cdi_parse(text, strlen(text), &arena, &devices, &err);
}

static void a_file_describes_devices(void **state)
{
        const struct cdi_device *device;

        (void)state;
        assert_int_equal(
                parse("{\"cdiVersion\":\"0.6.0\",\"kind\":\"vendor.com/gpu\","
                      "\"containerEdits\":{\"env\":[\"A=all\"]},\"devices\":[{\"name\":\"0\","
                      "\"containerEdits\":{\"env\":[\"GPU=0\"],"
                      "\"deviceNodes\":[{\"path\":\"/dev/gpu\",\"hostPath\":\"/dev/gpu0\","
                      "\"type\":\"c\",\"major\":1,\"minor\":3,\"permissions\":\"rw\"}],"
                      "\"mounts\":[{\"hostPath\":\"/lib/a\",\"containerPath\":\"/lib/b\","
                      "\"options\":[\"ro\"]}],"
                      "\"hooks\":[{\"hookName\":\"createContainer\",\"path\":\"/bin/h\","
                      "\"args\":[\"h\",\"x\"]}],\"additionalGids\":[44]}},{\"name\":\"all\"}]}"),
                0);
        assert_int_equal(devices.n, 2);
        device = cdi_find(&devices, "vendor.com/gpu=0");
        assert_non_null(device);
        assert_string_equal(device->shared.env[0], "A=all");
        assert_string_equal(device->own.env[0], "GPU=0");
        assert_string_equal(device->own.nodes[0].host_path, "/dev/gpu0");
        assert_int_equal(device->own.nodes[0].minor, 3);
        assert_int_equal(device->own.nodes[0].uid, -1);
        assert_string_equal(device->own.mounts[0].options[0], "ro");
        assert_string_equal(device->own.hooks[0].args[1], "x");
        assert_int_equal(device->own.gids[0], 44);
        assert_null(cdi_find(&devices, "vendor.com/gpu=1"));
}

#define DEVICE(edits)                                                                             \
        "{\"cdiVersion\":\"0.6.0\",\"kind\":\"v.com/g\",\"devices\":[{\"name\":\"0\"},{\"name\":" \
        "\"1\",\"containerEdits\":" edits "}]}"

static void what_is_not_understood_is_refused_with_its_file(void **state)
{
        static const char *const bad[] = {
                "",
                "[]",
                "{}",
                "{\"cdiVersion\":\"0.6.0\",\"kind\":\"gpu\",\"devices\":[{\"name\":\"0\"}]}",
                "{\"cdiVersion\":\"0.6.0\",\"kind\":\"v.com/g\",\"devices\":[{\"name\":\"a b\"}]}",
                "{\"cdiVersion\":\"0.6.0\",\"kind\":\"v.com/g\",\"more\":1}",
                DEVICE("{\"intelRdt\":{}}"),
                DEVICE("{\"e\":[]}"),
                DEVICE("{\"env\":[\"A\"]}"),
                DEVICE("{\"env\":[1]}"),
                DEVICE("{\"deviceNodes\":[{\"path\":\"dev/x\"}]}"),
                DEVICE("{\"deviceNodes\":[{\"path\":\"/dev/x\",\"type\":\"cc\"}]}"),
                DEVICE("{\"deviceNodes\":[{\"path\":\"/dev/x\",\"major\":-1}]}"),
                DEVICE("{\"deviceNodes\":[{\"path\":\"/dev/x\",\"permissions\":\"rwx\"}]}"),
                DEVICE("{\"mounts\":[{\"hostPath\":\"/a\"}]}"),
                DEVICE("{\"mounts\":[{\"hostPath\":\"/a\",\"containerPath\":\"/b\",\"type\":"
                       "\"tmpfs\"}]}"),
                DEVICE("{\"hooks\":[{\"hookName\":\"whenever\",\"path\":\"/a\"}]}"),
                DEVICE("{\"hooks\":[{\"hookName\":\"prestart\",\"path\":\"a\"}]}"),
                DEVICE("{\"additionalGids\":[0]}"),
        };

        (void)state;
        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
                assert_int_equal(parse(bad[i]), ERR_INVALID);
                assert_int_equal(devices.n, 0);
        }
}

static void names_have_three_parts(void **state)
{
        (void)state;
        assert_true(cdi_is_name("vendor.com/gpu=0"));
        assert_true(cdi_is_name("v/c=GPU-1:2"));
        assert_false(cdi_is_name("vendor.com=0"));
        assert_false(cdi_is_name("vendor.com/gpu"));
        assert_false(cdi_is_name("vendor.com/gpu="));
        assert_false(cdi_is_name("/gpu=0"));
        assert_false(cdi_is_name("v/=0"));
        assert_false(cdi_is_name("v/c=0=1"));
        assert_false(cdi_is_name("-v/c=0"));
        assert_false(cdi_is_name(""));
        assert_false(cdi_is_name("v"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(a_file_describes_devices, begin, end),
                cmocka_unit_test_setup_teardown(what_is_not_understood_is_refused_with_its_file,
                                                begin, end),
                cmocka_unit_test(names_have_three_parts),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
