/* Room for important tasks. */
#include "manager/scheduler/hold.h"

#include <string.h>

#include "lib/state/task_life.h"

/* A node when all that was told to stop has stopped. */
struct future {
        struct placement_usage usage;
        bool differs; /* from the present */
};

struct placed {
        const struct cached_node *node;
        const struct cached_spec *spec;
};

void holds_init(struct holds *holds, const struct view *view, struct arena *arena)
{
        *holds = (struct holds){
                .view = view,
                .arena = arena,
                .placed = VEC_OF(struct placed),
        };
}

void holds_done(struct holds *holds)
{
        struct future *future;

        for (size_t at = 0; (future = map_next(&holds->futures, &at));)
                placement_usage_done(&future->usage);
        map_done(&holds->futures);
        vec_done(&holds->placed);
}

static void add(struct holds *holds, struct future *future, const struct cached_node *node,
                const struct cached_spec *spec)
{
        Sk__GenericResource **claims = NULL;
        size_t n_claims = 0;

        placement_claim(&spec->need, node->node, &future->usage, holds->arena, &claims, &n_claims);
        placement_usage_add(&future->usage, &spec->need, claims, n_claims);
}

static bool stops(const void *context, const Sk__Task *task)
{
        struct future *const *future = context;
        bool is_stopping = !task_is_wanted(task) && !task_is_over(task) &&
                           task_state(task) >= SK__TASK_STATE__TASK_ASSIGNED;

        (*future)->differs |= is_stopping;
        return is_stopping;
}

static struct future *future_of(struct holds *holds, const struct cached_node *node)
{
        struct future *future = map_find(&holds->futures, node->id);

        if (future)
                return future;
        future = arena_alloc(holds->arena, sizeof *future);
        placement_usage_init(&future->usage);
        placement_usage_read_without(&future->usage, holds->view, node->id, stops, &future);
        for (size_t i = 0; i < holds->placed.n; i++) {
                const struct placed *placed = vec_at(&holds->placed, i);

                if (placed->node == node)
                        add(holds, future, node, placed->spec);
        }
        map_put(&holds->futures, node->id, future);
        return future;
}

void holds_placed(struct holds *holds, const struct cached_node *node,
                  const struct cached_spec *spec)
{
        struct future *future = map_find(&holds->futures, node->id);

        if (future)
                add(holds, future, node, spec);
        vec_push(&holds->placed, &(struct placed){ node, spec });
}

void holds_keep(struct holds *holds, struct scheduler_cache *cache, struct cached_spec *spec,
                const Sk__Task *task)
{
        const char *own = task->definition->node_id;

        for (size_t i = 0; i < cache->order.n; i++) {
                struct cached_node *node = VEC_AT(&cache->order, struct cached_node *, i);
                struct future *future;

                if ((*own && strcmp(own, node->id) != 0) || !cache_suits(spec, node))
                        continue;
                future = future_of(holds, node);
                if (!future->differs ||
                    !placement_has_room(&spec->need, node->node, &future->usage))
                        continue;
                add(holds, future, node, spec);
                node->is_held = true;
                return;
        }
}
