/* Services, nodes, tasks and events in words. */
#include <string.h>
#include <unistd.h>

#include "cli/events.h"
#include "cli/node.h"
#include "cli/print.h"
#include "cli/service.h"
#include "cli/why.h"
#include "tests/unit/cli/objects.h"
#include "tests/unit/test.h"

#define IMAGE_LINE                                                                           \
        " Image:\t\treg:5000/bb:1@sha256:32283f19fcb4b255ab2d8aec7c03680642ff5a926a9506152c" \
        "85cd1a424f7d34\n"

#define CONFIGS                                                                            \
        "UpdateConfig:\n Parallelism:\t1\n On failure:\tpause\n Monitoring Period: 5s\n"   \
        " Max failure ratio: 0\n Update order:      stop-first\n"                          \
        "RollbackConfig:\n Parallelism:\t1\n On failure:\tpause\n Monitoring Period: 5s\n" \
        " Max failure ratio: 0\n Rollback order:    stop-first\n"

static void service_is(const Sk__ServiceView *service, const char *expected)
{
        _cleanup_(str_done) struct str out = { 0 };

        service_pretty(&out, service, NOW_NS);
        assert_string_equal(str_text(&out), expected);
}

static void a_plain_service_reads_as_docker_s(void **state)
{
        _cleanup_(arena_done) struct arena arena = { 0 };

        (void)state;
        service_is(a_web_service(&arena),
                   "\nID:\t\tx16dq8j0gn44nxsbfhz8cnnx6\nName:\t\tweb\nService Mode:\tReplicated\n"
                   " Replicas:\t2\nPlacement:\n" CONFIGS "ContainerSpec:\n" IMAGE_LINE
                   "Resources:\nEndpoint Mode:\tvip\n\n");
}

static void fill_container(struct arena *arena, Sk__ContainerSpec *container)
{
        static const char *args[] = { "nap", "-v" }, *env[] = { "A=1", "B=2" },
                          *added[] = { "CAP_NET_ADMIN" },
                          *devices[] = { "x.org/gpu=0", "x.org/gpu=1" };
        static Sk__Mount *mounts[1];
        static Sk__Ulimit *ulimits[1];

        container->args = (void *)args;
        container->n_args = 2;
        container->env = (void *)env;
        container->n_env = 2;
        container->dir = "/tmp";
        container->user = "root";
        container->init = MAKE(arena, Sk__ContainerSpec__Init, SK__CONTAINER_SPEC__INIT__INIT);
        container->capability_add = (void *)added;
        container->n_capability_add = 1;
        container->devices = devices;
        container->n_devices = 2;
        mounts[0] = MAKE(arena, Sk__Mount, SK__MOUNT__INIT);
        mounts[0]->type = SK__MOUNT__TYPE__VOLUME;
        mounts[0]->source = "vol1";
        mounts[0]->target = "/data";
        container->mounts = mounts;
        container->n_mounts = 1;
        ulimits[0] = MAKE(arena, Sk__Ulimit, SK__ULIMIT__INIT);
        ulimits[0]->name = "nofile";
        ulimits[0]->soft = 100;
        ulimits[0]->hard = 200;
        container->ulimits = ulimits;
        container->n_ulimits = 1;
}

static void a_service_with_everything_reads_as_docker_s(void **state)
{
        static const char *constraints[] = { "node.role==manager" };
        _cleanup_(arena_done) struct arena arena = { 0 };
        Sk__ServiceView *service = a_web_service(&arena);
        Sk__ServiceSpec *spec = service->spec;
        Sk__PortConfig *port = a_port(&arena, 8085, 80, SK__PORT_CONFIG__PUBLISH_MODE__HOST);
        Sk__Label *label = a_label(&arena, "app", "x");

        (void)state;
        fill_container(&arena, spec->task->container);
        spec->annotations->labels = &label;
        spec->annotations->n_labels = 1;
        spec->task->placement = MAKE(&arena, Sk__Placement, SK__PLACEMENT__INIT);
        spec->task->placement->constraints = (void *)constraints;
        spec->task->placement->n_constraints = 1;
        spec->task->limits = MAKE(&arena, Sk__Resources, SK__RESOURCES__INIT);
        spec->task->limits->nano_cpus = 500000000;
        spec->task->limits->memory_bytes = 64 << 20;
        spec->endpoint = MAKE(&arena, Sk__EndpointSpec, SK__ENDPOINT_SPEC__INIT);
        spec->endpoint->ports = &port;
        spec->endpoint->n_ports = 1;
        service_is(
                service,
                "\nID:\t\tx16dq8j0gn44nxsbfhz8cnnx6\nName:\t\tweb\nLabels:\n app=x\n"
                "Service Mode:\tReplicated\n Replicas:\t2\n"
                "Placement:\n Constraints:\t[node.role==manager]\n" CONFIGS
                "ContainerSpec:\n" IMAGE_LINE
                " Args:\t\tnap -v \n Env:\t\tA=1 B=2 \n Dir:\t\t/tmp\n Init:\t\tfalse\n"
                " User: root\n Devices:\tx.org/gpu=0, x.org/gpu=1\n"
                "Capabilities:\n Add: CAP_NET_ADMIN\nUlimits:\n nofile: 100:200\n"
                "Mounts:\n Target:\t/data\n  Source:\tvol1\n  ReadOnly:\tfalse\n  Type:\t\tvolume\n"
                "Resources:\n Limits:\n  CPU:\t\t0.5\n  Memory:\t64MiB\nEndpoint Mode:\tvip\n"
                "Ports:\n PublishedPort = 8085\n  Protocol = tcp\n  TargetPort = 80\n"
                "  PublishMode = host \n\n");
}

static void an_update_tells_how_it_went(void **state)
{
        _cleanup_(arena_done) struct arena arena = { 0 };
        _cleanup_(str_done) struct str out = { 0 };
        Sk__ServiceView *service = a_web_service(&arena);
        Sk__UpdateStatus *update = MAKE(&arena, Sk__UpdateStatus, SK__UPDATE_STATUS__INIT);

        (void)state;
        service->service->progress = MAKE(&arena, Sk__ServiceProgress, SK__SERVICE_PROGRESS__INIT);
        service->service->progress->update = update;
        update->state = SK__UPDATE_STATUS__STATE__COMPLETED;
        update->started_at_ns = NOW_NS - SECONDS(8);
        update->completed_at_ns = NOW_NS;
        update->message = "update completed";
        service_pretty(&out, service, NOW_NS);
        assert_non_null(strstr(str_text(&out),
                               "UpdateStatus:\n State:\t\tcompleted\n Started:\t8 seconds ago\n"
                               " Completed:\tLess than a second ago\n Message:\tupdate completed\n"
                               "Placement:\n"));
}

static void a_manager_reads_as_docker_s(void **state)
{
        _cleanup_(arena_done) struct arena arena = { 0 };
        _cleanup_(str_done) struct str out = { 0 };

        (void)state;
        node_pretty(&out, a_manager(&arena), "PEM\n");
        assert_string_equal(str_text(&out),
                            "ID:\t\t\toyz0areg5bvzfvhymjjthws5x\n"
                            "Hostname:              \tn1\n"
                            "Joined at:             \t2025-11-20 05:44:00 +0000 utc\n"
                            "Status:\n State:\t\t\tReady\n Availability:         \tActive\n"
                            " Address:\t\t10.77.0.1\n"
                            "Manager Status:\n Address:\t\t10.77.0.1:2377\n"
                            " Raft Status:\t\tReachable\n Leader:\t\tYes\n"
                            "Platform:\n Operating System:\tlinux\n Architecture:\t\tx86_64\n"
                            "Resources:\n CPUs:\t\t\t2\n Memory:\t\t23.54GiB\n"
                            "Engine Version:\t\t0.1.0\n"
                            "TLS Info:\n TrustRoot:\nPEM\n\n Issuer Subject:\tMBMx\n"
                            " Issuer Public Key:\tMFkw\n");
}

static void a_worker_has_no_manager_status(void **state)
{
        _cleanup_(arena_done) struct arena arena = { 0 };
        _cleanup_(str_done) struct str out = { 0 };

        (void)state;
        node_pretty(&out, a_worker(&arena), NULL);
        assert_null(strstr(str_text(&out), "Manager Status"));
}

static void an_event_is_one_line_with_sorted_attributes(void **state)
{
        _cleanup_(arena_done) struct arena arena = { 0 };
        _cleanup_(str_done) struct str out = { 0 };
        Sk__Label *labels[] = { a_label(&arena, "name", "n4"),
                                a_label(&arena, "availability", "drain") };
        Sk__ClusterEvent event = SK__CLUSTER_EVENT__INIT;

        (void)state;
        event.at_ns = NOW_NS + 5;
        event.type = "node";
        event.action = "update";
        event.id = "sgpulrf80emulau8kie43kkx1";
        event.attributes = labels;
        event.n_attributes = 2;
        event_line(&out, &event);
        assert_string_equal(str_text(&out),
                            "2025-11-20T05:45:30.000000005Z node update sgpulrf80emulau8kie43kkx1 "
                            "(availability=drain, name=n4)\n");
}

static void why_tells_the_story_and_each_node_s_verdict(void **state)
{
        _cleanup_(arena_done) struct arena arena = { 0 };
        _cleanup_(str_done) struct str out = { 0 };
        Sk__ExplainTaskResponse why = SK__EXPLAIN_TASK_RESPONSE__INIT;
        Sk__ExplainTaskResponse__Step *step =
                MAKE(&arena, Sk__ExplainTaskResponse__Step, SK__EXPLAIN_TASK_RESPONSE__STEP__INIT);
        Sk__ExplainTaskResponse__NodeVerdict *nodes[2];

        (void)state;
        why.task = a_web_task(&arena, "t8g4juta9w9k2ci17fjjo9n1m", 1, 1,
                              SK__TASK_STATE__TASK_PENDING, 90, "");
        why.task->node_name = "";
        why.summary = "no suitable node";
        step->at_ns = NOW_NS - SECONDS(5);
        step->what = "created";
        why.steps = &step;
        why.n_steps = 1;
        for (int i = 0; i < 2; i++)
                nodes[i] = MAKE(&arena, Sk__ExplainTaskResponse__NodeVerdict,
                                SK__EXPLAIN_TASK_RESPONSE__NODE_VERDICT__INIT);
        nodes[0]->node_name = "n1";
        nodes[0]->filter = "constraints";
        nodes[0]->why = "node.labels.zone is not mars";
        nodes[1]->node_name = "n2";
        why.nodes = nodes;
        why.n_nodes = 2;
        why_render(&out, &why, NOW_NS);
        assert_string_equal(str_text(&out),
                            "web.1 (t8g4juta9w9k2ci17fjjo9n1m) is pending: no suitable node\n\n"
                            "What happened:\n  5 seconds ago            created\n\n"
                            "Nodes:\n"
                            "NODE      SUITS     FILTER        WHY\n"
                            "n1        no        constraints   node.labels.zone is not mars\n"
                            "n2        yes                     \n");
}

static void why_of_a_service_tells_each_reason_once(void **state)
{
        _cleanup_(arena_done) struct arena arena = { 0 };
        _cleanup_(str_done) struct str out = { 0 };
        Sk__ExplainServiceResponse why = SK__EXPLAIN_SERVICE_RESPONSE__INIT;
        Sk__ExplainServiceResponse__Trouble whole = SK__EXPLAIN_SERVICE_RESPONSE__TROUBLE__INIT,
                                            tasks = whole, *troubles[] = { &whole, &tasks };
        const char *names[] = { "web.2", "web.3" };

        (void)state;
        why.service = MAKE(&arena, Sk__ServiceView, SK__SERVICE_VIEW__INIT);
        why.service->service = MAKE(&arena, Sk__Service, SK__SERVICE__INIT);
        why.service->service->name = "web";
        why.summary = "1 of 4 tasks run";
        why_render_service(&out, &why);
        assert_string_equal(str_text(&out), "web is as it should be: 1 of 4 tasks run\n");
        str_clear(&out);
        whole.what = "update paused";
        tasks.what = "no suitable\nnode";
        tasks.names = names;
        tasks.n_names = 2;
        tasks.n_tasks = 3;
        why.troubles = troubles;
        why.n_troubles = 2;
        why_render_service(&out, &why);
        assert_string_equal(str_text(&out), "web: 1 of 4 tasks run\n"
                                            "\nupdate paused\n"
                                            "\nweb.2, web.3 and 1 more:\n  no suitable node\n"
                                            "\n'skep why web.2' tells more\n");
}

static void names_and_reasons_do_not_break_the_story(void **state)
{
        _cleanup_(str_done) struct str out = { 0 };
        Sk__ExplainTaskResponse__NodeVerdict node = SK__EXPLAIN_TASK_RESPONSE__NODE_VERDICT__INIT;
        Sk__ExplainTaskResponse__NodeVerdict *nodes[] = { &node };
        Sk__ExplainTaskResponse why = SK__EXPLAIN_TASK_RESPONSE__INIT;

        (void)state;
        node.node_name = "n1\tyes\n";
        node.filter = "platform";
        node.why = "the node is \x1b]0;x\x07\n/amd64";
        why.nodes = nodes;
        why.n_nodes = 1;
        why_render(&out, &why, NOW_NS);
        assert_non_null(strstr(str_text(&out),
                               "n1 yes    no        platform   the node is  ]0;x  /amd64\n"));
}

static void an_event_stays_one_line(void **state)
{
        _cleanup_(arena_done) struct arena arena = { 0 };
        _cleanup_(str_done) struct str out = { 0 };
        Sk__Label *labels[] = { a_label(&arena, "name", "n4\nn5\x1b[2J") };
        Sk__ClusterEvent event = SK__CLUSTER_EVENT__INIT;

        (void)state;
        event.type = "node";
        event.action = "update";
        event.id = "x";
        event.attributes = labels;
        event.n_attributes = 1;
        event_line(&out, &event);
        assert_string_equal(str_text(&out),
                            "1970-01-01T00:00:00Z node update x (name=n4 n5 [2J)\n");
}

static void print_some_words(struct cli *cli)
{
        _cleanup_(str_done) struct str words = { 0 };

        str_add(&words, cli->err.text);
        print_words(&words);
}

static void print_a_line(struct cli *cli)
{
        print_line(stderr, cli->err.text);
}

static void print_a_warning(struct cli *cli)
{
        char *warning = cli->err.text;

        service_print_warnings(&warning, 1);
}

static void fail_in_the_cluster(struct cli *cli)
{
        cli_fail(cli);
}

static void fail_here(struct cli *cli)
{
        print_failure(cli);
}

/* What 'print' writes to the descriptor about this text, which has a trap in it. */
static void prints(int fd, void (*print)(struct cli *cli), const char *expected)
{
        struct cli cli = { .is_node_error = true };
        FILE *file = tmpfile();
        int before = dup(fd);
        char text[200] = "";

        err_set(&cli.err, ERR_INTERNAL,
                "no\tsuch \x1b[2J\xc2\x9b"
                "1Athing\nat all");
        fflush(NULL);
        dup2(fileno(file), fd);
        print(&cli);
        fflush(NULL);
        dup2(before, fd);
        close(before);
        rewind(file);
        assert_true(fread(text, 1, sizeof text - 1, file) > 0);
        fclose(file);
        assert_string_equal(text, expected);
}

/* Registries, images and nodes have words in it. */
static void what_is_told_does_not_command_the_terminal(void **state)
{
        (void)state;
        prints(STDERR_FILENO, fail_in_the_cluster,
               "Error response from daemon: no\tsuch  [2J  1Athing\nat all\n");
        prints(STDERR_FILENO, fail_here, "no\tsuch  [2J  1Athing\nat all\n");
        prints(STDERR_FILENO, print_a_line, "no such  [2J  1Athing at all\n");
        prints(STDERR_FILENO, print_a_warning, "no such  [2J  1Athing\nat all\n");
        prints(STDOUT_FILENO, print_some_words, "no\tsuch  [2J  1Athing\nat all");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_plain_service_reads_as_docker_s),
                cmocka_unit_test(a_service_with_everything_reads_as_docker_s),
                cmocka_unit_test(an_update_tells_how_it_went),
                cmocka_unit_test(a_manager_reads_as_docker_s),
                cmocka_unit_test(a_worker_has_no_manager_status),
                cmocka_unit_test(an_event_is_one_line_with_sorted_attributes),
                cmocka_unit_test(why_tells_the_story_and_each_node_s_verdict),
                cmocka_unit_test(why_of_a_service_tells_each_reason_once),
                cmocka_unit_test(names_and_reasons_do_not_break_the_story),
                cmocka_unit_test(an_event_stays_one_line),
                cmocka_unit_test(what_is_told_does_not_command_the_terminal),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
