/* Rules for mounts. */
#include "manager/api_server/check.h"

#include <string.h>

#include "lib/base/check.h"
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

static Sk__Mount *a_mount(struct world *world, Sk__ServiceSpec *spec, Sk__Mount__Type type,
                          const char *source, const char *target)
{
        Sk__ContainerSpec *container = spec->task->container;
        Sk__Mount *mount = NEW(world, Sk__Mount, SK__MOUNT__INIT);

        if (!container->mounts)
                container->mounts = arena_alloc(&world->arena, 1001 * sizeof *container->mounts);
        mount->type = type;
        mount->source = source;
        mount->target = target;
        container->mounts[container->n_mounts++] = mount;
        return mount;
}

static void two_mounts_cannot_share_a_target(void **state)
{
        Sk__ServiceSpec *spec = a_spec(*state, "web", 1);

        a_mount(*state, spec, SK__MOUNT__TYPE__TMPFS, "", "/x");
        a_mount(*state, spec, SK__MOUNT__TYPE__BIND, "/tmp", "/x");
        assert_refused(spec, ERR_INVALID, "duplicate mount point: /x");
}

static void a_service_has_at_most_a_thousand_mounts(void **state)
{
        Sk__ServiceSpec *spec = a_spec(*state, "web", 1);

        for (int i = 0; i < 1000; i++)
                a_mount(*state, spec, SK__MOUNT__TYPE__TMPFS, "",
                        arena_printf(&((struct world *)*state)->arena, "/x%d", i));
        assert_int_equal(check_service_spec(spec, NULL), 0);
        a_mount(*state, spec, SK__MOUNT__TYPE__TMPFS, "", "/x");
        assert_refused(spec, ERR_INVALID,
                       "ContainerSpec: a service may have 1000 mounts, not 1001");
}

static void a_bind_s_options_fit_together(void **state)
{
        static const char *const modes[] = { "private", "rprivate", "slave",
                                             "rslave",  "shared",   "rshared" };
        Sk__ServiceSpec *spec = a_spec(*state, "web", 1);
        Sk__Mount *mount = a_mount(*state, spec, SK__MOUNT__TYPE__BIND, "/tmp", "/x");
        Sk__Mount__BindOptions bind = SK__MOUNT__BIND_OPTIONS__INIT;

        mount->bind = &bind;
        for (size_t i = 0; i < COUNT_OF(modes); i++) {
                bind.propagation = modes[i];
                assert_int_equal(check_service_spec(spec, NULL), 0);
        }
        bind.propagation = "public";
        assert_refused(spec, ERR_INVALID,
                       "invalid mount config for type \"bind\": invalid propagation mode: public");
        bind.propagation = "";
        bind.read_only_force_recursive = true;
        assert_refused(spec, ERR_INVALID,
                       "mount options conflict: !ReadOnly && BindOptions.ReadOnlyForceRecursive");
        mount->read_only = true;
        assert_int_equal(check_service_spec(spec, NULL), 0);
        bind.read_only_non_recursive = true;
        assert_refused(spec, ERR_INVALID, "mount options conflict: ReadOnlyNonRecursive");
        mount->type = SK__MOUNT__TYPE__TMPFS;
        assert_refused(spec, ERR_INVALID, "field BindOptions must not be specified");
        mount->bind = NULL;
        assert_refused(spec, ERR_INVALID, "field Source must not be specified");
}

static void a_part_of_a_volume_is_below_it(void **state)
{
        Sk__ServiceSpec *spec = a_spec(*state, "web", 1);
        Sk__Mount *mount = a_mount(*state, spec, SK__MOUNT__TYPE__VOLUME, "data", "/x");
        Sk__Mount__VolumeOptions volume = SK__MOUNT__VOLUME_OPTIONS__INIT;

        mount->volume = &volume;
        volume.subpath = "a/..b/c..";
        assert_int_equal(check_service_spec(spec, NULL), 0);
        volume.subpath = "a/../../b";
        assert_refused(spec, ERR_INVALID, "subpath must be a relative path within the volume");
        volume.subpath = "a";
        mount->source = "";
        assert_refused(spec, ERR_INVALID, "must not set Subpath when using anonymous volumes");
}

static void an_image_is_mounted_whole_or_in_part(void **state)
{
        Sk__ServiceSpec *spec = a_spec(*state, "web", 1);
        Sk__Mount *mount = a_mount(*state, spec, SK__MOUNT__TYPE__IMAGE, "app:1", "/x");
        Sk__Mount__ImageOptions image = SK__MOUNT__IMAGE_OPTIONS__INIT;
        Sk__Mount__VolumeOptions volume = SK__MOUNT__VOLUME_OPTIONS__INIT;

        assert_int_equal(check_service_spec(spec, NULL), 0);
        mount->image = &image;
        image.subpath = "etc/app";
        assert_int_equal(check_service_spec(spec, NULL), 0);
        mount->source = "app:{{.Node.Hostname}}";
        assert_int_equal(check_service_spec(spec, NULL), 0);
        mount->source = "no image";
        assert_refused(spec, ERR_INVALID, "\"no image\" is not a valid repository/tag");
        mount->source = "";
        assert_refused(spec, ERR_INVALID,
                       "invalid mount config for type \"image\": field Source must not be empty");
        mount->source = "app:1";
        image.subpath = "a/../../b";
        assert_refused(spec, ERR_INVALID, "subpath must be a relative path");
        mount->volume = &volume;
        assert_refused(spec, ERR_INVALID, "field VolumeOptions must not be specified");
        mount->volume = NULL;
        mount->type = SK__MOUNT__TYPE__VOLUME;
        assert_refused(spec, ERR_INVALID, "field ImageOptions must not be specified");
}

static void nothing_is_mounted_over_the_root(void **state)
{
        Sk__ServiceSpec *spec = a_spec(*state, "web", 1);

        a_mount(*state, spec, SK__MOUNT__TYPE__BIND, "/tmp", "/");
        assert_refused(spec, ERR_INVALID, "destination can't be '/'");
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                T(two_mounts_cannot_share_a_target),     T(a_service_has_at_most_a_thousand_mounts),
                T(a_bind_s_options_fit_together),        T(a_part_of_a_volume_is_below_it),
                T(an_image_is_mounted_whole_or_in_part), T(nothing_is_mounted_over_the_root),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
