/* Secrets and configs: lists, details, JSON, and the flags of services that use them. */
#include "cli/file.h"

#include <string.h>

#include "cli/spec.h"
#include "lib/docker/docker.h"
#include "tests/unit/cli/objects.h"
#include "tests/unit/test.h"

/* "sec2" with a label, made five seconds ago. */
static Sk__Secret *a_secret(struct arena *arena)
{
        Sk__Secret *secret = MAKE(arena, Sk__Secret, SK__SECRET__INIT);

        secret->id = "6d1cl1dczhflwyiuy2ay84ygw";
        secret->name = "sec2";
        secret->meta = MAKE(arena, Sk__Meta, SK__META__INIT);
        secret->meta->created_at_ns = secret->meta->updated_at_ns = NOW_NS - SECONDS(5);
        secret->spec = MAKE(arena, Sk__SecretSpec, SK__SECRET_SPEC__INIT);
        secret->spec->annotations = MAKE(arena, Sk__Annotations, SK__ANNOTATIONS__INIT);
        secret->spec->annotations->labels = arena_alloc(arena, sizeof(Sk__Label *));
        secret->spec->annotations->labels[0] = a_label(arena, "l", "1");
        secret->spec->annotations->n_labels = 1;
        return secret;
}

static Sk__Config *a_config(struct arena *arena, const char *data)
{
        Sk__Config *config = MAKE(arena, Sk__Config, SK__CONFIG__INIT);

        config->id = "1ygxgtnbekptbbc4ve86caj4n";
        config->name = "cfg1";
        config->meta = MAKE(arena, Sk__Meta, SK__META__INIT);
        config->meta->created_at_ns = config->meta->updated_at_ns = NOW_NS - SECONDS(5);
        config->data = MAKE(arena, Sk__FileData, SK__FILE_DATA__INIT);
        config->data->content.data = (uint8_t *)data;
        config->data->content.len = strlen(data);
        return config;
}

static void secrets_are_listed_as_docker_does(void **state)
{
        _cleanup_(arena_done) struct arena arena = { 0 };
        _cleanup_(str_done) struct str out = { 0 };
        json_t *rows = json_array();
        struct shown_file file;

        (void)state;
        secret_shown(a_secret(&arena), &file);
        json_array_append_new(rows, file_row(&file, NOW_NS));
        assert_int_equal(list_render(&secret_list, NULL, false, rows, &out, NULL), 0);
        json_decref(rows);
        assert_string_equal(
                str_text(&out),
                "ID                          NAME      DRIVER    CREATED         UPDATED\n"
                "6d1cl1dczhflwyiuy2ay84ygw   sec2                5 seconds ago   5 seconds ago\n");
}

static void configs_are_listed_as_docker_does(void **state)
{
        _cleanup_(arena_done) struct arena arena = { 0 };
        _cleanup_(str_done) struct str out = { 0 };
        json_t *rows = json_array();
        struct shown_file file;

        (void)state;
        config_shown(a_config(&arena, "k=v"), &file);
        json_array_append_new(rows, file_row(&file, NOW_NS));
        assert_int_equal(list_render(&config_list, NULL, false, rows, &out, NULL), 0);
        json_decref(rows);
        assert_string_equal(
                str_text(&out),
                "ID                          NAME      CREATED         UPDATED\n"
                "1ygxgtnbekptbbc4ve86caj4n   cfg1      5 seconds ago   5 seconds ago\n");
}

static void a_secret_is_told_in_docker_s_words(void **state)
{
        _cleanup_(arena_done) struct arena arena = { 0 };
        _cleanup_(str_done) struct str out = { 0 };
        struct shown_file file;

        (void)state;
        secret_shown(a_secret(&arena), &file);
        file_pretty(&out, &file);
        assert_string_equal(str_text(&out), "ID:              6d1cl1dczhflwyiuy2ay84ygw\n"
                                            "Name:              sec2\n"
                                            "Labels:\n - l=1\n"
                                            "Driver:            \n"
                                            "Created at:        2025-11-20 05:45:25 +0000 utc\n"
                                            "Updated at:        2025-11-20 05:45:25 +0000 utc\n");
}

static void a_config_is_told_with_what_it_says(void **state)
{
        _cleanup_(arena_done) struct arena arena = { 0 };
        _cleanup_(str_done) struct str out = { 0 };
        struct shown_file file;

        (void)state;
        config_shown(a_config(&arena, "k=v"), &file);
        file_pretty(&out, &file);
        assert_string_equal(str_text(&out),
                            "ID:\t\t\t1ygxgtnbekptbbc4ve86caj4n\nName:\t\t\tcfg1\n"
                            "Created at:            \t2025-11-20 05:45:25 +0000 utc\n"
                            "Updated at:            \t2025-11-20 05:45:25 +0000 utc\n"
                            "Data:\nk=v\n");
}

static void what_a_config_says_is_base64_in_json(void **state)
{
        static const char *const cases[][2] = { { "k=v", "az12" },
                                                { "hello", "aGVsbG8=" },
                                                { "x", "eA==" },
                                                { "abcdef", "YWJjZGVm" } };
        _cleanup_(arena_done) struct arena arena = { 0 };

        (void)state;
        for (size_t i = 0; i < 4; i++) {
                json_t *shown = docker_config(a_config(&arena, cases[i][0]));

                assert_string_equal(
                        json_string_value(json_object_get(json_object_get(shown, "Spec"), "Data")),
                        cases[i][1]);
                json_decref(shown);
        }
}

static void what_a_secret_says_is_not_in_json(void **state)
{
        _cleanup_(arena_done) struct arena arena = { 0 };
        Sk__Secret *secret = a_secret(&arena);
        json_t *shown;
        char *text;

        (void)state;
        secret->data = MAKE(&arena, Sk__FileData, SK__FILE_DATA__INIT);
        secret->data->content.data = (uint8_t *)"hunter2";
        secret->data->content.len = 7;
        shown = docker_secret(secret);
        text = json_dumps(shown, 0);
        assert_null(strstr(text, "hunter2"));
        assert_null(strstr(text, "Data"));
        free(text);
        json_decref(shown);
}

/* --- flags --- */

struct typed {
        struct arena arena;
        struct spec_edit edit;
        struct err err;
};

static int open_typed(void **state)
{
        struct typed *typed = mem_alloc(sizeof *typed);

        typed->edit = (struct spec_edit){ .spec = spec_new(&typed->arena),
                                          .arena = &typed->arena,
                                          .err = &typed->err };
        *state = typed;
        return 0;
}

static int close_typed(void **state)
{
        struct typed *typed = *state;

        arena_done(&typed->arena);
        free(typed);
        return 0;
}

static int type(struct typed *typed, const char *flag, const char *value)
{
        const struct flag *const tables[] = { typed->edit.is_update ? spec_update_flags()
                                                                    : spec_create_flags(),
                                              NULL };
        _cleanup_(arguments_done) struct arguments arguments = { 0 };
        char *words[] = { (char *)flag, (char *)value };
        bool wants_help = false;

        TRY(flags_parse(tables, true, 2, words, &arguments, &wants_help, &typed->err));
        return spec_apply(&typed->edit, &arguments);
}

static void a_bare_name_is_source_and_target(void **state)
{
        struct typed *typed = *state;
        const Sk__FileReference *reference;

        assert_int_equal(type(typed, "--secret", "pw"), 0);
        reference = typed->edit.spec->task->container->secrets[0];
        assert_string_equal(reference->name, "pw");
        assert_string_equal(reference->target, "pw");
        assert_string_equal(reference->uid, "0");
        assert_int_equal(reference->mode, 0444);
}

static void a_version_is_part_of_the_source_alone(void **state)
{
        struct typed *typed = *state;
        const Sk__FileReference *reference;

        assert_int_equal(type(typed, "--config", "source=conf@2"), 0);
        reference = typed->edit.spec->task->container->configs[0];
        assert_string_equal(reference->name, "conf@2");
        assert_string_equal(reference->target, "conf");
}

static void the_long_form_says_it_all(void **state)
{
        struct typed *typed = *state;
        const Sk__FileReference *reference;

        assert_int_equal(type(typed, "--secret", "source=pw,target=/etc/pw,uid=7,gid=8,mode=0400"),
                         0);
        reference = typed->edit.spec->task->container->secrets[0];
        assert_string_equal(reference->target, "/etc/pw");
        assert_string_equal(reference->uid, "7");
        assert_string_equal(reference->gid, "8");
        assert_int_equal(reference->mode, 0400);
}

static void what_is_no_reference_is_refused(void **state)
{
        static const char *const cases[] = { "target=x", "source=a,mode=rw", "source=a,x=y",
                                             "source=a,mode=77777777", "source,x" };
        struct typed *typed = *state;

        for (size_t i = 0; i < 5; i++)
                assert_true(type(typed, "--secret", cases[i]) < 0);
        assert_int_equal(type(typed, "--secret", "pw"), 0);
        assert_true(type(typed, "--secret", "source=other,target=pw") < 0);
}

static void updates_take_away_and_add(void **state)
{
        struct typed *typed = *state;
        const Sk__ContainerSpec *container = typed->edit.spec->task->container;

        type(typed, "--secret", "source=pw@2,target=a");
        type(typed, "--secret", "source=key,target=b");
        typed->edit.is_update = true;
        assert_int_equal(type(typed, "--secret-rm", "pw"), 0);
        assert_int_equal(container->n_secrets, 1);
        assert_int_equal(type(typed, "--secret-rm", "key@3"), 0);
        assert_int_equal(container->n_secrets, 1);
        assert_int_equal(type(typed, "--secret-add", "source=pw,target=a"), 0);
        assert_int_equal(container->n_secrets, 2);
}

#define T(test) cmocka_unit_test_setup_teardown(test, open_typed, close_typed)

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(secrets_are_listed_as_docker_does),
                cmocka_unit_test(configs_are_listed_as_docker_does),
                cmocka_unit_test(a_secret_is_told_in_docker_s_words),
                cmocka_unit_test(a_config_is_told_with_what_it_says),
                cmocka_unit_test(what_a_config_says_is_base64_in_json),
                cmocka_unit_test(what_a_secret_says_is_not_in_json),
                T(a_bare_name_is_source_and_target),
                T(a_version_is_part_of_the_source_alone),
                T(the_long_form_says_it_all),
                T(what_is_no_reference_is_refused),
                T(updates_take_away_and_add),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
