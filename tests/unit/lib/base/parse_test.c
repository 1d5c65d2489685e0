/* The parsers: what each takes, what each refuses, and that a refusal touches nothing. */
#include "tests/unit/test.h"

#include <string.h>

#include "lib/base/check.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

enum { UNTOUCHED = 4711 };

static void whole_numbers_are_read(void **state)
{
        static const struct {
                const char *text;
                int64_t value;
        } rows[] = {
                { "0", 0 },
                { "-0", 0 },
                { "+7", 7 },
                { "007", 7 },
                { "9223372036854775807", INT64_MAX },
                { "-9223372036854775808", INT64_MIN },
        };

        (void)state;
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                int64_t value = UNTOUCHED;

                assert_int_equal(str_to_int64(rows[i].text, &value, NULL), 0);
                assert_int_equal(value, rows[i].value);
        }
}

static void what_is_no_whole_number_is_refused(void **state)
{
        static const char *const texts[] = {
                NULL,
                "",
                "-",
                "+",
                "1 ",
                " 1",
                "1x",
                "0x1",
                "1.0",
                "1e3",
                "--1",
                "+-1",
                "9223372036854775808",
                "-9223372036854775809",
                "18446744073709551616",
                "99999999999999999999999999",
        };

        (void)state;
        for (size_t i = 0; i < COUNT_OF(texts); i++) {
                int64_t value = UNTOUCHED;

                assert_int_equal(str_to_int64(texts[i], &value, NULL), ERR_INVALID);
                assert_int_equal(value, UNTOUCHED);
        }
}

static void natural_numbers_go_up_to_64_bits(void **state)
{
        uint64_t value = UNTOUCHED;

        (void)state;
        assert_int_equal(str_to_uint64("18446744073709551615", &value, NULL), 0);
        assert_true(value == UINT64_MAX);
        assert_int_equal(str_to_uint64("18446744073709551616", &value, NULL), ERR_INVALID);
        assert_int_equal(str_to_uint64("-1", &value, NULL), ERR_INVALID);
        assert_int_equal(str_to_uint64("+1", &value, NULL), ERR_INVALID);
        assert_int_equal(str_to_uint64("", &value, NULL), ERR_INVALID);
        assert_true(value == UINT64_MAX);
}

static void decimal_numbers_are_read(void **state)
{
        static const struct {
                const char *text;
                double value;
        } rows[] = {
                { "0", 0 },  { "1.5", 1.5 },      { ".5", 0.5 },
                { "5.", 5 }, { "-2.5e3", -2500 }, { "1E-2", 0.01 },
        };

        (void)state;
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                double value = UNTOUCHED;

                assert_int_equal(str_to_double(rows[i].text, &value, NULL), 0);
                assert_true(value == rows[i].value);
        }
}

static void what_is_no_decimal_number_is_refused(void **state)
{
        static const char *const texts[] = {
                NULL,
                "",
                ".",
                "-",
                "e5",
                "1e",
                "1e+",
                "1.2.3",
                "0x1p3",
                "inf",
                "nan",
                " 1",
                "1 ",
                "1,5",
                "1e999",
                "1111111111111111111111111111111111111111111111111111111111111111111111111111",
        };

        (void)state;
        for (size_t i = 0; i < COUNT_OF(texts); i++) {
                double value = UNTOUCHED;

                assert_int_equal(str_to_double(texts[i], &value, NULL), ERR_INVALID);
                assert_true(value == UNTOUCHED);
        }
}

static void truth_is_what_go_takes_for_it(void **state)
{
        bool value = false;

        (void)state;
        assert_int_equal(str_to_bool("True", &value, NULL), 0);
        assert_true(value);
        assert_int_equal(str_to_bool("f", &value, NULL), 0);
        assert_false(value);
        assert_int_equal(str_to_bool("yes", &value, NULL), ERR_INVALID);
        assert_int_equal(str_to_bool("tRUE", &value, NULL), ERR_INVALID);
        assert_int_equal(str_to_bool(NULL, &value, NULL), ERR_INVALID);
}

static void a_refusal_quotes_what_was_typed_and_says_what_to_type(void **state)
{
        struct err err = { 0 };
        int64_t value;

        (void)state;
        str_to_duration("5 \x1bs", &value, &err);
        assert_string_equal(err.text, "'5 ?s' is not a duration such as 300ms, 1.5s or 1h30m");
}

static void a_refusal_quotes_only_the_beginning_of_a_long_text(void **state)
{
        struct err err = { 0 };
        char text[1000];
        int64_t value;

        (void)state;
        memset(text, 'x', sizeof text);
        text[sizeof text - 1] = '\0';
        str_to_int64(text, &value, &err);
        assert_in_range(strlen(err.text), 64, 120);
}

static void durations_are_read_as_go_reads_them(void **state)
{
        static const struct {
                const char *text;
                int64_t ns;
        } rows[] = {
                { "0", 0 },
                { "+0", 0 },
                { "0s", 0 },
                { "300ms", 300000000 },
                { "1.5s", 1500000000 },
                { ".5s", 500000000 },
                { "5.s", 5000000000 },
                { "-1.5h", -5400000000000 },
                { "1h30m", 5400000000000 },
                { "1h15m30.918273645s", 4530918273645 },
                { "10us", 10000 },
                { "10\xc2\xb5s", 10000 },
                { "10\xce\xbcs", 10000 },
                { "1ns2us3ms4s5m6h", 21904003002001 },
                { "0.100000000000000000000h", 360000000000 },
                { "9223372036854775807ns", INT64_MAX },
                { "-9223372036854775808ns", INT64_MIN },
                { "2562047h47m16.854775807s", INT64_MAX },
        };

        (void)state;
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                int64_t ns = UNTOUCHED;

                assert_int_equal(str_to_duration(rows[i].text, &ns, NULL), 0);
                assert_int_equal(ns, rows[i].ns);
        }
}

static void what_is_no_duration_is_refused(void **state)
{
        static const char *const texts[] = {
                NULL,
                "",
                "3",
                "-",
                "s",
                ".",
                "-.",
                ".s",
                "+.s",
                "1d",
                "1 s",
                "1s ",
                "1.2.3s",
                "--1s",
                "1S",
                "1h-2m",
                "9223372036854775808ns",
                "3000000h",
                "6000000h",
                "-9223372036854775809ns",
                "9223372036854775807ns1ns",
                "99999999999999999999999s",
        };

        (void)state;
        for (size_t i = 0; i < COUNT_OF(texts); i++) {
                int64_t ns = UNTOUCHED;

                assert_int_equal(str_to_duration(texts[i], &ns, NULL), ERR_INVALID);
                assert_int_equal(ns, UNTOUCHED);
        }
}

static void durations_are_printed_as_go_prints_them(void **state)
{
        static const struct {
                int64_t ns;
                const char *text;
        } rows[] = {
                { 0, "0s" },
                { 1, "1ns" },
                { 1100, "1.1\xc2\xb5s" },
                { 2200000, "2.2ms" },
                { 3300000000, "3.3s" },
                { 5000000000, "5s" },
                { 245000000000, "4m5s" },
                { 245001000000, "4m5.001s" },
                { 3600000000000, "1h0m0s" },
                { 18367001000000, "5h6m7.001s" },
                { 480000000001, "8m0.000000001s" },
                { -1500000000, "-1.5s" },
                { INT64_MAX, "2562047h47m16.854775807s" },
                { INT64_MIN, "-2562047h47m16.854775808s" },
        };

        (void)state;
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                _cleanup_(str_done) struct str str = { 0 };

                str_add_duration(&str, rows[i].ns);
                assert_string_equal(str.text, rows[i].text);
        }
}

static void sizes_are_read_as_docker_reads_them(void **state)
{
        static const struct {
                const char *text;
                int64_t bytes;
        } rows[] = {
                { "0", 0 },
                { "512", 512 },
                { "512b", 512 },
                { "64m", 67108864 },
                { "1.5g", 1610612736 },
                { "10kb", 10240 },
                { "1GiB", 1073741824 },
                { "32 kB", 32768 },
                { ".5k", 512 },
                { "32.", 32 },
                { "32.3", 32 },
                { "1T", 1099511627776 },
                { "1pb", 1125899906842624 },
                { "9223372036854775807", INT64_MAX },
        };

        (void)state;
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                int64_t bytes = UNTOUCHED;

                assert_int_equal(str_to_bytes(rows[i].text, &bytes, NULL), 0);
                assert_int_equal(bytes, rows[i].bytes);
        }
}

static void what_is_no_size_is_refused(void **state)
{
        static const char *const texts[] = {
                NULL,
                "",
                ".",
                "k",
                "-1",
                "+1",
                " 1",
                "1 ",
                "1  k",
                "1kk",
                "1ib",
                "1kbb",
                "1x",
                "1e3",
                "8192p",
                "16385p",
                "9223372036854775808",
                "99999999999999999999999",
        };

        (void)state;
        for (size_t i = 0; i < COUNT_OF(texts); i++) {
                int64_t bytes = UNTOUCHED;

                assert_int_equal(str_to_bytes(texts[i], &bytes, NULL), ERR_INVALID);
                assert_int_equal(bytes, UNTOUCHED);
        }
}

static void sizes_are_printed_as_docker_prints_them(void **state)
{
        static const struct {
                double bytes;
                const char *text;
        } rows[] = {
                { 0, "0B" },
                { 1000, "1000B" },
                { 1024, "1KiB" },
                { 1048576, "1MiB" },
                { 25275800000, "23.54GiB" },
                { 3.42 * 1024 * 1024 * 1024 * 1024, "3.42TiB" },
        };

        (void)state;
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                _cleanup_(str_done) struct str str = { 0 };

                str_add_bytes_iec(&str, rows[i].bytes);
                assert_string_equal(str.text, rows[i].text);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(whole_numbers_are_read),
                cmocka_unit_test(what_is_no_whole_number_is_refused),
                cmocka_unit_test(natural_numbers_go_up_to_64_bits),
                cmocka_unit_test(decimal_numbers_are_read),
                cmocka_unit_test(what_is_no_decimal_number_is_refused),
                cmocka_unit_test(truth_is_what_go_takes_for_it),
                cmocka_unit_test(a_refusal_quotes_what_was_typed_and_says_what_to_type),
                cmocka_unit_test(a_refusal_quotes_only_the_beginning_of_a_long_text),
                cmocka_unit_test(durations_are_read_as_go_reads_them),
                cmocka_unit_test(what_is_no_duration_is_refused),
                cmocka_unit_test(durations_are_printed_as_go_prints_them),
                cmocka_unit_test(sizes_are_read_as_docker_reads_them),
                cmocka_unit_test(what_is_no_size_is_refused),
                cmocka_unit_test(sizes_are_printed_as_docker_prints_them),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
