/* What differs between two specs, as a person reads it. */
#include "cli/spec_diff.h"

#include "lib/base/mem.h"
#include "tests/unit/cli/objects.h"
#include "tests/unit/test.h"

static Sk__ServiceSpec *a_spec(struct arena *arena)
{
        return a_web_service(arena)->spec;
}

static void tells(const Sk__ServiceSpec *a, const Sk__ServiceSpec *b, const char *lines,
                  const char *summary)
{
        struct str told = { 0 }, in_short = { 0 };

        spec_diff(a, b, &told);
        spec_diff_summary(a, b, &in_short);
        assert_string_equal(str_text(&told), lines);
        assert_string_equal(str_text(&in_short), summary);
        str_done(&told);
        str_done(&in_short);
}

static void equal_specs_differ_in_nothing(void **state)
{
        struct arena arena = { 0 };

        (void)state;
        tells(a_spec(&arena), a_spec(&arena), "", "nothing");
        arena_done(&arena);
}

static void values_are_shown_before_and_after(void **state)
{
        struct arena arena = { 0 };
        Sk__ServiceSpec *a = a_spec(&arena), *b = a_spec(&arena);

        (void)state;
        b->replicated->replicas = 7;
        b->task->container->image = "other";
        tells(a, b,
              "TaskTemplate.ContainerSpec.Image: "
              "reg:5000/"
              "bb:1@sha256:32283f19fcb4b255ab2d8aec7c03680642ff5a926a9506152c85cd1a424f7d34"
              " -> other\nMode.Replicated.Replicas: 2 -> 7\n",
              "Image, Replicas");
        arena_done(&arena);
}

static void of_lists_what_went_and_what_came_is_shown(void **state)
{
        struct arena arena = { 0 };
        Sk__ServiceSpec *a = a_spec(&arena), *b = a_spec(&arena);
        const char *old[] = { "A=1", "B=2" }, *new[] = { "B=2", "A=3" };

        (void)state;
        a->task->container->env = old;
        b->task->container->env = new;
        a->task->container->n_env = b->task->container->n_env = 2;
        tells(a, b,
              "TaskTemplate.ContainerSpec.Env: - A=1\nTaskTemplate.ContainerSpec.Env: + A=3\n",
              "Env");
        arena_done(&arena);
}

static void what_another_image_is_for_is_shown(void **state)
{
        struct arena arena = { 0 };
        Sk__ServiceSpec *a = a_spec(&arena), *b = a_spec(&arena);
        Sk__Platform old = SK__PLATFORM__INIT, new = SK__PLATFORM__INIT;
        Sk__Platform *olds[] = { &old }, *news[] = { &new };

        (void)state;
        old.os = new.os = "linux";
        old.architecture = "amd64";
        new.architecture = "arm64";
        a->task->placement = MAKE(&arena, Sk__Placement, SK__PLACEMENT__INIT);
        b->task->placement = MAKE(&arena, Sk__Placement, SK__PLACEMENT__INIT);
        a->task->placement->platforms = olds;
        b->task->placement->platforms = news;
        a->task->placement->n_platforms = b->task->placement->n_platforms = 1;
        tells(a, b,
              "TaskTemplate.Placement.Platforms: - {\"Architecture\":\"amd64\",\"OS\":\"linux\"}\n"
              "TaskTemplate.Placement.Platforms: + {\"Architecture\":\"arm64\",\"OS\":\"linux\"}\n",
              "Platforms");
        arena_done(&arena);
}

static void a_list_in_another_order_is_shown_whole(void **state)
{
        struct arena arena = { 0 };
        Sk__ServiceSpec *a = a_spec(&arena), *b = a_spec(&arena);
        const char *old[] = { "A", "B" }, *new[] = { "B", "A" };

        (void)state;
        a->task->container->env = old;
        b->task->container->env = new;
        a->task->container->n_env = b->task->container->n_env = 2;
        tells(a, b, "TaskTemplate.ContainerSpec.Env: [\"A\",\"B\"] -> [\"B\",\"A\"]\n", "Env");
        arena_done(&arena);
}

static void many_changes_are_counted(void **state)
{
        struct arena arena = { 0 };
        Sk__ServiceSpec *a = a_spec(&arena), *b = a_spec(&arena);
        struct str told = { 0 };

        (void)state;
        b->update = MAKE(&arena, Sk__UpdateConfig, SK__UPDATE_CONFIG__INIT);
        b->update->canary = 2;
        b->update->parallelism_percent = 25;
        b->update->progress_deadline_ns = -1;
        spec_diff_summary(a, b, &told);
        assert_string_equal(str_text(&told),
                            "Parallelism, ParallelismPercent, ProgressDeadline and 1 more");
        str_done(&told);
        arena_done(&arena);
}

static void a_default_that_is_written_along_is_no_change(void **state)
{
        struct arena arena = { 0 };
        Sk__ServiceSpec *a = a_spec(&arena), *b = a_spec(&arena);

        (void)state;
        a->update = NULL;
        b->update = MAKE(&arena, Sk__UpdateConfig, SK__UPDATE_CONFIG__INIT);
        b->update->parallelism = 1;
        b->update->failure_action = SK__UPDATE_CONFIG__FAILURE_ACTION__ROLLBACK;
        tells(a, b, "UpdateConfig.FailureAction: pause -> rollback\n", "FailureAction");
        arena_done(&arena);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_default_that_is_written_along_is_no_change),
                cmocka_unit_test(equal_specs_differ_in_nothing),
                cmocka_unit_test(values_are_shown_before_and_after),
                cmocka_unit_test(of_lists_what_went_and_what_came_is_shown),
                cmocka_unit_test(what_another_image_is_for_is_shown),
                cmocka_unit_test(a_list_in_another_order_is_shown_whole),
                cmocka_unit_test(many_changes_are_counted),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
