/* A binary heap of intrusive nodes: the smallest first, any node removable in O(log n). */
#pragma once
#include <stdbool.h>
#include <stddef.h>

/* Embed one in what is to be ordered.  A zeroed node is in no heap. */
struct heap_node {
        size_t place; /* 1-based index in the heap; 0: in none */
};

struct heap {
        struct heap_node **nodes;
        size_t n, capacity;
        /* Must be a total order, or equal nodes come out in an order that means nothing. */
        bool (*is_before)(const struct heap_node *, const struct heap_node *);
};

void heap_add(struct heap *heap, struct heap_node *node);
void heap_remove(struct heap *heap, struct heap_node *node); /* no-op when it is in none */
void heap_moved(struct heap *heap, struct heap_node *node); /* its key changed: restore the order */
struct heap_node *heap_first(const struct heap *heap);      /* NULL when empty */
void heap_done(struct heap *heap);                          /* frees the array, not the nodes */
