/* A hash map from text to a pointer.
 *
 * Open addressing, grows by itself.  Keys are borrowed: they must live as long as their entry
 * (usually they are a field of the value).  Iteration order means nothing; whoever decides must
 * sort.
 *
 * The hash is the same in every run, so that runs can be replayed: who chooses keys can make them
 * collide.  Bound how many a stranger may add. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct map_slot;
struct map {
        struct map_slot *slots;
        size_t n, capacity, n_dead;
};

/* A zeroed struct is an empty map. */
void *map_find(const struct map *map, const char *key); /* NULL if absent */

/* Puts 'value' (not NULL) under 'key'; returns the value it replaced, or NULL.  The new key pointer
 * is kept. */
void *map_put(struct map *map, const char *key, void *value);

/* Takes the entry out and returns its value, NULL if absent. */
void *map_remove(struct map *map, const char *key);

/* Every value once: for (size_t at = 0; (v = map_next(map, &at));).  Removing the value just
 * returned is allowed. */
void *map_next(const struct map *map, size_t *at);

void map_done(struct map *map); /* frees the table, not the values */
