/* The OCI configuration: each test says one thing of a spec and looks at one thing of the JSON. */
#include "tests/unit/test.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "agent/oci/oci.h"
#include "lib/base/check.h"
#include "lib/base/str.h"

struct fixture {
        struct arena arena;
        Sk__ServiceSpec spec;
        Sk__TaskSpec task;
        Sk__ContainerSpec container;
        Sk__Resources limits;
        struct oci_image image;
        struct oci_host host;
        struct oci_user user;
        struct oci_input input;
        json_t *json;
        struct err err;
};

static const char *const image_entry[] = { "/entry" };
static const char *const image_command[] = { "serve", "fast" };
static const char *const image_env[] = { "PATH=/opt/bin", "A=image", "B=image" };

static int set_up(void **state)
{
        struct fixture *f = mem_alloc(sizeof *f);
        const char *image = "{\"os\":\"linux\",\"config\":{\"User\":\"app\"}}";

        sk__service_spec__init(&f->spec);
        sk__task_spec__init(&f->task);
        sk__container_spec__init(&f->container);
        sk__resources__init(&f->limits);
        f->spec.task = &f->task;
        f->task.container = &f->container;
        CHECK(oci_image_parse(image, strlen(image), &f->arena, &f->image, NULL) == 0);
        f->image.entrypoint = (struct oci_words){ image_entry, 1 };
        f->image.command = (struct oci_words){ image_command, 2 };
        f->image.env = (struct oci_words){ image_env, 3 };
        f->host = (struct oci_host){ .capabilities = UINT64_MAX, .architecture = "amd64" };
        f->input = (struct oci_input){
                .spec = &f->spec,
                .image = &f->image,
                .host = &f->host,
                .user = &f->user,
                .id = "id",
                .hostname = "h1",
                .netns_path = "/run/netns/x",
                .cgroup_path = "/skep/id",
        };
        *state = f;
        return 0;
}

static int tear_down(void **state)
{
        struct fixture *f = *state;

        json_decref(f->json);
        arena_done(&f->arena);
        free(f);
        return 0;
}

static int build(struct fixture *f)
{
        const char *text;
        size_t size;

        TRY(oci_spec_build(&f->input, &f->arena, &text, &size, &f->err));
        json_decref(f->json);
        f->json = json_loadb(text, size, JSON_DECODE_INT_AS_REAL, NULL);
        assert_non_null(f->json);
        return 0;
}

/* "process.args" as compact JSON; "" when it is absent. */
static const char *look(struct fixture *f, const char *path)
{
        char *copy = arena_strdup(&f->arena, path), *save = NULL, *text;
        const json_t *at = f->json;
        const char *kept;

        for (char *part = strtok_r(copy, ".", &save); part; part = strtok_r(NULL, ".", &save))
                at = json_object_get(at, part);
        if (!at)
                return "";
        text = json_dumps(at, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(10));
        kept = arena_strdup(&f->arena, text);
        free(text);
        return kept;
}

static void the_image_says_what_runs(void **state)
{
        struct fixture *f = *state;

        assert_int_equal(build(f), 0);
        assert_string_equal(look(f, "process.args"), "[\"/entry\",\"serve\",\"fast\"]");
}

static void args_replace_the_images_cmd(void **state)
{
        struct fixture *f = *state;
        const char *args[] = { "slow" };

        f->container.args = args;
        f->container.n_args = 1;
        assert_int_equal(build(f), 0);
        assert_string_equal(look(f, "process.args"), "[\"/entry\",\"slow\"]");
}

static void a_command_replaces_entrypoint_and_cmd(void **state)
{
        struct fixture *f = *state;
        const char *command[] = { "/bin/x" };

        f->container.command = command;
        f->container.n_command = 1;
        assert_int_equal(build(f), 0);
        assert_string_equal(look(f, "process.args"), "[\"/bin/x\"]");
}

static void nothing_to_run_is_refused(void **state)
{
        struct fixture *f = *state;

        f->image.entrypoint = f->image.command = (struct oci_words){ 0 };
        assert_int_equal(build(f), ERR_INVALID);
        assert_true(str_starts_with(f->err.text, "no command specified"));
}

static void variables_are_replaced_in_place(void **state)
{
        struct fixture *f = *state;
        const char *env[] = { "A=mine", "B", "C=new=er" };

        f->input.env = env;
        f->input.n_env = 3;
        assert_int_equal(build(f), 0);
        assert_string_equal(look(f, "process.env"),
                            "[\"PATH=/opt/bin\",\"HOSTNAME=h1\",\"A=mine\",\"C=new=er\"]");
}

static void an_init_that_is_missing_is_told(void **state)
{
        struct fixture *f = *state;
        Sk__ContainerSpec__Init init = SK__CONTAINER_SPEC__INIT__INIT;

        init.enabled = true;
        f->container.init = &init;
        assert_int_equal(build(f), ERR_INVALID);
        assert_non_null(strstr(f->err.text, "install the package 'tini'"));
        f->input.init_path = "/usr/bin/tini-static";
        assert_int_equal(build(f), 0);
        assert_true(str_starts_with(look(f, "process.args"), "[\"/sbin/docker-init\",\"--\","));
}

static void root_keeps_the_default_capabilities(void **state)
{
        struct fixture *f = *state;

        assert_int_equal(build(f), 0);
        assert_string_equal(look(f, "process.capabilities.effective"),
                            look(f, "process.capabilities.bounding"));
        assert_non_null(strstr(look(f, "process.capabilities.bounding"), "CAP_NET_BIND_SERVICE"));
        assert_null(strstr(look(f, "process.capabilities.bounding"), "CAP_SYS_ADMIN"));
}

static void another_user_has_none_in_effect(void **state)
{
        struct fixture *f = *state;

        f->user.uid = 1000;
        assert_int_equal(build(f), 0);
        assert_string_equal(look(f, "process.capabilities.effective"), "");
}

static void capabilities_can_be_dropped_and_added(void **state)
{
        struct fixture *f = *state;
        const char *drop[] = { "ALL" }, *add[] = { "net_admin", "CAP_CHOWN" };

        f->container.capability_drop = drop;
        f->container.n_capability_drop = 1;
        f->container.capability_add = add;
        f->container.n_capability_add = 2;
        assert_int_equal(build(f), 0);
        assert_string_equal(look(f, "process.capabilities.bounding"),
                            "[\"CAP_CHOWN\",\"CAP_NET_ADMIN\"]");
        add[0] = "CAP_FLY";
        assert_int_equal(build(f), ERR_INVALID);
        assert_string_equal(f->err.text, "unknown capability: \"CAP_FLY\"");
}

static void what_the_agent_lacks_cannot_be_added(void **state)
{
        struct fixture *f = *state;
        const char *add[] = { "SYS_RESOURCE" };

        f->host.capabilities &= ~(UINT64_C(1) << 24);
        f->container.capability_add = add;
        f->container.n_capability_add = 1;
        assert_int_equal(build(f), ERR_INVALID);
}

static void limits_become_those_of_the_control_group(void **state)
{
        Sk__Resources__Swap swap = SK__RESOURCES__SWAP__INIT;
        struct fixture *f = *state;

        f->task.limits = &f->limits;
        f->limits.memory_bytes = 64 << 20;
        f->limits.nano_cpus = 1500000000;
        f->limits.pids = 100;
        f->host.can_limit_swap = true;
        assert_int_equal(build(f), 0);
        assert_string_equal(look(f, "linux.resources.memory"),
                            "{\"limit\":67108864.0,\"swap\":134217728.0}");
        f->limits.memory_swap = &swap;
        swap.bytes = 1 << 20;
        assert_int_equal(build(f), 0);
        assert_string_equal(look(f, "linux.resources.memory.swap"), "68157440.0");
        swap.bytes = 0;
        assert_int_equal(build(f), 0);
        assert_string_equal(look(f, "linux.resources.memory.swap"), "67108864.0");
        swap.bytes = -1;
        assert_int_equal(build(f), 0);
        assert_string_equal(look(f, "linux.resources.memory.swap"), "-1.0");
        assert_string_equal(look(f, "linux.resources.cpu"),
                            "{\"quota\":150000.0,\"period\":100000.0}");
        assert_string_equal(look(f, "linux.resources.pids"), "{\"limit\":100.0}");
}

static void a_node_that_cannot_limit_swap_says_so(void **state)
{
        Sk__Resources__Swap swap = SK__RESOURCES__SWAP__INIT;
        struct fixture *f = *state;

        f->task.limits = &f->limits;
        f->limits.memory_bytes = 64 << 20;
        f->limits.memory_swap = &swap;
        assert_int_equal(build(f), ERR_INVALID);
        swap.bytes = -1;
        assert_int_equal(build(f), 0);
}

static void an_unlimited_ulimit_is_the_largest_number(void **state)
{
        struct fixture *f = *state;
        Sk__Ulimit ulimit = SK__ULIMIT__INIT, *ulimits[] = { &ulimit };
        const char *text;
        size_t size;

        ulimit.name = "memlock";
        ulimit.soft = 5;
        ulimit.hard = -1;
        f->container.ulimits = ulimits;
        f->container.n_ulimits = 1;
        assert_int_equal(oci_spec_build(&f->input, &f->arena, &text, &size, &f->err), 0);
        assert_non_null(strstr(text, "{\"type\":\"RLIMIT_MEMLOCK\",\"soft\":5,"
                                     "\"hard\":18446744073709551615}"));
        ulimit.soft = -1;
        ulimit.hard = 5;
        assert_int_equal(build(f), ERR_INVALID);
}

static void only_ones_own_namespaces_can_be_tuned(void **state)
{
        struct fixture *f = *state;
        Sk__Label sysctl = SK__LABEL__INIT, *sysctls[] = { &sysctl };

        sysctl.key = "net.core.somaxconn";
        sysctl.value = "1024";
        f->container.sysctls = sysctls;
        f->container.n_sysctls = 1;
        assert_int_equal(build(f), 0);
        assert_non_null(strstr(look(f, "linux.sysctl"), "\"net.core.somaxconn\":\"1024\""));
        f->input.netns_path = NULL;
        assert_int_equal(build(f), ERR_INVALID);
        sysctl.key = "kernel.panic";
        f->input.netns_path = "/run/netns/x";
        assert_int_equal(build(f), ERR_INVALID);
}

static void seccomp_refuses_what_it_does_not_know(void **state)
{
        struct fixture *f = *state;
        Sk__Privileges privileges = SK__PRIVILEGES__INIT;
        Sk__Privileges__Seccomp seccomp = SK__PRIVILEGES__SECCOMP__INIT;

        assert_int_equal(build(f), 0);
        assert_string_equal(look(f, "linux.seccomp.defaultAction"), "\"SCMP_ACT_ERRNO\"");
        assert_null(strstr(look(f, "linux.seccomp.syscalls"), "\"mount\""));
        assert_non_null(strstr(look(f, "linux.seccomp.syscalls"), "\"openat\""));
        privileges.seccomp = &seccomp;
        seccomp.mode = "unconfined";
        f->container.privileges = &privileges;
        assert_int_equal(build(f), 0);
        assert_string_equal(look(f, "linux.seccomp"), "");
}

static void a_profile_with_conditions_is_refused(void **state)
{
        struct fixture *f = *state;
        Sk__Privileges privileges = SK__PRIVILEGES__INIT;
        Sk__Privileges__Seccomp seccomp = SK__PRIVILEGES__SECCOMP__INIT;
        char plain[] = "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[]}";
        char conditional[] = "{\"syscalls\":[{\"includes\":{\"caps\":[\"CAP_BPF\"]}}]}";

        privileges.seccomp = &seccomp;
        seccomp.mode = "custom";
        f->container.privileges = &privileges;
        seccomp.profile = (ProtobufCBinaryData){ strlen(plain), (uint8_t *)plain };
        assert_int_equal(build(f), 0);
        assert_string_equal(look(f, "linux.seccomp.defaultAction"), "\"SCMP_ACT_ALLOW\"");
        seccomp.profile = (ProtobufCBinaryData){ strlen(conditional), (uint8_t *)conditional };
        assert_int_equal(build(f), ERR_INVALID);
}

static void a_capability_opens_its_system_calls(void **state)
{
        struct fixture *f = *state;
        const char *add[] = { "SYS_ADMIN" };

        f->container.capability_add = add;
        f->container.n_capability_add = 1;
        assert_int_equal(build(f), 0);
        assert_non_null(strstr(look(f, "linux.seccomp.syscalls"), "\"mount\""));
}

static void the_nodes_network_needs_no_namespace(void **state)
{
        struct fixture *f = *state;

        assert_int_equal(build(f), 0);
        assert_non_null(strstr(look(f, "linux.namespaces"),
                               "{\"type\":\"network\",\"path\":\"/run/netns/x\"}"));
        f->input.netns_path = NULL;
        assert_int_equal(build(f), 0);
        assert_null(strstr(look(f, "linux.namespaces"), "network"));
}

static void signals_go_by_names_and_numbers(void **state)
{
        static const struct {
                const char *text;
                int signal;
        } cases[] = { { "TERM", 15 },  { "SIGUSR1", 10 }, { "sigint", 2 },     { "9", 9 },
                      { "RTMIN", 34 }, { "RTMIN+3", 37 }, { "SIGRTMAX-1", 63 } };
        static const char *const bad[] = { "", "SIG", "0", "65", "TERMX", "RTMIN-1", "RTMAX+1" };
        int signal;

        (void)state;
        for (size_t i = 0; i < COUNT_OF(cases); i++) {
                assert_int_equal(oci_parse_signal(cases[i].text, &signal, NULL), 0);
                assert_int_equal(signal, cases[i].signal);
        }
        for (size_t i = 0; i < COUNT_OF(bad); i++)
                assert_int_equal(oci_parse_signal(bad[i], &signal, NULL), ERR_INVALID);
}

static void a_damaged_image_is_refused(void **state)
{
        static const char *const bad[] = {
                "",           "[]", "{\"config\":{\"Cmd\":\"x\"}}", "{\"config\":{\"Env\":[1]}}",
                "{\"os\":3}",
        };
        struct fixture *f = *state;
        struct oci_image image;

        for (size_t i = 0; i < COUNT_OF(bad); i++)
                assert_int_equal(oci_image_parse(bad[i], strlen(bad[i]), &f->arena, &image, NULL),
                                 ERR_INVALID);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(the_image_says_what_runs),
                TEST(args_replace_the_images_cmd),
                TEST(a_command_replaces_entrypoint_and_cmd),
                TEST(nothing_to_run_is_refused),
                TEST(variables_are_replaced_in_place),
                TEST(an_init_that_is_missing_is_told),
                TEST(root_keeps_the_default_capabilities),
                TEST(another_user_has_none_in_effect),
                TEST(capabilities_can_be_dropped_and_added),
                TEST(what_the_agent_lacks_cannot_be_added),
                TEST(limits_become_those_of_the_control_group),
                TEST(a_node_that_cannot_limit_swap_says_so),
                TEST(an_unlimited_ulimit_is_the_largest_number),
                TEST(only_ones_own_namespaces_can_be_tuned),
                TEST(seccomp_refuses_what_it_does_not_know),
                TEST(a_profile_with_conditions_is_refused),
                TEST(a_capability_opens_its_system_calls),
                TEST(the_nodes_network_needs_no_namespace),
                TEST(signals_go_by_names_and_numbers),
                TEST(a_damaged_image_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
