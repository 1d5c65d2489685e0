/* RebalanceService: what would move is told; that it shall is written down once. */
#include "manager/api_server/call.h"
#include "tests/lib/build_objects.h"
#include "tests/unit/test.h"

#define RUNNING SK__TASK_STATE__TASK_RUNNING

struct scene {
        struct world world;
        struct plan plan;
        struct arena arena;
        struct call call;
        struct err err;
        Sk__RebalanceServiceResponse out;
};

/* Four tasks of web on n1; n2 came later and is empty. */
static int setup(void **state)
{
        struct scene *scene = mem_alloc(sizeof *scene);

        world_init(&scene->world);
        a_cluster(&scene->world);
        a_node(&scene->world, "n1");
        a_service(&scene->world, "web", 4);
        for (uint64_t slot = 1; slot <= 4; slot++)
                a_task(&scene->world, "web", slot, RUNNING, "n1");
        a_node(&scene->world, "n2");
        plan_init(&scene->plan);
        scene->call = (struct call){
                .view = scene->world.view,
                .plan = &scene->plan,
                .arena = &scene->arena,
                .err = &scene->err,
                .now_ns = scene->world.now,
        };
        *state = scene;
        return 0;
}

static int teardown(void **state)
{
        struct scene *scene = *state;

        plan_done(&scene->plan);
        arena_done(&scene->arena);
        world_done(&scene->world);
        free(scene);
        return 0;
}

static int rebalance(struct scene *scene, const char *id, uint64_t budget, bool dry_run)
{
        Sk__RebalanceServiceRequest in = SK__REBALANCE_SERVICE_REQUEST__INIT;

        in.id = id;
        in.budget = budget;
        in.dry_run = dry_run;
        plan_clear(&scene->plan);
        sk__rebalance_service_response__init(&scene->out);
        return handle_rebalance_service(&scene->call, &in, &scene->out);
}

/* Carries the plan out. */
static const Sk__ServiceRevision *asked(struct scene *scene)
{
        assert_int_equal(world_apply(&scene->world, &scene->plan).n_accepted, 1);
        return view_service(scene->world.view, an_id(&scene->world, "web"))->spec;
}

static void what_would_move_is_told_and_asked_for(void **state)
{
        struct scene *scene = *state;
        uint64_t revision =
                view_service(scene->world.view, an_id(&scene->world, "web"))->spec->revision;
        const Sk__ServiceRevision *after;

        assert_int_equal(rebalance(scene, "web", 0, false), 0);
        assert_int_equal(scene->out.n_moves, 2);
        for (size_t i = 0; i < 2; i++) {
                assert_string_equal(scene->out.moves[i]->from_node, "n1");
                assert_string_equal(scene->out.moves[i]->to_node, "n2");
                assert_memory_equal(scene->out.moves[i]->task_name, "web.", 4);
        }
        assert_string_not_equal(scene->out.moves[0]->task_id, scene->out.moves[1]->task_id);
        after = asked(scene);
        assert_int_equal(after->rebalance->at_ns, scene->world.now);
        assert_int_equal(after->rebalance->budget, 1000);
        assert_int_equal(after->revision, revision);
}

static void a_budget_bounds_what_is_told_and_what_moves(void **state)
{
        struct scene *scene = *state;

        assert_int_equal(rebalance(scene, "web", 1, false), 0);
        assert_int_equal(scene->out.n_moves, 1);
        assert_int_equal(asked(scene)->rebalance->budget, 1);
        assert_int_equal(rebalance(scene, "web", UINT64_MAX, false), 0);
        assert_int_equal(asked(scene)->rebalance->budget, 1000);
}

static void a_dry_run_asks_for_nothing(void **state)
{
        struct scene *scene = *state;

        assert_int_equal(rebalance(scene, "web", 0, true), 0);
        assert_int_equal(scene->out.n_moves, 2);
        assert_true(plan_is_empty(&scene->plan));
}

static void nothing_is_asked_for_when_nobody_would_move(void **state)
{
        struct scene *scene = *state;

        no_more(&scene->world, SK__KIND__KIND_NODE, an_id(&scene->world, "n2"));
        assert_int_equal(rebalance(scene, "web", 0, false), 0);
        assert_int_equal(scene->out.n_moves, 0);
        assert_true(plan_is_empty(&scene->plan));
}

/* What does not run, or is to be updated anyway, finds its place without being asked. */
static void only_tasks_of_the_present_spec_that_run_move(void **state)
{
        struct scene *scene = *state;

        a_service(&scene->world, "db", 4);
        for (uint64_t slot = 1; slot <= 4; slot++)
                a_task(&scene->world, "db", slot,
                       slot == 3 ? RUNNING : SK__TASK_STATE__TASK_STARTING, "n1");
        assert_int_equal(rebalance(scene, "db", 0, true), 0);
        assert_int_equal(scene->out.n_moves, 1);
        assert_string_equal(scene->out.moves[0]->task_name, "db.3");
        a_service(&scene->world, "db", 4);
        assert_int_equal(rebalance(scene, "db", 0, true), 0);
        assert_int_equal(scene->out.n_moves, 0);
}

static void asking_twice_at_one_time_is_asking_twice(void **state)
{
        struct scene *scene = *state;

        assert_int_equal(rebalance(scene, "web", 0, false), 0);
        assert_int_equal(asked(scene)->rebalance->at_ns, scene->world.now);
        assert_int_equal(rebalance(scene, "web", 0, false), 0);
        assert_int_equal(asked(scene)->rebalance->at_ns, scene->world.now + 1);
}

static void who_was_changed_meanwhile_is_asked_again(void **state)
{
        struct scene *scene = *state;

        assert_int_equal(rebalance(scene, "web", 0, false), 0);
        a_service(&scene->world, "web", 5);
        assert_int_equal(world_apply(&scene->world, &scene->plan).n_accepted, 0);
}

static void only_replicated_services_have_another_place(void **state)
{
        struct scene *scene = *state;

        a_global_service(&scene->world, "everywhere");
        a_service_of(&scene->world, a_job_spec(&scene->world, "once", 3));
        assert_int_equal(rebalance(scene, "everywhere", 0, false), ERR_PRECONDITION);
        assert_string_equal(scene->err.text, "service everywhere is not replicated: its tasks have "
                                             "no other place");
        assert_int_equal(rebalance(scene, "once", 0, false), ERR_PRECONDITION);
        assert_int_equal(rebalance(scene, "none", 0, false), ERR_NOT_FOUND);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(what_would_move_is_told_and_asked_for),
                TEST(a_budget_bounds_what_is_told_and_what_moves),
                TEST(a_dry_run_asks_for_nothing),
                TEST(nothing_is_asked_for_when_nobody_would_move),
                TEST(only_tasks_of_the_present_spec_that_run_move),
                TEST(asking_twice_at_one_time_is_asking_twice),
                TEST(who_was_changed_meanwhile_is_asked_again),
                TEST(only_replicated_services_have_another_place),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
