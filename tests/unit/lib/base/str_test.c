/* The growing string, questions about text, and its printable renderings. */
#include "tests/unit/test.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/check.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

static void an_empty_string_reads_as_empty_text(void **state)
{
        const struct str str = { 0 };

        (void)state;
        assert_string_equal(str_text(&str), "");
}

static void what_is_added_is_joined(void **state)
{
        _cleanup_(str_done) struct str str = { 0 };

        (void)state;
        str_add(&str, "one");
        str_add_char(&str, ' ');
        str_addf(&str, "%d-%s", 2, "three");
        str_add_bytes(&str, "\0!", 2);
        assert_int_equal(str.length, 13);
        assert_memory_equal(str.text, "one 2-three\0!", 14);
}

static void a_long_format_is_written_whole(void **state)
{
        _cleanup_(str_done) struct str str = { 0 };

        (void)state;
        for (int i = 0; i < 100; i++)
                str_addf(&str, "%0*d", 100 + i, i);
        assert_int_equal(str.length, 100 * 100 + 99 * 100 / 2);
        assert_int_equal(strlen(str.text), str.length);
}

static void taking_leaves_an_empty_string(void **state)
{
        struct str str = { 0 };
        _cleanup_(freep) char *first = NULL, *second = NULL;

        (void)state;
        str_add(&str, "text");
        first = str_take(&str);
        second = str_take(&str);
        assert_string_equal(first, "text");
        assert_string_equal(second, "");
        assert_null(str.text);
}

static void clearing_keeps_the_memory(void **state)
{
        _cleanup_(str_done) struct str str = { 0 };
        const char *before;

        (void)state;
        str_add(&str, "text");
        before = str.text;
        str_clear(&str);
        str_add(&str, "new");
        assert_ptr_equal(str.text, before);
        assert_string_equal(str.text, "new");
}

static void null_equals_only_null(void **state)
{
        (void)state;
        assert_true(str_equal(NULL, NULL));
        assert_false(str_equal(NULL, ""));
        assert_false(str_equal("", NULL));
        assert_true(str_equal("a", "a"));
        assert_false(str_equal("a", "b"));
}

static void beginnings_and_ends_are_found(void **state)
{
        (void)state;
        assert_true(str_starts_with("skep", "sk"));
        assert_true(str_starts_with("skep", ""));
        assert_false(str_starts_with("sk", "skep"));
        assert_false(str_starts_with(NULL, ""));
        assert_true(str_ends_with("skep", "ep"));
        assert_false(str_ends_with("ep", "skep"));
        assert_false(str_ends_with(NULL, ""));
}

static void the_other_text_stands_in_for_none(void **state)
{
        (void)state;
        assert_string_equal(str_or(NULL, "x"), "x");
        assert_string_equal(str_or("", "x"), "x");
        assert_string_equal(str_or("y", "x"), "y");
}

static void well_formed_utf8_is_accepted(void **state)
{
        static const char *const texts[] = {
                "",
                "plain",
                "\x7f",
                "\xc2\x80",
                "\xdf\xbf",
                "\xe0\xa0\x80",
                "\xed\x9f\xbf",
                "\xee\x80\x80",
                "\xef\xbf\xbf",
                "\xf0\x90\x80\x80",
                "\xf4\x8f\xbf\xbf",
                "a\xc3\xa4o\xe2\x82\xac\xf0\x9f\x90\x9d",
        };

        (void)state;
        for (size_t i = 0; i < COUNT_OF(texts); i++)
                assert_true(str_is_utf8(texts[i], strlen(texts[i])));
}

static void ill_formed_utf8_is_refused(void **state)
{
        static const char *const texts[] = {
                "\x80",             /* continues nothing */
                "\xc3",             /* ends too soon */
                "\xe2\x82",         /* the same */
                "\xf0\x9f\x90",     /* the same */
                "\xc3(",            /* is not continued */
                "\xe2\x82(",        /* the same */
                "\xf0\x9f\x90(",    /* the same */
                "\xc0\xaf",         /* overlong "/" */
                "\xc1\xbf",         /* overlong */
                "\xe0\x9f\xbf",     /* overlong */
                "\xf0\x8f\xbf\xbf", /* overlong */
                "\xed\xa0\x80",     /* a surrogate */
                "\xed\xbf\xbf",     /* a surrogate */
                "\xf4\x90\x80\x80", /* beyond U+10FFFF */
                "\xf5\x80\x80\x80", /* beyond */
                "\xff",             /* never */
        };

        (void)state;
        for (size_t i = 0; i < COUNT_OF(texts); i++)
                assert_false(str_is_utf8(texts[i], strlen(texts[i])));
}

static void a_character_that_ends_behind_the_text_is_refused(void **state)
{
        (void)state;
        assert_false(str_is_utf8("\xe2\x82\xac", 2));
        assert_false(str_is_utf8("\xf0\x9f\x90\x9d", 3));
}

static void utf8_with_nul_is_refused(void **state)
{
        (void)state;
        assert_false(str_is_utf8("a\0b", 3));
}

static void a_quoted_text_is_printable(void **state)
{
        _cleanup_(str_done) struct str str = { 0 };

        (void)state;
        str_add_quoted(&str, "a\x1b[2J\n\xff\xc2\x9b\xc3\xa4", 100);
        assert_string_equal(str.text, "'a?[2J???\xc3\xa4'");
}

static void printable_text_keeps_its_characters_and_what_is_asked_for(void **state)
{
        char text[] = "a\x1b[2J\n\t\x7f\xff\xc2\x9b\xc3\xa4\xe2\x82", line[] = "a\n\tb";

        (void)state;
        text_make_printable(text, strlen(text), "\n\t");
        assert_string_equal(text, "a [2J\n\t    \xc3\xa4  ");
        text_make_printable(line, strlen(line), "");
        assert_string_equal(line, "a  b");
}

static void a_quoted_text_is_cut_between_characters(void **state)
{
        _cleanup_(str_done) struct str str = { 0 };

        (void)state;
        str_add_quoted(&str, "ab\xc3\xa4", 3);
        assert_string_equal(str.text, "'ab...'");
        str_clear(&str);
        str_add_quoted(&str, "ab\xc3\xa4", 4);
        assert_string_equal(str.text, "'ab\xc3\xa4'");
}

static void base64_is_padded(void **state)
{
        struct str str = { 0 };

        (void)state;
        str_add_base64(&str, "", 0);
        assert_string_equal(str_text(&str), "");
        str_add_base64(&str, "a", 1);
        str_add_base64(&str, "ab", 2);
        str_add_base64(&str, "abc", 3);
        str_add_base64(&str, "\xff\xfe\xfb\x00", 4);
        assert_string_equal(str_text(&str), "YQ=="
                                            "YWI="
                                            "YWJj"
                                            "//77AA==");
        str_done(&str);
}

static void json_is_escaped(void **state)
{
        _cleanup_(str_done) struct str str = { 0 };

        (void)state;
        str_add_json(&str, "\"\\/\b\f\n\r\t\x01\x7f\xc2\x9b\xc3\xa4\xff<");
        assert_string_equal(str.text,
                            "\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u007f\\u009b\xc3\xa4\\ufffd<");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(an_empty_string_reads_as_empty_text),
                cmocka_unit_test(what_is_added_is_joined),
                cmocka_unit_test(a_long_format_is_written_whole),
                cmocka_unit_test(taking_leaves_an_empty_string),
                cmocka_unit_test(clearing_keeps_the_memory),
                cmocka_unit_test(null_equals_only_null),
                cmocka_unit_test(beginnings_and_ends_are_found),
                cmocka_unit_test(the_other_text_stands_in_for_none),
                cmocka_unit_test(well_formed_utf8_is_accepted),
                cmocka_unit_test(ill_formed_utf8_is_refused),
                cmocka_unit_test(a_character_that_ends_behind_the_text_is_refused),
                cmocka_unit_test(utf8_with_nul_is_refused),
                cmocka_unit_test(a_quoted_text_is_printable),
                cmocka_unit_test(printable_text_keeps_its_characters_and_what_is_asked_for),
                cmocka_unit_test(a_quoted_text_is_cut_between_characters),
                cmocka_unit_test(base64_is_padded),
                cmocka_unit_test(json_is_escaped),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
