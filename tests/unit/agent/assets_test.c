/* What a person says a node has. */
#include "tests/unit/test.h"

#include "agent/assets.h"

static void kinds_are_counted_or_have_names(void **state)
{
        Sk__NodeDescription description = SK__NODE_DESCRIPTION__INIT;
        struct assets assets;
        struct err err;

        (void)state;
        assert_int_equal(assets_parse(&assets, "SSD=3,GPU=uuid1,GPU=uuid2",
                                      "storage=ssd,empty=", &err),
                         0);
        assets_describe(&assets, &assets.arena, &description);
        assert_int_equal(description.resources->n_generic, 3);
        assert_int_equal(description.resources->generic[0]->count, 3);
        assert_string_equal(description.resources->generic[2]->named, "uuid2");
        assert_int_equal(description.n_engine_labels, 2);
        assert_string_equal(description.engine_labels[0]->key, "storage");
        assert_string_equal(description.engine_labels[1]->value, "");
        assets_done(&assets);
}

static void nothing_said_is_nothing_had(void **state)
{
        struct assets assets;

        (void)state;
        assert_int_equal(assets_parse(&assets, "", NULL, NULL), 0);
        assert_int_equal(assets.n_generic + assets.n_labels, 0);
        assets_done(&assets);
}

static void refused(const char *generic, const char *labels)
{
        struct assets assets;
        struct err err;

        assert_int_equal(assets_parse(&assets, generic, labels, &err), ERR_INVALID);
        assets_done(&assets);
}

static void what_cannot_be_had_is_refused(void **state)
{
        (void)state;
        refused("SSD", "");
        refused("=3", "");
        refused("SSD=", "");
        refused("SSD=-1", "");
        refused("SSD=1,SSD=2", "");
        refused("GPU=a,GPU=3", "");
        refused("GPU=a,GPU=a", "");
        refused("GPU=a b", "");
        refused("", "storage");
        refused("", "=ssd");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(kinds_are_counted_or_have_names),
                cmocka_unit_test(nothing_said_is_nothing_had),
                cmocka_unit_test(what_cannot_be_had_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
