/* When it is time, and what a timezone's clock shows. */
#include "lib/cron/cron.h"

#include <string.h>

#include "lib/base/time.h"
#include "tests/unit/test.h"

#define BERLIN "CET-1CEST,M3.5.0,M10.5.0/3"

static void assert_next(const char *text, const char *rule, const char *after, const char *expected)
{
        Sk__Zone table = SK__ZONE__INIT;
        struct str shown = { 0 };
        struct zone zone;
        struct cron cron;
        int64_t at;

        table.rule = rule;
        zone_init(&zone, rule ? &table : NULL);
        assert_int_equal(cron_parse(text, &cron, NULL), 0);
        assert_int_equal(str_to_time(after, &at, NULL), 0);
        str_add_time(&shown, cron_next(&cron, &zone, at));
        assert_string_equal(str_text(&shown), expected);
        str_done(&shown);
}

static void assert_refused(const char *text, const char *why)
{
        struct cron cron;
        struct err err;

        assert_int_equal(cron_parse(text, &cron, &err), ERR_INVALID);
        if (!strstr(err.text, why))
                fail_msg("'%s' is told of '%s', not '%s'", err.text, text, why);
}

static void fields_are_lists_of_numbers_ranges_steps_and_names(void **state)
{
        (void)state;
        assert_next("*/20 * * * *", NULL, "2026-11-20T10:20:00Z", "2026-11-20T10:40:00Z");
        assert_next("5,7-9 * * * *", NULL, "2026-11-20T10:07:30Z", "2026-11-20T10:08:00Z");
        assert_next("10-50/20 * * * *", NULL, "2026-11-20T10:30:00Z", "2026-11-20T10:50:00Z");
        assert_next("50/5 * * * *", NULL, "2026-11-20T10:55:00Z", "2026-11-20T11:50:00Z");
        assert_next("0 0 * JAN mon-fri", NULL, "2026-11-20T10:00:00Z", "2027-01-01T00:00:00Z");
        assert_next("0 0 * * 7", NULL, "2026-11-20T10:00:00Z", "2026-11-22T00:00:00Z");
        assert_next("  0\t0 1 * *  ", NULL, "2026-11-20T10:00:00Z", "2026-12-01T00:00:00Z");
        assert_next("@daily", NULL, "2026-11-20T10:00:00Z", "2026-11-21T00:00:00Z");
        assert_next("@Hourly", NULL, "2026-11-20T10:00:00Z", "2026-11-20T11:00:00Z");
}

static void when_both_days_are_given_either_will_do(void **state)
{
        (void)state;
        assert_next("0 0 13 * 5", NULL, "2026-11-10T00:00:00Z", "2026-11-13T00:00:00Z");
        assert_next("0 0 13 * 5", NULL, "2026-11-13T00:00:00Z", "2026-11-20T00:00:00Z");
        assert_next("0 0 13 * *", NULL, "2026-11-13T00:00:00Z", "2026-12-13T00:00:00Z");
        assert_next("0 0 */2 * 1", NULL, "2026-11-20T00:00:00Z", "2026-11-23T00:00:00Z");
}

static void the_leap_day_comes_when_there_is_one(void **state)
{
        (void)state;
        assert_next("0 0 29 2 *", NULL, "2026-11-20T00:00:00Z", "2028-02-29T00:00:00Z");
        assert_next("0 0 29 2 *", NULL, "2096-03-01T00:00:00Z", "2104-02-29T00:00:00Z");
        /* "*" and a step: a Sunday that is a leap day, too. */
        assert_next("0 0 29 2 */7", NULL, "2026-11-20T00:00:00Z", "2032-02-29T00:00:00Z");
        assert_next("0 0 29 2 */7", NULL, "2032-03-01T00:00:00Z", "2060-02-29T00:00:00Z");
        assert_next("0 0 29 2 */7", NULL, "2088-03-01T00:00:00Z", "2128-02-29T00:00:00Z");
        assert_next("* * 29 2 */7", BERLIN, "2032-03-01T00:00:00Z", "2060-02-28T23:00:00Z");
}

static void a_time_that_the_clock_leaves_out_is_the_end_of_the_gap(void **state)
{
        (void)state;
        assert_next("30 2 * * *", BERLIN, "2027-03-27T12:00:00Z", "2027-03-28T01:00:00Z");
        assert_next("30 2 * * *", BERLIN, "2027-03-28T01:00:00Z", "2027-03-29T00:30:00Z");
        assert_next("0,30 2 * * *", BERLIN, "2027-03-27T12:00:00Z", "2027-03-28T01:00:00Z");
        assert_next("0,30 2 * * *", BERLIN, "2027-03-28T01:00:00Z", "2027-03-29T00:00:00Z");
}

static void a_time_that_comes_twice_is_the_first_of_the_two(void **state)
{
        (void)state;
        assert_next("30 2 * * *", BERLIN, "2027-10-30T12:00:00Z", "2027-10-31T00:30:00Z");
        assert_next("30 2 * * *", BERLIN, "2027-10-31T00:30:00Z", "2027-11-01T01:30:00Z");
}

static void what_is_asked_for_every_hour_goes_by_the_hours_there_are(void **state)
{
        (void)state;
        assert_next("30 * * * *", BERLIN, "2027-10-31T00:30:00Z", "2027-10-31T01:30:00Z");
        assert_next("30 * * * *", BERLIN, "2027-03-28T00:30:00Z", "2027-03-28T01:30:00Z");
        assert_next("*/15 * * * *", BERLIN, "2027-10-31T00:45:00Z", "2027-10-31T01:00:00Z");
}

static void rules_are_read_as_posix_has_them(void **state)
{
        (void)state;
        assert_next("0 12 * * *", "<+0545>-5:45", "2026-11-20T00:00:00Z", "2026-11-20T06:15:00Z");
        assert_next("0 12 * * *", "EST5EDT,M3.2.0,M11.1.0", "2026-07-01T00:00:00Z",
                    "2026-07-01T16:00:00Z");
        assert_next("0 12 * * *", "AEST-10AEDT,M10.1.0,M4.1.0/3", "2026-12-31T12:00:00Z",
                    "2027-01-01T01:00:00Z");
        assert_next("0 12 * * *", "XXX3YYY,J60/0,J300/0", "2028-02-29T00:00:00Z",
                    "2028-02-29T15:00:00Z");
        assert_next("0 12 * * *", "XXX3YYY,J60/0,J300/0", "2028-03-01T00:00:00Z",
                    "2028-03-01T14:00:00Z");
}

static void what_is_wrong_is_told_by_field(void **state)
{
        (void)state;
        assert_refused("60 * * * *", "minute: 60 is not between 0 and 59");
        assert_refused("* 24 * * *", "hour: 24 is not");
        assert_refused("* * 0 * *", "day of the month: 0 is not");
        assert_refused("* * * foo *", "month: 'foo' is neither a number nor *");
        assert_refused("* * * * 8", "day of the week: 8 is not between 0 and 7");
        assert_refused("*/0 * * * *", "minute: a step is a number from 1 on");
        assert_refused("30-10 * * * *", "minute: the range 30-10 ends before it begins");
        assert_refused("1, * * * *", "minute: '' is neither");
        assert_refused("1x * * * *", "minute: 'x' is not understood");
        assert_refused("* * * *", "there are 4 fields");
        assert_refused("", "there are 0 fields");
        assert_refused("@reboot", "'@reboot' is none of");
}

static void what_would_never_run_is_refused(void **state)
{
        struct cron cron;

        (void)state;
        assert_refused("0 0 30 2 *", "would never run");
        assert_refused("0 0 31 4,6,9,11 *", "would never run");
        assert_int_equal(cron_parse("0 0 30 2 1", &cron, NULL), 0);
        assert_int_equal(cron_parse("0 0 31 4,5 *", &cron, NULL), 0);
}

static void put_32(uint8_t *at, int32_t number)
{
        for (int i = 0; i < 4; i++)
                at[i] = (uint8_t)((uint32_t)number >> (24 - 8 * i));
}

/* An empty first part, one change to +1 h at 2000000000, and a rule. */
static size_t make_file(uint8_t *file)
{
        static const char rule[] = "\nABC-1\n";
        uint8_t *second = file + 44 + 6;

        memset(file, 0, 256);
        memcpy(file, "TZif2", 5);
        put_32(file + 36, 1);
        memcpy(second, "TZif2", 5);
        put_32(second + 32, 1);
        put_32(second + 36, 2);
        put_32(second + 48, 2000000000);
        second[52] = 1;
        put_32(second + 53 + 6, 3600);
        memcpy(second + 65, rule, sizeof rule - 1);
        return (size_t)(second - file) + 65 + sizeof rule - 1;
}

static void files_of_the_timezone_database_are_read(void **state)
{
        struct arena arena = { 0 };
        struct zone zone;
        uint8_t file[256];
        Sk__Zone *table;
        size_t size = make_file(file);

        (void)state;
        assert_int_equal(zone_read(&arena, file, size, 0, &table, NULL), 0);
        zone_init(&zone, table);
        assert_int_equal(zone_offset(&zone, 1999999999), 0);
        assert_int_equal(zone_offset(&zone, 2000000000), 3600);
        assert_int_equal(zone_next_change(&zone, 0), 2000000000);
        assert_int_equal(zone_read(&arena, file, size, 2000000000, &table, NULL), 0);
        assert_int_equal(table->n_changes, 0);
        assert_int_equal(table->offset_s, 3600);
        for (size_t cut = 0; cut < size; cut++)
                assert_int_equal(zone_read(&arena, file, cut, 0, &table, NULL), ERR_INVALID);
        arena_done(&arena);
}

static void names_of_timezones_stay_in_their_folder(void **state)
{
        (void)state;
        assert_true(zone_name_is_valid("America/Argentina/Buenos_Aires"));
        assert_true(zone_name_is_valid("Etc/GMT+5"));
        assert_false(zone_name_is_valid("../../etc/passwd"));
        assert_false(zone_name_is_valid("/etc/passwd"));
        assert_false(zone_name_is_valid(""));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(fields_are_lists_of_numbers_ranges_steps_and_names),
                cmocka_unit_test(when_both_days_are_given_either_will_do),
                cmocka_unit_test(the_leap_day_comes_when_there_is_one),
                cmocka_unit_test(a_time_that_the_clock_leaves_out_is_the_end_of_the_gap),
                cmocka_unit_test(a_time_that_comes_twice_is_the_first_of_the_two),
                cmocka_unit_test(what_is_asked_for_every_hour_goes_by_the_hours_there_are),
                cmocka_unit_test(rules_are_read_as_posix_has_them),
                cmocka_unit_test(what_is_wrong_is_told_by_field),
                cmocka_unit_test(what_would_never_run_is_refused),
                cmocka_unit_test(files_of_the_timezone_database_are_read),
                cmocka_unit_test(names_of_timezones_stay_in_their_folder),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
