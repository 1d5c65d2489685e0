/* The ordered set, against a sorted array. */
#include "tests/unit/test.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/check.h"
#include "lib/base/random.h"
#include "lib/state/order.h"

enum { NUMBERS = 4000, STEPS = 60000 };

/* Ranks are shared by ten numbers each, so that both halves of the order count. */
static uint64_t rank_of(const int *number)
{
        return (uint64_t)*number / 10;
}

static int compare_numbers(const void *a, const void *b)
{
        return *(const int *)a - *(const int *)b;
}

struct numbers {
        int values[NUMBERS];
        bool is_in[NUMBERS];
        struct order order;
};

static int set_up(void **state)
{
        struct numbers *numbers = calloc(1, sizeof *numbers);

        for (int i = 0; i < NUMBERS; i++)
                numbers->values[i] = i;
        numbers->order = ORDER_OF(compare_numbers);
        *state = numbers;
        return 0;
}

static int tear_down(void **state)
{
        struct numbers *numbers = *state;

        order_done(&numbers->order);
        free(numbers);
        return 0;
}

static void add(struct numbers *numbers, int i)
{
        order_add(&numbers->order, rank_of(&numbers->values[i]), &numbers->values[i]);
        numbers->is_in[i] = true;
}

static bool take_out(struct numbers *numbers, int i)
{
        numbers->is_in[i] = false;
        return order_remove(&numbers->order, rank_of(&numbers->values[i]), &numbers->values[i]);
}

static void assert_holds_what_it_should(struct numbers *numbers)
{
        struct order_cursor cursor = { 0 };
        int *last = NULL;

        assert_true(order_check(&numbers->order));
        for (int i = 0; i < NUMBERS; i++)
                if (numbers->is_in[i]) {
                        last = &numbers->values[i];
                        assert_ptr_equal(order_next(&numbers->order, &cursor), last);
                }
        assert_null(order_next(&numbers->order, &cursor));
        assert_null(order_next(&numbers->order, &cursor));
        assert_ptr_equal(order_last(&numbers->order), last);
}

static void an_empty_set_has_nothing(void **state)
{
        struct numbers *numbers = *state;

        assert_holds_what_it_should(numbers);
        assert_false(take_out(numbers, 3));
}

static void any_history_of_adding_and_removing_keeps_the_order(void **state)
{
        struct numbers *numbers = *state;
        struct random random;

        random_init(&random, 7);
        for (int step = 0; step < STEPS; step++) {
                int i = (int)random_below(&random, NUMBERS);
                bool grows = (step / 10000) % 2 == 0;

                if (!numbers->is_in[i] && (grows || random_below(&random, 8) == 0))
                        add(numbers, i);
                else if (numbers->is_in[i] && (!grows || random_below(&random, 8) == 0))
                        assert_true(take_out(numbers, i));
                if (step % 1000 == 0)
                        assert_holds_what_it_should(numbers);
        }
        for (int i = 0; i < NUMBERS; i++)
                if (numbers->is_in[i])
                        assert_true(take_out(numbers, i));
        assert_holds_what_it_should(numbers);
}

static void items_may_come_in_order_and_leave_from_either_end(void **state)
{
        struct numbers *numbers = *state;

        for (int i = 0; i < NUMBERS; i++)
                add(numbers, i);
        assert_holds_what_it_should(numbers);
        for (int i = 0; i < NUMBERS / 2; i++)
                assert_true(take_out(numbers, i));
        assert_holds_what_it_should(numbers);
        for (int i = NUMBERS - 1; i >= NUMBERS / 2; i--)
                assert_true(take_out(numbers, i));
        assert_holds_what_it_should(numbers);
        for (int i = NUMBERS - 1; i >= 0; i--)
                add(numbers, i);
        assert_holds_what_it_should(numbers);
}

static void seeking_finds_the_first_that_is_not_before(void **state)
{
        struct numbers *numbers = *state;

        for (int i = 0; i < NUMBERS; i += 3)
                add(numbers, i);
        for (int i = 0; i < NUMBERS - 3; i++) {
                struct order_cursor cursor =
                        order_seek(&numbers->order, rank_of(&numbers->values[i]), &i,
                                   compare_numbers);

                assert_int_equal(*(int *)order_next(&numbers->order, &cursor), (i + 2) / 3 * 3);
                assert_int_equal(*(int *)order_before(cursor), (i + 2) / 3 * 3);
        }
}

static void seeking_a_rank_finds_the_first_of_it(void **state)
{
        struct numbers *numbers = *state;

        for (int i = 0; i < NUMBERS; i++)
                add(numbers, i);
        for (int i = 0; i < NUMBERS; i += 10) {
                struct order_cursor cursor =
                        order_seek(&numbers->order, (uint64_t)i / 10, NULL, NULL);

                assert_int_equal(*(int *)order_next(&numbers->order, &cursor), i);
        }
}

static void what_is_not_in_is_not_removed(void **state)
{
        struct numbers *numbers = *state;

        for (int i = 0; i < NUMBERS; i += 2)
                add(numbers, i);
        for (int i = 1; i < NUMBERS; i += 2)
                assert_false(take_out(numbers, i));
        assert_holds_what_it_should(numbers);
}

static void ranks_of_texts_order_like_the_texts(void **state)
{
        static const char *const texts[] = { "", "1", "a", "aa", "ab", "b", "bcdefgh" };

        (void)state;
        for (size_t i = 0; i + 1 < COUNT_OF(texts); i++)
                assert_true(order_rank_of_text(texts[i]) < order_rank_of_text(texts[i + 1]));
        assert_true(order_rank_of_text("12345678a") == order_rank_of_text("12345678b"));
        assert_true(order_rank_of_text(NULL) == order_rank_of_text(""));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(an_empty_set_has_nothing),
                TEST(any_history_of_adding_and_removing_keeps_the_order),
                TEST(items_may_come_in_order_and_leave_from_either_end),
                TEST(seeking_finds_the_first_that_is_not_before),
                TEST(seeking_a_rank_finds_the_first_of_it),
                TEST(what_is_not_in_is_not_removed),
                TEST(ranks_of_texts_order_like_the_texts),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
