/* Many labels, versions and users of secrets and configs. */
#include <string.h>

#include "manager/api_server/call.h"
#include "tests/lib/build_objects.h"
#include "tests/unit/test.h"

enum { MANY = 200, LABELS_MAX = 4096 };

static void labels_are_bounded_when_they_are_changed(void **state)
{
        Sk__UpdateSecretRequest secret = SK__UPDATE_SECRET_REQUEST__INIT;
        Sk__UpdateSecretResponse secret_out = SK__UPDATE_SECRET_RESPONSE__INIT;
        Sk__UpdateConfigRequest config = SK__UPDATE_CONFIG_REQUEST__INIT;
        Sk__UpdateConfigResponse config_out = SK__UPDATE_CONFIG_RESPONSE__INIT;
        Sk__SecretSpec secret_spec = SK__SECRET_SPEC__INIT;
        Sk__ConfigSpec config_spec = SK__CONFIG_SPEC__INIT;
        Sk__Annotations annotations = SK__ANNOTATIONS__INIT;
        Sk__Label label = SK__LABEL__INIT, *labels[LABELS_MAX + 1];
        struct world world;
        struct plan plan;
        struct err err;
        struct call call = { .plan = &plan, .err = &err };

        (void)state;
        world_init(&world);
        plan_init(&plan);
        call.view = world.view;
        call.arena = &world.arena;
        a_secret(&world, "pw");
        a_config(&world, "conf");
        for (size_t i = 0; i <= LABELS_MAX; i++)
                labels[i] = &label;
        annotations.labels = labels;
        secret_spec.annotations = config_spec.annotations = &annotations;
        secret.id = "pw";
        secret.spec = &secret_spec;
        config.id = "conf";
        config.spec = &config_spec;
        annotations.n_labels = LABELS_MAX;
        assert_int_equal(handle_update_secret(&call, &secret, &secret_out), 0);
        assert_int_equal(handle_update_config(&call, &config, &config_out), 0);
        annotations.n_labels = LABELS_MAX + 1;
        assert_int_equal(handle_update_secret(&call, &secret, &secret_out), ERR_INVALID);
        assert_string_equal(err.text, "a secret may have 4096 labels, not 4097");
        assert_int_equal(handle_update_config(&call, &config, &config_out), ERR_INVALID);
        assert_string_equal(err.text, "a config may have 4096 labels, not 4097");
        plan_done(&plan);
        world_done(&world);
}

static void a_removal_takes_memory_by_versions_and_services_not_by_their_product(void **state)
{
        Sk__RemoveConfigRequest in = SK__REMOVE_CONFIG_REQUEST__INIT;
        Sk__RemoveConfigResponse out = SK__REMOVE_CONFIG_RESPONSE__INIT;
        _cleanup_(arena_done) struct arena arena = { 0 };
        struct world world;
        struct plan plan;
        struct err err;
        struct call call = { .plan = &plan, .err = &err, .arena = &arena };

        (void)state;
        world_init(&world);
        plan_init(&plan);
        call.view = world.view;
        for (uint64_t i = 1; i <= MANY; i++) {
                const char *name = arena_printf(&world.arena, "conf%d", (int)i);
                Sk__ConfigSpec spec = SK__CONFIG_SPEC__INIT;

                spec.family = "conf";
                spec.version = i;
                a_part(&world, SK__KIND__KIND_CONFIG, an_id(&world, name), name, 0, &spec.base);
                a_service(&world, arena_printf(&world.arena, "web%d", (int)i), 1);
        }
        in.id = "conf";
        assert_int_equal(handle_remove_config(&call, &in, &out), 0);
        assert_int_equal(out.n_names, MANY);
        assert_true(arena.used_bytes < MANY * 100);
        plan_done(&plan);
        world_done(&world);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(labels_are_bounded_when_they_are_changed),
                cmocka_unit_test(
                        a_removal_takes_memory_by_versions_and_services_not_by_their_product),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
