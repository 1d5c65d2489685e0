/* Which specs make the same tasks. */
#include "lib/state/task_digest.h"

#include <string.h>

#include "tests/unit/test.h"

#include "tests/lib/build_objects.h"

static bool make_the_same_tasks(struct world *world, const Sk__ServiceSpec *a,
                                const Sk__ServiceSpec *b)
{
        ProtobufCBinaryData x = task_digest_of(a, &world->arena);
        ProtobufCBinaryData y = task_digest_of(b, &world->arena);

        assert_int_equal(x.len, 16);
        assert_int_equal(y.len, 16);
        return !memcmp(x.data, y.data, 16);
}

static void scale_constraints_credentials_and_updates_leave_tasks_as_they_are(void **state)
{
        Sk__RegistryAuth auth = SK__REGISTRY_AUTH__INIT;
        Sk__UpdateConfig update = SK__UPDATE_CONFIG__INIT;
        Sk__Placement placement = SK__PLACEMENT__INIT;
        Sk__Platform platform = SK__PLATFORM__INIT, *platforms[] = { &platform };
        const char *constraints[] = { "node.role==manager" };
        Sk__ServiceSpec *spec;
        struct world world;

        (void)state;
        world_init(&world);
        spec = a_spec(&world, "web", 5);
        spec->update = &update;
        placement.constraints = constraints;
        placement.n_constraints = 1;
        platform.architecture = "amd64"; /* learned at an update: the image has not changed */
        placement.platforms = platforms;
        placement.n_platforms = 1;
        spec->task->placement = &placement;
        auth.password = "hunter2";
        spec->task->container->registry_auth = &auth;
        assert_true(make_the_same_tasks(&world, a_spec(&world, "web", 1), spec));
        world_done(&world);
}

static void an_image_a_port_and_a_preference_make_other_tasks(void **state)
{
        Sk__EndpointSpec endpoint = SK__ENDPOINT_SPEC__INIT;
        Sk__PortConfig port = SK__PORT_CONFIG__INIT, *ports[] = { &port };
        Sk__Placement placement = SK__PLACEMENT__INIT;
        Sk__ServiceSpec *before, *image, *published, *spread;
        const char *labels[] = { "node.labels.zone" };
        struct world world;

        (void)state;
        world_init(&world);
        before = a_spec(&world, "web", 1);
        image = a_spec(&world, "web", 1);
        image->task->container->image = "img:2";
        published = a_spec(&world, "web", 1);
        port.published_port = 80;
        endpoint.ports = ports;
        endpoint.n_ports = 1;
        published->endpoint = &endpoint;
        spread = a_spec(&world, "web", 1);
        placement.spread = labels;
        placement.n_spread = 1;
        spread->task->placement = &placement;
        assert_false(make_the_same_tasks(&world, before, image));
        assert_false(make_the_same_tasks(&world, before, published));
        assert_false(make_the_same_tasks(&world, before, spread));
        world_done(&world);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(scale_constraints_credentials_and_updates_leave_tasks_as_they_are),
                cmocka_unit_test(an_image_a_port_and_a_preference_make_other_tasks),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
