/* Placement constraints: docker's grammar and sentences. */
#include "tests/unit/test.h"

#include <string.h>

#include "lib/placement/constraint.h"
#include "tests/lib/build_objects.h"

static bool matches(struct world *world, const char *text, const char *node)
{
        struct constraint constraint;
        struct err err;

        assert_int_equal(constraint_parse(&world->arena, text, &constraint, &err), 0);
        return constraint_matches(&constraint, view_node(world->view, an_id(world, node)));
}

static void assert_refused(const char *text, const char *sentence)
{
        struct arena arena = { 0 };
        struct constraint constraint;
        struct err err;

        assert_int_equal(constraint_parse(&arena, text, &constraint, &err), ERR_INVALID);
        assert_string_equal(err.text, sentence);
        arena_done(&arena);
}

static void what_is_no_constraint_is_refused_in_dockers_words(void **state)
{
        (void)state;
        assert_refused("node.role", "constraint expected one operator from ==, !=");
        assert_refused("node.role=manager", "constraint expected one operator from ==, !=");
        assert_refused("==manager", "key '' is invalid");
        assert_refused("1node==a", "key '1node' is invalid");
        assert_refused("n==a", "key 'n' is invalid");
        assert_refused("node.role==", "value '' is invalid");
        assert_refused("node.role==a,b", "value 'a,b' is invalid");
}

static struct world world;

static int begin(void **state)
{
        Sk__NodeSpec *spec;
        Sk__NodeStatus *status;
        const char *id;

        (void)state;
        world_init(&world);
        id = arena_strdup(&world.arena, a_node(&world, "a")->id);
        spec = a_node_spec(&world, "a");
        spec->annotations->labels = arena_alloc(&world.arena, sizeof *spec->annotations->labels);
        spec->annotations->labels[0] = a_label(&world, "Zone", "East");
        spec->annotations->n_labels = 1;
        a_part(&world, SK__KIND__KIND_NODE, id, NULL, PART_NODE_spec, &spec->base);
        status = (Sk__NodeStatus *)message_copy(&world.arena,
                                                &view_node(world.view, id)->status->base);
        status->address = "2001:db8::7";
        a_part(&world, SK__KIND__KIND_NODE, id, NULL, PART_NODE_status, &status->base);
        return 0;
}

static int end(void **state)
{
        (void)state;
        world_done(&world);
        return 0;
}

static void keys_and_values_are_compared_without_case(void **state)
{
        (void)state;
        assert_true(matches(&world, "NODE.Hostname == A", "a"));
        assert_true(matches(&world, "node.labels.Zone==east", "a"));
        assert_true(matches(&world, "node.role==WORKER", "a"));
}

static void a_labels_name_is_compared_with_case(void **state)
{
        (void)state;
        assert_false(matches(&world, "node.labels.zone==east", "a"));
}

static void a_missing_label_is_no_value(void **state)
{
        (void)state;
        assert_true(matches(&world, "node.labels.rack!=r1", "a"));
        assert_false(matches(&world, "node.labels.rack==r1", "a"));
}

static void addresses_match_alone_and_by_subnet(void **state)
{
        (void)state;
        assert_true(matches(&world, "node.ip==2001:DB8:0::7", "a"));
        assert_true(matches(&world, "node.ip==2001:db8::/63", "a"));
        assert_false(matches(&world, "node.ip==2001:db9::/32", "a"));
        assert_false(matches(&world, "node.ip==2001:db8::/129", "a"));
        assert_false(matches(&world, "node.ip==10.0.0.0/8", "a"));
}

static void what_is_no_address_is_never_met(void **state)
{
        (void)state;
        assert_false(matches(&world, "node.ip==east", "a"));
        assert_false(matches(&world, "node.ip!=east", "a"));
}

static void an_unknown_key_is_never_met(void **state)
{
        (void)state;
        assert_false(matches(&world, "node.colour==red", "a"));
        assert_false(matches(&world, "node.colour!=red", "a"));
        assert_false(matches(&world, "node.labels.!=red", "a"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_is_no_constraint_is_refused_in_dockers_words),
                cmocka_unit_test(keys_and_values_are_compared_without_case),
                cmocka_unit_test(a_labels_name_is_compared_with_case),
                cmocka_unit_test(a_missing_label_is_no_value),
                cmocka_unit_test(addresses_match_alone_and_by_subnet),
                cmocka_unit_test(what_is_no_address_is_never_met),
                cmocka_unit_test(an_unknown_key_is_never_met),
        };

        return cmocka_run_group_tests(tests, begin, end);
}
