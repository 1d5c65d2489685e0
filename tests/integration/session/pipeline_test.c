/* A service created at a real manager runs on agents whose tasks are only names. */
#include "tests/integration/session/pipeline.h"

#include <stdio.h>
#include <string.h>

#include "api/dispatcher.h"
#include "lib/base/str.h"
#include "lib/base/time.h"
#include "lib/os/file.h"

#define TASK "task000000000000000000001"

static void a_service_created_runs(void **state)
{
        struct pipeline *f = *state;

        pipeline_create_service(f, "web", 10);
        pipeline_until_there_are(f, 10, SK__TASK_STATE__TASK_RUNNING);
}

static void tasks_of_a_dead_node_run_elsewhere(void **state)
{
        struct pipeline *f = *state;

        pipeline_create_service(f, "web", 9);
        pipeline_until_there_are(f, 9, SK__TASK_STATE__TASK_RUNNING);
        agent_free(TAKE(f->agents[0]));
        pipeline_until_there_are(f, 12,
                                 SK__TASK_STATE__TASK_RUNNING); /* three of them are not heard of */
}

static void a_restarted_dispatcher_finds_its_agents_again(void **state)
{
        struct pipeline *f = *state;

        pipeline_create_service(f, "web", 3);
        pipeline_until_there_are(f, 3, SK__TASK_STATE__TASK_RUNNING);
        manager_kill(&f->manager, "dispatcher");
        pipeline_create_service(f, "api", 3);
        manager_start(&f->manager, "dispatcher", "");
        pipeline_until_there_are(f, 6, SK__TASK_STATE__TASK_RUNNING);
}

/* --- logs --- */

struct told {
        struct str lines;
        bool is_closed;
};

static void answer_came(void *context, const void *out)
{
        const Sk__AskResponse *response = out;
        struct told *told = context;

        for (size_t i = 0; i < response->answer->n_lines; i++) {
                str_add_bytes(&told->lines, response->answer->lines[i]->data.data,
                              response->answer->lines[i]->data.len);
                str_add_char(&told->lines, ';');
        }
        str_add(&told->lines, response->answer->err);
}

static void ask_closed(void *context, const struct err *err)
{
        struct told *told = context;

        assert_int_equal(err->code, 0);
        told->is_closed = true;
}

/* What the dispatcher answers to skep-api that asks node i for a task's log. */
static void ask(struct pipeline *f, size_t i, struct told *told)
{
        static const struct rpc_stream_events events = { .message = answer_came,
                                                         .closed = ask_closed };
        struct rpc_client_options options = { .address = f->manager.dispatcher,
                                              .server_daemon = "dispatcher" };
        Sk__AskRequest request = SK__ASK_REQUEST__INIT;
        Sk__AskRequest__Node node = SK__ASK_REQUEST__NODE__INIT, *nodes[] = { &node };
        Sk__NodeRequest what = SK__NODE_REQUEST__INIT;
        Sk__NodeRequest__LogRequest logs = SK__NODE_REQUEST__LOG_REQUEST__INIT;
        Sk__LogOptions log_options = SK__LOG_OPTIONS__INIT;
        const char *tasks[] = { TASK };
        struct rpc_identity *identity;
        struct rpc_client *client;
        char folder[128], id[26];
        int64_t start = loop_now_boot(f->loop);

        manager_node_id(i, id);
        snprintf(folder, sizeof folder, "%s/identity", f->manager.folder);
        assert_int_equal(rpc_identity_open(folder, "api", &identity, NULL), 0);
        options.identity = identity;
        assert_int_equal(rpc_client_new(f->loop, &options, &client, NULL), 0);
        log_options.tail = -1;
        logs.options = &log_options;
        logs.task_ids = tasks;
        logs.n_task_ids = 1;
        what.what_case = SK__NODE_REQUEST__WHAT_LOGS;
        what.logs = &logs;
        node.node_id = id;
        node.request = &what;
        request.nodes = nodes;
        request.n_nodes = 1;
        rpc_client_stream(client, RPC_METHOD(dispatcher, Ask), &request.base, &events, told);
        while (!told->is_closed && loop_now_boot(f->loop) - start < 10 * NS_PER_S)
                loop_turn(f->loop, 20, NULL);
        rpc_client_free(client);
        rpc_identity_free(identity);
}

static void write_log(struct pipeline *f, const char *text)
{
        char folder[256], path[300];

        pipeline_log_folder(f, TASK, folder, sizeof folder);
        assert_int_equal(file_make_folders(folder, 0700, NULL), 0);
        snprintf(path, sizeof path, "%s/log", folder);
        assert_int_equal(file_write_atomic(path, text, strlen(text), 0600, NULL), 0);
}

static void the_log_of_a_task_comes_from_its_node(void **state)
{
        struct pipeline *f = *state;
        struct told told = { 0 };

        pipeline_create_service(f, "web", 3);
        pipeline_until_there_are(f, 3, SK__TASK_STATE__TASK_RUNNING);
        write_log(f, "2026-11-20T05:31:53.519172983Z stdout F hello\n"
                     "2026-11-20T05:31:53.519201442Z stderr F world\n");
        ask(f, 1, &told);
        assert_true(told.is_closed);
        assert_string_equal(str_text(&told.lines), "hello;world;");
        str_done(&told.lines);
}

static void a_long_log_comes_whole(void **state)
{
        struct pipeline *f = *state;
        struct told told = { 0 };
        struct str log = { 0 };

        pipeline_create_service(f, "web", 3);
        pipeline_until_there_are(f, 3, SK__TASK_STATE__TASK_RUNNING);
        for (int i = 0; i < 50000; i++)
                str_addf(&log, "2026-11-20T05:31:53.519172983Z stdout F line %d of many lines\n",
                         i);
        write_log(f, log.text);
        ask(f, 1, &told);
        assert_true(told.is_closed);
        assert_non_null(strstr(str_text(&told.lines), "line 49999 of many lines;"));
        str_done(&told.lines);
        str_done(&log);
}

static void a_node_that_is_away_is_said_to_be(void **state)
{
        struct pipeline *f = *state;
        struct told told = { 0 };

        pipeline_create_service(f, "web", 3);
        pipeline_until_there_are(f, 3, SK__TASK_STATE__TASK_RUNNING);
        agent_free(TAKE(f->agents[1]));
        ask(f, 1, &told);
        assert_true(told.is_closed);
        assert_string_equal(str_text(&told.lines), "the node is not connected");
        str_done(&told.lines);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, pipeline_setup, pipeline_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(a_service_created_runs),
                TEST(tasks_of_a_dead_node_run_elsewhere),
                TEST(a_restarted_dispatcher_finds_its_agents_again),
                TEST(the_log_of_a_task_comes_from_its_node),
                TEST(a_long_log_comes_whole),
                TEST(a_node_that_is_away_is_said_to_be),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
