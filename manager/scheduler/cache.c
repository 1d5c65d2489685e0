/* What the scheduler knows of nodes and specs. */
#include "manager/scheduler/cache.h"

#include <string.h>

#include "lib/base/str.h"

struct reservation {
        char task_id[ID_SIZE];
        struct cached_node *node;
};

struct failed_task {
        char id[ID_SIZE];
        struct cached_node *node;
};

struct scheduler_cache *scheduler_cache_new(void)
{
        struct scheduler_cache *cache = mem_alloc(sizeof *cache);

        cache->order = VEC_OF(struct cached_node *);
        cache->order_is_stale = true;
        return cache;
}

static void node_free(struct cached_node *node)
{
        placement_usage_done(&node->usage);
        free((char *)node->id);
        free(node);
}

static void spec_free(struct cached_spec *spec)
{
        if (!spec)
                return;
        arena_done(&spec->arena);
        vec_done(&spec->suits);
        free(spec);
}

void cache_clear(struct scheduler_cache *cache)
{
        void *entry;

        for (size_t at = 0; (entry = map_next(&cache->nodes, &at));)
                node_free(entry);
        for (size_t at = 0; (entry = map_next(&cache->specs, &at));)
                spec_free(entry);
        for (size_t at = 0; (entry = map_next(&cache->failed, &at));)
                free(entry);
        map_done(&cache->failed);
        map_done(&cache->nodes);
        map_done(&cache->specs);
        map_done(&cache->reserved);
        arena_done(&cache->reservations);
        vec_done(&cache->order);
        *cache = (struct scheduler_cache){
                .order = VEC_OF(struct cached_node *),
                .order_is_stale = true,
        };
}

void scheduler_cache_free(struct scheduler_cache *cache)
{
        if (!cache)
                return;
        cache_clear(cache);
        free(cache);
}

void cache_node_changed(struct scheduler_cache *cache, const char *node_id)
{
        struct cached_node *node = map_find(&cache->nodes, node_id);
        struct cached_spec *spec;

        cache->order_is_stale = true;
        if (!node)
                return;
        node->is_stale = true;
        for (size_t at = 0; (spec = map_next(&cache->specs, &at));)
                if (node->index < spec->suits.n)
                        VEC_AT(&spec->suits, int8_t, node->index) = -1;
}

void cache_usage_changed(struct scheduler_cache *cache, const char *node_id)
{
        struct cached_node *node = map_find(&cache->nodes, node_id);

        if (node)
                node->is_stale = true;
}

void cache_placement_seen(struct scheduler_cache *cache, const char *task_id, const char *node_id)
{
        struct reservation *reservation = map_remove(&cache->reserved, task_id);

        if (reservation && !strcmp(reservation->node->id, node_id))
                return;
        if (reservation)
                reservation->node->is_stale = true;
        cache_usage_changed(cache, node_id);
}

void cache_task_removed(struct scheduler_cache *cache, const char *task_id)
{
        struct failed_task *failed = map_remove(&cache->failed, task_id);

        if (failed)
                failed->node->is_stale = true;
        free(failed);
}

void cache_spec_removed(struct scheduler_cache *cache, const char *spec_id)
{
        spec_free(map_remove(&cache->specs, spec_id));
}

static struct cached_node *node_of(struct scheduler_cache *cache, const char *id)
{
        struct cached_node *node = map_find(&cache->nodes, id);

        if (node)
                return node;
        node = mem_alloc(sizeof *node);
        node->id = str_copy(id);
        node->index = cache->n_indexes++;
        node->hash = placement_hash(id);
        node->is_stale = true;
        placement_usage_init(&node->usage);
        map_put(&cache->nodes, node->id, node);
        return node;
}

static void read_order(struct scheduler_cache *cache, const struct view *view)
{
        struct view_cursor cursor = { 0 };
        const struct object_head *head;

        /* Nodes that left stay known, and forgotten with the rest once they are the most. */
        if (cache->nodes.n > 2 * view_count(view, SK__KIND__KIND_NODE) + 64)
                cache_clear(cache);
        vec_clear(&cache->order);
        while ((head = view_each(view, SK__KIND__KIND_NODE, &cursor))) {
                struct cached_node *node = node_of(cache, head->id);

                node->node = (const Sk__Node *)head;
                vec_push(&cache->order, &node);
        }
        cache->order_is_stale = false;
}

static void read_usage(struct scheduler_cache *cache, const struct view *view,
                       struct cached_node *node)
{
        placement_usage_read(&node->usage, view, node->id);
        node->is_stale = false;
        for (size_t i = 0; i < node->usage.failures.n; i++) {
                const struct usage_failure *failure = vec_at(&node->usage.failures, i);
                struct failed_task *failed;

                if (map_find(&cache->failed, failure->task_id))
                        continue;
                failed = mem_alloc(sizeof *failed);
                memcpy(failed->id, failure->task_id, ID_SIZE);
                failed->node = node;
                map_put(&cache->failed, failed->id, failed);
        }
}

void cache_refresh(struct scheduler_cache *cache, const struct view *view)
{
        struct reservation *reservation;

        if (cache->order_is_stale)
                read_order(cache, view);
        /* What was placed by the last plan and has not been seen was not accepted. */
        for (size_t at = 0; (reservation = map_next(&cache->reserved, &at));)
                reservation->node->is_stale = true;
        map_done(&cache->reserved);
        arena_clear(&cache->reservations);
        for (size_t i = 0; i < cache->order.n; i++) {
                struct cached_node *node = VEC_AT(&cache->order, struct cached_node *, i);

                node->is_held = false;
                if (node->is_stale)
                        read_usage(cache, view, node);
        }
}

struct cached_spec *cache_spec(struct scheduler_cache *cache, const struct view *view,
                               const Sk__Task *task)
{
        struct cached_spec *spec = map_find(&cache->specs, task->definition->spec_id);
        const Sk__ServiceSpecRevision *revision;

        if (spec)
                return spec;
        revision = view_task_spec(view, task);
        if (!revision)
                return NULL;
        spec = mem_alloc(sizeof *spec);
        spec->suits = VEC_OF(int8_t);
        placement_need_read(&spec->arena, view, task->definition->spec_id, revision, &spec->need);
        map_put(&cache->specs, spec->need.spec_id, spec);
        return spec;
}

bool cache_suits(struct cached_spec *spec, const struct cached_node *node)
{
        int8_t *suits;

        while (spec->suits.n <= node->index)
                vec_push(&spec->suits, &(int8_t){ -1 });
        suits = vec_at(&spec->suits, node->index);
        if (*suits < 0)
                *suits = placement_suits(&spec->need, node->node);
        return *suits;
}

void cache_reserve(struct scheduler_cache *cache, struct cached_node *node,
                   const struct cached_spec *spec, const char *task_id,
                   Sk__GenericResource *const *assigned, size_t n_assigned)
{
        struct reservation *reservation = arena_alloc(&cache->reservations, sizeof *reservation);

        strncpy(reservation->task_id, task_id, sizeof reservation->task_id - 1);
        reservation->node = node;
        map_put(&cache->reserved, reservation->task_id, reservation);
        placement_usage_add(&node->usage, &spec->need, assigned, n_assigned);
}
