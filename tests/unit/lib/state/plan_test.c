/* Plans, as the store takes them. */
#include "tests/unit/test.h"

#include <stdlib.h>

#include "lib/base/time.h"
#include "lib/state/plan.h"

static int set_up(void **state)
{
        struct plan *plan = malloc(sizeof *plan);

        plan_init(plan);
        *state = plan;
        return 0;
}

static int tear_down(void **state)
{
        plan_done(*state);
        free(*state);
        return 0;
}

static void a_new_plan_is_empty_and_never_wakes(void **state)
{
        struct plan *plan = *state;

        assert_true(plan_is_empty(plan));
        assert_int_equal(plan->wake_at, TIME_NEVER);
        assert_int_equal(plan_pack(plan, &plan->arena)->n_groups, 0);
}

static void the_earliest_wake_counts(void **state)
{
        struct plan *plan = *state;

        plan_wake(plan, 20);
        plan_wake(plan, 10);
        plan_wake(plan, 30);
        assert_int_equal(plan->wake_at, 10);
}

static void changes_go_to_the_newest_group(void **state)
{
        struct plan *plan = *state;
        Sk__CommitRequest *request;

        plan_remove(plan, SK__KIND__KIND_TASK, "a");
        plan_remove(plan, SK__KIND__KIND_TASK, "b");
        plan_group(plan);
        plan_remove(plan, SK__KIND__KIND_TASK, "c");
        request = plan_pack(plan, &plan->arena);
        assert_int_equal(plan->n_changes, 3);
        assert_int_equal(request->n_groups, 2);
        assert_int_equal(request->groups[0]->n_changes, 2);
        assert_string_equal(request->groups[1]->changes[0]->id, "c");
}

static void a_change_is_packed_whole(void **state)
{
        struct plan *plan = *state;
        Sk__NetworkAllocation allocation = SK__NETWORK_ALLOCATION__INIT;
        static const char *const references[] = { "x", "y", "z", "v", "w", NULL };
        struct plan_change *change = plan_create(plan, SK__KIND__KIND_NETWORK, "a");
        Sk__Change *packed;

        allocation.vxlan_id = 1;
        change->name = "net";
        change->reason = "because";
        change->references = references;
        plan_set_part(change, PART_NETWORK_allocation, &allocation.base);
        packed = plan_pack(plan, &plan->arena)->groups[0]->changes[0];
        assert_int_equal(packed->op, SK__CHANGE__OP__CREATE);
        assert_string_equal(packed->name, "net");
        assert_string_equal(packed->reason, "because");
        assert_int_equal(packed->references->n_ids, 5);
        for (size_t i = 0; i < 5; i++)
                assert_string_equal(packed->references->ids[i], references[i]);
        assert_int_equal(packed->n_parts, 1);
        assert_int_equal(packed->parts[0]->index, PART_NETWORK_allocation);
        assert_int_equal(packed->parts[0]->data.len, 2);
}

static void references_that_are_not_given_are_not_packed(void **state)
{
        struct plan *plan = *state;
        static const char *const none[] = { NULL };
        Sk__Group *group;

        plan_update(plan, SK__KIND__KIND_NETWORK, "a");
        plan_update(plan, SK__KIND__KIND_NETWORK, "b")->references = none;
        group = plan_pack(plan, &plan->arena)->groups[0];
        assert_null(group->changes[0]->references);
        assert_int_equal(group->changes[1]->references->n_ids, 0);
}

static void what_was_packed_outlives_the_plan(void **state)
{
        struct plan *plan = *state;
        struct arena arena = { 0 };
        char id[] = "a", name[] = "net", reference[] = "x";
        const char *references[] = { reference, NULL };
        struct plan_change *change = plan_create(plan, SK__KIND__KIND_NETWORK, id);
        const Sk__Change *packed;

        change->name = name;
        change->references = references;
        plan_require(plan, SK__KIND__KIND_NETWORK, id);
        packed = plan_pack(plan, &arena)->groups[0]->changes[0];
        name[0] = reference[0] = '!';
        plan_done(plan);
        plan_init(plan);
        assert_string_equal(packed->id, "a");
        assert_string_equal(packed->name, "net");
        assert_string_equal(packed->references->ids[0], "x");
        arena_done(&arena);
}

static void each_precondition_has_its_form(void **state)
{
        struct plan *plan = *state;
        uint64_t versions[] = { 7 };
        Sk__Meta meta = SK__META__INIT;
        Sk__Network network = SK__NETWORK__INIT;
        struct plan_precondition *wanted;
        Sk__Precondition **packed;

        network.id = "a";
        network.meta = &meta;
        meta.versions = versions;
        meta.n_versions = 1;
        plan_require_unchanged(plan, SK__KIND__KIND_NETWORK, (const struct object_head *)&network,
                               PART_NETWORK_spec);
        plan_require(plan, SK__KIND__KIND_NETWORK, "b");
        wanted = plan_require(plan, SK__KIND__KIND_NETWORK, "");
        wanted->test = PLAN_NAME_FREE;
        wanted->name = "net";
        plan_require(plan, SK__KIND__KIND_NETWORK, "d")->test = PLAN_NO_REFERRER;
        plan_require(plan, SK__KIND__KIND_NETWORK, "e")->test = PLAN_ABSENT;
        packed = plan_pack(plan, &plan->arena)->groups[0]->preconditions;
        assert_int_equal(packed[0]->part_version->version, 7);
        assert_int_equal(packed[1]->test_case, SK__PRECONDITION__TEST_EXISTS);
        assert_string_equal(packed[2]->name_free, "net");
        assert_int_equal(packed[3]->test_case, SK__PRECONDITION__TEST_NO_REFERRER);
        assert_int_equal(packed[4]->test_case, SK__PRECONDITION__TEST_ABSENT);
}

static void a_cleared_plan_is_as_new(void **state)
{
        struct plan *plan = *state;

        plan_remove(plan, SK__KIND__KIND_TASK, "a");
        plan_wake(plan, 10);
        plan_clear(plan);
        a_new_plan_is_empty_and_never_wakes(state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(a_new_plan_is_empty_and_never_wakes),
                TEST(the_earliest_wake_counts),
                TEST(changes_go_to_the_newest_group),
                TEST(a_change_is_packed_whole),
                TEST(references_that_are_not_given_are_not_packed),
                TEST(what_was_packed_outlives_the_plan),
                TEST(each_precondition_has_its_form),
                TEST(a_cleared_plan_is_as_new),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
