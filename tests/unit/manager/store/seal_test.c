/* Seals. */
#include "tests/unit/test.h"

#include <string.h>

#include "lib/base/check.h"
#include "lib/base/mem.h"
#include "manager/store/seal.h"

static const uint8_t key[SEAL_KEY_SIZE] = "0123456789abcdef0123456789abcde";

struct fixture {
        struct seal_nonces nonces;
        struct seal *seal;
        struct str sealed, opened;
};

static int setup(void **state)
{
        struct fixture *f = mem_alloc(sizeof *f);

        seal_nonces_init(&f->nonces);
        f->seal = seal_new(key, &f->nonces);
        seal_close(f->seal, "place", 5, "a secret", 8, &f->sealed);
        *state = f;
        return 0;
}

static int teardown(void **state)
{
        struct fixture *f = *state;

        seal_free(f->seal);
        str_done(&f->sealed);
        str_done(&f->opened);
        free(f);
        return 0;
}

static int open_at(struct fixture *f, const char *place)
{
        return seal_open(f->seal, place, strlen(place), f->sealed.text, f->sealed.length,
                         &f->opened, NULL);
}

static void what_is_sealed_opens_at_its_place(void **state)
{
        struct fixture *f = *state;

        assert_int_equal(open_at(f, "place"), 0);
        assert_string_equal(f->opened.text, "a secret");
        assert_int_equal(f->sealed.length, 8 + SEAL_OVERHEAD);
        assert_null(memmem(f->sealed.text, f->sealed.length, "secret", 6));
}

static void it_does_not_open_elsewhere(void **state)
{
        struct fixture *f = *state;

        assert_int_equal(open_at(f, "other"), ERR_DATA_LOSS);
        assert_int_equal(f->opened.length, 0);
}

static void no_flipped_bit_goes_unseen(void **state)
{
        struct fixture *f = *state;

        for (size_t i = 0; i < f->sealed.length * 8; i++) {
                f->sealed.text[i / 8] ^= (char)(1 << i % 8);
                assert_int_equal(open_at(f, "place"), ERR_DATA_LOSS);
                f->sealed.text[i / 8] ^= (char)(1 << i % 8);
        }
}

static void what_is_cut_short_does_not_open(void **state)
{
        struct fixture *f = *state;

        while (f->sealed.length) {
                f->sealed.length--;
                assert_int_equal(open_at(f, "place"), ERR_DATA_LOSS);
        }
}

static void another_key_does_not_open_it(void **state)
{
        struct fixture *f = *state;

        seal_free(f->seal);
        f->seal = seal_new((const uint8_t *)"another key of 32 bytes.........", &f->nonces);
        assert_int_equal(open_at(f, "place"), ERR_DATA_LOSS);
}

static void the_same_is_never_sealed_the_same(void **state)
{
        struct fixture *f = *state;
        struct str again = { 0 };
        struct seal *other = seal_new(key, &f->nonces);

        seal_close(f->seal, "place", 5, "a secret", 8, &again);
        assert_memory_not_equal(again.text, f->sealed.text, 12);
        str_clear(&again);
        seal_close(other, "place", 5, "a secret", 8, &again);
        assert_memory_not_equal(again.text, f->sealed.text, 12);
        seal_free(other);
        str_done(&again);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                TEST(what_is_sealed_opens_at_its_place), TEST(it_does_not_open_elsewhere),
                TEST(no_flipped_bit_goes_unseen),        TEST(what_is_cut_short_does_not_open),
                TEST(another_key_does_not_open_it),      TEST(the_same_is_never_sealed_the_same),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
