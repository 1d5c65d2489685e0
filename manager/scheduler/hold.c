/* Room for important tasks. */
#include "manager/scheduler/hold.h"

#include <string.h>

#include "lib/state/task_life.h"

/* A node when all that was told to stop has stopped. */
struct future {
        struct placement_usage usage; /* not read when it does not differ */
        bool differs;                 /* from the present */
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
        (void)context;
        return !task_is_wanted(task) && !task_is_over(task) &&
               task_state(task) >= SK__TASK_STATE__TASK_ASSIGNED;
}

static bool somebody_stops(const struct view *view, const char *node_id)
{
        struct view_cursor cursor = { 0 };
        const Sk__Task *task;

        while ((task = view_each_node_task(view, node_id, &cursor)))
                if (stops(NULL, task))
                        return true;
        return false;
}

static struct future *future_of(struct holds *holds, const struct cached_node *node)
{
        struct future *future = map_find(&holds->futures, node->id);

        if (future)
                return future;
        future = arena_alloc(holds->arena, sizeof *future);
        placement_usage_init(&future->usage);
        future->differs = somebody_stops(holds->view, node->id);
        map_put(&holds->futures, node->id, future);
        if (!future->differs)
                return future;
        placement_usage_read_without(&future->usage, holds->view, node->id, stops, NULL);
        for (size_t i = 0; i < holds->placed.n; i++) {
                const struct placed *placed = vec_at(&holds->placed, i);

                if (placed->node == node)
                        add(holds, future, node, placed->spec);
        }
        return future;
}

void holds_placed(struct holds *holds, const struct cached_node *node,
                  const struct cached_spec *spec)
{
        struct future *future = map_find(&holds->futures, node->id);

        if (future && future->differs)
                add(holds, future, node, spec);
        vec_push(&holds->placed, &(struct placed){ node, spec });
}

bool holds_keep(struct holds *holds, struct cached_spec *spec, struct cached_node *node)
{
        struct future *future = cache_suits(spec, node) ? future_of(holds, node) : NULL;

        if (!future || !future->differs ||
            !placement_has_room(&spec->need, node->node, &future->usage))
                return false;
        add(holds, future, node, spec);
        node->is_held = true;
        return true;
}
