/* What a service names. */
#include "lib/state/references.h"

#include "tests/unit/test.h"

#include "tests/lib/build_objects.h"

static void a_service_names_its_revisions_and_files(void **state)
{
        Sk__FileReference secret = SK__FILE_REFERENCE__INIT, config = SK__FILE_REFERENCE__INIT;
        Sk__FileReference *secrets[] = { &secret }, *configs[] = { &config };
        Sk__ServiceRevision revision = SK__SERVICE_REVISION__INIT;
        const char *history[] = { "oldest" }, *const * ids;
        const char *const wanted[] = { "now", "before", "oldest", "secret", "config" };
        Sk__ServiceSpec *spec;
        struct world world;

        (void)state;
        world_init(&world);
        spec = a_spec(&world, "web", 1);
        secret.id = "secret";
        config.id = "config";
        spec->task->container->secrets = secrets;
        spec->task->container->n_secrets = 1;
        spec->task->container->configs = configs;
        spec->task->container->n_configs = 1;
        revision.spec_id = "now";
        revision.previous_spec_id = "before";
        revision.history = history;
        revision.n_history = 1;
        ids = service_references(&revision, spec, &world.arena);
        for (size_t i = 0; i < 5; i++)
                assert_string_equal(ids[i], wanted[i]);
        assert_null(ids[5]);
        world_done(&world);
}

static void a_new_service_without_a_container_names_its_revision(void **state)
{
        Sk__ServiceRevision revision = SK__SERVICE_REVISION__INIT;
        struct arena arena = { 0 };
        const char *const *ids;

        (void)state;
        revision.spec_id = "now";
        ids = service_references(&revision, NULL, &arena);
        assert_string_equal(ids[0], "now");
        assert_null(ids[1]);
        arena_done(&arena);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_service_names_its_revisions_and_files),
                cmocka_unit_test(a_new_service_without_a_container_names_its_revision),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
