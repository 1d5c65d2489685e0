/* What the scheduler keeps to on any view. */
#include "tests/unit/test.h"

#include <string.h>

#include "lib/base/time.h"
#include "lib/state/task_life.h"
#include "manager/scheduler/scheduler.h"
#include "tests/sim/cluster/random_world.h"
#include "tests/sim/cluster/settle.h"
#include "tests/unit/manager/scheduler/oracle.h"

enum { SEEDS = 60, LIMIT = 100000 };

static const struct random_options waiting = {
        .n_nodes = 12, .n_services = 6, .n_slots = 8, .all_waiting = true
};

static void plan_of(struct world *world, struct scheduler_cache *cache, size_t limit,
                    struct plan *ret_plan)
{
        struct scheduler_config config = { .cache = cache };

        plan_init(ret_plan);
        scheduler.decide(world->view, "pending", &config, limit, ret_plan);
}

/* What the plan says of a task; NULL: nothing. */
static const Sk__TaskPlacement *placement_in(const struct plan *plan, const char *task_id)
{
        for (size_t g = 0; g < plan->groups.n; g++) {
                const struct plan_group *group = vec_at(&plan->groups, g);
                const struct plan_change *change = vec_at(&group->changes, 0);

                if (!strcmp(change->id, task_id))
                        return (const Sk__TaskPlacement *)change->parts[PART_TASK_placement];
        }
        return NULL;
}

static void places_as_the_oracle_does(void **state)
{
        (void)state;
        for (uint64_t seed = 1; seed <= SEEDS; seed++) {
                struct oracle_placement *wanted;
                struct random random;
                struct world world;
                struct plan plan;
                size_t n;

                random_init(&random, seed);
                world_init(&world);
                random_world(&world, &random, &waiting);
                plan_of(&world, NULL, LIMIT, &plan);
                wanted = oracle_place_all(&world, &n);
                assert_int_equal(plan.groups.n, n);
                for (size_t i = 0; i < n; i++) {
                        const Sk__TaskPlacement *got = placement_in(&plan, wanted[i].task_id);

                        assert_non_null(got);
                        assert_string_equal(got->node_id, wanted[i].node_id);
                        assert_string_equal(got->explanation, wanted[i].explanation);
                }
                plan_done(&plan);
                world_done(&world);
        }
}

static bool plans_are_equal(const struct plan *a, const struct plan *b)
{
        struct arena arena = { 0 };
        bool equal = message_equal(&plan_pack(a, &arena)->base, &plan_pack(b, &arena)->base);

        arena_done(&arena);
        return equal;
}

/* Tells the cache what was applied, as the shell does. */
static void apply_and_touch(struct world *world, const struct plan *plan,
                            struct scheduler_cache *cache)
{
        struct scheduler_config config = { .cache = cache };
        struct applied applied = world_apply(world, plan);
        struct reconcile_keys keys = { 0 };

        for (size_t i = 0; i < applied.n_events; i++)
                scheduler.touch(world->view, applied.events[i], &config, &keys);
        reconcile_keys_done(&keys);
}

static void a_kept_cache_changes_nothing(void **state)
{
        (void)state;
        for (uint64_t seed = 1; seed <= SEEDS; seed++) {
                _cleanup_(scheduler_cache_freep) struct scheduler_cache *cache =
                        scheduler_cache_new();
                struct scheduler_config config = { .cache = cache };
                struct settle_options options = { .reconciler = &scheduler, .config = &config };
                struct reconcile_keys keys = { 0 };
                struct random random;
                struct world world;

                random_init(&random, seed);
                world_init(&world);
                random_world(&world, &random,
                             &(struct random_options){
                                     .n_nodes = 8, .n_services = 5, .n_slots = 6 });
                for (int turn = 0; turn < 30; turn++) {
                        struct plan kept, fresh;
                        uint64_t version;

                        plan_of(&world, cache, 7, &kept);
                        plan_of(&world, NULL, 7, &fresh);
                        assert_true(plans_are_equal(&kept, &fresh));
                        /* Sometimes a plan is lost on its way. */
                        if (random_below(&random, 4))
                                apply_and_touch(&world, &kept, cache);
                        plan_done(&kept);
                        plan_done(&fresh);
                        version = world.version;
                        random_event(&world, &random);
                        settle_touch_since(&world, &options, version, &keys);
                }
                reconcile_keys_done(&keys);
                world_done(&world);
        }
}

static void what_was_decided_is_not_decided_again(void **state)
{
        (void)state;
        for (uint64_t seed = 1; seed <= SEEDS; seed++) {
                struct random random;
                struct world world;
                struct plan plan;

                random_init(&random, seed);
                world_init(&world);
                random_world(&world, &random, &waiting);
                plan_of(&world, NULL, LIMIT, &plan);
                world_apply(&world, &plan);
                plan_done(&plan);
                plan_of(&world, NULL, LIMIT, &plan);
                assert_true(plan_is_empty(&plan));
                plan_done(&plan);
                world_done(&world);
        }
}

static void a_plan_respects_its_limit(void **state)
{
        struct random random;
        struct world world;
        struct plan plan;

        (void)state;
        random_init(&random, 7);
        world_init(&world);
        random_world(&world, &random, &waiting);
        plan_of(&world, NULL, 3, &plan);
        assert_int_equal(plan.n_changes, 3);
        assert_int_equal(plan.wake_at, view_now(world.view));
        plan_done(&plan);
        world_done(&world);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(places_as_the_oracle_does),
                cmocka_unit_test(a_kept_cache_changes_nothing),
                cmocka_unit_test(what_was_decided_is_not_decided_again),
                cmocka_unit_test(a_plan_respects_its_limit),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
