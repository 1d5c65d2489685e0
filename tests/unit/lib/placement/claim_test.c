/* Which of a node's generic resources a task is given. */
#include "tests/unit/test.h"

#include "lib/placement/placement.h"
#include "tests/lib/build_objects.h"

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

static Sk__Resources *no_resources(size_t room)
{
        Sk__Resources *resources = arena_alloc(&world.arena, sizeof *resources);

        sk__resources__init(resources);
        resources->generic = arena_alloc(&world.arena, room * sizeof *resources->generic);
        return resources;
}

static Sk__GenericResource *add(Sk__Resources *resources, const char *kind)
{
        Sk__GenericResource *generic = arena_alloc(&world.arena, sizeof *generic);

        sk__generic_resource__init(generic);
        generic->kind = kind;
        resources->generic[resources->n_generic++] = generic;
        return generic;
}

static void add_count(Sk__Resources *resources, const char *kind, int64_t count)
{
        Sk__GenericResource *generic = add(resources, kind);

        generic->value_case = SK__GENERIC_RESOURCE__VALUE_COUNT;
        generic->count = count;
}

static void add_named(Sk__Resources *resources, const char *kind, const char *name)
{
        Sk__GenericResource *generic = add(resources, kind);

        generic->value_case = SK__GENERIC_RESOURCE__VALUE_NAMED;
        generic->named = name;
}

/* What is claimed, as "gpu=g1 gpu=g2 ssd=3"; NULL when the node has too little. */
static const char *claimed(Sk__Resources *reserved, Sk__Resources *have)
{
        Sk__ServiceSpecRevision revision = SK__SERVICE_SPEC_REVISION__INIT;
        _cleanup_(str_done) struct str text = { 0 };
        Sk__NodeDescription description = SK__NODE_DESCRIPTION__INIT;
        Sk__Node node = SK__NODE__INIT;
        struct placement_usage usage;
        struct placement_need need;
        Sk__GenericResource **claims = NULL;
        size_t n = 0;
        bool fits;

        revision.service_id = "web";
        revision.spec = a_spec(&world, "web", 1);
        revision.spec->task->reservations = reserved;
        description.resources = have;
        node.description = &description;
        placement_need_read(&world.arena, world.view, "spec", &revision, &need);
        placement_usage_init(&usage);
        fits = placement_claim(&need, &node, &usage, &world.arena, &claims, &n);
        placement_usage_done(&usage);
        for (size_t i = 0; fits && i < n; i++) {
                str_addf(&text, "%s%s=", i ? " " : "", claims[i]->kind);
                if (claims[i]->value_case == SK__GENERIC_RESOURCE__VALUE_NAMED)
                        str_add(&text, claims[i]->named);
                else
                        str_addf(&text, "%lld", (long long)claims[i]->count);
        }
        return fits ? arena_strdup(&world.arena, str_text(&text)) : NULL;
}

static Sk__Resources *three_gpus(void)
{
        Sk__Resources *have = no_resources(3);

        add_named(have, "gpu", "g2");
        add_named(have, "gpu", "g1");
        add_named(have, "gpu", "g3");
        return have;
}

static void a_kind_asked_for_twice_is_asked_for_once_with_the_sum(void **state)
{
        Sk__Resources *reserved = no_resources(2), *too_many = no_resources(2);

        (void)state;
        add_count(reserved, "gpu", 2);
        add_count(reserved, "gpu", 1);
        assert_string_equal(claimed(reserved, three_gpus()), "gpu=g1 gpu=g2 gpu=g3");
        add_count(too_many, "gpu", 2);
        add_count(too_many, "gpu", 2);
        assert_null(claimed(too_many, three_gpus()));
}

static void sums_do_not_wrap(void **state)
{
        Sk__Resources *reserved = no_resources(2), *have = no_resources(1);

        (void)state;
        add_count(reserved, "ssd", INT64_MAX);
        add_count(reserved, "ssd", INT64_MAX);
        add_count(have, "ssd", 3);
        assert_null(claimed(reserved, have));
}

static void nothing_and_less_ask_for_nothing(void **state)
{
        Sk__Resources *reserved = no_resources(3);

        (void)state;
        add_count(reserved, "gpu", 0);
        add_count(reserved, "fpga", -1);
        add_count(reserved, "gpu", 1);
        assert_string_equal(claimed(reserved, three_gpus()), "gpu=g1");
}

static void what_a_node_has_without_a_value_is_not_given(void **state)
{
        Sk__Resources *reserved = no_resources(1), *have = no_resources(5);

        (void)state;
        add(have, "gpu");
        add(have, "gpu");
        add_named(have, "gpu", "g2");
        add(have, "gpu");
        add_named(have, "gpu", "g1");
        add_count(reserved, "gpu", 2);
        assert_string_equal(claimed(reserved, have), "gpu=g1 gpu=g2");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_kind_asked_for_twice_is_asked_for_once_with_the_sum),
                cmocka_unit_test(sums_do_not_wrap),
                cmocka_unit_test(nothing_and_less_ask_for_nothing),
                cmocka_unit_test(what_a_node_has_without_a_value_is_not_given),
        };

        return cmocka_run_group_tests(tests, begin, end);
}
