/* Nodes that answer a dispatcher as no agent of ours would, or an asker that does not listen. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/dispatcher.h"
#include "lib/base/check.h"
#include "lib/base/str.h"
#include "lib/base/time.h"
#include "lib/os/file.h"
#include "tests/integration/session/hand.h"
#include "tests/unit/test.h"

enum { NODES = 2, LINE_SIZE = 16 * 1024, LINES_PER_MESSAGE = 8, MESSAGES = 100 };

#define TASK "web.1"

struct node {
        struct hand hand;
        struct rpc_stream *answer;
        bool is_answer_over;
};

struct fixture {
        char folder[64];
        struct loop *loop;
        struct manager manager;
        struct node nodes[NODES];
        struct rpc_identity *identity; /* skep-api's */
        struct rpc_client *client;
        struct rpc_stream *ask;
        size_t n_lines;
        struct str lines; /* "TASK of NODE;" for each */
        char told[128];
        bool is_first, has_all_lines, is_closed;
        struct err err;
};

static void wait_for(struct fixture *f, const bool *done)
{
        int64_t start = loop_now_boot(f->loop);

        while (!*done && loop_now_boot(f->loop) - start < 10 * NS_PER_S)
                loop_turn(f->loop, 20, NULL);
        if (!*done)
                fail_msg("waited in vain");
}

/* --- nodes --- */

static void answer_closed(void *context, const struct err *err)
{
        struct node *node = context;

        (void)err;
        node->answer = NULL;
        node->is_answer_over = true;
}

static void begin_answer(struct node *node)
{
        static const struct rpc_stream_events events = { .closed = answer_closed };
        Sk__AnswerMessage message = SK__ANSWER_MESSAGE__INIT;

        node->answer = rpc_client_stream(node->hand.client, RPC_METHOD(dispatcher, Answer), NULL,
                                         &events, node);
        message.request_id = node->hand.request_id;
        rpc_stream_write(node->answer, &message.base);
}

static void answer_lines(struct node *node)
{
        static uint8_t text[LINE_SIZE];
        Sk__AnswerMessage message = SK__ANSWER_MESSAGE__INIT;
        Sk__LogLine line = SK__LOG_LINE__INIT, *lines[LINES_PER_MESSAGE];

        line.task_id = TASK;
        line.data = (ProtobufCBinaryData){ .len = sizeof text, .data = text };
        for (size_t i = 0; i < LINES_PER_MESSAGE; i++)
                lines[i] = &line;
        message.lines = lines;
        message.n_lines = LINES_PER_MESSAGE;
        for (size_t i = 0; i < MESSAGES; i++)
                rpc_stream_write(node->answer, &message.base);
}

static void end_answer(struct node *node)
{
        Sk__AnswerMessage message = SK__ANSWER_MESSAGE__INIT;

        message.is_done = true;
        rpc_stream_write(node->answer, &message.base);
        rpc_stream_half_close(node->answer);
}

/* --- the asker --- */

static void ask_said(void *context, const void *out)
{
        const Sk__AskResponse *response = out;
        struct fixture *f = context;

        if (response->answer->err[0])
                snprintf(f->told, sizeof f->told, "%s", response->answer->err);
        for (size_t i = 0; i < response->answer->n_lines; i++)
                str_addf(&f->lines, "%s of %s;", response->answer->lines[i]->task_id,
                         response->answer->lines[i]->node_id);
        f->n_lines += response->answer->n_lines;
        f->has_all_lines = f->n_lines == MESSAGES * LINES_PER_MESSAGE;
        if (!f->is_first)
                rpc_stream_pause_reading(f->ask);
        f->is_first = true;
}

static void ask_closed(void *context, const struct err *err)
{
        struct fixture *f = context;

        f->ask = NULL;
        f->err = *err;
        f->is_closed = true;
}

/* Asks all nodes, and stops to read after the first of the answers. */
static void ask_all(struct fixture *f)
{
        static const struct rpc_stream_events events = { .message = ask_said,
                                                         .closed = ask_closed };
        Sk__AskRequest request = SK__ASK_REQUEST__INIT;
        Sk__NodeRequest what = SK__NODE_REQUEST__INIT;
        Sk__NodeRequest__LogRequest logs = SK__NODE_REQUEST__LOG_REQUEST__INIT;
        Sk__AskRequest__Node nodes[NODES], *list[NODES];
        const char *task_id = TASK;

        what.what_case = SK__NODE_REQUEST__WHAT_LOGS;
        what.logs = &logs;
        logs.task_ids = &task_id;
        logs.n_task_ids = 1;
        for (size_t i = 0; i < NODES; i++) {
                sk__ask_request__node__init(&nodes[i]);
                nodes[i].node_id = f->nodes[i].hand.id;
                nodes[i].request = &what;
                list[i] = &nodes[i];
        }
        request.nodes = list;
        request.n_nodes = NODES;
        f->ask = rpc_client_stream(f->client, RPC_METHOD(dispatcher, Ask), &request.base, &events,
                                   f);
        for (size_t i = 0; i < NODES; i++)
                wait_for(f, &f->nodes[i].hand.is_asked);
}

static int setup(void **state)
{
        struct fixture *f = mem_alloc(sizeof *f);
        struct rpc_client_options options = { .server_daemon = "dispatcher" };
        char folder[128];

        snprintf(f->folder, sizeof f->folder, "/tmp/skep-answers-XXXXXX");
        CHECK(mkdtemp(f->folder));
        CHECK(loop_new(&f->loop, NULL) == 0);
        snprintf(folder, sizeof folder, "%s/manager", f->folder);
        manager_init(&f->manager, f->loop, folder, NODES);
        manager_start(&f->manager, "store", "");
        manager_start(&f->manager, "dispatcher", "");
        snprintf(folder, sizeof folder, "%s/identity", f->manager.folder);
        CHECK(rpc_identity_open(folder, "api", &f->identity, NULL) == 0);
        options.identity = f->identity;
        options.address = f->manager.dispatcher;
        CHECK(rpc_client_new(f->loop, &options, &f->client, NULL) == 0);
        for (size_t i = 0; i < NODES; i++)
                hand_open(&f->nodes[i].hand, &f->manager, i);
        *state = f;
        return 0;
}

static int teardown(void **state)
{
        struct fixture *f = *state;

        if (f->ask)
                rpc_stream_cancel(f->ask);
        rpc_client_free(f->client);
        rpc_identity_free(f->identity);
        for (size_t i = 0; i < NODES; i++)
                hand_done(&f->nodes[i].hand);
        manager_done(&f->manager);
        loop_free(f->loop);
        file_remove_tree(f->folder, NULL);
        str_done(&f->lines);
        free(f);
        return 0;
}

static void a_node_that_is_done_is_not_credited_when_the_asker_reads_on(void **state)
{
        struct fixture *f = *state;

        ask_all(f);
        begin_answer(&f->nodes[0]);
        answer_lines(&f->nodes[0]);
        end_answer(&f->nodes[0]);
        wait_for(f, &f->nodes[0].is_answer_over);
        rpc_stream_resume_reading(f->ask);
        wait_for(f, &f->has_all_lines);
        begin_answer(&f->nodes[1]);
        end_answer(&f->nodes[1]);
        wait_for(f, &f->is_closed);
        assert_int_equal(f->err.code, ERR_OK);
}

static void a_node_speaks_for_itself_and_of_what_it_was_asked_for(void **state)
{
        Sk__AnswerMessage message = SK__ANSWER_MESSAGE__INIT;
        Sk__LogLine ours = SK__LOG_LINE__INIT, other = ours, *lines[] = { &other, &ours, &other };
        _cleanup_(freep) char *wanted = NULL;
        struct fixture *f = *state;

        ask_all(f);
        ours.task_id = TASK;
        ours.node_id = f->nodes[1].hand.id;
        other.task_id = "web.2";
        other.node_id = f->nodes[0].hand.id;
        message.lines = lines;
        message.n_lines = COUNT_OF(lines);
        begin_answer(&f->nodes[0]);
        rpc_stream_write(f->nodes[0].answer, &message.base);
        end_answer(&f->nodes[0]);
        wait_for(f, &f->is_first);
        rpc_stream_resume_reading(f->ask);
        begin_answer(&f->nodes[1]);
        end_answer(&f->nodes[1]);
        wait_for(f, &f->is_closed);
        assert_true(asprintf(&wanted, TASK " of %s;", f->nodes[0].hand.id) > 0);
        assert_string_equal(str_text(&f->lines), wanted);
}

static void an_answer_that_ends_without_its_end_is_over(void **state)
{
        struct fixture *f = *state;

        ask_all(f);
        begin_answer(&f->nodes[0]);
        answer_lines(&f->nodes[0]);
        rpc_stream_half_close(f->nodes[0].answer);
        wait_for(f, &f->nodes[0].is_answer_over);
        rpc_stream_resume_reading(f->ask);
        wait_for(f, &f->has_all_lines);
        begin_answer(&f->nodes[1]);
        end_answer(&f->nodes[1]);
        wait_for(f, &f->is_closed);
        assert_int_equal(f->err.code, ERR_OK);
        assert_string_equal(f->told, "the node broke off its answer");
}

static void a_stream_that_never_said_hello_takes_no_answer_along(void **state)
{
        static const struct rpc_stream_events events = { .closed = answer_closed };
        struct fixture *f = *state;
        struct node *node = &f->nodes[0];
        struct rpc_stream *silent;

        ask_all(f);
        silent = rpc_client_stream(node->hand.client, RPC_METHOD(dispatcher, Session), NULL,
                                   &events, node);
        rpc_stream_half_close(silent);
        wait_for(f, &node->is_answer_over); /* the silent stream, that is */
        for (size_t i = 0; i < NODES; i++) {
                begin_answer(&f->nodes[i]);
                end_answer(&f->nodes[i]);
        }
        wait_for(f, &f->is_first);
        rpc_stream_resume_reading(f->ask);
        wait_for(f, &f->is_closed);
        assert_string_equal(f->told, "");
}

static void a_dispatcher_that_stops_amid_answers_leaves_nothing_behind(void **state)
{
        struct fixture *f = *state;

        ask_all(f);
        begin_answer(&f->nodes[0]);
        answer_lines(&f->nodes[0]);
        wait_for(f, &f->is_first);
        assert_int_equal(manager_stop(&f->manager, "dispatcher"), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(a_node_that_is_done_is_not_credited_when_the_asker_reads_on),
                TEST(a_node_speaks_for_itself_and_of_what_it_was_asked_for),
                TEST(an_answer_that_ends_without_its_end_is_over),
                TEST(a_stream_that_never_said_hello_takes_no_answer_along),
                TEST(a_dispatcher_that_stops_amid_answers_leaves_nothing_behind),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
