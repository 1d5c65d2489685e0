/* Which news concerns the scheduler, and what of it the cache has to know. */
#include "lib/base/check.h"
#include "lib/state/task_life.h"
#include "manager/scheduler/cache.h"

static bool has_part(const Sk__Event *event, size_t part)
{
        for (size_t i = 0; i < event->n_parts; i++)
                if (event->parts[i]->index == part)
                        return true;
        return false;
}

static void tell_cache(struct scheduler_cache *cache, const Sk__Event *event, const Sk__Task *task)
{
        const char *node_id = task_node(task);

        if (has_part(event, PART_TASK_placement) && *task->placement->node_id)
                cache_placement_seen(cache, task->id, node_id);
        if (*node_id &&
            has_part(event, task_is_over(task) ? PART_TASK_status : PART_TASK_definition))
                cache_usage_changed(cache, node_id);
}

/* True when tasks may have to be placed, or may fit now. */
static bool touch_by_task(const struct view *view, const Sk__Event *event,
                          struct scheduler_cache *cache)
{
        const Sk__Task *task = view_task(view, event->id);

        /* Only what is over, or on a node that is away, is removed: nothing becomes free. */
        if (!task && cache)
                cache_task_removed(cache, event->id);
        if (!task || !task->definition)
                return false;
        if (cache)
                tell_cache(cache, event, task);
        return task_is_over(task) || has_part(event, PART_TASK_definition) ||
               (view_task_waits(task) && has_part(event, PART_TASK_allocation));
}

static bool concerns(const struct view *view, const Sk__Event *event, struct scheduler_cache *cache)
{
        switch (event->kind) {
        case SK__KIND__KIND_TASK:
                return touch_by_task(view, event, cache);
        case SK__KIND__KIND_NODE:
                if (cache)
                        cache_node_changed(cache, event->id);
                return true;
        case SK__KIND__KIND_SERVICE_SPEC:
                if (cache && event->op == SK__EVENT__OP__REMOVE)
                        cache_spec_removed(cache, event->id);
                return event->op != SK__EVENT__OP__REMOVE;
        case SK__KIND__KIND_NETWORK:
                /* A spec's need names the drivers of its networks. */
                if (cache)
                        cache_clear(cache);
                return true;
        default:
                return true;
        }
}

void scheduler_touch(const struct view *view, const Sk__Event *event, const void *config,
                     struct reconcile_keys *ret_touched)
{
        const struct scheduler_config *settings = config;
        struct scheduler_cache *cache = settings ? settings->cache : NULL;

        if (!event && cache)
                cache_clear(cache);
        if (!event || concerns(view, event, cache))
                reconcile_keys_add(ret_touched, "pending");
}
