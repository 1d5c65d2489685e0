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

static const char no_operator[] = "constraint expected one operator from ==, !=, =~, >=, <=, >, <, "
                                  "in, not in, exists, not exists";

static void what_is_no_constraint_is_refused_in_dockers_words(void **state)
{
        (void)state;
        assert_refused("node.role", no_operator);
        assert_refused("node.role=manager", no_operator);
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
        spec->annotations->labels =
                arena_alloc(&world.arena, 2 * sizeof *spec->annotations->labels);
        spec->annotations->labels[0] = a_label(&world, "Zone", "East");
        spec->annotations->labels[1] = a_label(&world, "Disks", "10");
        spec->annotations->n_labels = 2;
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

static void lists_are_compared_as_their_items_are(void **state)
{
        (void)state;
        assert_true(matches(&world, "node.labels.Zone in (west, EAST)", "a"));
        assert_false(matches(&world, "node.labels.Zone in (west)", "a"));
        assert_false(matches(&world, "node.labels.Zone not in (west,east)", "a"));
        assert_true(matches(&world, "node.labels.rack not in(r1)", "a"));
        assert_true(matches(&world, "node.ip in (10.0.0.0/8, 2001:db8::/32)", "a"));
        assert_refused("node.labels.zone in west",
                       "value 'west' is invalid: a list is written (a, b)");
        assert_refused("node.labels.zone in ()", "value '' is invalid");
        assert_refused("node.labels.zone in (a,,b)", "value '' is invalid");
}

static void patterns_are_found_anywhere(void **state)
{
        (void)state;
        assert_true(matches(&world, "node.labels.Zone =~ AS", "a"));
        assert_true(matches(&world, "node.labels.Zone=~^(east|west)$", "a"));
        assert_false(matches(&world, "node.labels.Zone=~^as", "a"));
        assert_refused("node.labels.zone=~(a", "pattern '(a' is invalid: a ( has no )");
}

static void a_key_exists_or_not(void **state)
{
        (void)state;
        assert_true(matches(&world, "exists node.labels.Zone", "a"));
        assert_true(matches(&world, "node.labels.Zone exists", "a"));
        assert_false(matches(&world, "node.labels.rack exists", "a"));
        assert_true(matches(&world, "node.labels.rack not exists", "a"));
        assert_true(matches(&world, "not exists node.labels.rack", "a"));
        assert_false(matches(&world, "not exists node.ip", "a"));
        assert_refused("exists", "key '' is invalid");
        assert_refused("exists node.labels.a b", "key 'node.labels.a b' is invalid");
}

static void numbers_are_compared_as_numbers(void **state)
{
        (void)state;
        assert_true(matches(&world, "node.labels.Disks>=2", "a"));
        assert_true(matches(&world, "node.labels.Disks > 9", "a"));
        assert_true(matches(&world, "node.labels.Disks <= 10", "a"));
        assert_false(matches(&world, "node.labels.Disks<10", "a"));
        assert_false(matches(&world, "node.labels.Disks>10", "a"));
        assert_refused("node.labels.disks>=many", "value 'many' is invalid: a number is compared");
}

static void what_is_no_number_meets_no_comparison(void **state)
{
        (void)state;
        assert_false(matches(&world, "node.labels.Zone>=0", "a"));
        assert_false(matches(&world, "node.labels.Zone<=0", "a"));
        assert_false(matches(&world, "node.labels.rack<1", "a"));
}

static bool is_soft(const char *text)
{
        struct constraint constraint;
        struct err err;

        assert_int_equal(constraint_parse(&world.arena, text, &constraint, &err), 0);
        assert_true(constraint_matches(&constraint, view_node(world.view, an_id(&world, "a"))));
        return constraint.is_soft;
}

static void a_tilde_makes_a_wish(void **state)
{
        (void)state;
        assert_true(is_soft("node.labels.Zone~==east"));
        assert_true(is_soft("node.labels.Zone ==~east"));
        assert_true(is_soft("node.labels.Zone ~in (east)"));
        assert_true(is_soft("node.labels.Zone ~=~ ea"));
        assert_true(is_soft("node.labels.Zone ~exists"));
        assert_false(is_soft("node.labels.Zone=~ea"));
        assert_false(is_soft("node.labels.Zone==east"));
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
                cmocka_unit_test(lists_are_compared_as_their_items_are),
                cmocka_unit_test(patterns_are_found_anywhere),
                cmocka_unit_test(a_key_exists_or_not),
                cmocka_unit_test(numbers_are_compared_as_numbers),
                cmocka_unit_test(what_is_no_number_meets_no_comparison),
                cmocka_unit_test(a_tilde_makes_a_wish),
        };

        return cmocka_run_group_tests(tests, begin, end);
}
