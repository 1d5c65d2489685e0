/* Templates in specs. */
#include "tests/unit/test.h"

#include <string.h>

#include "lib/base/check.h"
#include "lib/expand/expand.h"

static Sk__Label zone = SK__LABEL__INIT;
static const Sk__Label *const labels[] = { &zone };

static const struct expand_values values = {
        .service_id = "sid",
        .service_name = "web",
        .service_labels = labels,
        .n_service_labels = 1,
        .node_id = "nid",
        .node_hostname = "n1",
        .node_os = "linux",
        .node_architecture = "amd64",
        .task_id = "tid",
        .task_name = "web.3.tid",
        .task_slot = "3",
};

static int setup(void **state)
{
        struct arena *arena = mem_alloc(sizeof *arena);

        zone.key = "zone";
        zone.value = "east";
        *state = arena;
        return 0;
}

static int teardown(void **state)
{
        arena_done(*state);
        free(*state);
        return 0;
}

static void templates_are_expanded_as_docker_does(void **state)
{
        static const char *const cases[][2] = {
                { "plain", "plain" },
                { "", "" },
                { "{{.Node.Hostname}}-{{ .Task.Slot }}", "n1-3" },
                { "X={{.Service.Name}}.{{.Task.ID}}", "X=web.tid" },
                { "a {{- .Node.ID -}} b", "anidb" },
                { "{{index .Service.Labels \"zone\"}}", "east" },
                { "{{ index .Service.Labels `zone` }}{{.Service.Labels.zone}}", "easteast" },
                { "{{index .Service.Labels \"none\"}}", "" },
                { "{{.Service.Labels.None}}", "<no value>" },
                { "{{.Service.Labels}}", "map[zone:east]" },
                { "{{.Node.Platform.OS}}/{{.Node.Platform.Architecture}}", "linux/amd64" },
                { "{{.Node.Platform}}", "{amd64 linux}" },
                { "{{join \"-\" .Service.Name .Task.Slot}}", "web-3" },
                { "{{if eq .Node.Hostname \"n1\"}}first{{else}}other{{end}}", "first" },
                { "{{range $k, $v := .Service.Labels}}{{$k}}={{$v}};{{end}}", "zone=east;" },
                { "{{printf \"%s/%s\" .Service.Name .Task.Slot | upper}}", "WEB/3" },
                { "{{with .Service.Labels.zone}}in {{.}}{{end}}", "in east" },
                { "a } b {", "a } b {" },
        };
        const char *text;

        for (size_t i = 0; i < COUNT_OF(cases); i++) {
                assert_int_equal(expand_text(cases[i][0], &values, *state, &text, NULL), 0);
                assert_string_equal(text, cases[i][1]);
        }
}

static void what_cannot_be_expanded_is_told_in_docker_s_words(void **state)
{
        static const char *const cases[][2] = {
                { "{{", "template: expansion:1: unclosed action" },
                { "{{.Bogus}}",
                  "template: expansion:1:2: executing \"expansion\" at <.Bogus>: can't evaluate "
                  "field Bogus in type *template.Context" },
                { "{{.Task.Bogus}}",
                  "template: expansion:1:7: executing \"expansion\" at <.Task.Bogus>: can't "
                  "evaluate field Bogus in type struct { ID string; Name string; Slot string }" },
                { "{{env \"A\"}}", "template: expansion:1: function \"env\" not defined" },
        };
        const char *text;
        struct err err;

        for (size_t i = 0; i < COUNT_OF(cases); i++) {
                assert_int_equal(expand_text(cases[i][0], &values, *state, &text, &err),
                                 ERR_INVALID);
                assert_string_equal(err.text, cases[i][1]);
        }
}

static void bombs_end(void **state)
{
        static const char *const cases[] = {
                "{{range 1000000000}}x{{end}}",
                "{{range 10000}}{{range 10000}}{{end}}{{end}}",
                "{{$x := \"aaaaaaaaaaaaaaaa\"}}{{range 100}}{{$x = printf \"%s%s\" $x $x}}{{end}}",
        };
        const char *text;

        for (size_t i = 0; i < COUNT_OF(cases); i++)
                assert_int_equal(expand_text(cases[i], &values, *state, &text, NULL), ERR_INVALID);
}

/* Each prints what one may; together they would fill the machine. */
static void many_templates_share_one_limit(void **state)
{
        static const char *all[2000];
        Sk__ContainerSpec container = SK__CONTAINER_SPEC__INIT, *expanded;
        struct expand_values values = { 0 };
        struct arena arena = { 0 };
        struct err err = { 0 };

        (void)state;
        for (size_t i = 0; i < COUNT_OF(all); i++)
                all[i] = "A={{printf \"%9999d\" 1}}";
        container.env = all;
        container.n_env = 500;
        assert_int_equal(expand_container(&container, &values, &arena, &expanded, &err),
                         ERR_INVALID);
        assert_non_null(strstr(err.text, "all of them together print more"));
        for (size_t i = 0; i < COUNT_OF(all); i++)
                all[i] = "A={{.Node.ID}}";
        container.n_env = COUNT_OF(all);
        assert_int_equal(expand_container(&container, &values, &arena, &expanded, &err),
                         ERR_INVALID);
        assert_non_null(strstr(err.text, "more than 1000 of them"));
        arena_done(&arena);
}

static void all_places_of_a_container_are_expanded(void **state)
{
        Sk__ContainerSpec container = SK__CONTAINER_SPEC__INIT, *expanded;
        Sk__Mount mount = SK__MOUNT__INIT, *mounts[] = { &mount };
        Sk__Mount__VolumeOptions volume = SK__MOUNT__VOLUME_OPTIONS__INIT;
        Sk__Label label = SK__LABEL__INIT, *volume_labels[] = { &label };
        const char *env[] = { "A={{.Task.Slot}}" };

        label.key = "k";
        label.value = "{{.Node.ID}}";
        volume.labels = volume.driver_options = volume_labels;
        volume.n_labels = volume.n_driver_options = 1;
        mount.source = "data-{{.Task.Slot}}";
        mount.target = "/x/{{.Service.Name}}";
        mount.volume = &volume;
        container.mounts = mounts;
        container.n_mounts = 1;
        container.env = env;
        container.n_env = 1;
        container.hostname = "{{.Service.Name}}-{{.Task.Slot}}";
        assert_int_equal(expand_container(&container, &values, *state, &expanded, NULL), 0);
        assert_string_equal(expanded->env[0], "A=3");
        assert_string_equal(expanded->hostname, "web-3");
        assert_string_equal(expanded->mounts[0]->source, "data-3");
        assert_string_equal(expanded->mounts[0]->target, "/x/web");
        assert_string_equal(expanded->mounts[0]->volume->labels[0]->value, "nid");
        assert_string_equal(expanded->mounts[0]->volume->driver_options[0]->value, "nid");
        assert_string_equal(mount.source, "data-{{.Task.Slot}}");
}

static void a_place_that_cannot_be_expanded_is_named(void **state)
{
        Sk__ContainerSpec container = SK__CONTAINER_SPEC__INIT, *expanded;
        const char *env[] = { "A={{" };
        struct err err;

        container.env = env;
        container.n_env = 1;
        assert_int_equal(expand_container(&container, &expand_dummies, *state, &expanded, &err),
                         ERR_INVALID);
        assert_string_equal(err.text, "expanding env failed: expanding env \"A={{\": template: "
                                      "expansion:1: unclosed action");
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                T(templates_are_expanded_as_docker_does),
                T(what_cannot_be_expanded_is_told_in_docker_s_words),
                T(bombs_end),
                T(many_templates_share_one_limit),
                T(all_places_of_a_container_are_expanded),
                T(a_place_that_cannot_be_expanded_is_named),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
