/* Credentials where docker keeps them. */
#include "cli/docker_config.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/str.h"
#include "lib/os/file.h"
#include "tests/unit/test.h"

static void credentials_are(const char *text, const char *registry, const char *username,
                            const char *password)
{
        _cleanup_(arena_done) struct arena arena = { 0 };
        json_t *config = json_loads(text, 0, NULL);
        const Sk__RegistryAuth *auth = docker_config_auth(&arena, config, registry);

        json_decref(config);
        if (!username) {
                assert_null(auth);
                return;
        }
        assert_non_null(auth);
        assert_string_equal(auth->username, username);
        assert_string_equal(auth->password, password);
}

static void a_pair_is_read_from_base64(void **state)
{
        (void)state;
        credentials_are("{\"auths\":{\"reg:5000\":{\"auth\":\"am9lOnMzOmNyZXQ=\"}}}", "reg:5000",
                        "joe", "s3:cret");
}

static void the_hub_has_a_key_of_its_own(void **state)
{
        (void)state;
        credentials_are("{\"auths\":{\"https://index.docker.io/v1/\":{\"auth\":\"YTpi\"}}}",
                        "index.docker.io", "a", "b");
}

static void a_key_may_be_an_address(void **state)
{
        (void)state;
        credentials_are("{\"auths\":{\"https://reg.example/v2/\":{\"auth\":\"YTpi\"}}}",
                        "reg.example", "a", "b");
}

static void a_longer_host_is_another_registry(void **state)
{
        (void)state;
        credentials_are("{\"auths\":{\"reg.example.evil\":{\"auth\":\"YTpi\"}}}", "reg.example",
                        NULL, NULL);
}

static void a_login_comes_before_an_older_way_to_write_it(void **state)
{
        _cleanup_(arena_done) struct arena arena = { 0 };
        json_t *config = json_loads("{\"auths\":{\"https://r/v1\":{\"auth\":\"YTpi\"}}}", 0, NULL);

        (void)state;
        docker_config_set_auth(config, "r", "new", "secret");
        assert_string_equal(docker_config_auth(&arena, config, "r")->username, "new");
        json_decref(config);
}

static void nonsense_gives_no_credentials(void **state)
{
        (void)state;
        credentials_are("{}", "r", NULL, NULL);
        credentials_are("{\"auths\":[]}", "r", NULL, NULL);
        credentials_are("{\"auths\":{\"r\":7}}", "r", NULL, NULL);
        credentials_are("{\"auths\":{\"r\":{\"auth\":\"%%%%\"}}}", "r", NULL, NULL);
        credentials_are("{\"auths\":{\"r\":{\"auth\":\"YWJj\"}}}", "r", NULL, NULL);
        credentials_are("{\"auths\":{\"r\":{\"auth\":\"=\"}}}", "r", NULL, NULL);
}

static void what_is_stored_is_found_again(void **state)
{
        char folder[] = "/tmp/skep-config-XXXXXX";
        _cleanup_(arena_done) struct arena arena = { 0 };
        const Sk__RegistryAuth *auth;
        const char *path;
        struct stat status;
        struct err err;
        json_t *config;

        (void)state;
        assert_non_null(mkdtemp(folder));
        path = arena_printf(&arena, "%s/sub/config.json", folder);
        assert_int_equal(docker_config_read(path, &config, &err), 0);
        json_object_set_new(config, "psFormat", json_string("kept"));
        docker_config_set_auth(config, "reg:5000", "joe", "pass:word");
        assert_int_equal(docker_config_write(path, config, &err), 0);
        json_decref(config);
        assert_int_equal(stat(path, &status), 0);
        assert_int_equal(status.st_mode & 0777, 0600);
        assert_int_equal(docker_config_read(path, &config, &err), 0);
        auth = docker_config_auth(&arena, config, "reg:5000");
        assert_string_equal(auth->password, "pass:word");
        assert_string_equal(json_string_value(json_object_get(config, "psFormat")), "kept");
        assert_true(docker_config_remove_auth(config, "reg:5000"));
        assert_null(docker_config_auth(&arena, config, "reg:5000"));
        json_decref(config);
        file_remove_tree(folder, &err);
}

static void a_file_that_is_no_json_is_told(void **state)
{
        char folder[] = "/tmp/skep-config-XXXXXX";
        _cleanup_(arena_done) struct arena arena = { 0 };
        const char *path;
        struct err err;
        json_t *config;

        (void)state;
        assert_non_null(mkdtemp(folder));
        path = arena_printf(&arena, "%s/config.json", folder);
        assert_int_equal(file_write_atomic(path, "{oops", 5, 0600, &err), 0);
        assert_int_equal(docker_config_read(path, &config, &err), ERR_INVALID);
        assert_non_null(strstr(err.text, "loading config file"));
        file_remove_tree(folder, &err);
}

static void images_name_their_registry(void **state)
{
        _cleanup_(arena_done) struct arena arena = { 0 };

        (void)state;
        assert_string_equal(image_registry(&arena, "nginx:1"), "index.docker.io");
        assert_string_equal(image_registry(&arena, "library/nginx"), "index.docker.io");
        assert_string_equal(image_registry(&arena, "docker.io/library/nginx"), "index.docker.io");
        assert_string_equal(image_registry(&arena, "10.0.0.1:5000/web:1"), "10.0.0.1:5000");
        assert_string_equal(image_registry(&arena, "localhost/web"), "localhost");
        assert_string_equal(image_registry(&arena, "reg.example/a/b@sha256:x"), "reg.example");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_pair_is_read_from_base64),
                cmocka_unit_test(the_hub_has_a_key_of_its_own),
                cmocka_unit_test(a_key_may_be_an_address),
                cmocka_unit_test(a_longer_host_is_another_registry),
                cmocka_unit_test(a_login_comes_before_an_older_way_to_write_it),
                cmocka_unit_test(nonsense_gives_no_credentials),
                cmocka_unit_test(what_is_stored_is_found_again),
                cmocka_unit_test(a_file_that_is_no_json_is_told),
                cmocka_unit_test(images_name_their_registry),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
