/* Points in time as people type them. */
#include "cli/when.h"

#include "lib/base/time.h"
#include "tests/unit/cli/objects.h"
#include "tests/unit/test.h"

static void means(const char *text, int64_t expected)
{
        struct err err;
        int64_t ns = -1;

        assert_int_equal(when_parse(text, NOW_NS, &ns, &err), 0);
        assert_int_equal(ns, expected);
}

static void a_duration_is_that_long_ago(void **state)
{
        (void)state;
        means("42m", NOW_NS - 42 * NS_PER_MINUTE);
}

static void a_timestamp_is_itself(void **state)
{
        (void)state;
        means("2025-11-20T05:45:30Z", NOW_NS);
        means("2025-11-20T06:45:30+01:00", NOW_NS);
}

static void a_number_counts_seconds_since_the_epoch(void **state)
{
        (void)state;
        means("1763617530", NOW_NS);
        means("1.5", NS_PER_S + NS_PER_S / 2);
}

static void nothing_typed_is_no_limit(void **state)
{
        (void)state;
        means(NULL, 0);
        means("", 0);
}

static void other_words_are_refused(void **state)
{
        struct err err;
        int64_t ns;

        (void)state;
        assert_int_equal(when_parse("yesterday", NOW_NS, &ns, &err), ERR_INVALID);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_duration_is_that_long_ago),
                cmocka_unit_test(a_timestamp_is_itself),
                cmocka_unit_test(a_number_counts_seconds_since_the_epoch),
                cmocka_unit_test(nothing_typed_is_no_limit),
                cmocka_unit_test(other_words_are_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
