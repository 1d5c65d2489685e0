/* An ordered set of pointers: a B+ tree.
 *
 * Items are ordered by a rank (a number kept beside the pointer, so that most steps of a search
 * touch no item) and, where ranks are equal, by 'compare', which together must be a total order.
 * What an item is ordered by must not change while it is in. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Less than, equal to or greater than 0 as 'key' comes before, is, or comes after 'item'. */
typedef int order_compare(const void *key, const void *item);

struct order_node;
struct order {
        struct order_node *root;
        order_compare *compare; /* both arguments are items */
        size_t n;
};

#define ORDER_OF(compare_) ((struct order){ .compare = (compare_) })

/* The item must not be in the set yet. */
void order_add(struct order *order, uint64_t rank, void *item);

/* Takes out the item that compares equal; false when there is none. */
bool order_remove(struct order *order, uint64_t rank, const void *item);
void order_done(struct order *order);

/* A place in the set, between two items.  Zeroed: before the first.  Valid until the set changes.
 */
struct order_cursor {
        const struct order_node *leaf;
        size_t i;
};

/* The item after the place, NULL at the end; the place moves behind it.  Behind an item, 'order'
 * may be NULL: the place knows. */
void *order_next(const struct order *order, struct order_cursor *cursor);

/* The item before the place, which must not be the first one of all. */
void *order_before(struct order_cursor cursor);

/* The place before the first item of at least this rank and key; with 'compare' NULL, of at least
 * this rank. */
struct order_cursor order_seek(const struct order *order, uint64_t rank, const void *key,
                               order_compare *compare);

/* NULL when the set is empty. */
void *order_last(const struct order *order);

/* The first 8 characters as a number that orders like the text; the rest of the order is up to
 * strcmp. */
uint64_t order_rank_of_text(const char *text);

/* Is everything sorted and linked as it should be?  For tests. */
bool order_check(const struct order *order);
