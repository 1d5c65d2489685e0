/* The memory of answers. */
#include "tests/unit/test.h"

#include <stdio.h>

#include "lib/base/mem.h"
#include "manager/store/answers.h"

static struct answers *many(uint64_t n)
{
        struct answers *answers = mem_alloc(sizeof *answers);
        char id[32];

        for (uint64_t i = 1; i <= n; i++) {
                snprintf(id, sizeof id, "request%llu", (unsigned long long)i);
                answers_add(answers, id, (const uint8_t *)&i, sizeof i);
        }
        return answers;
}

static void finish(struct answers *answers)
{
        answers_done(answers);
        free(answers);
}

static void the_last_are_remembered_and_older_ones_forgotten(void **state)
{
        struct answers *answers = many(ANSWERS_MAX + 5);

        (void)state;
        assert_null(answers_find(answers, "request5"));
        assert_non_null(answers_find(answers, "request6"));
        assert_int_equal(answers_find(answers, "request6")->number, 6);
        finish(answers);
}

static void large_answers_push_out_more(void **state)
{
        struct answers *answers = many(3);
        void *large = mem_alloc(ANSWERS_BYTES_MAX - 2 * sizeof(uint64_t));

        (void)state;
        answers_add(answers, "large", large, ANSWERS_BYTES_MAX - 2 * sizeof(uint64_t));
        assert_null(answers_find(answers, "request1"));
        assert_non_null(answers_find(answers, "request2"));
        free(large);
        finish(answers);
}

static void what_was_on_disk_comes_back_in_any_order(void **state)
{
        struct answers *answers = mem_alloc(sizeof *answers);

        (void)state;
        answers_load(answers, 9, "same", (const uint8_t *)"new", 3);
        answers_load(answers, 7, "same", (const uint8_t *)"old", 3);
        answers_load(answers, 8, "other", (const uint8_t *)"old", 3);
        answers_load(answers, 10, "other", (const uint8_t *)"new", 3);
        answers_loaded(answers);
        assert_memory_equal(answers_find(answers, "same")->data, "new", 3);
        assert_memory_equal(answers_find(answers, "other")->data, "new", 3);
        assert_int_equal(answers->last, 10);
        assert_int_equal(answers->first, 7);
        finish(answers);
}

static void what_was_forgotten_does_not_come_back_from_disk(void **state)
{
        struct answers *answers = mem_alloc(sizeof *answers);
        void *large = mem_alloc(ANSWERS_BYTES_MAX);

        (void)state;
        answers_load(answers, 1, "small", (const uint8_t *)"x", 1);
        answers_load(answers, 2, "large", large, ANSWERS_BYTES_MAX);
        answers_loaded(answers);
        assert_null(answers_find(answers, "small"));
        assert_non_null(answers_find(answers, "large"));
        free(large);
        finish(answers);
}

static void load(struct answers *answers, uint64_t number)
{
        char id[32];

        snprintf(id, sizeof id, "request%llu", (unsigned long long)number);
        answers_load(answers, number, id, NULL, 0);
}

/* Equal on every replica, also on one that was restarted. */
static void what_a_slot_on_disk_kept_costs_no_newer_answer(void **state)
{
        struct answers *answers = mem_alloc(sizeof *answers);

        (void)state;
        for (uint64_t i = ANSWERS_MAX + 101; i <= ANSWERS_MAX + 150; i++)
                load(answers, i);
        load(answers, 100);
        answers_loaded(answers);
        assert_null(answers_find(answers, "request100"));
        for (uint64_t i = ANSWERS_MAX + 101; i <= ANSWERS_MAX + 150; i++)
                assert_non_null(answers_at(answers, i));
        finish(answers);
}

static void a_number_far_from_the_others_is_no_endless_way(void **state)
{
        struct answers *answers = mem_alloc(sizeof *answers);

        (void)state;
        load(answers, 1);
        load(answers, UINT64_MAX - 1);
        answers_loaded(answers);
        assert_null(answers_find(answers, "request1"));
        assert_int_equal(answers->last - answers->first, ANSWERS_MAX - 1);
        finish(answers);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_last_are_remembered_and_older_ones_forgotten),
                cmocka_unit_test(large_answers_push_out_more),
                cmocka_unit_test(what_was_on_disk_comes_back_in_any_order),
                cmocka_unit_test(what_was_forgotten_does_not_come_back_from_disk),
                cmocka_unit_test(what_a_slot_on_disk_kept_costs_no_newer_answer),
                cmocka_unit_test(a_number_far_from_the_others_is_no_endless_way),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
