/* The store's rules, on a view. */
#include "tests/unit/test.h"

#include <stdlib.h>
#include <string.h>

#include "lib/state/task_life.h"
#include "lib/state/view_check.h"
#include "tests/lib/build_objects.h"

#define RUNNING SK__TASK_STATE__TASK_RUNNING
#define TASK SK__KIND__KIND_TASK
#define NETWORK SK__KIND__KIND_NETWORK

struct fixture {
        struct world world;
        struct plan plan;
};

static int set_up(void **state)
{
        struct fixture *fixture = malloc(sizeof *fixture);

        world_init(&fixture->world);
        plan_init(&fixture->plan);
        *state = fixture;
        return 0;
}

static int tear_down(void **state)
{
        struct fixture *fixture = *state;
        struct err err = { 0 };
        int result = view_check(fixture->world.view, &err);

        if (result < 0)
                print_error("%s\n", err.text);
        plan_done(&fixture->plan);
        world_done(&fixture->world);
        free(fixture);
        return result;
}

/* Applies the plan and starts a new one. */
static struct applied apply(struct fixture *fixture)
{
        struct applied applied = world_apply(&fixture->world, &fixture->plan);

        plan_clear(&fixture->plan);
        return applied;
}

static const Sk__NetworkSpec *net_spec(struct fixture *fixture, const char *driver)
{
        Sk__NetworkSpec *spec = arena_alloc(&fixture->world.arena, sizeof *spec);

        sk__network_spec__init(spec);
        spec->driver = driver;
        return spec;
}

static void create_net(struct fixture *fixture, const char *id, const char *name,
                       const char *driver)
{
        struct plan_change *change = plan_create(&fixture->plan, NETWORK, id);

        change->name = name;
        plan_set_part(change, PART_NETWORK_spec, &net_spec(fixture, driver)->base);
}

static void a_created_object_has_times_and_versions(void **state)
{
        struct fixture *fixture = *state;
        struct applied applied;
        const Sk__Network *network;

        create_net(fixture, "a", "net", "overlay");
        applied = apply(fixture);
        network = view_network(fixture->world.view, "a");
        assert_int_equal(applied.n_accepted, 1);
        assert_int_equal(applied.results[0]->code, 0);
        assert_int_equal(applied.n_events, 1);
        assert_string_equal(network->spec->driver, "overlay");
        assert_int_equal(network->meta->created_at_ns, fixture->world.now);
        assert_int_equal(network->meta->versions[PART_NETWORK_spec], fixture->world.version);
        assert_int_equal(network->meta->versions[PART_NETWORK_allocation], 0);
}

static void creating_the_same_again_changes_nothing(void **state)
{
        struct fixture *fixture = *state;
        struct applied applied;

        create_net(fixture, "a", "net", "overlay");
        apply(fixture);
        create_net(fixture, "a", "net", "overlay");
        applied = apply(fixture);
        assert_int_equal(applied.n_accepted, 1);
        assert_int_equal(applied.n_events, 0);
}

static void creating_another_with_the_same_id_or_name_fails(void **state)
{
        struct fixture *fixture = *state;
        struct applied applied;

        create_net(fixture, "a", "net", "overlay");
        apply(fixture);
        create_net(fixture, "a", "net", "bridge");
        plan_group(&fixture->plan);
        create_net(fixture, "b", "net", "overlay");
        applied = apply(fixture);
        assert_int_equal(applied.n_accepted, 0);
        assert_int_equal(applied.results[0]->code, -ERR_EXISTS);
        assert_int_equal(applied.results[1]->code, -ERR_EXISTS);
        assert_string_equal(applied.results[1]->message, "a network named 'net' exists");
}

static void an_update_keeps_other_parts_and_their_versions(void **state)
{
        struct fixture *fixture = *state;
        Sk__NetworkAllocation allocation = SK__NETWORK_ALLOCATION__INIT;
        const Sk__Network *network;

        create_net(fixture, "a", "net", "overlay");
        apply(fixture);
        allocation.vxlan_id = 4096;
        plan_set_part(plan_update(&fixture->plan, NETWORK, "a"), PART_NETWORK_allocation,
                      &allocation.base);
        apply(fixture);
        network = view_network(fixture->world.view, "a");
        assert_string_equal(network->spec->driver, "overlay");
        assert_string_equal(network->name, "net");
        assert_int_equal(network->meta->versions[PART_NETWORK_spec], 1);
        assert_int_equal(network->meta->versions[PART_NETWORK_allocation], 2);
}

static void an_update_of_what_is_gone_conflicts(void **state)
{
        struct fixture *fixture = *state;
        struct applied applied;

        plan_set_part(plan_update(&fixture->plan, NETWORK, "a"), PART_NETWORK_spec,
                      &net_spec(fixture, "overlay")->base);
        applied = apply(fixture);
        assert_int_equal(applied.results[0]->code, -ERR_CONFLICT);
}

static void removing_twice_is_fine(void **state)
{
        struct fixture *fixture = *state;
        struct applied applied;

        create_net(fixture, "a", "net", "overlay");
        apply(fixture);
        plan_remove(&fixture->plan, NETWORK, "a");
        plan_remove(&fixture->plan, NETWORK, "a");
        applied = apply(fixture);
        assert_int_equal(applied.n_accepted, 1);
        assert_int_equal(applied.n_events, 1);
        assert_null(view_network(fixture->world.view, "a"));
}

static void a_group_is_all_or_nothing_and_others_go_on(void **state)
{
        struct fixture *fixture = *state;
        struct applied applied;

        create_net(fixture, "a", "a", "overlay");
        apply(fixture);
        create_net(fixture, "b", "b", "overlay");
        plan_remove(&fixture->plan, NETWORK, "a");
        create_net(fixture, "c", "b", "overlay");
        plan_group(&fixture->plan);
        create_net(fixture, "d", "d", "overlay");
        applied = apply(fixture);
        assert_int_equal(applied.results[0]->code, -ERR_EXISTS);
        assert_int_equal(applied.results[1]->code, 0);
        assert_int_equal(applied.n_events, 1);
        assert_non_null(view_network(fixture->world.view, "a"));
        assert_null(view_network(fixture->world.view, "b"));
        assert_non_null(view_network(fixture->world.view, "d"));
        assert_int_equal(view_network(fixture->world.view, "a")->meta->versions[0], 1);
}

static void a_name_freed_in_a_group_can_be_taken_in_it(void **state)
{
        struct fixture *fixture = *state;

        create_net(fixture, "a", "net", "overlay");
        apply(fixture);
        plan_remove(&fixture->plan, NETWORK, "a");
        create_net(fixture, "b", "net", "overlay");
        assert_int_equal(apply(fixture).n_accepted, 1);
        assert_string_equal(view_find_name(fixture->world.view, NETWORK, "net")->id, "b");
}

static void what_was_changed_since_it_was_read_conflicts(void **state)
{
        struct fixture *fixture = *state;
        struct applied applied;
        const struct object_head *network;

        create_net(fixture, "a", "net", "overlay");
        apply(fixture);
        network = view_find(fixture->world.view, NETWORK, "a");
        plan_require_unchanged(&fixture->plan, NETWORK, network, PART_NETWORK_spec);
        plan_set_part(plan_update(&fixture->plan, NETWORK, "a"), PART_NETWORK_spec,
                      &net_spec(fixture, "one")->base);
        plan_group(&fixture->plan);
        plan_require_unchanged(&fixture->plan, NETWORK, network, PART_NETWORK_spec);
        plan_set_part(plan_update(&fixture->plan, NETWORK, "a"), PART_NETWORK_spec,
                      &net_spec(fixture, "two")->base);
        applied = apply(fixture);
        assert_int_equal(applied.results[0]->code, 0);
        assert_int_equal(applied.results[1]->code, -ERR_CONFLICT);
        assert_int_equal(applied.results[1]->precondition, 1);
        assert_int_equal(applied.results[1]->wait_version, fixture->world.version);
        assert_string_equal(view_network(fixture->world.view, "a")->spec->driver, "one");
}

/* A group with only this precondition. */
static uint32_t code_of(struct fixture *fixture, int test, const char *id, const char *name)
{
        struct plan_precondition *wanted = plan_require(&fixture->plan, NETWORK, id);

        wanted->test = test;
        wanted->name = name;
        return (uint32_t)apply(fixture).results[0]->code;
}

static void preconditions_say_what_must_be(void **state)
{
        struct fixture *fixture = *state;
        struct plan_change *change;

        create_net(fixture, "a", "net", "overlay");
        apply(fixture);
        assert_int_equal(code_of(fixture, PLAN_EXISTS, "a", NULL), 0);
        assert_int_equal(code_of(fixture, PLAN_EXISTS, "b", NULL), -ERR_CONFLICT);
        assert_int_equal(code_of(fixture, PLAN_ABSENT, "b", NULL), 0);
        assert_int_equal(code_of(fixture, PLAN_ABSENT, "a", NULL), -ERR_CONFLICT);
        assert_int_equal(code_of(fixture, PLAN_NAME_FREE, "b", "free"), 0);
        assert_int_equal(code_of(fixture, PLAN_NAME_FREE, "b", "net"), -ERR_CONFLICT);
        assert_int_equal(code_of(fixture, PLAN_NO_REFERRER, "a", NULL), 0);
        create_net(fixture, "b", "user", "overlay");
        apply(fixture);
        change = plan_update(&fixture->plan, NETWORK, "b");
        change->references = (const char *const[]){ "a", NULL };
        apply(fixture);
        assert_int_equal(code_of(fixture, PLAN_NO_REFERRER, "a", NULL), -ERR_CONFLICT);
        no_more(&fixture->world, NETWORK, "b");
        assert_int_equal(code_of(fixture, PLAN_NO_REFERRER, "a", NULL), 0);
}

static Sk__TaskStatus *status_of(struct fixture *fixture, Sk__TaskState task_state)
{
        Sk__TaskStatus *status = arena_alloc(&fixture->world.arena, sizeof *status);

        sk__task_status__init(status);
        status->state = task_state;
        return status;
}

static void a_status_merges_forward_and_never_fails_its_group(void **state)
{
        struct fixture *fixture = *state;
        struct applied applied;
        const Sk__Task *task;

        a_service(&fixture->world, "web", 1);
        task = a_task(&fixture->world, "web", 1, RUNNING, "n1");
        plan_merge_status(&fixture->plan, "gone", status_of(fixture, RUNNING));
        plan_merge_status(&fixture->plan, task->id,
                          status_of(fixture, SK__TASK_STATE__TASK_FAILED));
        plan_merge_status(&fixture->plan, task->id,
                          status_of(fixture, SK__TASK_STATE__TASK_STARTING));
        applied = apply(fixture);
        assert_int_equal(applied.n_accepted, 1);
        assert_int_equal(applied.n_events, 1);
        assert_int_equal(task_state(task), SK__TASK_STATE__TASK_FAILED);
        assert_int_equal(task->status->at_ns, fixture->world.now);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(a_created_object_has_times_and_versions),
                TEST(creating_the_same_again_changes_nothing),
                TEST(creating_another_with_the_same_id_or_name_fails),
                TEST(an_update_keeps_other_parts_and_their_versions),
                TEST(an_update_of_what_is_gone_conflicts),
                TEST(removing_twice_is_fine),
                TEST(a_group_is_all_or_nothing_and_others_go_on),
                TEST(a_name_freed_in_a_group_can_be_taken_in_it),
                TEST(what_was_changed_since_it_was_read_conflicts),
                TEST(preconditions_say_what_must_be),
                TEST(a_status_merges_forward_and_never_fails_its_group),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
