/* Asking nodes about their tasks. */
#include <stdio.h>

#include "lib/base/mem.h"
#include "manager/api_server/ask.h"
#include "tests/unit/test.h"

enum { NODES = 1000, TASKS = 10000, ID_LENGTH = 16 };

static void every_node_is_asked_once_about_its_own_tasks(void **state)
{
        Sk__NodeRequest request = SK__NODE_REQUEST__INIT;
        Sk__UsageRequest usage = SK__USAGE_REQUEST__INIT;
        _cleanup_(arena_done) struct arena arena = { 0 };
        _cleanup_(ask_done) struct ask ask = { 0 };
        const Sk__AskRequest *asked;

        (void)state;
        usage.processes = true;
        request.what_case = SK__NODE_REQUEST__WHAT_USAGE;
        request.usage = &usage;
        ask_add(&ask, "n1", "t1");
        ask_add(&ask, "n2", "t2");
        ask_add(&ask, "n1", "t3");
        asked = ask_request(&ask, &request, &arena);
        assert_int_equal(asked->n_nodes, 2);
        assert_string_equal(asked->nodes[0]->node_id, "n1");
        assert_true(asked->nodes[0]->request->usage->processes);
        assert_int_equal(asked->nodes[0]->request->usage->n_task_ids, 2);
        assert_string_equal(asked->nodes[0]->request->usage->task_ids[1], "t3");
        assert_string_equal(asked->nodes[1]->node_id, "n2");
        assert_int_equal(asked->nodes[1]->request->usage->n_task_ids, 1);
}

static void logs_are_asked_for_with_their_options(void **state)
{
        Sk__NodeRequest request = SK__NODE_REQUEST__INIT;
        Sk__NodeRequest__LogRequest logs = SK__NODE_REQUEST__LOG_REQUEST__INIT;
        Sk__LogOptions options = SK__LOG_OPTIONS__INIT;
        _cleanup_(arena_done) struct arena arena = { 0 };
        _cleanup_(ask_done) struct ask ask = { 0 };
        const Sk__AskRequest *asked;

        (void)state;
        logs.options = &options;
        request.what_case = SK__NODE_REQUEST__WHAT_LOGS;
        request.logs = &logs;
        ask_add(&ask, "n1", "t1");
        asked = ask_request(&ask, &request, &arena);
        assert_ptr_equal(asked->nodes[0]->request->logs->options, &options);
        assert_string_equal(asked->nodes[0]->request->logs->task_ids[0], "t1");
}

static void a_question_takes_memory_by_nodes_and_tasks_not_by_their_product(void **state)
{
        static char nodes[NODES][ID_LENGTH], tasks[TASKS][ID_LENGTH];
        Sk__NodeRequest request = SK__NODE_REQUEST__INIT;
        Sk__UsageRequest usage = SK__USAGE_REQUEST__INIT;
        _cleanup_(arena_done) struct arena arena = { 0 };
        _cleanup_(ask_done) struct ask ask = { 0 };

        (void)state;
        request.what_case = SK__NODE_REQUEST__WHAT_USAGE;
        request.usage = &usage;
        for (int i = 0; i < TASKS; i++) {
                snprintf(nodes[i % NODES], ID_LENGTH, "n%d", i % NODES);
                snprintf(tasks[i], ID_LENGTH, "t%d", i);
                ask_add(&ask, nodes[i % NODES], tasks[i]);
        }
        assert_int_equal(ask_request(&ask, &request, &arena)->n_nodes, NODES);
        assert_true(arena.used_bytes < 512 * NODES + 32 * TASKS);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_node_is_asked_once_about_its_own_tasks),
                cmocka_unit_test(logs_are_asked_for_with_their_options),
                cmocka_unit_test(a_question_takes_memory_by_nodes_and_tasks_not_by_their_product),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
