/* Why not that node, in words. */
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

/* A service "web" that asks for this, and its one waiting task. */
static const Sk__Task *a_waiting_task(Sk__Resources *reserved, const char *constraint)
{
        Sk__ServiceSpec *spec = a_spec(&world, "web", 1);
        Sk__Placement *placement = arena_alloc(&world.arena, sizeof *placement);

        sk__placement__init(placement);
        if (constraint)
                placement->constraints = a_list(&world, &placement->n_constraints,
                                                "node.role==worker", constraint, NULL);
        spec->task->placement = placement;
        spec->task->reservations = reserved;
        a_service_of(&world, spec);
        return a_task(&world, "web", 1, SK__TASK_STATE__TASK_PENDING, NULL);
}

static const char *verdict_on(const Sk__Task *task, const char *node)
{
        struct placement_verdict *verdicts;
        struct err err;
        size_t n;

        assert_int_equal(placement_verdicts(world.view, task, &world.arena, &verdicts, &n, &err),
                         0);
        for (size_t i = 0; i < n; i++)
                if (str_equal(verdicts[i].node_name, node))
                        return verdicts[i].text;
        return NULL;
}

static Sk__Resources *resources(int64_t nano_cpus, int64_t memory_bytes)
{
        Sk__Resources *reserved = arena_alloc(&world.arena, sizeof *reserved);

        sk__resources__init(reserved);
        reserved->nano_cpus = nano_cpus;
        reserved->memory_bytes = memory_bytes;
        return reserved;
}

static void a_node_that_fits_says_so(void **state)
{
        (void)state;
        a_node(&world, "a");
        assert_string_equal(verdict_on(a_waiting_task(NULL, NULL), "a"), "fits");
}

static void what_is_missing_is_named(void **state)
{
        (void)state;
        a_node(&world, "a");
        assert_string_equal(verdict_on(a_waiting_task(resources(0, INT64_C(16) << 30), NULL), "a"),
                            "16GiB of memory wanted, 8GiB free");
        assert_string_equal(verdict_on(a_waiting_task(resources(INT64_C(6500000000), 0), NULL),
                                       "a"),
                            "6.5 CPUs wanted, 4 free");
}

static void the_constraint_that_is_not_met_is_named(void **state)
{
        (void)state;
        a_node(&world, "a");
        assert_string_equal(verdict_on(a_waiting_task(NULL, "node.hostname==b"), "a"),
                            "constraint not satisfied: node.hostname==b, the node has 'a'");
}

static void a_platform_that_is_not_supported_is_named(void **state)
{
        Sk__ServiceSpec *spec = a_spec(&world, "web", 1);
        Sk__Platform platform = SK__PLATFORM__INIT, *platforms[] = { &platform };
        Sk__Placement placement = SK__PLACEMENT__INIT;

        (void)state;
        platform.os = "linux";
        platform.architecture = "s390x";
        placement.platforms = platforms;
        placement.n_platforms = 1;
        spec->task->placement = &placement;
        a_service_of(&world, spec);
        a_node(&world, "a");
        assert_string_equal(verdict_on(a_task(&world, "web", 1, SK__TASK_STATE__TASK_PENDING, NULL),
                                       "a"),
                            "the node is linux/x86_64, the image is for linux/s390x");
}

static Sk__ServiceSpec *with_host_port(Sk__ServiceSpec *spec, uint32_t port)
{
        Sk__EndpointSpec *endpoint = arena_alloc(&world.arena, sizeof *endpoint);
        Sk__PortConfig *config = arena_alloc(&world.arena, sizeof *config);

        sk__endpoint_spec__init(endpoint);
        sk__port_config__init(config);
        config->publish_mode = SK__PORT_CONFIG__PUBLISH_MODE__HOST;
        config->published_port = config->target_port = port;
        endpoint->ports = arena_alloc(&world.arena, sizeof *endpoint->ports);
        endpoint->ports[0] = config;
        endpoint->n_ports = 1;
        spec->endpoint = endpoint;
        return spec;
}

static void the_task_that_has_the_port_is_named(void **state)
{
        (void)state;
        a_node(&world, "a");
        a_service_of(&world, with_host_port(a_spec(&world, "db", 1), 80));
        a_service_of(&world, with_host_port(a_spec(&world, "front", 3), 8081));
        a_service_of(&world, with_host_port(a_spec(&world, "web", 1), 8081));
        a_task(&world, "db", 1, SK__TASK_STATE__TASK_RUNNING, "a");
        a_task(&world, "front", 1, SK__TASK_STATE__TASK_FAILED, "a");
        a_task(&world, "front", 3, SK__TASK_STATE__TASK_RUNNING, "a");
        assert_string_equal(verdict_on(a_task(&world, "web", 1, SK__TASK_STATE__TASK_PENDING, NULL),
                                       "a"),
                            "host port 8081 is in use by front.3");
}

static Sk__Mount *a_volume_of(const char *driver)
{
        Sk__Mount *mount = arena_alloc(&world.arena, sizeof *mount);
        Sk__Mount__VolumeOptions *volume = arena_alloc(&world.arena, sizeof *volume);

        sk__mount__init(mount);
        sk__mount__volume_options__init(volume);
        mount->type = SK__MOUNT__TYPE__VOLUME;
        mount->volume = volume;
        volume->driver = driver;
        return mount;
}

static void the_first_plugin_that_is_missing_is_named(void **state)
{
        Sk__ServiceSpec *spec = a_spec(&world, "web", 1);
        Sk__Mount *mounts[] = { a_volume_of("first"), a_volume_of("second"), a_volume_of("third") };

        (void)state;
        spec->task->container->mounts = mounts;
        spec->task->container->n_mounts = 3;
        a_service_of(&world, spec);
        a_node(&world, "a");
        assert_string_equal(verdict_on(a_task(&world, "web", 1, SK__TASK_STATE__TASK_PENDING, NULL),
                                       "a"),
                            "the plugin Volume/first is missing");
}

static void a_network_driver_is_a_plugin(void **state)
{
        Sk__NodeDescription *description = a_node_description(&world, "a");
        Sk__Plugin bridge = SK__PLUGIN__INIT, *plugins[] = { &bridge };
        Sk__NetworkAttachment attachment = SK__NETWORK_ATTACHMENT__INIT, *all[] = { &attachment };
        Sk__NetworkSpec driven = SK__NETWORK_SPEC__INIT;
        Sk__ServiceSpec *spec = a_spec(&world, "web", 1);

        (void)state;
        bridge.type = "Network";
        bridge.name = "bridge";
        description->plugins = plugins;
        description->n_plugins = 1;
        a_part(&world, SK__KIND__KIND_NODE, a_node(&world, "a")->id, NULL, PART_NODE_description,
               &description->base);
        driven.driver = "overlay";
        attachment.target = a_network(&world, "net")->id;
        a_part(&world, SK__KIND__KIND_NETWORK, attachment.target, NULL, PART_NETWORK_spec,
               &driven.base);
        attachment.target = an_id(&world, "net");
        spec->task->networks = all;
        spec->task->n_networks = 1;
        a_service_of(&world, spec);
        assert_string_equal(verdict_on(a_task(&world, "web", 1, SK__TASK_STATE__TASK_PENDING, NULL),
                                       "a"),
                            "the plugin Network/overlay is missing");
}

static void a_node_that_is_not_ready_says_so(void **state)
{
        (void)state;
        a_node_that_is(&world, "a", SK__NODE_STATUS__STATE__DOWN,
                       SK__NODE_SPEC__AVAILABILITY__ACTIVE);
        assert_string_equal(verdict_on(a_waiting_task(NULL, NULL), "a"), "the node is not ready");
}

static void a_drained_node_says_so(void **state)
{
        (void)state;
        a_node_that_is(&world, "a", SK__NODE_STATUS__STATE__READY,
                       SK__NODE_SPEC__AVAILABILITY__DRAIN);
        assert_string_equal(verdict_on(a_waiting_task(NULL, NULL), "a"), "the node is drained");
}

static void a_task_with_a_node_of_its_own_is_judged_there_alone(void **state)
{
        const Sk__Task *task;

        (void)state;
        a_node(&world, "a");
        a_node(&world, "b");
        a_global_service(&world, "mon");
        task = a_node_task(&world, "mon", "b", SK__TASK_STATE__TASK_PENDING);
        assert_null(verdict_on(task, "a"));
        assert_string_equal(verdict_on(task, "b"), "fits");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(a_node_that_fits_says_so, begin, end),
                cmocka_unit_test_setup_teardown(what_is_missing_is_named, begin, end),
                cmocka_unit_test_setup_teardown(the_constraint_that_is_not_met_is_named, begin,
                                                end),
                cmocka_unit_test_setup_teardown(a_platform_that_is_not_supported_is_named, begin,
                                                end),
                cmocka_unit_test_setup_teardown(the_first_plugin_that_is_missing_is_named, begin,
                                                end),
                cmocka_unit_test_setup_teardown(the_task_that_has_the_port_is_named, begin, end),
                cmocka_unit_test_setup_teardown(a_network_driver_is_a_plugin, begin, end),
                cmocka_unit_test_setup_teardown(a_node_that_is_not_ready_says_so, begin, end),
                cmocka_unit_test_setup_teardown(a_drained_node_says_so, begin, end),
                cmocka_unit_test_setup_teardown(a_task_with_a_node_of_its_own_is_judged_there_alone,
                                                begin, end),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
