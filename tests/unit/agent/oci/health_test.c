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

        health_begin(&health, &settings, 0);
        return health;
}

static bool probed(struct health *health, int exit_code, int64_t now_ns)
{
        struct health_result result = { .exit_code = exit_code, .ended_ns = now_ns };

        return health_probed(health, &result, "said", 4, now_ns);
}

static void the_spec_goes_before_the_image_and_defaults(void **state)
{
        struct oci_health image = { .test = { shell_test, 2 }, .retries = 7 }, settings;
        Sk__HealthConfig spec = SK__HEALTH_CONFIG__INIT;
        struct arena arena = { 0 };

        (void)state;
        spec.interval_ns = NS_PER_S;
        assert_true(health_settings(&spec, &image, &arena, &settings));
        assert_string_equal(health_program(settings.test, &arena).words[0], "/bin/sh");
        assert_string_equal(health_program(settings.test, &arena).words[2], "curl -f localhost");
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
        probed(&health, 0, 1);
        assert_int_equal(health.verdict, HEALTH_HEALTHY);
        health_done(&health);
}

static void failures_count_in_a_row(void **state)
{
        struct health health = begin(2, 0);

        (void)state;
        probed(&health, 1, 1);
        probed(&health, 0, 2);
        probed(&health, 1, 3);
        assert_int_equal(health.verdict, HEALTH_HEALTHY);
        probed(&health, 1, 4);
        assert_int_equal(health.verdict, HEALTH_UNHEALTHY);
        probed(&health, 0, 5);
        assert_int_equal(health.verdict, HEALTH_UNHEALTHY);
        health_done(&health);
}

static void failures_of_the_start_period_do_not_count(void **state)
{
        struct health health = begin(1, 60 * NS_PER_S);

        (void)state;
        assert_int_equal(health_pause(&health, 0), 5 * NS_PER_S);
        probed(&health, 1, 59 * NS_PER_S);
        assert_int_equal(health.verdict, HEALTH_STARTING);
        assert_int_equal(health_pause(&health, 61 * NS_PER_S), 30 * NS_PER_S);
        probed(&health, 1, 61 * NS_PER_S);
        assert_int_equal(health.verdict, HEALTH_UNHEALTHY);
        health_done(&health);
}

static void a_success_ends_the_start_period(void **state)
{
        struct health health = begin(1, 60 * NS_PER_S);

        (void)state;
        probed(&health, 0, NS_PER_S);
        probed(&health, 1, 2 * NS_PER_S);
        assert_int_equal(health.verdict, HEALTH_UNHEALTHY);
        health_done(&health);
}

static void readiness_comes_back(void **state)
{
        struct health health = begin(2, 0);

        (void)state;
        health.may_recover = true;
        for (int i = 0; i < 5; i++)
                probed(&health, 1, 1);
        assert_int_equal(health.verdict, HEALTH_STARTING); /* it was never ready */
        probed(&health, 0, 1);
        probed(&health, 1, 1);
        probed(&health, 1, 2);
        assert_int_equal(health.verdict, HEALTH_UNHEALTHY);
        assert_true(probed(&health, 0, 3));
        assert_int_equal(health.verdict, HEALTH_HEALTHY);
        health_done(&health);
}

static void only_what_changes_is_told(void **state)
{
        struct health health = begin(3, 0);

        (void)state;
        assert_true(probed(&health, 0, 1)); /* the first one */
        assert_false(probed(&health, 0, 2));
        assert_true(probed(&health, 1, 3)); /* failures begin */
        assert_false(probed(&health, 1, 4));
        assert_true(probed(&health, 0, 5)); /* and end */
        probed(&health, 1, 6);
        probed(&health, 1, 7);
        assert_true(probed(&health, 1, 8)); /* the verdict */
        health_done(&health);
        health = begin(100, 0);
        assert_true(probed(&health, 1, 1));
        assert_false(probed(&health, 1, 10 * NS_PER_S));
        assert_true(probed(&health, 1, 11 * NS_PER_S)); /* it goes on */
        assert_false(probed(&health, 1, 12 * NS_PER_S));
        health_done(&health);
}

static void the_last_five_results_are_kept(void **state)
{
        struct health health = begin(100, 0);
        struct arena arena = { 0 };
        const Sk__HealthStatus *status;

        (void)state;
        for (int i = 1; i <= 7; i++)
                probed(&health, i, i);
        status = health_status(&health, &arena);
        assert_int_equal(status->failing_streak, 7);
        assert_int_equal(status->n_results, 5);
        assert_int_equal(status->results[0]->exit_code, 3);
        assert_int_equal(status->results[4]->exit_code, 7);
        arena_done(&arena);
        health_done(&health);
}

static void output_is_text_of_4096_bytes(void **state)
{
        struct health health = begin(3, 0);
        struct health_result result = { .exit_code = 1 };
        char bytes[5000];

        (void)state;
        memset(bytes, 'x', sizeof bytes);
        bytes[0] = '\0';
        bytes[1] = (char)0xff;
        memcpy(bytes + 4095, "\xc3\xbc", 2); /* does not fit whole */
        health_probed(&health, &result, bytes, sizeof bytes, 1);
        assert_int_equal(strlen(health.results[0].output), 4095 + 3);
        assert_true(str_starts_with(health.results[0].output, "??xx"));
        assert_true(str_ends_with(health.results[0].output, "x..."));
        assert_true(str_is_utf8(health.results[0].output, strlen(health.results[0].output)));
        health_done(&health);
}

static void another_agent_goes_on_with_what_was_written_down(void **state)
{
        struct health health = begin(3, 60 * NS_PER_S), next = begin(3, 60 * NS_PER_S);
        struct arena arena = { 0 };
        uint8_t *data;
        size_t size;

        (void)state;
        health.started_ns = 7;
        probed(&health, 1, 100 * NS_PER_S);
        probed(&health, 1, 101 * NS_PER_S);
        health_write(&health, &arena, &data, &size);
        assert_int_equal(health_read(&next, data, size, NULL), 0);
        assert_int_equal(next.started_ns, 7);
        assert_int_equal(next.n_results, 2);
        probed(&next, 1, 102 * NS_PER_S);
        assert_int_equal(next.verdict, HEALTH_UNHEALTHY);
        assert_int_equal(health_read(&health, data, size / 2, NULL), ERR_DATA_LOSS);
        health_done(&health);
        health_done(&next);
        arena_done(&arena);
}

static void a_check_without_a_program_is_one(void **state)
{
        static const char *const http[] = { "HTTP", ":80/" };
        struct oci_health image = { .test = { http, 2 } }, settings;
        struct arena arena = { 0 };

        (void)state;
        assert_true(health_settings(NULL, &image, &arena, &settings));
        assert_int_equal(health_program(settings.test, &arena).n, 0);
        arena_done(&arena);
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
                cmocka_unit_test(readiness_comes_back),
                cmocka_unit_test(only_what_changes_is_told),
                cmocka_unit_test(the_last_five_results_are_kept),
                cmocka_unit_test(output_is_text_of_4096_bytes),
                cmocka_unit_test(another_agent_goes_on_with_what_was_written_down),
                cmocka_unit_test(a_check_without_a_program_is_one),
                cmocka_unit_test(an_images_check_is_read),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
