/* What a volume plugin answers. */
#include "agent/plugin/answer.h"

#include <string.h>

#include "tests/unit/test.h"

static int read_answer(const char *text, struct arena *arena, struct plugin_answer *ret,
                       struct err *err)
{
        return plugin_answer_read(200, text, strlen(text), arena, ret, err);
}

static void answers_are_read(void **state)
{
        struct arena arena = { 0 };
        struct plugin_answer answer;

        (void)state;
        assert_int_equal(read_answer("{\"Implements\":[\"x\",\"VolumeDriver\"]}", &arena, &answer,
                                     NULL),
                         0);
        assert_true(answer.keeps_volumes);
        assert_int_equal(read_answer("{\"Mountpoint\":\"/m\",\"Err\":\"\"}", &arena, &answer, NULL),
                         0);
        assert_string_equal(answer.mountpoint, "/m");
        assert_int_equal(read_answer("", &arena, &answer, NULL), 0);
        assert_false(answer.has_volume);
        assert_int_equal(read_answer("{\"Volume\":{\"Name\":\"a\"}}", &arena, &answer, NULL), 0);
        assert_true(answer.has_volume);
        arena_done(&arena);
}

static void what_it_says_went_wrong_is_told(void **state)
{
        struct arena arena = { 0 };
        struct plugin_answer answer;
        struct err err;

        (void)state;
        assert_int_equal(read_answer("{\"Err\":\"no space\"}", &arena, &answer, &err), ERR_UNKNOWN);
        assert_string_equal(err.text, "no space");
        arena_done(&arena);
}

static void a_bad_status_is_an_error_whatever_comes_with_it(void **state)
{
        static const struct {
                long status;
                const char *text, *told;
        } cases[] = {
                { 500, "{\"Err\":\"no space\"}", "no space" },
                { 500, "{}", "the plugin answers with HTTP status 500: '{}'" },
                { 404, "", "the plugin answers with HTTP status 404: ''" },
                { 502, "bad\ngateway", "the plugin answers with HTTP status 502: 'bad?gateway'" },
                { 301, "{\"Err\":1}", "the plugin answers with HTTP status 301: '{\"Err\":1}'" },
        };

        (void)state;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                struct arena arena = { 0 };
                struct plugin_answer answer;
                struct err err;

                assert_int_equal(plugin_answer_read(cases[i].status, cases[i].text,
                                                    strlen(cases[i].text), &arena, &answer, &err),
                                 ERR_UNKNOWN);
                assert_string_equal(err.text, cases[i].told);
                arena_done(&arena);
        }
}

static void what_is_no_answer_is_refused(void **state)
{
        static const char *const bad[] = { "x", "[]", "{\"Err\":1}", "{\"Mountpoint\":\"etc\"}",
                                           "{\"Mountpoint\":\"/a\\u0000b\"}" };
        struct arena arena = { 0 };
        struct plugin_answer answer;

        (void)state;
        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
                assert_int_equal(read_answer(bad[i], &arena, &answer, NULL), ERR_DATA_LOSS);
        arena_done(&arena);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(answers_are_read),
                cmocka_unit_test(what_it_says_went_wrong_is_told),
                cmocka_unit_test(what_is_no_answer_is_refused),
                cmocka_unit_test(a_bad_status_is_an_error_whatever_comes_with_it),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
