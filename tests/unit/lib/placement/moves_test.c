/* Who would be better off elsewhere, on any view. */
#include "tests/unit/test.h"

#include <string.h>

#include "lib/placement/moves.h"
#include "lib/state/task_life.h"
#include "tests/sim/cluster/random_world.h"

enum { SEEDS = 300, TASKS_MAX = 200 };

static size_t movable(const struct world *world, const Sk__Service *service, const Sk__Task **ret)
{
        struct view_cursor cursor = { 0 };
        const Sk__Task *task;
        size_t n = 0;

        while ((task = view_each_service_task(world->view, service->id, &cursor)))
                if (task_is_wanted(task) && task_state(task) == SK__TASK_STATE__TASK_RUNNING &&
                    !strcmp(task->definition->spec_id, service->spec->spec_id))
                        ret[n++] = task;
        assert_in_range(n, 0, TASKS_MAX);
        return n;
}

/* As if it had stopped there and run here. */
static void make(struct world *world, const struct placement_need *need,
                 const struct placement_move *move)
{
        Sk__TaskPlacement placement = SK__TASK_PLACEMENT__INIT;
        struct placement_usage usage;

        placement_usage_init(&usage);
        placement_usage_read(&usage, world->view, move->to->id);
        placement.node_id = move->to->id;
        assert_true(placement_claim(need, move->to, &usage, &world->arena,
                                    &placement.assigned_generic, &placement.n_assigned_generic));
        placement_usage_done(&usage);
        a_part(world, SK__KIND__KIND_TASK, move->task->id, NULL, PART_TASK_placement,
               &placement.base);
}

static size_t check_service(struct world *world, const Sk__Service *service)
{
        const Sk__ServiceSpecRevision *spec =
                view_service_spec(world->view, service->spec->spec_id)->spec;
        const Sk__Task *tasks[TASKS_MAX];
        struct placement_move *all, *next;
        struct placement_need need;
        size_t n_tasks = movable(world, service, tasks), n_moves, n;

        placement_need_read(&world->arena, world->view, service->spec->spec_id, spec, &need);
        all = placement_moves(world->view, &need, tasks, n_tasks, SIZE_MAX, &world->arena,
                              &n_moves);
        for (size_t i = 0; i < n_moves; i++) {
                next = placement_moves(world->view, &need, tasks, n_tasks, 1, &world->arena, &n);
                assert_int_equal(n, 1);
                assert_string_equal(next->task->id, all[i].task->id);
                assert_string_equal(next->to->id, all[i].to->id);
                n = 0;
                for (size_t k = 0; k < n_tasks; k++)
                        if (tasks[k] != next->task)
                                tasks[n++] = tasks[k];
                n_tasks = n;
                make(world, &need, next);
        }
        placement_moves(world->view, &need, tasks, n_tasks, 1, &world->arena, &n);
        assert_int_equal(n, 0);
        return n_moves;
}

static void many_moves_are_what_one_after_the_other_would_be(void **state)
{
        size_t n_moves = 0;

        (void)state;
        for (uint64_t seed = 1; seed <= SEEDS; seed++) {
                struct view_cursor cursor = { 0 };
                const struct object_head *head;
                struct random random;
                struct world world;

                random_init(&random, seed);
                world_init(&world);
                random_world(&world, &random,
                             &(struct random_options){ .n_nodes = 6,
                                                       .n_services = 5,
                                                       .n_slots = 12,
                                                       .all_waiting = true });
                while ((head = view_each(world.view, SK__KIND__KIND_SERVICE, &cursor)))
                        n_moves += check_service(&world, (const Sk__Service *)head);
                world_done(&world);
        }
        assert_true(n_moves > 100);
}

static void who_wishes_to_be_together_is_not_followed_back(void **state)
{
        struct world world;
        Sk__ServiceSpec *spec;
        const Sk__Task *tasks[2];
        struct placement_need need;
        struct placement_move *moves;
        const Sk__Service *service;
        size_t n;

        (void)state;
        world_init(&world);
        spec = a_spec(&world, "web", 2);
        spec->task->placement = arena_alloc(&world.arena, sizeof *spec->task->placement);
        sk__placement__init(spec->task->placement);
        spec->task->placement->affinities =
                a_list(&world, &spec->task->placement->n_affinities, "service==~web", NULL);
        a_node(&world, "a");
        a_node(&world, "b");
        service = a_service_of(&world, spec);
        tasks[0] = a_task(&world, "web", 1, SK__TASK_STATE__TASK_RUNNING, "a");
        tasks[1] = a_task(&world, "web", 2, SK__TASK_STATE__TASK_RUNNING, "b");
        placement_need_read(&world.arena, world.view, service->spec->spec_id,
                            view_service_spec(world.view, service->spec->spec_id)->spec, &need);
        moves = placement_moves(world.view, &need, tasks, 2, SIZE_MAX, &world.arena, &n);
        assert_int_equal(n, 1);
        assert_ptr_equal(moves[0].task, tasks[0]);
        assert_string_equal(moves[0].to->name, "b");
        world_done(&world);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(many_moves_are_what_one_after_the_other_would_be),
                cmocka_unit_test(who_wishes_to_be_together_is_not_followed_back),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
