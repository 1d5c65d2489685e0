/* Templates in secrets and configs. */
#include "tests/unit/test.h"

#include <string.h>

#include "lib/base/check.h"
#include "lib/expand/expand.h"

static const char *const env[] = { "COLOR=blue", "EMPTY=" };

static struct expand_file a_file(const char *name, const char *content, bool is_secret)
{
        return (struct expand_file){ .name = name,
                                     .target = name,
                                     .content = content,
                                     .size = strlen(content),
                                     .is_secret = is_secret,
                                     .is_template = true };
}

/* Expands 'content' beside a secret "pw" and a config "conf". */
static int expand(const char *content, bool is_secret, struct str *ret, bool *ret_is_sensitive,
                  struct err *err)
{
        const struct expand_file files[] = {
                a_file("pw", "hunter2", true),
                a_file("conf", "{{ not expanded }}", false),
                a_file("it", content, is_secret),
        };
        const struct expand_task task = { .values = &expand_dummies,
                                          .env = env,
                                          .n_env = COUNT_OF(env),
                                          .files = files,
                                          .n_files = COUNT_OF(files) };

        return expand_file(&files[2], &task, ret, ret_is_sensitive, err);
}

static void env_secret_and_config_are_looked_up(void **state)
{
        static const char *const cases[][2] = {
                { "{{ env \"COLOR\" }}", "blue" },
                { "{{ env \"NONE\" }}{{ env \"EMPTY\" }}", "" },
                { "pass={{ secret \"pw\" }}", "pass=hunter2" },
                { "{{ config \"conf\" }}", "{{ not expanded }}" },
                { "{{ .Service.Name }} {{ env \"COLOR\" | upper }}", "servicename BLUE" },
                { "{{ if eq (env \"COLOR\") \"blue\" }}yes{{ end }}", "yes" },
                { "{{ range split (env \"COLOR\") \"l\" }}[{{ . }}]{{ end }}", "[b][ue]" },
                { "{{ len (secret \"pw\") }}", "7" },
                { "{{ index (split (secret \"pw\") \"r\") 1 }}", "2" },
                { "{{ with secret \"pw\" }}{{ printf \"%q\" . }}{{ end }}", "\"hunter2\"" },
                { "{{ join \",\" \"a\" (env \"COLOR\") }}", "a,blue" },
        };
        bool is_sensitive;

        (void)state;
        for (size_t i = 0; i < COUNT_OF(cases); i++) {
                _cleanup_(str_done) struct str text = { 0 };

                assert_int_equal(expand(cases[i][0], false, &text, &is_sensitive, NULL), 0);
                assert_string_equal(str_text(&text), cases[i][1]);
        }
}

static void a_config_that_names_a_secret_is_sensitive(void **state)
{
        _cleanup_(str_done) struct str text = { 0 };
        bool is_sensitive;

        (void)state;
        expand("{{ env \"COLOR\" }}", false, &text, &is_sensitive, NULL);
        assert_false(is_sensitive);
        expand("{{ secret \"pw\" }}", false, &text, &is_sensitive, NULL);
        assert_true(is_sensitive);
}

static void what_is_no_template_is_left_as_it_is(void **state)
{
        const struct expand_file file = { .name = "bin", .content = "\0{{\xff", .size = 4 };
        const struct expand_task task = { .values = &expand_dummies };
        _cleanup_(str_done) struct str text = { 0 };
        bool is_sensitive;

        (void)state;
        assert_int_equal(expand_file(&file, &task, &text, &is_sensitive, NULL), 0);
        assert_int_equal(text.length, 4);
        assert_memory_equal(text.text, "\0{{\xff", 4);
}

static void what_goes_wrong_with_a_config_is_told(void **state)
{
        _cleanup_(str_done) struct str text = { 0 };
        bool is_sensitive;
        struct err err;

        (void)state;
        assert_int_equal(expand("{{ secret \"nosuch\" }}", false, &text, &is_sensitive, &err),
                         ERR_INVALID);
        assert_string_equal(err.text,
                            "failed to expand templated config it: template: expansion:1:3: "
                            "executing \"expansion\" at <secret>: error calling secret: secret "
                            "target nosuch not found");
}

static void what_goes_wrong_never_quotes_a_secret(void **state)
{
        static const char *const cases[] = {
                "{{ range secret \"pw\" }}{{ end }}", "{{ (secret \"pw\").Field }}",
                "{{ index (secret \"pw\") \"x\" }}",  "{{ secret \"pw\" | config }}",
                "{{ secret (secret \"pw\") }}",
        };

        (void)state;
        for (size_t i = 0; i < COUNT_OF(cases); i++) {
                _cleanup_(str_done) struct str text = { 0 };
                bool is_sensitive;
                struct err err;

                assert_int_equal(expand(cases[i], false, &text, &is_sensitive, &err), ERR_INVALID);
                assert_null(strstr(err.text, "hunter2"));
                assert_non_null(strstr(err.text, "line 1"));
        }
}

static void what_goes_wrong_with_a_secret_does_not_quote_its_template(void **state)
{
        _cleanup_(str_done) struct str text = { 0 };
        bool is_sensitive;
        struct err err;

        (void)state;
        assert_int_equal(expand("\n{{ .Hunter2 }}", true, &text, &is_sensitive, &err), ERR_INVALID);
        assert_null(strstr(err.text, "Hunter2"));
        assert_non_null(strstr(err.text, "line 2"));
}

static void bombs_end(void **state)
{
        static const char *const cases[] = {
                "{{ range 100000000 }}{{ secret \"pw\" }}{{ end }}",
                "{{ $x := secret \"pw\" }}{{ range 64 }}{{ $x = print $x $x }}{{ end }}",
        };

        (void)state;
        for (size_t i = 0; i < COUNT_OF(cases); i++) {
                _cleanup_(str_done) struct str text = { 0 };
                bool is_sensitive;

                assert_int_equal(expand(cases[i], false, &text, &is_sensitive, NULL), ERR_INVALID);
        }
}

static void a_template_is_checked_without_being_run(void **state)
{
        static const char good[] = "{{ env \"A\" }}{{ secret \"x\" }}", bad[] = "{{ nosuch }}";

        (void)state;
        assert_int_equal(expand_check_file(good, strlen(good), NULL), 0);
        assert_int_equal(expand_check_file(bad, strlen(bad), NULL), ERR_INVALID);
        assert_int_equal(expand_check_file("\xff", 1, NULL), ERR_INVALID);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(env_secret_and_config_are_looked_up),
                cmocka_unit_test(a_config_that_names_a_secret_is_sensitive),
                cmocka_unit_test(what_is_no_template_is_left_as_it_is),
                cmocka_unit_test(what_goes_wrong_with_a_config_is_told),
                cmocka_unit_test(what_goes_wrong_never_quotes_a_secret),
                cmocka_unit_test(what_goes_wrong_with_a_secret_does_not_quote_its_template),
                cmocka_unit_test(bombs_end),
                cmocka_unit_test(a_template_is_checked_without_being_run),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
