/* Devices by CDI in the OCI configuration: each test gives one edit and looks at what became of
 * it. */
#include <jansson.h>
#include <string.h>

#include "agent/oci/oci.h"
#include "lib/base/check.h"
#include "tests/unit/test.h"

struct fixture {
        struct arena arena;
        Sk__ServiceSpec spec;
        Sk__TaskSpec task;
        Sk__ContainerSpec container;
        struct oci_image image;
        struct oci_host host;
        struct oci_user user;
        struct oci_input input;
        struct cdi_device devices[2];
        json_t *json;
};

static int set_up(void **state)
{
        static const char *const command[] = { "/serve" };
        const char *image = "{\"os\":\"linux\"}";
        struct fixture *f = mem_alloc(sizeof *f);

        sk__service_spec__init(&f->spec);
        sk__task_spec__init(&f->task);
        sk__container_spec__init(&f->container);
        f->spec.task = &f->task;
        f->task.container = &f->container;
        CHECK(oci_image_parse(image, strlen(image), &f->arena, &f->image, NULL) == 0);
        f->image.command = (struct oci_words){ command, 1 };
        f->host = (struct oci_host){ .capabilities = UINT64_MAX, .architecture = "amd64" };
        f->input = (struct oci_input){
                .spec = &f->spec,
                .image = &f->image,
                .host = &f->host,
                .user = &f->user,
                .id = "id",
                .hostname = "h1",
                .cgroup_path = "/skep/id",
                .devices = f->devices,
                .n_devices = 1,
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

/* What stands at "linux.devices" as compact JSON; of an array its items from 'first' on. */
static const char *look(struct fixture *f, const char *path, size_t first)
{
        char *copy = arena_strdup(&f->arena, path), *save = NULL, *text;
        const char *json, *kept;
        const json_t *item;
        json_t *at, *rest = json_array();
        size_t size, i;

        json_decref(f->json);
        CHECK(oci_spec_build(&f->input, &f->arena, &json, &size, NULL) == 0);
        f->json = at = json_loadb(json, size, 0, NULL);
        for (char *part = strtok_r(copy, ".", &save); part; part = strtok_r(NULL, ".", &save))
                at = json_object_get(at, part);
        json_array_foreach(at, i, item) if (i >= first) json_array_append(rest, (json_t *)item);
        text = json_dumps(json_is_object(at) ? at : rest, JSON_COMPACT);
        kept = arena_strdup(&f->arena, text);
        free(text);
        json_decref(rest);
        return kept;
}

static size_t count(struct fixture *f, const char *path)
{
        const char *text = look(f, path, 0);
        json_t *array = json_loads(text, 0, NULL);
        size_t n = json_array_size(array);

        json_decref(array);
        return n;
}

static void a_node_is_made_and_may_be_used(void **state)
{
        struct fixture *f = *state;
        struct cdi_node node = { "/dev/gpu", "/dev/gpu0", "c", "rw", 195, 3, 0100666, 7, 8 };

        f->devices[0].own.nodes = &node;
        f->devices[0].own.n_nodes = 1;
        assert_string_equal(look(f, "linux.devices", 0),
                            "[{\"path\":\"/dev/gpu\",\"type\":\"c\",\"major\":195,\"minor\":3,"
                            "\"fileMode\":438,\"uid\":7,\"gid\":8}]");
        assert_string_equal(look(f, "linux.resources.devices", 1),
                            "[{\"allow\":true,\"type\":\"c\",\"major\":195,\"minor\":3,"
                            "\"access\":\"rw\"}]");
}

/* The rule of the control group comes after the one that forbids everything. */
static void everything_else_stays_forbidden(void **state)
{
        struct fixture *f = *state;
        struct cdi_node node = { "/dev/gpu", "/dev/gpu0", "u", "rwm", 1, 2, -1, -1, -1 };

        f->devices[0].own.nodes = &node;
        f->devices[0].own.n_nodes = 1;
        assert_string_equal(look(f, "linux.resources.devices", 0),
                            "[{\"allow\":false,\"access\":\"rwm\"},{\"allow\":true,\"type\":\"c\","
                            "\"major\":1,\"minor\":2,\"access\":\"rwm\"}]");
        assert_string_equal(look(f, "linux.devices", 0),
                            "[{\"path\":\"/dev/gpu\",\"type\":\"u\",\"major\":1,\"minor\":2}]");
}

static void a_pipe_has_no_number_and_needs_no_leave(void **state)
{
        struct fixture *f = *state;
        struct cdi_node node = { "/dev/pipe", "/dev/pipe", "p", "rwm", -1, -1, -1, -1, -1 };

        f->devices[0].own.nodes = &node;
        f->devices[0].own.n_nodes = 1;
        assert_string_equal(look(f, "linux.devices", 0),
                            "[{\"path\":\"/dev/pipe\",\"type\":\"p\"}]");
        assert_int_equal(count(f, "linux.resources.devices"), 1);
}

static void a_mount_comes_after_the_others(void **state)
{
        struct fixture *f = *state;
        const char *options[] = { "rbind", "ro" };
        struct cdi_mount mounts[] = { { "/lib/gpu", "/gpu", options, 2 },
                                      { "/lib/x", "/x", NULL, 0 } };
        size_t n = count(f, "mounts");

        f->devices[0].own.mounts = mounts;
        f->devices[0].own.n_mounts = 2;
        assert_string_equal(look(f, "mounts", n),
                            "[{\"destination\":\"/gpu\",\"type\":\"bind\",\"source\":\"/lib/gpu\","
                            "\"options\":[\"rbind\",\"ro\"]},"
                            "{\"destination\":\"/x\",\"type\":\"bind\",\"source\":\"/lib/x\","
                            "\"options\":[\"rbind\",\"nosuid\",\"nodev\"]}]");
}

static void hooks_are_sorted_by_when_they_run(void **state)
{
        struct fixture *f = *state;
        const char *args[] = { "link", "-v" }, *env[] = { "A=1" };
        struct cdi_hook hooks[] = { { "createRuntime", "/bin/link", args, env, 2, 1, 5 },
                                    { "poststop", "/bin/drop", NULL, NULL, 0, 0, 0 } };

        f->devices[0].own.hooks = hooks;
        f->devices[0].own.n_hooks = 2;
        assert_string_equal(
                look(f, "hooks", 0),
                "{\"createRuntime\":[{\"path\":\"/bin/link\",\"args\":[\"link\",\"-v\"],"
                "\"env\":[\"A=1\"],\"timeout\":5}],"
                "\"poststop\":[{\"path\":\"/bin/drop\",\"args\":[],\"env\":[]}]}");
}

static void a_variable_replaces_the_images(void **state)
{
        struct fixture *f = *state;
        static const char *const image_env[] = { "GPU=none", "PATH=/bin" };
        const char *env[] = { "GPU=0" };
        const char *seen;

        f->image.env = (struct oci_words){ image_env, 2 };
        f->devices[0].own.env = env;
        f->devices[0].own.n_env = 1;
        seen = look(f, "process.env", 0);
        assert_non_null(strstr(seen, "\"GPU=0\""));
        assert_null(strstr(seen, "GPU=none"));
}

static void further_groups_are_the_processs_too(void **state)
{
        struct fixture *f = *state;
        uint32_t gids[] = { 44, 109 };
        size_t n = count(f, "process.user.additionalGids");

        f->devices[0].own.gids = gids;
        f->devices[0].own.n_gids = 2;
        assert_string_equal(look(f, "process.user.additionalGids", n), "[44,109]");
}

/* What a file says of all its devices counts once, however many of them are given. */
static void what_devices_of_one_file_share_is_applied_once(void **state)
{
        struct fixture *f = *state;
        const char *own[] = { "ONE=1", "TWO=2" };
        struct cdi_mount shared = { "/lib/gpu", "/gpu", NULL, 0 },
                         other = { "/lib/x", "/x", NULL, 0 };
        size_t n = count(f, "mounts");

        for (size_t i = 0; i < 2; i++) {
                f->devices[i].shared.mounts = &shared;
                f->devices[i].shared.n_mounts = 1;
                f->devices[i].own.env = &own[i];
                f->devices[i].own.n_env = 1;
        }
        f->input.n_devices = 2;
        assert_int_equal(count(f, "mounts"), n + 1);
        assert_non_null(strstr(look(f, "process.env", 0), "\"ONE=1\",\"TWO=2\""));
        f->devices[1].shared.mounts = &other;
        assert_int_equal(count(f, "mounts"), n + 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(a_node_is_made_and_may_be_used),
                TEST(everything_else_stays_forbidden),
                TEST(a_pipe_has_no_number_and_needs_no_leave),
                TEST(a_mount_comes_after_the_others),
                TEST(hooks_are_sorted_by_when_they_run),
                TEST(a_variable_replaces_the_images),
                TEST(further_groups_are_the_processs_too),
                TEST(what_devices_of_one_file_share_is_applied_once),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
