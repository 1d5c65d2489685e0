/* What a volume plugin answers. */
#include "agent/plugin/answer.h"

#include <string.h>

#include "tests/unit/test.h"

static int read_answer(const char *text, struct arena *arena, struct plugin_answer *ret,
                       struct err *err)
{
        return plugin_answer_read(text, strlen(text), arena, ret, err);
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
        assert_int_equal(read_answer("{\"Volumes\":[{\"Name\":\"a\"},{\"Name\":\"b\","
                                     "\"Mountpoint\":\"/b\"}]}",
                                     &arena, &answer, NULL),
                         0);
        assert_int_equal(answer.n_volumes, 2);
        assert_string_equal(answer.volumes[1].mountpoint, "/b");
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

static void what_is_no_answer_is_refused(void **state)
{
        static const char *const bad[] = { "x",
                                           "[]",
                                           "{\"Err\":1}",
                                           "{\"Mountpoint\":\"etc\"}",
                                           "{\"Volumes\":[1]}",
                                           "{\"Volumes\":[{}]}",
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
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
