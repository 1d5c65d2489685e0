/* What the orchestrator keeps to on any view. */
#include "tests/unit/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/str.h"
#include "lib/base/vec.h"
#include "lib/state/task_life.h"
#include "manager/orchestrator/orchestrator.h"
#include "tests/sim/cluster/random_world.h"
#include "tests/sim/cluster/settle.h"

enum { SEEDS = 60 };

static const struct random_options anything = { .n_nodes = 8, .n_services = 5, .n_slots = 6 };
/* What an over-committed node sheds depends on what has left it by then. */
static const struct random_options fitting = {
        .n_nodes = 8, .n_services = 5, .n_slots = 6, .all_fit = true
};

static void settle_all(struct world *world, const struct settle_options *options)
{
        struct reconcile_keys keys = { 0 };

        orchestrator.touch(world->view, NULL, NULL, &keys);
        settle(world, options, &keys);
        reconcile_keys_done(&keys);
}

static void begin(struct world *world, struct random *random, uint64_t seed,
                  const struct random_options *options)
{
        random_init(random, seed);
        world_init(world);
        random_world(world, random, options);
}

static void it_comes_to_rest_and_looks_at_nothing_again(void **state)
{
        const struct settle_options options = { .reconciler = &orchestrator, .limit = 1000 };

        (void)state;
        for (uint64_t seed = 1; seed <= SEEDS; seed++) {
                struct random random;
                struct world world;

                begin(&world, &random, seed, &anything);
                settle_all(&world, &options);
                assert_int_equal(settle_count_all(&world, &options), 0);
                world_done(&world);
        }
}

/* What news touches is enough: after it, a look at everything finds nothing. */
static void news_touch_all_that_they_concern(void **state)
{
        const struct settle_options options = { .reconciler = &orchestrator, .limit = 1000 };

        (void)state;
        for (uint64_t seed = 1; seed <= SEEDS; seed++) {
                struct reconcile_keys keys = { 0 };
                struct random random;
                struct world world;

                begin(&world, &random, seed, &anything);
                settle_all(&world, &options);
                for (int turn = 0; turn < 30; turn++) {
                        uint64_t version = world.version;
                        int64_t now = world.now;
                        const char *removed = random_event(&world, &random);

                        if (removed)
                                settle_touch_removed(&world, &options, SK__KIND__KIND_SERVICE,
                                                     removed, &keys);
                        settle_touch_since(&world, &options, version, &keys);
                        /* Time touches nothing: the shell wakes those who asked for it. */
                        if (world.now != now)
                                orchestrator.touch(world.view, NULL, NULL, &keys);
                        settle(&world, &options, &keys);
                        assert_int_equal(settle_count_all(&world, &options), 0);
                }
                reconcile_keys_done(&keys);
                world_done(&world);
        }
}

static int compare_lines(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The wanted tasks, but for generations and ids. */
static char *wanted_of(struct world *world)
{
        struct vec lines = VEC_OF(char *);
        struct view_cursor cursor = { 0 };
        const struct object_head *head;
        struct str all = { 0 };

        while ((head = view_each(world->view, SK__KIND__KIND_TASK, &cursor))) {
                const Sk__Task *task = (const Sk__Task *)head;
                const Sk__TaskDefinition *definition = task->definition;

                if (task_is_wanted(task))
                        vec_push(&lines, &(char *){ arena_printf(
                                                 &world->arena, "%s %d %s %s %s\n",
                                                 definition->service_id, (int)definition->slot,
                                                 definition->node_id, definition->spec_id,
                                                 task_state_name(definition->desired_state)) });
        }
        vec_sort(&lines, compare_lines);
        for (size_t i = 0; i < lines.n; i++)
                str_add(&all, VEC_AT(&lines, char *, i));
        vec_done(&lines);
        return str_take(&all);
}

static char *wanted_after(uint64_t seed, const struct settle_options *options)
{
        struct random random;
        struct world world;
        char *wanted;

        begin(&world, &random, seed, &fitting);
        settle_all(&world, options);
        wanted = wanted_of(&world);
        world_done(&world);
        return wanted;
}

static void assert_same_end(const struct settle_options *other)
{
        const struct settle_options options = { .reconciler = &orchestrator, .limit = 1000 };

        for (uint64_t seed = 1; seed <= SEEDS; seed++) {
                char *expected = wanted_after(seed, &options), *got = wanted_after(seed, other);

                assert_string_equal(got, expected);
                free(expected);
                free(got);
        }
}

static void the_order_of_keys_does_not_matter(void **state)
{
        (void)state;
        assert_same_end(&(struct settle_options){
                .reconciler = &orchestrator, .limit = 1000, .greatest_first = true });
}

static void any_plan_may_be_lost(void **state)
{
        struct random losing;

        (void)state;
        random_init(&losing, 1);
        assert_same_end(&(struct settle_options){
                .reconciler = &orchestrator, .limit = 1000, .losing = &losing });
}

static void small_plans_lead_to_the_same_end(void **state)
{
        (void)state;
        assert_same_end(&(struct settle_options){ .reconciler = &orchestrator, .limit = 2 });
}

static void assert_one_wanted(struct world *world, const Sk__Task *newest)
{
        const Sk__Task *other = newest;
        bool is_up = task_state(newest) == SK__TASK_STATE__TASK_RUNNING && task_is_wanted(newest);

        while ((other = view_slot_older(world->view, other)))
                assert_false(is_up && task_is_wanted(other));
}

static void a_slot_has_one_task_once_that_is_up(void **state)
{
        const struct settle_options options = { .reconciler = &orchestrator, .limit = 1000 };

        (void)state;
        for (uint64_t seed = 1; seed <= SEEDS; seed++) {
                struct view_cursor cursor = { 0 };
                const struct object_head *head;
                struct random random;
                struct world world;

                begin(&world, &random, seed, &anything);
                settle_all(&world, &options);
                while ((head = view_each(world.view, SK__KIND__KIND_TASK, &cursor)))
                        assert_one_wanted(&world, (const Sk__Task *)head);
                world_done(&world);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(it_comes_to_rest_and_looks_at_nothing_again),
                cmocka_unit_test(news_touch_all_that_they_concern),
                cmocka_unit_test(the_order_of_keys_does_not_matter),
                cmocka_unit_test(any_plan_may_be_lost),
                cmocka_unit_test(small_plans_lead_to_the_same_end),
                cmocka_unit_test(a_slot_has_one_task_once_that_is_up),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
