/* Driving one loop over a world until it has nothing more to say. */
#include "tests/sim/cluster/settle.h"

#include <string.h>

#include "lib/base/check.h"

static void touch_object(struct world *world, const struct settle_options *options, Sk__Kind kind,
                         const struct object_head *object, uint64_t version,
                         struct reconcile_keys *keys)
{
        Sk__Part parts[OBJECT_PARTS_MAX], *list[OBJECT_PARTS_MAX];
        Sk__Event event = SK__EVENT__INIT;

        event.op = SK__EVENT__OP__PUT;
        event.kind = kind;
        event.id = object->id;
        event.parts = list;
        for (size_t i = 0; i < object_kind(kind)->n_parts; i++)
                if (object_part_version(object, i) > version) {
                        sk__part__init(&parts[event.n_parts]);
                        parts[event.n_parts].index = (uint32_t)i;
                        list[event.n_parts] = &parts[event.n_parts];
                        event.n_parts++;
                }
        if (event.n_parts)
                options->reconciler->touch(world->view, &event, options->config, keys);
}

void settle_touch_since(struct world *world, const struct settle_options *options, uint64_t version,
                        struct reconcile_keys *keys)
{
        for (int i = 0; i < OBJECT_KINDS; i++) {
                struct view_cursor cursor = { 0 };
                const struct object_head *object;

                while (object_kind((Sk__Kind)i) &&
                       (object = view_each(world->view, (Sk__Kind)i, &cursor)))
                        touch_object(world, options, (Sk__Kind)i, object, version, keys);
        }
}

void settle_touch_removed(struct world *world, const struct settle_options *options, Sk__Kind kind,
                          const char *id, struct reconcile_keys *keys)
{
        Sk__Event event = SK__EVENT__INIT;

        event.op = SK__EVENT__OP__REMOVE;
        event.kind = kind;
        event.id = id;
        options->reconciler->touch(world->view, &event, options->config, keys);
}

/* The greatest key: all are taken out, and the others put back. */
static bool take_greatest(struct reconcile_keys *keys, char ret_key[static RECONCILE_KEY_SIZE])
{
        struct reconcile_keys others = { 0 };
        bool has_one = false;

        for (char key[RECONCILE_KEY_SIZE]; reconcile_keys_take(keys, key); has_one = true) {
                if (has_one)
                        reconcile_keys_add(&others, "%s", ret_key);
                memcpy(ret_key, key, RECONCILE_KEY_SIZE);
        }
        reconcile_keys_done(keys);
        *keys = others;
        return has_one;
}

static void apply(struct world *world, const struct settle_options *options,
                  const struct plan *plan, const char *key, struct reconcile_keys *keys)
{
        struct applied applied = world_apply(world, plan);

        CHECK(applied.n_accepted == applied.n_groups);
        for (size_t i = 0; i < applied.n_events; i++)
                options->reconciler->touch(world->view, applied.events[i], options->config, keys);
        if (plan->wake_at <= view_now(world->view))
                reconcile_keys_add(keys, "%s", key);
}

size_t settle(struct world *world, const struct settle_options *options,
              struct reconcile_keys *keys)
{
        char key[RECONCILE_KEY_SIZE];
        size_t n_plans = 0;

        while (options->greatest_first ? take_greatest(keys, key)
                                       : reconcile_keys_take(keys, key)) {
                struct plan plan;

                plan_init(&plan);
                options->reconciler->decide(world->view, key, options->config, options->limit,
                                            &plan);
                CHECK(n_plans < 10000);
                if (!plan_is_empty(&plan)) {
                        n_plans++;
                        if (options->losing && random_below(options->losing, 4) == 0)
                                reconcile_keys_add(keys, "%s", key);
                        else
                                apply(world, options, &plan, key, keys);
                }
                plan_done(&plan);
        }
        return n_plans;
}

size_t settle_count_all(struct world *world, const struct settle_options *options)
{
        struct reconcile_keys keys = { 0 };
        char key[RECONCILE_KEY_SIZE];
        size_t n_changes = 0;

        options->reconciler->touch(world->view, NULL, options->config, &keys);
        while (reconcile_keys_take(&keys, key)) {
                struct plan plan;

                plan_init(&plan);
                options->reconciler->decide(world->view, key, options->config, 100000, &plan);
                n_changes += plan.n_changes;
                plan_done(&plan);
        }
        reconcile_keys_done(&keys);
        return n_changes;
}
