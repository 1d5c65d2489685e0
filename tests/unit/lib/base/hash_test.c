/* The hash and the ids made of it: equal on every machine, for ever. */
#include "tests/unit/test.h"

#include <string.h>

#include "lib/base/check.h"
#include "lib/base/id.h"
#include "lib/base/str.h"

/* 00 01 02 ...: the input of the authors' test vectors; the answers come from OpenSSL. */
static const unsigned char counting[16] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };

static void the_hash_is_siphash_2_4(void **state)
{
        static const struct {
                size_t size;
                uint64_t hash;
        } rows[] = {
                { 0, 0x726fdb47dd0e0e31 },
                { 1, 0x74f839c593dc67fd },
                { 8, 0x93f5f5799a932462 },
                { 15, 0xa129ca6149be45e5 },
        };

        (void)state;
        for (size_t i = 0; i < COUNT_OF(rows); i++)
                assert_int_equal(hash_bytes(counting, rows[i].size), rows[i].hash);
}

static void the_long_hash_is_siphash_2_4_128(void **state)
{
        static const struct {
                size_t size;
                uint64_t hash[2];
        } rows[] = {
                { 0, { 0xe6a825ba047f81a3, 0x930255c71472f66d } },
                { 1, { 0x44af996bd8c187da, 0x45fc229b11597634 } },
                { 8, { 0x61f55862baa9623b, 0xb49714f364e2830f } },
                { 15, { 0x11a8b03399e99354, 0xd9c3cf970fec087e } },
        };
        uint64_t hash[2];

        (void)state;
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                hash_bytes_128(counting, rows[i].size, hash);
                assert_memory_equal(hash, rows[i].hash, sizeof hash);
        }
}

static void an_id_is_its_bits_in_base36(void **state)
{
        char id[ID_SIZE];

        (void)state;
        id_from_bits((const uint64_t[]){ 0, 0 }, id);
        assert_string_equal(id, "0000000000000000000000000");
        id_from_bits((const uint64_t[]){ 0, 36 * 36 + 35 }, id);
        assert_string_equal(id, "000000000000000000000010z");
        id_from_bits((const uint64_t[]){ UINT64_MAX, UINT64_MAX }, id);
        assert_string_equal(id, "f5lxx1zz5pnorynqglhzmsp33");
}

static void the_borders_of_parts_count(void **state)
{
        static const char *const lists[][4] = {
                { "ab", "c" }, { "a", "bc" }, { "abc" }, { "abc", "" },
                { "", "abc" }, { NULL },      { "" },
        };
        char ids[COUNT_OF(lists)][ID_SIZE];

        (void)state;
        for (size_t i = 0; i < COUNT_OF(lists); i++) {
                id_from_parts(lists[i], ids[i]);
                for (size_t j = 0; j < i; j++)
                        assert_string_not_equal(ids[i], ids[j]);
        }
}

static void a_task_id_depends_on_service_slot_and_generation(void **state)
{
        char id[ID_SIZE], other[ID_SIZE];

        (void)state;
        id_of_task("service", "1", 7, id);
        assert_true(id_is_valid(id));
        id_of_task("service", "1", 7, other);
        assert_string_equal(id, other);
        id_of_task("service", "1", 8, other);
        assert_string_not_equal(id, other);
        id_of_task("service", "2", 7, other);
        assert_string_not_equal(id, other);
        id_of_task("Service", "1", 7, other);
        assert_string_not_equal(id, other);
}

static void a_task_id_never_changes_between_releases(void **state)
{
        char id[ID_SIZE];

        (void)state;
        id_of_task("service", "1", 7, id);
        assert_string_equal(id, "3xwlaw5pqhsq6eh538h98aec7");
}

static void only_25_characters_of_base36_are_an_id(void **state)
{
        (void)state;
        assert_true(id_is_valid("f5lxx1zz5pnorynqglhzmsp33"));
        assert_false(id_is_valid("f5lxx1zz5pnorynqglhzmsp3"));
        assert_false(id_is_valid("f5lxx1zz5pnorynqglhzmsp333"));
        assert_false(id_is_valid("F5lxx1zz5pnorynqglhzmsp33"));
        assert_false(id_is_valid("f5lxx1zz5pnorynqglhzms-33"));
        assert_false(id_is_valid(""));
        assert_false(id_is_valid(NULL));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_hash_is_siphash_2_4),
                cmocka_unit_test(the_long_hash_is_siphash_2_4_128),
                cmocka_unit_test(an_id_is_its_bits_in_base36),
                cmocka_unit_test(the_borders_of_parts_count),
                cmocka_unit_test(a_task_id_depends_on_service_slot_and_generation),
                cmocka_unit_test(a_task_id_never_changes_between_releases),
                cmocka_unit_test(only_25_characters_of_base36_are_an_id),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
