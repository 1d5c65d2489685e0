/* An ordered set of pointers: a B+ tree whose inner nodes repeat the first entry of each child. */
#include "lib/state/order.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/check.h"
#include "lib/base/mem.h"

enum { NODE_ENTRIES = 64, LEAF_ENTRIES_LEAST = 4 };

struct order_entry {
        uint64_t rank;
        void *item;
};

struct order_node {
        struct order_node *next, *previous; /* of leaves */
        struct order_node **children;       /* NULL in a leaf */
        size_t n, capacity;
        struct order_entry entries[];
};

static struct order_node *leaf_new(size_t capacity)
{
        struct order_node *node = mem_alloc(sizeof *node + capacity * sizeof *node->entries);

        node->capacity = capacity;
        return node;
}

static struct order_node *inner_new(void)
{
        struct order_node *node = leaf_new(NODE_ENTRIES);

        node->children = mem_alloc_array(NODE_ENTRIES, sizeof(struct order_node *));
        return node;
}

static void node_free(struct order_node *node)
{
        free(node->children);
        free(node);
}

/* How many entries come before this rank and key? */
static size_t node_seek(const struct order_node *node, uint64_t rank, const void *key,
                        order_compare *compare)
{
        size_t low = 0, high = node->n;

        while (low < high) {
                size_t middle = (low + high) / 2;
                const struct order_entry *entry = &node->entries[middle];

                if (entry->rank < rank ||
                    (entry->rank == rank && compare && compare(key, entry->item) > 0))
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

/* The child in which this rank and key belongs. */
static size_t node_child(const struct order_node *node, uint64_t rank, const void *key,
                         order_compare *compare)
{
        size_t i = node_seek(node, rank, key, compare);

        if (i < node->n && node->entries[i].rank == rank && compare &&
            compare(key, node->entries[i].item) == 0)
                return i;
        return i ? i - 1 : 0;
}

static void node_insert(struct order_node *node, size_t i, struct order_entry entry,
                        struct order_node *child)
{
        CHECK(node->n < node->capacity);
        memmove(&node->entries[i + 1], &node->entries[i], (node->n - i) * sizeof entry);
        node->entries[i] = entry;
        if (child) {
                memmove(&node->children[i + 1], &node->children[i],
                        (node->n - i) * sizeof *node->children);
                node->children[i] = child;
        }
        node->n++;
}

static void node_take_out(struct order_node *node, size_t i)
{
        node->n--;
        memmove(&node->entries[i], &node->entries[i + 1], (node->n - i) * sizeof *node->entries);
        if (node->children)
                memmove(&node->children[i], &node->children[i + 1],
                        (node->n - i) * sizeof *node->children);
}

static void leaf_link_after(struct order_node *leaf, struct order_node *added)
{
        added->previous = leaf;
        added->next = leaf->next;
        if (added->next)
                added->next->previous = added;
        leaf->next = added;
}

static void leaf_unlink(struct order_node *leaf)
{
        if (leaf->previous)
                leaf->previous->next = leaf->next;
        if (leaf->next)
                leaf->next->previous = leaf->previous;
}

/* Moves the entries from 'at' on into a new node to the right. */
static struct order_node *node_split(struct order_node *node, size_t at)
{
        struct order_node *right = node->children ? inner_new() : leaf_new(NODE_ENTRIES);

        right->n = node->n - at;
        node->n = at;
        memcpy(right->entries, &node->entries[at], right->n * sizeof *node->entries);
        if (node->children)
                memcpy(right->children, &node->children[at], right->n * sizeof *node->children);
        else
                leaf_link_after(node, right);
        return right;
}

/* Inserts at i; returns the new right neighbour when that needed a split.  Items that come in order
 * fill their nodes. */
static struct order_node *node_insert_or_split(struct order_node *node, size_t i,
                                               struct order_entry entry, struct order_node *child)
{
        struct order_node *right;
        size_t at = i == node->n ? node->n : node->n / 2;

        if (node->n < node->capacity) {
                node_insert(node, i, entry, child);
                return NULL;
        }
        right = node_split(node, at);
        if (i >= at)
                node_insert(right, i - at, entry, child);
        else
                node_insert(node, i, entry, child);
        return right;
}

static struct order_node *node_add(struct order_node *node, order_compare *compare,
                                   struct order_entry entry)
{
        struct order_node *split;
        size_t i;

        if (!node->children) {
                i = node_seek(node, entry.rank, entry.item, compare);
                return node_insert_or_split(node, i, entry, NULL);
        }
        i = node_child(node, entry.rank, entry.item, compare);
        split = node_add(node->children[i], compare, entry);
        node->entries[i] = node->children[i]->entries[0];
        return split ? node_insert_or_split(node, i + 1, split->entries[0], split) : NULL;
}

/* The only leaf starts small and doubles, as most sets are small. */
static void root_make_room(struct order *order)
{
        struct order_node *root = order->root;

        if (!root) {
                order->root = leaf_new(LEAF_ENTRIES_LEAST);
        } else if (root->n == root->capacity && root->capacity < NODE_ENTRIES) {
                size_t capacity = root->capacity * 2;

                root = mem_resize(root, sizeof *root + capacity * sizeof *root->entries);
                root->capacity = capacity;
                order->root = root;
        }
}

void order_add(struct order *order, uint64_t rank, void *item)
{
        struct order_node *left, *right;

        root_make_room(order);
        left = order->root;
        right = node_add(left, order->compare, (struct order_entry){ .rank = rank, .item = item });
        order->n++;
        if (!right)
                return;
        order->root = inner_new();
        node_insert(order->root, 0, left->entries[0], left);
        node_insert(order->root, 1, right->entries[0], right);
}

/* Joins child i with the next one when half a node holds both. */
static void node_join(struct order_node *node, size_t i)
{
        struct order_node *left, *right;

        if (i + 1 >= node->n)
                return;
        left = node->children[i];
        right = node->children[i + 1];
        if (left->n + right->n > NODE_ENTRIES / 2)
                return;
        memcpy(&left->entries[left->n], right->entries, right->n * sizeof *right->entries);
        if (left->children)
                memcpy(&left->children[left->n], right->children,
                       right->n * sizeof *right->children);
        else
                leaf_unlink(right);
        left->n += right->n;
        node_free(right);
        node_take_out(node, i + 1);
}

static bool node_remove(struct order_node *node, order_compare *compare, uint64_t rank,
                        const void *item)
{
        struct order_node *child;
        size_t i;

        if (!node->children) {
                i = node_seek(node, rank, item, compare);
                if (i == node->n || node->entries[i].rank != rank ||
                    compare(item, node->entries[i].item) != 0)
                        return false;
                node_take_out(node, i);
                return true;
        }
        i = node_child(node, rank, item, compare);
        child = node->children[i];
        if (!node_remove(child, compare, rank, item))
                return false;
        if (child->n) {
                node->entries[i] = child->entries[0];
                node_join(node, i);
                if (i)
                        node_join(node, i - 1);
                return true;
        }
        if (!child->children)
                leaf_unlink(child);
        node_free(child);
        node_take_out(node, i);
        return true;
}

bool order_remove(struct order *order, uint64_t rank, const void *item)
{
        struct order_node *root = order->root;

        if (!root || !node_remove(root, order->compare, rank, item))
                return false;
        order->n--;
        while (root->children && root->n == 1) {
                order->root = root->children[0];
                node_free(root);
                root = order->root;
        }
        if (!root->n) {
                node_free(root);
                order->root = NULL;
        }
        return true;
}

static void tree_free(struct order_node *node)
{
        for (size_t i = 0; node->children && i < node->n; i++)
                tree_free(node->children[i]);
        node_free(node);
}

void order_done(struct order *order)
{
        if (order->root)
                tree_free(order->root);
        *order = ORDER_OF(order->compare);
}

static const struct order_node *first_leaf(const struct order_node *node)
{
        while (node && node->children)
                node = node->children[0];
        return node;
}

void *order_next(const struct order *order, struct order_cursor *cursor)
{
        if (!cursor->leaf)
                *cursor = (struct order_cursor){ .leaf = first_leaf(order->root) };
        if (!cursor->leaf)
                return NULL;
        if (cursor->i >= cursor->leaf->n && cursor->leaf->next)
                *cursor = (struct order_cursor){ .leaf = cursor->leaf->next };
        return cursor->i < cursor->leaf->n ? cursor->leaf->entries[cursor->i++].item : NULL;
}

void *order_before(struct order_cursor cursor)
{
        CHECK(cursor.leaf && cursor.i > 0);
        return cursor.leaf->entries[cursor.i - 1].item;
}

struct order_cursor order_seek(const struct order *order, uint64_t rank, const void *key,
                               order_compare *compare)
{
        const struct order_node *node = order->root;

        while (node && node->children)
                node = node->children[node_child(node, rank, key, compare)];
        if (!node)
                return (struct order_cursor){ 0 };
        return (struct order_cursor){ node, node_seek(node, rank, key, compare) };
}

void *order_last(const struct order *order)
{
        const struct order_node *node = order->root;

        while (node && node->children)
                node = node->children[node->n - 1];
        return node ? node->entries[node->n - 1].item : NULL;
}

uint64_t order_rank_of_text(const char *text)
{
        uint64_t rank = 0;

        for (int i = 0; i < 8; i++)
                rank = rank << 8 | (text && *text ? (unsigned char)*text++ : 0);
        return rank;
}

static bool is_before(const struct order *order, struct order_entry a, struct order_entry b)
{
        return a.rank < b.rank || (a.rank == b.rank && order->compare(a.item, b.item) < 0);
}

static bool node_is_sane(const struct order *order, const struct order_node *node)
{
        if (!node->n || node->n > node->capacity)
                return false;
        for (size_t i = 0; i + 1 < node->n; i++)
                if (!is_before(order, node->entries[i], node->entries[i + 1]))
                        return false;
        for (size_t i = 0; node->children && i < node->n; i++)
                if (!node_is_sane(order, node->children[i]) ||
                    node->entries[i].item != node->children[i]->entries[0].item ||
                    node->entries[i].rank != node->children[i]->entries[0].rank)
                        return false;
        return true;
}

bool order_check(const struct order *order)
{
        const struct order_node *previous = NULL;
        size_t n = 0;

        if (order->root && !node_is_sane(order, order->root))
                return false;
        for (const struct order_node *leaf = first_leaf(order->root); leaf; leaf = leaf->next) {
                if (leaf->previous != previous ||
                    (previous &&
                     !is_before(order, previous->entries[previous->n - 1], leaf->entries[0])))
                        return false;
                previous = leaf;
                n += leaf->n;
        }
        return n == order->n;
}
