/* Columns, widths, natural order. */
#include "cli/columns.h"

#include <string.h>

#include "lib/base/mem.h"
#include "tests/unit/test.h"

static void aligns(const char *text, const char *expected)
{
        _cleanup_(str_done) struct str out = { 0 };

        columns_align(text, &out);
        assert_string_equal(str_text(&out), expected);
}

static void columns_are_at_least_ten_wide_with_three_spaces_between(void **state)
{
        (void)state;
        aligns("ID\tREPLICAS\tPORTS\na\t1/1\t\n", "ID        REPLICAS   PORTS\n"
                                                  "a         1/1        \n");
}

static void what_follows_the_last_tab_is_not_padded(void **state)
{
        (void)state;
        aligns("a\tlast cell of some length\nb\tx\n", "a         last cell of some length\n"
                                                      "b         x\n");
}

static void a_column_ends_where_a_line_does_not_have_it(void **state)
{
        (void)state;
        aligns("a long first cell\tx\nplain\nb\ty\n", "a long first cell   x\n"
                                                      "plain\n"
                                                      "b         y\n");
}

static void widths_count_characters_not_bytes(void **state)
{
        (void)state;
        aligns("abcdefghi…\tx\nabcdefghij\ty\n", "abcdefghi…   x\nabcdefghij   y\n");
}

static void long_text_ends_in_an_ellipsis(void **state)
{
        _cleanup_(str_done) struct str out = { 0 };

        (void)state;
        add_ellipsis(&out, "starting container failed: failed to", 30);
        assert_string_equal(str_text(&out), "starting container failed: fa…");
}

static void short_text_stays_whole(void **state)
{
        _cleanup_(str_done) struct str out = { 0 };

        (void)state;
        add_ellipsis(&out, "exactly ten", 11);
        assert_string_equal(str_text(&out), "exactly ten");
}

static void control_characters_do_not_break_lines(void **state)
{
        _cleanup_(str_done) struct str out = { 0 };

        (void)state;
        add_ellipsis(&out, "a\tb\n\x1b[2Jc", 30);
        assert_string_equal(str_text(&out), "a b  [2Jc");
        str_clear(&out);
        add_ellipsis(&out,
                     "a\xc2\x9b"
                     "2Jb",
                     30);
        assert_string_equal(str_text(&out), "a  2Jb");
}

static void numbers_in_names_sort_by_value(void **state)
{
        (void)state;
        assert_true(natural_compare("web.2", "web.10") < 0);
        assert_true(natural_compare("web.10", "web.9") > 0);
        assert_true(natural_compare("web.1", "web.1") == 0);
        assert_true(natural_compare("web", "web.1") < 0);
        assert_true(natural_compare("a", "b") < 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(columns_are_at_least_ten_wide_with_three_spaces_between),
                cmocka_unit_test(what_follows_the_last_tab_is_not_padded),
                cmocka_unit_test(a_column_ends_where_a_line_does_not_have_it),
                cmocka_unit_test(widths_count_characters_not_bytes),
                cmocka_unit_test(long_text_ends_in_an_ellipsis),
                cmocka_unit_test(short_text_stays_whole),
                cmocka_unit_test(control_characters_do_not_break_lines),
                cmocka_unit_test(numbers_in_names_sort_by_value),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
