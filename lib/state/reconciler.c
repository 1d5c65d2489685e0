/* A set of keys, the least first. */
#include "lib/state/reconciler.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/check.h"
#include "lib/base/mem.h"

struct reconcile_key {
        struct heap_node node;
        char text[RECONCILE_KEY_SIZE];
};

static bool is_before(const struct heap_node *a, const struct heap_node *b)
{
        return strcmp(container_of(a, const struct reconcile_key, node)->text,
                      container_of(b, const struct reconcile_key, node)->text) < 0;
}

void reconcile_keys_add(struct reconcile_keys *keys, const char *format, ...)
{
        char text[RECONCILE_KEY_SIZE];
        struct reconcile_key *key;
        va_list arguments;
        int length;

        va_start(arguments, format);
        length = vsnprintf(text, sizeof text, format, arguments);
        va_end(arguments);
        CHECK(length >= 0 && length < RECONCILE_KEY_SIZE);
        if (map_find(&keys->present, text))
                return;
        key = mem_alloc(sizeof *key);
        memcpy(key->text, text, sizeof text);
        keys->order.is_before = is_before;
        map_put(&keys->present, key->text, key);
        heap_add(&keys->order, &key->node);
}

bool reconcile_keys_is_empty(const struct reconcile_keys *keys)
{
        return !keys->order.n;
}

bool reconcile_keys_take(struct reconcile_keys *keys, char ret_key[static RECONCILE_KEY_SIZE])
{
        struct heap_node *first = heap_first(&keys->order);
        struct reconcile_key *key;

        if (!first)
                return false;
        key = container_of(first, struct reconcile_key, node);
        heap_remove(&keys->order, first);
        map_remove(&keys->present, key->text);
        memcpy(ret_key, key->text, RECONCILE_KEY_SIZE);
        free(key);
        return true;
}

void reconcile_keys_done(struct reconcile_keys *keys)
{
        char text[RECONCILE_KEY_SIZE];

        while (reconcile_keys_take(keys, text))
                ;
        map_done(&keys->present);
        heap_done(&keys->order);
}
