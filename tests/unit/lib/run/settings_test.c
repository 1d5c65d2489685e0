/* Settings: who wins, what is refused, and where. */
#include "tests/unit/test.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/check.h"
#include "lib/base/time.h"
#include "lib/run/settings.h"

struct config {
        const char *name, *store, *folder;
        int64_t wait_ns, batch, memory;
        bool is_quiet;
        struct setting_list listen;
};

static const struct setting rows[] = {
        { "name", SETTING_STRING, offsetof(struct config, name), "x", "a name", 0, 0 },
        { "store", SETTING_ADDRESS, offsetof(struct config, store), "unix:/s", "the store", 0, 0 },
        { "folder", SETTING_PATH, offsetof(struct config, folder), NULL, "a folder", 0, 0 },
        { "wait", SETTING_DURATION, offsetof(struct config, wait_ns), "5s", "how long", 0, 0 },
        { "batch", SETTING_COUNT, offsetof(struct config, batch), "10", "how many", 1, 100 },
        { "memory", SETTING_BYTES, offsetof(struct config, memory), "1k", "how much", 0, 0 },
        { "quiet", SETTING_BOOL, offsetof(struct config, is_quiet), NULL, "no noise", 0, 0 },
        { "listen", SETTING_ADDRESSES, offsetof(struct config, listen), "a:1,b:2", "where", 0, 0 },
        { 0 },
};

/* Loads arguments (NULL-terminated, without the program's name). */
static int load(struct config *config, const char *const *arguments, struct err *err)
{
        char *argv[16] = { (char *)"program" };
        int argc = 1;

        while (arguments[argc - 1]) {
                argv[argc] = (char *)arguments[argc - 1];
                argc++;
        }
        return settings_load(rows, config, NULL, argc, argv, err);
}

static void done(struct config *config)
{
        settings_done(&(struct settings){ rows, config }, 1);
}

static int apply(struct config *config, const char *yaml, struct err *err)
{
        return settings_apply_yaml(&(struct settings){ rows, config }, 1, "file", yaml,
                                   strlen(yaml), err);
}

static void without_anything_the_fallbacks_hold(void **state)
{
        struct config config = { 0 };
        struct err err;

        (void)state;
        assert_int_equal(load(&config, (const char *const[]){ NULL }, &err), 0);
        assert_string_equal(config.name, "x");
        assert_string_equal(config.store, "unix:/s");
        assert_null(config.folder);
        assert_int_equal(config.wait_ns, 5 * NS_PER_S);
        assert_int_equal(config.batch, 10);
        assert_int_equal(config.memory, 1024);
        assert_false(config.is_quiet);
        assert_int_equal(config.listen.n, 2);
        assert_string_equal(config.listen.values[1], "b:2");
        done(&config);
}

static void arguments_come_with_equals_or_as_the_next_word(void **state)
{
        struct config config = { 0 };
        struct err err;

        (void)state;
        assert_int_equal(load(&config,
                              (const char *const[]){ "--name", "y", "--batch=7", "--quiet",
                                                     "--folder=/a", NULL },
                              &err),
                         0);
        assert_string_equal(config.name, "y");
        assert_int_equal(config.batch, 7);
        assert_true(config.is_quiet);
        assert_string_equal(config.folder, "/a");
        done(&config);
}

static void a_list_replaces_its_fallback_and_grows(void **state)
{
        struct config config = { 0 };
        struct err err;

        (void)state;
        assert_int_equal(load(&config,
                              (const char *const[]){ "--listen", "[::1]:3", "--listen=unix:/a",
                                                     NULL },
                              &err),
                         0);
        assert_int_equal(config.listen.n, 2);
        assert_string_equal(config.listen.values[0], "[::1]:3");
        assert_string_equal(config.listen.values[1], "unix:/a");
        done(&config);
}

static void arguments_that_are_wrong_are_refused(void **state)
{
        static const char *const wrong[][3] = {
                { "--nothing", "1" },  { "word" },
                { "--batch", "0" },    { "--batch=101" },
                { "--batch=1x" },      { "--wait=5" },
                { "--memory=-1" },     { "--folder=a" },
                { "--store=nowhere" }, { "--store=::1:80" },
                { "--store=a:65536" }, { "--store=unix:a" },
                { "--store=:1" },      { "--quiet=maybe" },
                { "--name" },          { "--name=a", "--name=b" },
        };
        struct err err;

        (void)state;
        for (size_t i = 0; i < COUNT_OF(wrong); i++) {
                struct config config = { 0 };

                if (load(&config, wrong[i], &err) == 0)
                        fail_msg("'%s' was taken", wrong[i][0]);
                done(&config);
        }
}

static void the_error_names_the_option(void **state)
{
        struct config config = { 0 };
        struct err err;

        (void)state;
        load(&config, (const char *const[]){ "--batch=1000", NULL }, &err);
        assert_string_equal(err.text, "option --batch: batch: '1000' is not between 1 and 100");
        done(&config);
}

static void yaml_sets_keys_and_lists(void **state)
{
        struct config config = { 0 };
        struct err err;

        (void)state;
        assert_int_equal(apply(&config,
                               "# a comment\nname: 'a b'\nquiet: true\nlisten:\n  - a:1\n  - b:2\n"
                               "wait: 300ms\n",
                               &err),
                         0);
        assert_string_equal(config.name, "a b");
        assert_true(config.is_quiet);
        assert_int_equal(config.listen.n, 2);
        assert_int_equal(config.wait_ns, 300 * NS_PER_MS);
        done(&config);
}

static void an_empty_file_sets_nothing(void **state)
{
        static const char *const empty[] = { "", "# nothing\n", "---\n", "--- \n# x\n", "{}\n" };
        struct config config = { 0 };
        struct err err;

        (void)state;
        for (size_t i = 0; i < COUNT_OF(empty); i++)
                assert_int_equal(apply(&config, empty[i], &err), 0);
}

static void yaml_that_is_wrong_is_refused_with_its_line(void **state)
{
        static const struct {
                const char *yaml, *text;
        } wrong[] = {
                { "name: x\nnothing: 1\n", "file:2: there is no setting 'nothing'; see --help" },
                { "batch: 1\nbatch: 2\n", "file:2: 'batch' is given twice" },
                { "batch: lots\n", "file:1: batch: 'lots' is not a whole number (64 bits)" },
                { "name: [a]\n", "file:1: one value is expected here, not a list" },
                { "name: {a: b}\n", "file:1: a value is expected here, not a mapping" },
                { "- a\n", "file:1: settings are written as 'key: value' lines" },
                { "name: &a x\nstore: *a\n", "file:2: aliases (*name) are not supported" },
                { "listen: [[a]]\n", "file:1: a list holds plain values only" },
                { "a: b\n---\nc: d\n", "file:1: there is no setting 'a'; see --help" },
                { "name: b\n---\nname: d\n", "file:2: one document is enough" },
                { "name: \"a\\0b\"\n", "file:1: a NUL character" },
        };
        struct err err;

        (void)state;
        for (size_t i = 0; i < COUNT_OF(wrong); i++) {
                struct config config = { 0 };

                assert_true(apply(&config, wrong[i].yaml, &err) < 0);
                assert_string_equal(err.text, wrong[i].text);
                done(&config);
        }
}

static void a_missing_file_is_an_error(void **state)
{
        struct config config = { 0 };
        struct err err;

        (void)state;
        assert_int_equal(settings_load(rows, &config, "/nowhere/settings.yaml", 0, NULL, &err),
                         ERR_NOT_FOUND);
        done(&config);
}

static void help_has_a_line_per_setting(void **state)
{
        char *text = NULL;
        size_t size;
        FILE *out = open_memstream(&text, &size);

        (void)state;
        settings_print_help(out, "skep-x", "does x", rows);
        fclose(out);
        assert_non_null(strstr(text, "skep-x does x."));
        assert_non_null(strstr(text, "  --wait DURATION              how long (default 5s)\n"));
        assert_non_null(strstr(text, "--listen ADDRESS..."));
        free(text);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(without_anything_the_fallbacks_hold),
                cmocka_unit_test(arguments_come_with_equals_or_as_the_next_word),
                cmocka_unit_test(a_list_replaces_its_fallback_and_grows),
                cmocka_unit_test(arguments_that_are_wrong_are_refused),
                cmocka_unit_test(the_error_names_the_option),
                cmocka_unit_test(yaml_sets_keys_and_lists),
                cmocka_unit_test(an_empty_file_sets_nothing),
                cmocka_unit_test(yaml_that_is_wrong_is_refused_with_its_line),
                cmocka_unit_test(a_missing_file_is_an_error),
                cmocka_unit_test(help_has_a_line_per_setting),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
