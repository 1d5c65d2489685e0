/* Health: settings and verdicts. */
#include "tests/unit/test.h"

#include <string.h>

#include "agent/oci/health.h"
#include "lib/base/str.h"
#include "lib/base/time.h"

static const char *const shell_test[] = { "CMD-SHELL", "curl -f localhost" };

static struct health begin(int64_t retries, int64_t start_period_ns)
{
        struct oci_health settings = {
                .interval_ns = 30 * NS_PER_S,
                .start_interval_ns = 5 * NS_PER_S,
                .start_period_ns = start_period_ns,
                .retries = retries,
        };
        struct health health;

        health_begin(&health, &settings, false, 0);
        return health;
}

static void the_spec_goes_before_the_image_and_defaults(void **state)
{
        struct oci_health image = { .test = { shell_test, 2 }, .retries = 7 }, settings;
        Sk__HealthConfig spec = SK__HEALTH_CONFIG__INIT;
        struct arena arena = { 0 };

        (void)state;
        spec.interval_ns = NS_PER_S;
        assert_true(health_settings(&spec, &image, &arena, &settings));
        assert_string_equal(settings.test.words[0], "/bin/sh");
        assert_string_equal(settings.test.words[2], "curl -f localhost");
        assert_int_equal(settings.interval_ns, NS_PER_S);
        assert_int_equal(settings.retries, 7);
        assert_int_equal(settings.timeout_ns, 30 * NS_PER_S);
        arena_done(&arena);
}

static void none_turns_the_images_check_off(void **state)
{
        struct oci_health image = { .test = { shell_test, 2 } }, settings;
        Sk__HealthConfig spec = SK__HEALTH_CONFIG__INIT;
        const char *none[] = { "NONE" };
        struct arena arena = { 0 };

        (void)state;
        spec.test = none;
        spec.n_test = 1;
        assert_false(health_settings(&spec, &image, &arena, &settings));
        arena_done(&arena);
}

static void nothing_said_is_nothing_checked(void **state)
{
        struct oci_health image = { 0 }, settings;
        struct arena arena = { 0 };

        (void)state;
        assert_false(health_settings(NULL, &image, &arena, &settings));
        arena_done(&arena);
}

static void one_success_is_enough(void **state)
{
        struct health health = begin(3, 0);

        (void)state;
        assert_int_equal(health.verdict, HEALTH_STARTING);
        health_probed(&health, true, 1);
        assert_int_equal(health.verdict, HEALTH_HEALTHY);
}

static void failures_count_in_a_row(void **state)
{
        struct health health = begin(2, 0);

        (void)state;
        health_probed(&health, false, 1);
        health_probed(&health, true, 2);
        health_probed(&health, false, 3);
        assert_int_equal(health.verdict, HEALTH_HEALTHY);
        health_probed(&health, false, 4);
        assert_int_equal(health.verdict, HEALTH_UNHEALTHY);
        health_probed(&health, true, 5);
        assert_int_equal(health.verdict, HEALTH_UNHEALTHY);
}

static void failures_of_the_start_period_do_not_count(void **state)
{
        struct health health = begin(1, 60 * NS_PER_S);

        (void)state;
        assert_int_equal(health_pause(&health, 0), 5 * NS_PER_S);
        health_probed(&health, false, 59 * NS_PER_S);
        assert_int_equal(health.verdict, HEALTH_STARTING);
        assert_int_equal(health_pause(&health, 61 * NS_PER_S), 30 * NS_PER_S);
        health_probed(&health, false, 61 * NS_PER_S);
        assert_int_equal(health.verdict, HEALTH_UNHEALTHY);
}

static void a_success_ends_the_start_period(void **state)
{
        struct health health = begin(1, 60 * NS_PER_S);

        (void)state;
        health_probed(&health, true, NS_PER_S);
        health_probed(&health, false, 2 * NS_PER_S);
        assert_int_equal(health.verdict, HEALTH_UNHEALTHY);
}

static void an_images_check_is_read(void **state)
{
        const char *json =
                "{\"config\":{\"Healthcheck\":{\"Test\":[\"CMD\",\"x\"],\"Interval\":5}}}";
        struct arena arena = { 0 };
        struct oci_image image;

        (void)state;
        assert_int_equal(oci_image_parse(json, strlen(json), &arena, &image, NULL), 0);
        assert_int_equal(image.health.test.n, 2);
        assert_int_equal(image.health.interval_ns, 5);
        arena_done(&arena);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_spec_goes_before_the_image_and_defaults),
                cmocka_unit_test(none_turns_the_images_check_off),
                cmocka_unit_test(nothing_said_is_nothing_checked),
                cmocka_unit_test(one_success_is_enough),
                cmocka_unit_test(failures_count_in_a_row),
                cmocka_unit_test(failures_of_the_start_period_do_not_count),
                cmocka_unit_test(a_success_ends_the_start_period),
                cmocka_unit_test(an_images_check_is_read),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
