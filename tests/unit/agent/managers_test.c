/* Which manager is talked to next. */
#include "agent/managers.h"

#include "tests/unit/test.h"

#include "lib/base/mem.h"

static int setup(void **state)
{
        struct managers *managers = mem_alloc(sizeof *managers);

        managers_init(managers);
        managers_add_joined(managers, "join:1");
        *state = managers;
        return 0;
}

static int teardown(void **state)
{
        managers_done(*state);
        free(*state);
        return 0;
}

static const char *const TWO[] = { "a:1", "b:1" };

static void the_address_joined_by_is_the_first_to_try(void **state)
{
        assert_string_equal(managers_current(*state), "join:1");
}

static void every_manager_gets_its_turn(void **state)
{
        managers_set_told(*state, TWO, 2);
        managers_choose(*state, 0);
        assert_string_equal(managers_current(*state), "a:1");
        managers_next(*state);
        assert_string_equal(managers_current(*state), "b:1");
        managers_next(*state);
        assert_string_equal(managers_current(*state), "join:1");
        managers_next(*state);
        assert_string_equal(managers_current(*state), "a:1");
}

static void the_one_in_use_stays_in_use_when_others_are_told(void **state)
{
        managers_set_told(*state, TWO, 2);
        managers_choose(*state, 1);
        managers_set_told(*state, (const char *const[]){ "c:1", "a:1", "b:1" }, 3);
        assert_string_equal(managers_current(*state), "b:1");
}

static void the_same_told_again_is_no_change(void **state)
{
        assert_true(managers_set_told(*state, TWO, 2));
        assert_false(managers_set_told(*state, TWO, 2));
}

static void the_address_joined_by_outlives_what_is_told(void **state)
{
        managers_set_told(*state, TWO, 2);
        managers_set_told(*state, NULL, 0);
        assert_int_equal(managers_count(*state), 1);
        assert_string_equal(managers_current(*state), "join:1");
}

static void what_was_printed_can_be_read_back(void **state)
{
        struct managers again;
        struct str lines = {};

        managers_set_told(*state, TWO, 2);
        managers_print(*state, &lines);
        managers_init(&again);
        managers_parse(&again, lines.text);
        assert_int_equal(managers_count(&again), 3);
        assert_string_equal(managers_current(&again), "a:1");
        managers_done(&again);
        str_done(&lines);
}

static void lines_that_mean_nothing_are_skipped(void **state)
{
        struct managers again;

        (void)state;
        managers_init(&again);
        managers_parse(&again, "garbage\n\njoined \ntold x:1");
        assert_int_equal(managers_count(&again), 1);
        assert_string_equal(managers_current(&again), "x:1");
        managers_done(&again);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(the_address_joined_by_is_the_first_to_try),
                TEST(every_manager_gets_its_turn),
                TEST(the_one_in_use_stays_in_use_when_others_are_told),
                TEST(the_same_told_again_is_no_change),
                TEST(the_address_joined_by_outlives_what_is_told),
                TEST(what_was_printed_can_be_read_back),
                TEST(lines_that_mean_nothing_are_skipped),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
