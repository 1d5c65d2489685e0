/* What a further process of a container may be. */
#include <jansson.h>
#include <string.h>

#include "agent/oci/oci.h"
#include "tests/unit/test.h"

static const char spec[] =
        "{\"process\":{\"args\":[\"sleep\"],\"cwd\":\"/srv\",\"env\":[\"A=1\",\"B=2\"],"
        "\"user\":{\"uid\":5,\"gid\":6},\"terminal\":false,\"noNewPrivileges\":true,"
        "\"capabilities\":{\"bounding\":[\"CAP_CHOWN\",\"CAP_KILL\"]}}}";

static json_t *build(const Sk__ExecSpec *exec, const struct oci_user *user, struct err *err)
{
        struct oci_host host = { .capabilities = 7 };
        struct arena arena = { 0 };
        json_t *process = NULL;
        const char *text;

        if (oci_exec_build(spec, strlen(spec), exec, user, &host, &arena, &text, err) == 0)
                process = json_loads(text, 0, NULL);
        arena_done(&arena);
        return process;
}

static const char *text_at(const json_t *process, const char *key, size_t i)
{
        return json_string_value(json_array_get(json_object_get(process, key), i));
}

static size_t count_capabilities(const json_t *process, const char *set)
{
        return json_array_size(json_object_get(json_object_get(process, "capabilities"), set));
}

static void it_is_the_containers_own_with_another_program(void **state)
{
        const char *args[] = { "ls", "-l" };
        Sk__ExecSpec exec = SK__EXEC_SPEC__INIT;
        json_t *process;

        (void)state;
        exec.args = args;
        exec.n_args = 2;
        process = build(&exec, NULL, NULL);
        assert_string_equal(text_at(process, "args", 1), "-l");
        assert_string_equal(text_at(process, "env", 1), "B=2");
        assert_string_equal(json_string_value(json_object_get(process, "cwd")), "/srv");
        assert_true(json_is_true(json_object_get(process, "noNewPrivileges")));
        assert_int_equal(count_capabilities(process, "bounding"), 2);
        assert_int_equal(count_capabilities(process, "effective"), 0);
        json_decref(process);
}

static void what_is_asked_for_replaces_what_the_container_has(void **state)
{
        const char *args[] = { "ls" }, *env[] = { "A=9", "C=3", "B" };
        const struct oci_user root = { .uid = 0 };
        Sk__ExecSpec exec = SK__EXEC_SPEC__INIT;
        json_t *process;

        (void)state;
        exec.args = args;
        exec.n_args = 1;
        exec.env = env;
        exec.n_env = 3;
        exec.dir = "/tmp";
        exec.tty = exec.privileged = true;
        process = build(&exec, &root, NULL);
        assert_string_equal(text_at(process, "env", 0), "A=9");
        assert_string_equal(text_at(process, "env", 1), "TERM=xterm");
        assert_string_equal(text_at(process, "env", 2), "C=3");
        assert_int_equal(json_array_size(json_object_get(process, "env")), 3);
        assert_string_equal(json_string_value(json_object_get(process, "cwd")), "/tmp");
        assert_true(json_is_true(json_object_get(process, "terminal")));
        assert_int_equal(count_capabilities(process, "effective"), 3);
        json_decref(process);
}

static void nothing_and_nowhere_are_refused(void **state)
{
        Sk__ExecSpec exec = SK__EXEC_SPEC__INIT;
        const char *args[] = { "ls" };
        struct err err;

        (void)state;
        assert_null(build(&exec, NULL, &err));
        assert_string_equal(err.text, "No exec command specified");
        exec.args = args;
        exec.n_args = 1;
        exec.dir = "here";
        assert_null(build(&exec, NULL, &err));
        assert_non_null(strstr(err.text, "needs to be an absolute path"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(it_is_the_containers_own_with_another_program),
                cmocka_unit_test(what_is_asked_for_replaces_what_the_container_has),
                cmocka_unit_test(nothing_and_nowhere_are_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
