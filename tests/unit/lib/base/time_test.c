/* Points in time as text, there and back. */
#include "tests/unit/test.h"

#include "lib/base/check.h"
#include "lib/base/mem.h"
#include "lib/base/random.h"
#include "lib/base/time.h"

static void times_are_printed_without_trailing_zeros(void **state)
{
        static const struct {
                int64_t ns;
                const char *text;
        } rows[] = {
                { 0, "1970-01-01T00:00:00Z" },
                { 1795152713519172983, "2026-11-20T05:31:53.519172983Z" },
                { 1795152713500000000, "2026-11-20T05:31:53.5Z" },
                { -1, "1969-12-31T23:59:59.999999999Z" },
                { 951782400 * NS_PER_S, "2000-02-29T00:00:00Z" },
                { INT64_MAX, "2262-04-11T23:47:16.854775807Z" },
                { INT64_MIN, "1677-09-21T00:12:43.145224192Z" },
        };

        (void)state;
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                _cleanup_(str_done) struct str str = { 0 };

                str_add_time(&str, rows[i].ns);
                assert_string_equal(str.text, rows[i].text);
        }
}

static void times_are_read(void **state)
{
        static const struct {
                const char *text;
                int64_t ns;
        } rows[] = {
                { "2026-11-20T05:31:53.519172983Z", 1795152713519172983 },
                { "2026-11-20T07:01:53.5+01:30", 1795152713500000000 },
                { "2026-11-19T22:31:53.5-07:00", 1795152713500000000 },
                { "2026-11-20T05:31:53", 1795152713 * NS_PER_S },
                { "2026-11-20", 1795132800 * NS_PER_S },
                { "2000-02-29", 951782400 * NS_PER_S },
                { "1678-01-01", -9214560000 * NS_PER_S },
        };

        (void)state;
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                int64_t ns = 0;

                assert_int_equal(str_to_time(rows[i].text, &ns, NULL), 0);
                assert_int_equal(ns, rows[i].ns);
        }
}

static void what_is_no_time_is_refused(void **state)
{
        static const char *const texts[] = {
                NULL,
                "",
                "now",
                "2026",
                "2026-11",
                "2026-13-01",
                "2026-00-01",
                "2026-11-31",
                "2026-02-29",
                "2100-02-29",
                "2026-11-20 05:31:53",
                "2026-11-20T24:00:00Z",
                "2026-11-20T05:60:00Z",
                "2026-11-20T05:31:60Z",
                "2026-11-20T05:31Z",
                "2026-11-20T05:31:53.Z",
                "2026-11-20T05:31:53.1234567890Z",
                "2026-11-20T05:31:53ZZ",
                "2026-11-20T05:31:53+1:00",
                "2026-11-20T05:31:53+24:00",
                "2026-11-20T05:31:53+0100",
                "2026-11-20T05:31:53+",
                "2026-11-20Z",
                "+026-11-20",
                "0001-01-01T00:00:00Z",
                "2263-01-01",
                "9999-12-31T23:59:59Z",
        };

        (void)state;
        for (size_t i = 0; i < COUNT_OF(texts); i++) {
                int64_t ns = 4711;

                assert_int_equal(str_to_time(texts[i], &ns, NULL), ERR_INVALID);
                assert_int_equal(ns, 4711);
        }
}

static void every_time_printed_is_read_back(void **state)
{
        struct random random;

        (void)state;
        random_init(&random, 1);
        for (int i = 0; i < 20000; i++) {
                _cleanup_(str_done) struct str str = { 0 };
                int64_t ns = random_between(&random, -9214560000 * NS_PER_S, INT64_MAX), again = 0;

                str_add_time(&str, ns);
                assert_int_equal(str_to_time(str.text, &again, NULL), 0);
                assert_int_equal(again, ns);
        }
}

static void how_long_is_said_as_docker_says_it(void **state)
{
        static const struct {
                int64_t ns;
                const char *text;
        } rows[] = {
                { -5 * NS_PER_S, "Less than a second" },
                { 450 * NS_PER_MS, "Less than a second" },
                { NS_PER_S, "1 second" },
                { 47 * NS_PER_S, "47 seconds" },
                { NS_PER_MINUTE, "About a minute" },
                { 119 * NS_PER_S, "About a minute" },
                { 3 * NS_PER_MINUTE, "3 minutes" },
                { 59 * NS_PER_MINUTE, "59 minutes" },
                { NS_PER_HOUR, "About an hour" },
                { 89 * NS_PER_MINUTE, "About an hour" },
                { 90 * NS_PER_MINUTE, "2 hours" },
                { 47 * NS_PER_HOUR, "47 hours" },
                { 3 * NS_PER_DAY, "3 days" },
                { 14 * NS_PER_DAY, "2 weeks" },
                { 60 * NS_PER_DAY, "2 months" },
                { 729 * NS_PER_DAY, "24 months" },
                { 730 * NS_PER_DAY, "2 years" },
        };

        (void)state;
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                _cleanup_(str_done) struct str str = { 0 };

                str_add_human_duration(&str, rows[i].ns);
                assert_string_equal(str.text, rows[i].text);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(times_are_printed_without_trailing_zeros),
                cmocka_unit_test(times_are_read),
                cmocka_unit_test(what_is_no_time_is_refused),
                cmocka_unit_test(every_time_printed_is_read_back),
                cmocka_unit_test(how_long_is_said_as_docker_says_it),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
