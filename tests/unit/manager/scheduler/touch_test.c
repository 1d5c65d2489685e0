/* Which news makes the scheduler look again. */
#include "tests/unit/test.h"

#include "manager/scheduler/scheduler.h"
#include "tests/lib/build_objects.h"

#define PENDING SK__TASK_STATE__TASK_PENDING
#define RUNNING SK__TASK_STATE__TASK_RUNNING
#define FAILED SK__TASK_STATE__TASK_FAILED

static struct world world;

static int begin(void **state)
{
        (void)state;
        world_init(&world);
        return 0;
}

static int end(void **state)
{
        (void)state;
        world_done(&world);
        return 0;
}

/* Tells the scheduler; does it want to decide? */
static bool touches(Sk__Kind kind, Sk__Event__Op op, const char *id, struct scheduler_cache *cache)
{
        struct scheduler_config config = { .cache = cache };
        struct reconcile_keys keys = { 0 };
        Sk__Event event = SK__EVENT__INIT;
        bool touched;

        event.kind = kind;
        event.op = op;
        event.id = id;
        scheduler.touch(world.view, &event, &config, &keys);
        touched = keys.present.n > 0;
        reconcile_keys_done(&keys);
        return touched;
}

static void a_removed_task_makes_no_room(void **state)
{
        (void)state;
        assert_false(touches(SK__KIND__KIND_TASK, SK__EVENT__OP__REMOVE, "gone", NULL));
}

static void a_node_that_changed_may_take_tasks(void **state)
{
        const char *id = a_node(&world, "a")->id;

        (void)state;
        assert_true(touches(SK__KIND__KIND_NODE, SK__EVENT__OP__PUT, id, NULL));
}

static void a_removed_spec_makes_no_room(void **state)
{
        (void)state;
        assert_false(touches(SK__KIND__KIND_SERVICE_SPEC, SK__EVENT__OP__REMOVE, "gone", NULL));
}

/* Which node the one waiting task of "web" is placed on. */
static const char *choice(struct scheduler_cache *cache)
{
        struct scheduler_config config = { .cache = cache };
        const struct plan_group *group;
        const struct plan_change *change;
        const char *node_id;
        struct plan plan;

        plan_init(&plan);
        scheduler.decide(world.view, "pending", &config, 100, &plan);
        group = vec_at(&plan.groups, 0);
        change = vec_at(&group->changes, 0);
        node_id = arena_strdup(
                &world.arena,
                ((const Sk__TaskPlacement *)change->parts[PART_TASK_placement])->node_id);
        plan_done(&plan);
        return node_id;
}

static void failures_are_forgotten_with_their_tasks(void **state)
{
        _cleanup_(scheduler_cache_freep) struct scheduler_cache *cache = scheduler_cache_new();
        const char *failed[6];

        (void)state;
        a_node(&world, "a");
        a_node(&world, "b");
        a_service(&world, "web", 2);
        a_task(&world, "web", 2, RUNNING, "b");
        for (int i = 0; i < 6; i++)
                failed[i] = arena_strdup(&world.arena, a_task(&world, "web", 1, FAILED, "a")->id);
        a_task(&world, "web", 1, PENDING, NULL);
        assert_string_equal(choice(cache), an_id(&world, "b"));
        for (int i = 0; i < 6; i++) {
                no_more(&world, SK__KIND__KIND_TASK, failed[i]);
                touches(SK__KIND__KIND_TASK, SK__EVENT__OP__REMOVE, failed[i], cache);
        }
        assert_string_equal(choice(cache), an_id(&world, "a"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(a_removed_task_makes_no_room),
                TEST(a_node_that_changed_may_take_tasks),
                TEST(a_removed_spec_makes_no_room),
                TEST(failures_are_forgotten_with_their_tasks),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
