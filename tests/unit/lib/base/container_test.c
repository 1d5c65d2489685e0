/* Vectors, maps and heaps against the plainest thing that could be right. */
#include "tests/unit/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/check.h"
#include "lib/base/heap.h"
#include "lib/base/map.h"
#include "lib/base/mem.h"
#include "lib/base/random.h"
#include "lib/base/vec.h"

/* --- vec --- */

static struct vec numbers_up_to(int n)
{
        struct vec vec = VEC_OF(int);

        for (int i = 0; i < n; i++)
                vec_push(&vec, &i);
        return vec;
}

static void a_vector_holds_what_was_pushed(void **state)
{
        _cleanup_(vec_done) struct vec vec = numbers_up_to(1000);
        int n_right = 0;

        (void)state;
        for (int i = 0; i < 1000; i++)
                n_right += VEC_AT(&vec, int, (size_t)i) == i;
        assert_int_equal(n_right, 1000);
}

static void a_new_element_is_zeroed_also_where_one_was_before(void **state)
{
        _cleanup_(vec_done) struct vec vec = numbers_up_to(8);

        (void)state;
        vec_clear(&vec);
        assert_int_equal(*(int *)vec_add(&vec), 0);
        assert_int_equal(*(int *)vec_add(&vec), 0);
}

static void swap_remove_moves_the_last_into_the_hole(void **state)
{
        _cleanup_(vec_done) struct vec vec = numbers_up_to(4);

        (void)state;
        vec_swap_remove(&vec, 1);
        vec_swap_remove(&vec, 2);
        assert_int_equal(vec.n, 2);
        assert_memory_equal(vec.data, ((int[]){ 0, 3 }), 2 * sizeof(int));
}

static void pop_takes_the_last(void **state)
{
        _cleanup_(vec_done) struct vec vec = numbers_up_to(3);
        int last = 0;

        (void)state;
        vec_pop(&vec, &last);
        vec_pop(&vec, NULL);
        assert_int_equal(last, 2);
        assert_int_equal(vec.n, 1);
}

static int compare_down(const void *a, const void *b)
{
        return *(const int *)b - *(const int *)a;
}

static void a_vector_sorts(void **state)
{
        _cleanup_(vec_done) struct vec vec = numbers_up_to(4);

        (void)state;
        vec_sort(&vec, compare_down);
        assert_memory_equal(vec.data, ((int[]){ 3, 2, 1, 0 }), 4 * sizeof(int));
}

/* --- map --- */

enum { N_KEYS = 300 };

struct entry {
        char key[16];
        bool is_in;
};

static size_t count_entries(const struct map *map)
{
        size_t n = 0;

        for (size_t at = 0; map_next(map, &at);)
                n++;
        return n;
}

static void a_map_agrees_with_a_table_of_flags(void **state)
{
        _cleanup_(map_done) struct map map = { 0 };
        struct entry entries[N_KEYS] = { 0 };
        size_t n_in = 0, n_wrong = 0;
        struct random random;

        (void)state;
        random_init(&random, 7);
        for (size_t i = 0; i < N_KEYS; i++)
                snprintf(entries[i].key, sizeof entries[i].key, "key-%zu", i);
        for (int i = 0; i < 100000; i++) {
                struct entry *entry = &entries[random_below(&random, N_KEYS)];
                void *before = entry->is_in ? entry : NULL;

                n_wrong += map_find(&map, entry->key) != before;
                if (random_below(&random, 2))
                        n_wrong += map_put(&map, entry->key, entry) != before;
                else
                        n_wrong += map_remove(&map, entry->key) != before;
                n_in -= entry->is_in;
                entry->is_in = map_find(&map, entry->key) == entry;
                n_in += entry->is_in;
                n_wrong += map.n != n_in;
        }
        assert_int_equal(n_wrong, 0);
        assert_int_equal(count_entries(&map), n_in);
        assert_in_range(map.capacity, 0, 2048);
}

static void an_empty_map_finds_nothing(void **state)
{
        _cleanup_(map_done) struct map map = { 0 };

        (void)state;
        assert_null(map_find(&map, "x"));
        assert_null(map_remove(&map, "x"));
        assert_int_equal(count_entries(&map), 0);
}

static void a_key_is_replaced_with_its_value(void **state)
{
        _cleanup_(map_done) struct map map = { 0 };
        char first[] = "key", second[] = "key";

        (void)state;
        assert_null(map_put(&map, first, first));
        assert_ptr_equal(map_put(&map, second, second), first);
        memset(first, 'x', sizeof first - 1);
        assert_ptr_equal(map_find(&map, "key"), second);
        assert_int_equal(map.n, 1);
}

static void entries_may_be_removed_while_iterating(void **state)
{
        _cleanup_(map_done) struct map map = { 0 };
        struct entry entries[N_KEYS] = { 0 }, *entry;
        size_t n_seen = 0;

        (void)state;
        for (size_t i = 0; i < N_KEYS; i++) {
                snprintf(entries[i].key, sizeof entries[i].key, "key-%zu", i);
                map_put(&map, entries[i].key, &entries[i]);
        }
        for (size_t at = 0; (entry = map_next(&map, &at)); n_seen++)
                map_remove(&map, entry->key);
        assert_int_equal(n_seen, N_KEYS);
        assert_int_equal(map.n, 0);
}

/* --- heap --- */

struct item {
        struct heap_node node;
        int key;
};

static bool item_is_before(const struct heap_node *a, const struct heap_node *b)
{
        return container_of(a, struct item, node)->key < container_of(b, struct item, node)->key;
}

static bool is_least(const struct heap *heap, const struct item items[], size_t n)
{
        const struct heap_node *first = heap_first(heap);
        bool is_any_in = false;

        for (size_t i = 0; i < n; i++) {
                is_any_in |= items[i].node.place != 0;
                if (items[i].node.place && item_is_before(&items[i].node, first))
                        return false;
        }
        return is_any_in == (first != NULL);
}

static void the_first_of_a_heap_is_always_the_least(void **state)
{
        struct heap heap = { .is_before = item_is_before };
        struct item items[64] = { 0 };
        struct random random;
        int n_wrong = 0;

        (void)state;
        random_init(&random, 3);
        for (int i = 0; i < 50000; i++) {
                struct item *item = &items[random_below(&random, COUNT_OF(items))];
                bool is_in = item->node.place != 0;

                if (is_in && random_below(&random, 2)) {
                        heap_remove(&heap, &item->node);
                } else {
                        item->key = (int)random_below(&random, 1000);
                        if (is_in)
                                heap_moved(&heap, &item->node);
                        else
                                heap_add(&heap, &item->node);
                }
                n_wrong += !is_least(&heap, items, COUNT_OF(items));
        }
        assert_int_equal(n_wrong, 0);
        heap_done(&heap);
}

static void removing_what_is_in_no_heap_is_nothing(void **state)
{
        struct heap heap = { .is_before = item_is_before };
        struct item item = { 0 };

        (void)state;
        heap_remove(&heap, &item.node);
        assert_null(heap_first(&heap));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_vector_holds_what_was_pushed),
                cmocka_unit_test(a_new_element_is_zeroed_also_where_one_was_before),
                cmocka_unit_test(swap_remove_moves_the_last_into_the_hole),
                cmocka_unit_test(pop_takes_the_last),
                cmocka_unit_test(a_vector_sorts),
                cmocka_unit_test(a_map_agrees_with_a_table_of_flags),
                cmocka_unit_test(an_empty_map_finds_nothing),
                cmocka_unit_test(a_key_is_replaced_with_its_value),
                cmocka_unit_test(entries_may_be_removed_while_iterating),
                cmocka_unit_test(the_first_of_a_heap_is_always_the_least),
                cmocka_unit_test(removing_what_is_in_no_heap_is_nothing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
