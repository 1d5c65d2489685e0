/* A hash map from text to a pointer: linear probing with tombstones. */
#include "lib/base/map.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/check.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

struct map_slot {
        const char *key; /* NULL: free or dead */
        void *value;     /* DEAD in a slot whose entry was removed */
        uint64_t hash;
};

static const char dead_mark;
#define DEAD ((void *)&dead_mark)

static struct map_slot *slot_find(const struct map *map, const char *key, uint64_t hash)
{
        size_t mask = map->capacity - 1;

        if (!map->n)
                return NULL;
        for (size_t i = hash & mask;; i = (i + 1) & mask) {
                struct map_slot *slot = &map->slots[i];

                if (!slot->key && !slot->value)
                        return NULL;
                if (slot->key && slot->hash == hash && strcmp(slot->key, key) == 0)
                        return slot;
        }
}

static void slot_insert(struct map *map, struct map_slot entry)
{
        size_t mask = map->capacity - 1, i = entry.hash & mask;

        while (map->slots[i].key)
                i = (i + 1) & mask;
        if (map->slots[i].value == DEAD)
                map->n_dead--;
        map->slots[i] = entry;
}

static void map_rebuild(struct map *map, size_t capacity)
{
        struct map old = *map;

        map->capacity = capacity;
        map->slots = mem_alloc_array(capacity, sizeof *map->slots);
        map->n_dead = 0;
        for (size_t i = 0; i < old.capacity; i++)
                if (old.slots[i].key)
                        slot_insert(map, old.slots[i]);
        free(old.slots);
}

void *map_find(const struct map *map, const char *key)
{
        /* Many are empty most of the time: that costs no hash. */
        struct map_slot *slot = map->n ? slot_find(map, key, hash_bytes(key, strlen(key))) : NULL;

        return slot ? slot->value : NULL;
}

void *map_put(struct map *map, const char *key, void *value)
{
        uint64_t hash = hash_bytes(key, strlen(key));
        struct map_slot *slot = slot_find(map, key, hash);
        void *before;

        CHECK(value);
        if (slot) {
                before = slot->value;
                slot->key = key;
                slot->value = value;
                return before;
        }
        if ((map->n + map->n_dead + 1) * 4 > map->capacity * 3)
                map_rebuild(map, map->n * 2 >= map->capacity / 2
                                         ? (map->capacity ? map->capacity * 2 : 16)
                                         : map->capacity);
        slot_insert(map, (struct map_slot){ .key = key, .value = value, .hash = hash });
        map->n++;
        return NULL;
}

void *map_remove(struct map *map, const char *key)
{
        struct map_slot *slot = slot_find(map, key, hash_bytes(key, strlen(key)));
        void *value;

        if (!slot)
                return NULL;
        value = slot->value;
        slot->key = NULL;
        slot->value = DEAD;
        map->n--;
        map->n_dead++;
        return value;
}

void *map_next(const struct map *map, size_t *at)
{
        while (*at < map->capacity) {
                const struct map_slot *slot = &map->slots[(*at)++];

                if (slot->key)
                        return slot->value;
        }
        return NULL;
}

void map_done(struct map *map)
{
        free(map->slots);
        *map = (struct map){ 0 };
}
