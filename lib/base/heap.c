/* A binary heap of intrusive nodes. */
#include "lib/base/heap.h"

#include <stdlib.h>

#include "lib/base/check.h"
#include "lib/base/mem.h"

static void place(struct heap *heap, size_t at, struct heap_node *node)
{
        heap->nodes[at - 1] = node;
        node->place = at;
}

static size_t sift_up(struct heap *heap, struct heap_node *node, size_t at)
{
        while (at > 1 && heap->is_before(node, heap->nodes[at / 2 - 1])) {
                place(heap, at, heap->nodes[at / 2 - 1]);
                at /= 2;
        }
        place(heap, at, node);
        return at;
}

static void sift_down(struct heap *heap, struct heap_node *node, size_t at)
{
        for (;;) {
                size_t child = at * 2;

                if (child > heap->n)
                        break;
                if (child < heap->n && heap->is_before(heap->nodes[child], heap->nodes[child - 1]))
                        child++;
                if (!heap->is_before(heap->nodes[child - 1], node))
                        break;
                place(heap, at, heap->nodes[child - 1]);
                at = child;
        }
        place(heap, at, node);
}

void heap_add(struct heap *heap, struct heap_node *node)
{
        CHECK(!node->place);
        if (heap->n == heap->capacity) {
                heap->capacity = heap->capacity ? heap->capacity * 2 : 16;
                heap->nodes = mem_resize_array(heap->nodes, heap->capacity, sizeof *heap->nodes);
        }
        heap->n++;
        sift_up(heap, node, heap->n);
}

void heap_moved(struct heap *heap, struct heap_node *node)
{
        CHECK(node->place && node->place <= heap->n);
        if (sift_up(heap, node, node->place) == node->place)
                sift_down(heap, node, node->place);
}

void heap_remove(struct heap *heap, struct heap_node *node)
{
        size_t at = node->place;
        struct heap_node *last;

        if (!at)
                return;
        last = heap->nodes[heap->n - 1];
        heap->n--;
        node->place = 0;
        if (last == node)
                return;
        last->place = at;
        heap->nodes[at - 1] = last;
        heap_moved(heap, last);
}

struct heap_node *heap_first(const struct heap *heap)
{
        return heap->n ? heap->nodes[0] : NULL;
}

void heap_done(struct heap *heap)
{
        free(heap->nodes);
        heap->nodes = NULL;
        heap->n = heap->capacity = 0;
}
