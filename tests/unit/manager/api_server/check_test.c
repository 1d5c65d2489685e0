/* Rules for what people ask. */
#include "manager/api_server/check.h"

#include <string.h>

#include "lib/base/check.h"
#include "lib/base/time.h"
#include "tests/lib/build_objects.h"
#include "tests/unit/test.h"

static int setup(void **state)
{
        struct world *world = mem_alloc(sizeof *world);

        world_init(world);
        *state = world;
        return 0;
}

static int teardown(void **state)
{
        world_done(*state);
        free(*state);
        return 0;
}

/* The rule's own sentence, so that a spec is not refused for another reason. */
static void assert_refused(const Sk__ServiceSpec *spec, int code, const char *words)
{
        struct err err = { 0 };

        assert_int_equal(check_service_spec(spec, &err), code);
        if (!strstr(err.text, words))
                fail_msg("'%s' does not say '%s'", err.text, words);
}

#define NEW(world, Type, INIT)                                           \
        __extension__({                                                  \
                Type *new_ = arena_alloc(&(world)->arena, sizeof *new_); \
                *new_ = (Type)INIT;                                      \
                new_;                                                    \
        })

static void a_plain_service_is_accepted(void **state)
{
        struct err err;

        assert_int_equal(check_service_spec(a_spec(*state, "web", 3), &err), 0);
}

static void only_jobs_have_a_schedule_and_one_that_comes(void **state)
{
        Sk__ServiceSpec *spec = a_spec(*state, "web", 1);
        Sk__Schedule schedule = SK__SCHEDULE__INIT;

        schedule.cron = "@daily";
        spec->schedule = &schedule;
        assert_refused(spec, ERR_INVALID, "only jobs have a schedule");
        spec = a_job_spec(*state, "job", 1);
        spec->schedule = &schedule;
        assert_int_equal(check_service_spec(spec, NULL), 0);
        schedule.timezone = "Europe/Berlin";
        assert_refused(spec, ERR_INVALID, "unknown timezone 'Europe/Berlin'");
        schedule.timezone = "UTC";
        schedule.cron = "0 0 30 2 *";
        assert_refused(spec, ERR_INVALID, "invalid schedule '0 0 30 2 *': no month has such a day");
        schedule.cron = "* * * * *";
        schedule.history = 101;
        assert_refused(spec, ERR_INVALID, "at most 100 runs");
        schedule.history = 0;
        schedule.starting_deadline_ns = -1;
        assert_refused(spec, ERR_INVALID, "cannot be negative");
}

static void a_growing_delay_is_not_less_than_the_delay(void **state)
{
        Sk__ServiceSpec *spec = a_spec(*state, "web", 1);

        spec->task->restart->backoff_max_ns = 4 * NS_PER_S;
        assert_refused(spec, ERR_INVALID, "restart-backoff-max cannot be less than restart-delay");
        spec->task->restart->backoff_max_ns = 5 * NS_PER_S;
        assert_int_equal(check_service_spec(spec, NULL), 0);
        spec->task->restart->backoff_reset_ns = -1;
        assert_refused(spec, ERR_INVALID, "restart-backoff-reset cannot be negative");
}

static void names_are_dns_labels(void **state)
{
        static const char *const bad[] = { "", "-web", "web-", "we b", "we.b", "w/b", "\xc3\xbc" };
        Sk__ServiceSpec *spec = a_spec(*state, "web", 1);

        for (size_t i = 0; i < COUNT_OF(bad); i++) {
                spec->annotations->name = bad[i];
                assert_refused(spec, ERR_INVALID, "name must be valid as a DNS name component");
        }
        spec->annotations->name =
                "a234567890123456789012345678901234567890123456789012345678901234";
        assert_refused(spec, ERR_INVALID, "name must be 63 characters or fewer");
        spec->annotations->name = "a23456789012345678901234567890123456789012345678901234567890123";
        assert_int_equal(check_service_spec(spec, NULL), 0);
}

static void images_are_references(void **state)
{
        static const char *const bad[] = { "Web",  "web:", "web:a b", "web@sha256:12",
                                           "/web", "a//b", "web:-x",  "host:80/" };
        static const char *const good[] = {
                "web",
                "web:1",
                "a/b/c:x_1.2-3",
                "localhost/web",
                "127.0.0.1:5000/web:latest",
                "r.x/a@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
                "[::1]:5000/a__b"
        };
        Sk__ServiceSpec *spec = a_spec(*state, "web", 1);

        spec->task->container->image = "";
        assert_refused(spec, ERR_INVALID, "image reference must be provided");
        for (size_t i = 0; i < COUNT_OF(bad); i++) {
                spec->task->container->image = bad[i];
                assert_refused(spec, ERR_INVALID, "is not a valid repository/tag");
        }
        for (size_t i = 0; i < COUNT_OF(good); i++)
                if (check_image(good[i], NULL) < 0)
                        fail_msg("'%s' was refused", good[i]);
}

static void resources_have_a_least(void **state)
{
        Sk__ServiceSpec *spec = a_spec(*state, "web", 1);

        spec->task->limits = NEW((struct world *)*state, Sk__Resources, SK__RESOURCES__INIT);
        spec->task->limits->nano_cpus = 100000;
        assert_refused(spec, ERR_INVALID, "invalid cpu value 0.0001: Must be at least 0.001");
        spec->task->limits->nano_cpus = 1000000;
        spec->task->limits->memory_bytes = 1;
        assert_refused(spec, ERR_INVALID, "invalid memory value 1: Must be at least 4MiB");
        spec->task->limits->memory_bytes = 4 << 20;
        assert_int_equal(check_service_spec(spec, NULL), 0);
}

static void generic_resources_are_reserved_by_number(void **state)
{
        struct world *world = *state;
        Sk__ServiceSpec *spec = a_spec(world, "web", 1);
        Sk__GenericResource *generic = NEW(world, Sk__GenericResource, SK__GENERIC_RESOURCE__INIT);

        spec->task->reservations = NEW(world, Sk__Resources, SK__RESOURCES__INIT);
        spec->task->reservations->generic = &generic;
        spec->task->reservations->n_generic = 1;
        generic->kind = "gpu";
        assert_refused(spec, ERR_INVALID, "invalid argument for resource gpu");
        generic->value_case = SK__GENERIC_RESOURCE__VALUE_COUNT;
        generic->count = -1;
        assert_refused(spec, ERR_INVALID, "invalid argument for resource gpu");
        generic->count = 1;
        assert_int_equal(check_service_spec(spec, NULL), 0);
        generic->value_case = SK__GENERIC_RESOURCE__VALUE_NAMED;
        generic->named = "g1";
        assert_refused(spec, ERR_INVALID, "invalid argument for resource gpu");
}

static void times_and_ratios_have_bounds(void **state)
{
        struct world *world = *state;
        Sk__ServiceSpec *spec = a_spec(world, "web", 1);

        spec->task->restart->window_ns = -1;
        assert_refused(spec, ERR_INVALID, "restart-window cannot be negative");
        spec->task->restart->window_ns = 0;
        spec->update = NEW(world, Sk__UpdateConfig, SK__UPDATE_CONFIG__INIT);
        spec->update->max_failure_ratio = 1.5;
        assert_refused(spec, ERR_INVALID,
                       "update-maxfailureratio cannot be less than 0 or bigger than 1");
        spec->update->max_failure_ratio = 0;
        spec->update->delay_ns = -1;
        assert_refused(spec, ERR_INVALID, "update-delay cannot be negative");
        spec->update->delay_ns = 0;
        spec->task->container->health = NEW(world, Sk__HealthConfig, SK__HEALTH_CONFIG__INIT);
        spec->task->container->health->interval_ns = 1;
        assert_refused(spec, ERR_INVALID, "Interval in HealthConfig cannot be less than 1ms");
}

static void a_health_check_that_cannot_be_is_refused(void **state)
{
        struct world *world = *state;
        Sk__ServiceSpec *spec = a_spec(world, "web", 1);
        Sk__HealthConfig *health = NEW(world, Sk__HealthConfig, SK__HEALTH_CONFIG__INIT);
        const char *test[] = { "CMD", NULL, NULL };

        spec->task->container->health = health;
        health->test = test;
        health->n_test = 1;
        assert_refused(spec, ERR_INVALID, "CMD takes a command");
        test[0] = "PING";
        assert_refused(spec, ERR_INVALID, "Unknown probe type 'PING'");
        test[0] = "CMD-SHELL";
        test[1] = test[2] = "true";
        health->n_test = 3;
        assert_refused(spec, ERR_INVALID, "CMD-SHELL takes one command line");
        health->n_test = 2;
        assert_int_equal(check_service_spec(spec, NULL), 0);
        health->retries = -1;
        assert_refused(spec, ERR_INVALID, "Retries in HealthConfig cannot be negative");
        health->retries = 0;
        test[0] = "TCP";
        assert_refused(spec, ERR_INVALID, "'true' is no address for a probe");
        test[1] = ":80/path";
        assert_refused(spec, ERR_INVALID, "TCP takes no path");
        spec->task->container->health = NULL;
        spec->task->container->readiness = health;
        health->n_test = 0;
        assert_refused(spec, ERR_INVALID, "Readiness needs a test");
}

static Sk__PortConfig *a_port(struct world *world, Sk__ServiceSpec *spec, uint32_t target,
                              uint32_t published)
{
        Sk__PortConfig *port = NEW(world, Sk__PortConfig, SK__PORT_CONFIG__INIT);

        if (!spec->endpoint) {
                spec->endpoint = NEW(world, Sk__EndpointSpec, SK__ENDPOINT_SPEC__INIT);
                spec->endpoint->ports =
                        arena_alloc(&world->arena, 13 * sizeof *spec->endpoint->ports);
        }
        port->target_port = target;
        port->published_port = published;
        port->publish_mode = SK__PORT_CONFIG__PUBLISH_MODE__HOST;
        spec->endpoint->ports[spec->endpoint->n_ports++] = port;
        return port;
}

static void ports_are_numbers_up_to_65535(void **state)
{
        Sk__ServiceSpec *spec = a_spec(*state, "web", 1);

        a_port(*state, spec, 80, 99999);
        assert_refused(spec, ERR_INVALID, "out of range");
}

static void a_port_is_published_once(void **state)
{
        Sk__ServiceSpec *spec = a_spec(*state, "web", 1);

        a_port(*state, spec, 80, 8080);
        a_port(*state, spec, 81, 8080);
        assert_refused(spec, ERR_INVALID, "duplicate published ports provided");
        spec->endpoint->ports[1]->protocol = SK__PORT_CONFIG__PROTOCOL__UDP;
        assert_int_equal(check_service_spec(spec, NULL), 0);
}

static void a_task_publishes_at_most_twelve_ports_of_its_node(void **state)
{
        Sk__ServiceSpec *spec = a_spec(*state, "web", 1);

        for (uint32_t i = 0; i < 12; i++)
                a_port(*state, spec, 80, 10000 + i);
        assert_int_equal(check_service_spec(spec, NULL), 0);
        spec->endpoint->ports[5]->published_port = 10011;
        assert_refused(spec, ERR_INVALID, "duplicate published ports provided");
        for (int i = 0; i < 12; i++)
                spec->endpoint->ports[i]->published_port = 0;
        assert_int_equal(check_service_spec(spec, NULL), 0);
        a_port(*state, spec, 80, 0);
        assert_refused(spec, ERR_INVALID,
                       "EndpointSpec: a task can publish 12 ports of its node, not 13");
}

static void what_is_not_there_yet_is_refused_by_name(void **state)
{
        struct world *world = *state;
        Sk__ServiceSpec *spec = a_spec(world, "web", 1);

        a_port(world, spec, 80, 8080)->publish_mode = SK__PORT_CONFIG__PUBLISH_MODE__INGRESS;
        assert_refused(spec, ERR_UNIMPLEMENTED, "ingress mode is not supported yet");
}

static void a_job_has_no_update_config_and_bounded_completions(void **state)
{
        struct world *world = *state;
        Sk__ServiceSpec *spec = a_job_spec(world, "job", 100000);

        assert_int_equal(check_service_spec(spec, NULL), 0);
        spec->replicated_job->total_completions++;
        assert_refused(spec, ERR_INVALID, "Number of replicas must be at most 100000");
        spec->replicated_job->total_completions = 0;
        spec->update = NEW(world, Sk__UpdateConfig, SK__UPDATE_CONFIG__INIT);
        assert_refused(spec, ERR_INVALID, "Jobs may not have an update config");
}

static void constraints_are_read_when_they_are_given(void **state)
{
        struct world *world = *state;
        Sk__ServiceSpec *spec = a_spec(world, "web", 1);

        spec->task->placement = NEW(world, Sk__Placement, SK__PLACEMENT__INIT);
        spec->task->placement->constraints =
                a_list(world, &spec->task->placement->n_constraints, "node.role=manager", NULL);
        assert_refused(spec, ERR_INVALID, "constraint expected one operator from ==, !=");
        spec->task->placement->constraints =
                a_list(world, &spec->task->placement->n_constraints, "node.role =~ (a", NULL);
        assert_refused(spec, ERR_INVALID, "pattern '(a' is invalid: a ( has no )");
}

static void a_platform_is_two_words(void **state)
{
        struct world *world = *state;
        Sk__ServiceSpec *spec = a_spec(world, "web", 1);
        Sk__Platform platform = SK__PLATFORM__INIT, *platforms[PLATFORMS_MAX + 1];

        for (size_t i = 0; i < COUNT_OF(platforms); i++)
                platforms[i] = &platform;
        spec->task->placement = NEW(world, Sk__Placement, SK__PLACEMENT__INIT);
        spec->task->placement->platforms = platforms;
        spec->task->placement->n_platforms = COUNT_OF(platforms);
        assert_refused(spec, ERR_INVALID, "at most 64 platforms are accepted");
        spec->task->placement->n_platforms = 1;
        platform.os = "linux/amd64";
        assert_refused(spec, ERR_INVALID, "invalid platform linux/amd64/: one is");
}

static void affinities_are_read_when_they_are_given(void **state)
{
        struct world *world = *state;
        Sk__ServiceSpec *spec = a_spec(world, "web", 1);

        spec->task->placement = NEW(world, Sk__Placement, SK__PLACEMENT__INIT);
        spec->task->placement->affinities =
                a_list(world, &spec->task->placement->n_affinities, "service=db", NULL);
        assert_refused(spec, ERR_INVALID,
                       "affinity 'service=db' expected one operator from ==, !=");
        spec->task->placement->affinities =
                a_list(world, &spec->task->placement->n_affinities, "service > db", NULL);
        assert_refused(spec, ERR_INVALID,
                       "affinity 'service > db' expected one operator from ==, !=");
}

static void a_spec_of_megabytes_is_refused(void **state)
{
        struct world *world = *state;
        Sk__ServiceSpec *spec = a_spec(world, "web", 1);
        char *large = arena_alloc(&world->arena, SPEC_SIZE_MAX + 1);

        memset(large, 'x', SPEC_SIZE_MAX);
        spec->task->container->hostname = large;
        assert_refused(spec, ERR_INVALID, "at most 1048576 are accepted");
}

static void a_service_keeps_its_name_and_mode(void **state)
{
        struct err err;

        assert_int_equal(check_service_update(a_spec(*state, "web", 1), a_spec(*state, "bew", 1),
                                              &err),
                         ERR_INVALID);
        assert_string_equal(err.text, "renaming services is not supported");
        assert_int_equal(check_service_update(a_spec(*state, "web", 1),
                                              a_global_spec(*state, "web"), &err),
                         ERR_INVALID);
        assert_string_equal(err.text, "service mode change is not allowed");
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                T(a_plain_service_is_accepted),
                T(only_jobs_have_a_schedule_and_one_that_comes),
                T(a_growing_delay_is_not_less_than_the_delay),
                T(names_are_dns_labels),
                T(images_are_references),
                T(resources_have_a_least),
                T(generic_resources_are_reserved_by_number),
                T(times_and_ratios_have_bounds),
                T(a_health_check_that_cannot_be_is_refused),
                T(ports_are_numbers_up_to_65535),
                T(a_port_is_published_once),
                T(a_task_publishes_at_most_twelve_ports_of_its_node),
                T(what_is_not_there_yet_is_refused_by_name),
                T(a_job_has_no_update_config_and_bounded_completions),
                T(constraints_are_read_when_they_are_given),
                T(a_platform_is_two_words),
                T(affinities_are_read_when_they_are_given),
                T(a_spec_of_megabytes_is_refused),
                T(a_service_keeps_its_name_and_mode),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
