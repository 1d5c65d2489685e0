/* The arena, ownership, errors and the seeded generator. */
#include "tests/unit/test.h"

#include <stdint.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/mem.h"
#include "lib/base/random.h"
#include "lib/base/str.h"

static void arena_memory_is_zeroed_and_aligned(void **state)
{
        _cleanup_(arena_done) struct arena arena = { 0 };
        int n_wrong = 0;

        (void)state;
        for (int round = 0; round < 3; round++) {
                for (size_t size = 1; size < 3000; size += 7) {
                        unsigned char *memory = arena_alloc(&arena, size);

                        n_wrong += (uintptr_t)memory % 16 != 0;
                        n_wrong += memory[0] != 0 || memory[size - 1] != 0;
                        memset(memory, 0xff, size);
                }
                arena_clear(&arena);
        }
        assert_int_equal(n_wrong, 0);
}

static void an_arena_gives_more_than_a_block_at_once(void **state)
{
        _cleanup_(arena_done) struct arena arena = { 0 };
        char *memory = arena_alloc(&arena, 5000000);

        (void)state;
        memory[4999999] = 'x';
        assert_int_equal(arena.used_bytes, 5000000);
}

static void an_arena_formats_and_copies(void **state)
{
        _cleanup_(arena_done) struct arena arena = { 0 };

        (void)state;
        assert_string_equal(arena_printf(&arena, "%s-%d", "a", 7), "a-7");
        assert_string_equal(arena_strdup(&arena, "text"), "text");
        assert_null(arena_strdup(&arena, NULL));
        assert_memory_equal(arena_copy(&arena, "ab", 2), "ab", 2);
}

static void an_arena_is_usable_after_it_is_done(void **state)
{
        struct arena arena = { 0 };

        (void)state;
        arena_alloc(&arena, 10);
        arena_done(&arena);
        assert_string_equal(arena_strdup(&arena, "again"), "again");
        arena_done(&arena);
}

static void taking_leaves_nothing_behind(void **state)
{
        char *text = str_copy("x"), *taken = TAKE(text);
        int fd = 5, taken_fd = TAKE_FD(fd);

        (void)state;
        assert_null(text);
        assert_string_equal(taken, "x");
        assert_int_equal(fd, -1);
        assert_int_equal(taken_fd, 5);
        free(taken);
}

static void an_error_is_a_code_and_a_sentence(void **state)
{
        struct err err = { 0 };

        (void)state;
        assert_int_equal(err_set(&err, ERR_NOT_FOUND, "no network '%s'", "web"), ERR_NOT_FOUND);
        assert_int_equal(err_prefix(&err, "service '%s'", "db"), ERR_NOT_FOUND);
        assert_string_equal(err.text, "service 'db': no network 'web'");
}

static void an_error_without_a_place_is_still_a_code(void **state)
{
        (void)state;
        assert_int_equal(err_set(NULL, ERR_EXISTS, "x"), ERR_EXISTS);
}

static void a_long_error_is_cut_between_characters(void **state)
{
        int n_wrong = 0;

        (void)state;
        for (int n_ascii = 0; n_ascii < 4; n_ascii++) {
                _cleanup_(str_done) struct str text = { 0 };
                struct err err = { 0 };

                for (int i = 0; i < n_ascii; i++)
                        str_add_char(&text, 'x');
                for (int i = 0; i < 150; i++)
                        str_add(&text, "\xf0\x9f\x90\x9d");
                err_set(&err, ERR_INVALID, "%s", text.text);
                n_wrong += !str_is_utf8(err.text, strlen(err.text)) || strlen(err.text) < 476;
                err_prefix(&err, "%d\xe2\x82\xac", n_ascii);
                n_wrong += !str_is_utf8(err.text, strlen(err.text)) || strlen(err.text) < 476;
        }
        assert_int_equal(n_wrong, 0);
}

static void codes_have_the_names_grpc_gives_them(void **state)
{
        (void)state;
        assert_string_equal(err_code_name(ERR_OK), "OK");
        assert_string_equal(err_code_name(ERR_NOT_FOUND), "NotFound");
        assert_string_equal(err_code_name(ERR_UNAUTHENTICATED), "Unauthenticated");
        assert_string_equal(err_code_name(-17), "Unknown");
        assert_string_equal(err_code_name(1), "Unknown");
        assert_string_equal(err_code_name(INT32_MIN), "Unknown");
}

static void a_seed_gives_the_same_numbers_for_ever(void **state)
{
        struct random random;

        (void)state;
        random_init(&random, 1);
        assert_true(random_next(&random) == UINT64_C(0x4ff5bb8dee914928));
        assert_true(random_next(&random) == UINT64_C(0xf4bb636399efc448));
}

static void random_numbers_stay_within_their_limits(void **state)
{
        struct random random;
        int n_wrong = 0, n_least = 0, n_most = 0;

        (void)state;
        random_init(&random, 5);
        for (int i = 0; i < 10000; i++) {
                int64_t number = random_between(&random, -3, 3);

                n_wrong += number < -3 || number > 3;
                n_least += number == -3;
                n_most += number == 3;
                n_wrong += random_below(&random, 1) != 0;
                random_between(&random, INT64_MIN, INT64_MAX);
        }
        assert_int_equal(n_wrong, 0);
        assert_in_range(n_least, 1200, 1660);
        assert_in_range(n_most, 1200, 1660);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(arena_memory_is_zeroed_and_aligned),
                cmocka_unit_test(an_arena_gives_more_than_a_block_at_once),
                cmocka_unit_test(an_arena_formats_and_copies),
                cmocka_unit_test(an_arena_is_usable_after_it_is_done),
                cmocka_unit_test(taking_leaves_nothing_behind),
                cmocka_unit_test(an_error_is_a_code_and_a_sentence),
                cmocka_unit_test(an_error_without_a_place_is_still_a_code),
                cmocka_unit_test(a_long_error_is_cut_between_characters),
                cmocka_unit_test(codes_have_the_names_grpc_gives_them),
                cmocka_unit_test(a_seed_gives_the_same_numbers_for_ever),
                cmocka_unit_test(random_numbers_stay_within_their_limits),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
