/* Lists of services, tasks, nodes and images, and --format. */
#include <string.h>

#include "cli/image.h"
#include "cli/node.h"
#include "cli/print.h"
#include "cli/service.h"
#include "cli/tasks.h"
#include "tests/unit/cli/objects.h"
#include "tests/unit/test.h"

static void shows(const struct list_kind *kind, const char *format, bool is_quiet, json_t *rows,
                  const char *expected)
{
        _cleanup_(str_done) struct str out = { 0 };
        struct err err = { 0 };

        if (list_render(kind, format, is_quiet, rows, &out, &err) < 0)
                fail_msg("%s", err.text);
        json_decref(rows);
        assert_string_equal(str_text(&out), expected);
}

static json_t *service_rows(struct arena *arena)
{
        Sk__ServiceView *web = a_web_service(arena), *job = a_web_service(arena);
        json_t *rows = json_array();

        web->service->endpoint = MAKE(arena, Sk__ServiceEndpoint, SK__SERVICE_ENDPOINT__INIT);
        web->service->endpoint->ports = arena_alloc(arena, 3 * sizeof(Sk__PortConfig *));
        web->service->endpoint->n_ports = 3;
        web->service->endpoint->ports[0] =
                a_port(arena, 8080, 80, SK__PORT_CONFIG__PUBLISH_MODE__INGRESS);
        web->service->endpoint->ports[1] =
                a_port(arena, 91, 1091, SK__PORT_CONFIG__PUBLISH_MODE__INGRESS);
        web->service->endpoint->ports[2] =
                a_port(arena, 90, 1090, SK__PORT_CONFIG__PUBLISH_MODE__INGRESS);
        json_array_append_new(rows, service_row(arena, web));
        job->service->name = "a-job";
        job->spec->mode_case = SK__SERVICE_SPEC__MODE_REPLICATED_JOB;
        job->spec->replicated_job = MAKE(arena, Sk__ReplicatedJob, SK__REPLICATED_JOB__INIT);
        job->spec->replicated_job->total_completions = 3;
        job->spec->replicated_job->max_concurrent = 2;
        job->counts->running = 0;
        job->counts->completed = 3;
        json_array_append_new(rows, service_row(arena, job));
        return rows_sorted(rows, "Name");
}

static void services_are_listed_as_docker_does(void **state)
{
        _cleanup_(arena_done) struct arena arena = { 0 };

        (void)state;
        shows(&service_list, NULL, false, service_rows(&arena),
              "ID             NAME      MODE             REPLICAS              IMAGE           "
              "PORTS\n"
              "x16dq8j0gn44   a-job     replicated job   0/2 (3/3 completed)   reg:5000/bb:1   \n"
              "x16dq8j0gn44   web       replicated       2/2                   reg:5000/bb:1   "
              "*:90-91->1090-1091/tcp, *:8080->80/tcp\n");
}

static void an_empty_list_shows_its_headers(void **state)
{
        (void)state;
        shows(&service_list, "table", false, json_array(),
              "ID        NAME      MODE      REPLICAS   IMAGE     PORTS\n");
}

static void quiet_lists_show_ids(void **state)
{
        _cleanup_(arena_done) struct arena arena = { 0 };

        (void)state;
        shows(&service_list, NULL, true, service_rows(&arena), "x16dq8j0gn44\nx16dq8j0gn44\n");
}

static void json_rows_are_sorted_and_escaped_as_go_does(void **state)
{
        _cleanup_(arena_done) struct arena arena = { 0 };
        json_t *rows = service_rows(&arena);

        (void)state;
        json_array_remove(rows, 0);
        shows(&service_list, "json", false, rows,
              "{\"ID\":\"x16dq8j0gn44\",\"Image\":\"reg:5000/"
              "bb:1\",\"Mode\":\"replicated\",\"Name\":"
              "\"web\",\"Ports\":\"*:90-91-\\u003e1090-1091/tcp, *:8080-\\u003e80/tcp\","
              "\"Replicas\":\"2/2\"}\n");
}

static void a_table_template_has_headers(void **state)
{
        _cleanup_(arena_done) struct arena arena = { 0 };

        (void)state;
        shows(&service_list, "table {{.Name}}\\t{{.Replicas}}", false, service_rows(&arena),
              "NAME      REPLICAS\na-job     0/2 (3/3 completed)\nweb       2/2\n");
}

static void a_template_is_run_for_each_row(void **state)
{
        _cleanup_(arena_done) struct arena arena = { 0 };

        (void)state;
        shows(&service_list, "{{.Name}}|{{upper .Mode}}", false, service_rows(&arena),
              "a-job|REPLICATED JOB\nweb|REPLICATED\n");
}

static void unknown_fields_are_told(void **state)
{
        _cleanup_(arena_done) struct arena arena = { 0 };
        _cleanup_(str_done) struct str out = { 0 };
        json_t *rows = service_rows(&arena);
        struct err err;

        (void)state;
        assert_int_equal(list_render(&service_list, "{{.Nope}}", false, rows, &out, &err),
                         ERR_INVALID);
        assert_string_equal(err.text,
                            "failed to execute template: template: :1:2: executing \"\" at "
                            "<.Nope>: map has no entry for key \"Nope\"");
        json_decref(rows);
}

static void templates_that_are_wrong_are_told(void **state)
{
        _cleanup_(str_done) struct str out = { 0 };
        json_t *rows = json_array();
        struct err err;

        (void)state;
        assert_int_equal(list_render(&service_list, "{{.ID", false, rows, &out, &err), ERR_INVALID);
        assert_string_equal(err.text, "template parsing error: template: :1: unclosed action");
        json_decref(rows);
}

static json_t *some_tasks(struct arena *arena, const struct task_rows *options)
{
        Sk__TaskView *tasks[] = {
                a_web_task(arena, "274z61gq3vpl02bbz99gd3e48", 1, 3, SK__TASK_STATE__TASK_FAILED,
                           42, "starting container failed: failed to create endpoint"),
                a_web_task(arena, "nng178bc8noa02bbz99gd3e48", 2, 2, SK__TASK_STATE__TASK_RUNNING,
                           5, ""),
                a_web_task(arena, "lg4liikbd5je02bbz99gd3e48", 1, 5, SK__TASK_STATE__TASK_RUNNING,
                           90, ""),
                a_web_task(arena, "aaaaiikbd5je02bbz99gd3e48", 10, 6, SK__TASK_STATE__TASK_STARTING,
                           0, ""),
        };

        return task_rows(arena, tasks, 4, options);
}

static void tasks_are_listed_newest_first_in_each_slot(void **state)
{
        _cleanup_(arena_done) struct arena arena = { 0 };

        (void)state;
        shows(&task_list, NULL, false, some_tasks(&arena, &(struct task_rows){ .now_ns = NOW_NS }),
              "ID             NAME        IMAGE           NODE      DESIRED STATE   CURRENT STATE  "
              "                   ERROR                              PORTS\n"
              "lg4liikbd5je   web.1       reg:5000/bb:1   n1        Running         Running about "
              "a minute ago                                           \n"
              "274z61gq3vpl    \\_ web.1   reg:5000/bb:1   n1        Shutdown        Failed 42 "
              "seconds ago             \"starting container failed: fa…\"   \n"
              "nng178bc8noa   web.2       reg:5000/bb:1   n1        Running         Running 5 "
              "seconds ago                                                \n"
              "aaaaiikbd5je   web.10      reg:5000/bb:1   n1        Running         Starting less "
              "than a second ago                                      \n");
}

static void whole_tasks_show_ids_digests_and_errors_in_full(void **state)
{
        _cleanup_(arena_done) struct arena arena = { 0 };

        (void)state;
        shows(&task_list, "{{.ID}} {{.Image}} {{.Error}}", false,
              some_tasks(&arena, &(struct task_rows){ .now_ns = NOW_NS, .whole = true }),
              "lg4liikbd5je02bbz99gd3e48 "
              "reg:5000/"
              "bb:1@sha256:32283f19fcb4b255ab2d8aec7c03680642ff5a926a9506152c85cd1a424f7d34 \n"
              "274z61gq3vpl02bbz99gd3e48 "
              "reg:5000/"
              "bb:1@sha256:32283f19fcb4b255ab2d8aec7c03680642ff5a926a9506152c85cd1a424f7d34 "
              "\"starting container failed: failed to create endpoint\"\n"
              "nng178bc8noa02bbz99gd3e48 "
              "reg:5000/"
              "bb:1@sha256:32283f19fcb4b255ab2d8aec7c03680642ff5a926a9506152c85cd1a424f7d34 \n"
              "aaaaiikbd5je02bbz99gd3e48 "
              "reg:5000/"
              "bb:1@sha256:32283f19fcb4b255ab2d8aec7c03680642ff5a926a9506152c85cd1a424f7d34 \n");
}

static void unresolved_tasks_show_ids_of_services_and_nodes(void **state)
{
        _cleanup_(arena_done) struct arena arena = { 0 };
        json_t *rows =
                some_tasks(&arena, &(struct task_rows){ .now_ns = NOW_NS, .no_resolve = true });

        (void)state;
        shows(&task_list, "{{.Name}} {{.Node}}", false, rows,
              "x16dq8j0gn44nxsbfhz8cnnx6.1 oyz0areg5bvzfvhymjjthws5x\n"
              " \\_ x16dq8j0gn44nxsbfhz8cnnx6.1 oyz0areg5bvzfvhymjjthws5x\n"
              "x16dq8j0gn44nxsbfhz8cnnx6.2 oyz0areg5bvzfvhymjjthws5x\n"
              "x16dq8j0gn44nxsbfhz8cnnx6.10 oyz0areg5bvzfvhymjjthws5x\n");
}

static void what_a_task_waits_for_is_its_error(void **state)
{
        _cleanup_(arena_done) struct arena arena = { 0 };
        Sk__TaskView *task = a_web_task(&arena, "t8g4juta9w9k2ci17fjjo9n1m", 1, 1,
                                        SK__TASK_STATE__TASK_PENDING, 90, "");

        (void)state;
        task->task->status = NULL;
        task->task->placement->node_id = "";
        task->task->placement->explanation = "no suitable node";
        shows(&task_list, "{{.Error}}", false,
              task_rows(&arena, &task, 1, &(struct task_rows){ .now_ns = NOW_NS }),
              "\"no suitable node\"\n");
}

static void nodes_are_listed_with_the_one_that_answers_marked(void **state)
{
        _cleanup_(arena_done) struct arena arena = { 0 };
        json_t *rows = json_array();

        (void)state;
        json_array_append_new(rows,
                              node_row(&arena, a_worker(&arena), "oyz0areg5bvzfvhymjjthws5x"));
        json_array_append_new(rows,
                              node_row(&arena, a_manager(&arena), "oyz0areg5bvzfvhymjjthws5x"));
        shows(&node_list, NULL, false, rows_sorted(rows, "Hostname"),
              "ID                            HOSTNAME   STATUS    AVAILABILITY   MANAGER STATUS   "
              "ENGINE VERSION\n"
              "oyz0areg5bvzfvhymjjthws5x *   n1         Ready     Active         Leader           "
              "0.1.0\n"
              "n642purk8roatowrgodkw6rgb     n2         Ready     Active                          "
              "0.1.0\n");
}

static void a_node_s_name_cannot_break_the_table(void **state)
{
        _cleanup_(arena_done) struct arena arena = { 0 };
        Sk__Node *node = a_worker(&arena);
        json_t *rows = json_array();

        (void)state;
        node->description->hostname = "n2\tDown\n\x1b[2J\xc2\x9b"
                                      "1A";
        json_array_append_new(rows, node_row(&arena, node, ""));
        shows(&node_list, "table {{.Hostname}}\t{{.Status}}", false, rows,
              "HOSTNAME           STATUS\n"
              "n2 Down  [2J  1A   Ready\n");
}

/* Programs read these. */
static void a_template_of_one_s_own_shows_values_as_they_are(void **state)
{
        _cleanup_(arena_done) struct arena arena = { 0 };
        Sk__Node *node = a_worker(&arena);
        json_t *rows = json_array();

        (void)state;
        node->description->hostname = "n2\tx";
        json_array_append_new(rows, node_row(&arena, node, ""));
        shows(&node_list, "{{.Hostname}}", false, rows, "n2\tx\n");
}

static void an_image_is_named_by_repository_and_tag(void **state)
{
        _cleanup_(arena_done) struct arena arena = { 0 };
        Sk__Image image = SK__IMAGE__INIT;
        json_t *row;

        (void)state;
        image.id = "sha256:0805593f6069ac7f3b46803260e6671560cbdfbb15c5328569a53d8a103b7f47";
        image.size_bytes = 4270000;
        image.created_at_ns = NOW_NS - SECONDS(3600 * 5);
        row = image_row(&arena, &image, "docker.io/library/nginx:1.25", false, NOW_NS);
        assert_string_equal(json_string_value(json_object_get(row, "Repository")), "nginx");
        assert_string_equal(json_string_value(json_object_get(row, "Tag")), "1.25");
        assert_string_equal(json_string_value(json_object_get(row, "ID")), "0805593f6069");
        assert_string_equal(json_string_value(json_object_get(row, "Size")), "4.27MB");
        assert_string_equal(json_string_value(json_object_get(row, "CreatedSince")), "5 hours ago");
        json_decref(row);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(services_are_listed_as_docker_does),
                cmocka_unit_test(an_empty_list_shows_its_headers),
                cmocka_unit_test(quiet_lists_show_ids),
                cmocka_unit_test(json_rows_are_sorted_and_escaped_as_go_does),
                cmocka_unit_test(a_table_template_has_headers),
                cmocka_unit_test(a_template_is_run_for_each_row),
                cmocka_unit_test(unknown_fields_are_told),
                cmocka_unit_test(templates_that_are_wrong_are_told),
                cmocka_unit_test(tasks_are_listed_newest_first_in_each_slot),
                cmocka_unit_test(whole_tasks_show_ids_digests_and_errors_in_full),
                cmocka_unit_test(unresolved_tasks_show_ids_of_services_and_nodes),
                cmocka_unit_test(what_a_task_waits_for_is_its_error),
                cmocka_unit_test(nodes_are_listed_with_the_one_that_answers_marked),
                cmocka_unit_test(a_node_s_name_cannot_break_the_table),
                cmocka_unit_test(a_template_of_one_s_own_shows_values_as_they_are),
                cmocka_unit_test(an_image_is_named_by_repository_and_tag),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
