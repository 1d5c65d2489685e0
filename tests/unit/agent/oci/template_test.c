/* Placeholders. */
#include "tests/unit/test.h"

#include <string.h>

#include "agent/oci/template.h"
#include "lib/base/check.h"

static Sk__Label zone = SK__LABEL__INIT;
static const Sk__Label *const labels[] = { &zone };

static const struct template_values values = {
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

static void placeholders_are_replaced(void **state)
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
                { "{{.Node.Platform.OS}}/{{.Node.Platform.Architecture}}", "linux/amd64" },
                { "a } b {", "a } b {" },
        };
        struct arena arena = { 0 };
        const char *text;

        (void)state;
        zone.key = "zone";
        zone.value = "east";
        for (size_t i = 0; i < COUNT_OF(cases); i++) {
                assert_int_equal(template_expand(cases[i][0], &values, &arena, &text, NULL), 0);
                assert_string_equal(text, cases[i][1]);
        }
        arena_done(&arena);
}

static void what_is_not_understood_is_refused(void **state)
{
        static const char *const cases[] = {
                "{{",
                "{{}}",
                "{{.Nothing}}",
                "{{if .Task.ID}}x{{end}}",
                "{{.Task.ID}",
                "{{ - }}",
                "{{index .Node \"x\"}}",
                "{{.Service.Labels}}",
                "{{-}}",
                "{{index}}",
                "{{index .Service.Labels \"}}",
        };
        struct arena arena = { 0 };
        const char *text;

        (void)state;
        for (size_t i = 0; i < COUNT_OF(cases); i++)
                assert_int_equal(template_expand(cases[i], &values, &arena, &text, NULL),
                                 ERR_INVALID);
        arena_done(&arena);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(placeholders_are_replaced),
                cmocka_unit_test(what_is_not_understood_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
