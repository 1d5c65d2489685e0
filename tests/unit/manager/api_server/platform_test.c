/* What an image is for belongs to its digest: both are told, changed and taken back together. */
#include "lib/base/str.h"
#include "manager/api_server/call.h"
#include "tests/lib/build_objects.h"
#include "tests/unit/test.h"

#define HALF "0123456789abcdef0123456789abcdef"
#define ONE "img:1@sha256:" HALF HALF
#define TWO "img:2@sha256:" HALF HALF

struct scene {
        struct world world;
        struct plan plan;
        struct call call;
        struct err err;
        int n_updates;
};

static int setup(void **state)
{
        struct scene *scene = mem_alloc(sizeof *scene);

        world_init(&scene->world);
        a_cluster(&scene->world);
        plan_init(&scene->plan);
        scene->call = (struct call){
                .view = scene->world.view,
                .plan = &scene->plan,
                .arena = &scene->world.arena,
                .err = &scene->err,
                .fresh_ids = { an_id(&scene->world, "fresh1"), an_id(&scene->world, "fresh2") },
        };
        *state = scene;
        return 0;
}

static int teardown(void **state)
{
        struct scene *scene = *state;

        plan_done(&scene->plan);
        world_done(&scene->world);
        free(scene);
        return 0;
}

/* What the registry says; NULL: it was not asked, or is silent. */
static void registry_says(struct scene *scene, const char *reference, const char *architecture)
{
        struct resolved_image *resolved = arena_alloc(&scene->world.arena, sizeof *resolved);

        scene->call.resolved = reference ? resolved : NULL;
        if (!reference)
                return;
        resolved->reference = reference;
        resolved->platforms = arena_alloc(&scene->world.arena, sizeof *resolved->platforms);
        if (!architecture)
                return;
        resolved->platforms[0] = arena_alloc(&scene->world.arena, sizeof *resolved->platforms[0]);
        sk__platform__init(resolved->platforms[0]);
        resolved->platforms[0]->os = "linux";
        resolved->platforms[0]->architecture = architecture;
        resolved->n_platforms = 1;
}

static const Sk__ServiceSpec *web(struct scene *scene)
{
        const Sk__Service *service =
                (const Sk__Service *)view_find_name(scene->world.view, SK__KIND__KIND_SERVICE,
                                                    "web");

        return view_service_spec(scene->world.view, service->spec->spec_id)->spec->spec;
}

static void carry_out(struct scene *scene)
{
        assert_int_equal(world_apply(&scene->world, &scene->plan).n_accepted, 1);
        plan_clear(&scene->plan);
}

static void create(struct scene *scene)
{
        Sk__CreateServiceRequest in = SK__CREATE_SERVICE_REQUEST__INIT;
        Sk__CreateServiceResponse out = SK__CREATE_SERVICE_RESPONSE__INIT;

        in.spec = a_spec(&scene->world, "web", 1);
        assert_int_equal(handle_create_service(&scene->call, &in, &out), 0);
        carry_out(scene);
}

/* As the command does: the spec that is, with another image; NULL: a rollback. */
static void update(struct scene *scene, const char *image)
{
        Sk__UpdateServiceRequest in = SK__UPDATE_SERVICE_REQUEST__INIT;
        Sk__UpdateServiceResponse out = SK__UPDATE_SERVICE_RESPONSE__INIT;
        Sk__ServiceSpec spec = *web(scene);
        Sk__TaskSpec task = *spec.task;
        Sk__ContainerSpec container = *task.container;

        scene->call.fresh_ids[0] = an_id(&scene->world, scene->n_updates++ ? "next2" : "next1");
        container.image = image;
        task.container = &container;
        spec.task = &task;
        in.id = "web";
        in.spec = image ? &spec : NULL;
        in.rollback = !image;
        assert_int_equal(handle_update_service(&scene->call, &in, &out), 0);
        carry_out(scene);
}

/* NULL: for any. */
static void assert_is_for(struct scene *scene, const char *architecture)
{
        const Sk__Placement *placement = web(scene)->task->placement;

        assert_int_equal(placement ? placement->n_platforms : 0, architecture ? 1 : 0);
        if (architecture)
                assert_string_equal(placement->platforms[0]->architecture, architecture);
}

static void a_resolved_image_brings_its_platforms(void **state)
{
        struct scene *scene = *state;

        registry_says(scene, ONE, "arm64");
        create(scene);
        assert_string_equal(web(scene)->task->container->image, ONE);
        assert_is_for(scene, "arm64");
}

static void platforms_are_replaced_with_the_image_and_taken_back_with_it(void **state)
{
        struct scene *scene = *state;

        registry_says(scene, ONE, "arm64");
        create(scene);
        registry_says(scene, TWO, "amd64");
        update(scene, "img:2");
        assert_is_for(scene, "amd64");
        registry_says(scene, NULL, NULL);
        update(scene, NULL);
        assert_string_equal(web(scene)->task->container->image, ONE);
        assert_is_for(scene, "arm64");
}

static void an_image_that_does_not_say_is_for_any(void **state)
{
        struct scene *scene = *state;

        registry_says(scene, ONE, "arm64");
        create(scene);
        registry_says(scene, TWO, NULL);
        update(scene, "img:2");
        assert_is_for(scene, NULL);
}

static void platforms_do_not_outlive_their_image(void **state)
{
        struct scene *scene = *state;

        registry_says(scene, ONE, "arm64");
        create(scene);
        registry_says(scene, NULL, NULL);
        update(scene, web(scene)->task->container->image);
        assert_is_for(scene, "arm64");
        update(scene, "img:2");
        assert_is_for(scene, NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(a_resolved_image_brings_its_platforms),
                TEST(platforms_are_replaced_with_the_image_and_taken_back_with_it),
                TEST(an_image_that_does_not_say_is_for_any),
                TEST(platforms_do_not_outlive_their_image),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
