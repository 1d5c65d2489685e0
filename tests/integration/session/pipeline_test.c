/* A service created at a real manager runs on agents whose tasks are only names. */
#include "tests/integration/session/ask.h"
#include "tests/integration/session/pipeline.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/str.h"
#include "lib/base/time.h"
#include "lib/os/file.h"

#define TASK "task000000000000000000001"

static void a_service_created_runs(void **state)
{
        struct pipeline *f = *state;

        ask_create_service(&f->manager, "web", 10);
        pipeline_until_there_are(f, 10, SK__TASK_STATE__TASK_RUNNING);
}

static void tasks_of_a_dead_node_run_elsewhere(void **state)
{
        struct pipeline *f = *state;

        ask_create_service(&f->manager, "web", 9);
        pipeline_until_there_are(f, 9, SK__TASK_STATE__TASK_RUNNING);
        agent_free(TAKE(f->agents[0]));
        pipeline_until_there_are(f, 12,
                                 SK__TASK_STATE__TASK_RUNNING); /* three of them are not heard of */
}

static void a_restarted_dispatcher_finds_its_agents_again(void **state)
{
        struct pipeline *f = *state;

        ask_create_service(&f->manager, "web", 3);
        pipeline_until_there_are(f, 3, SK__TASK_STATE__TASK_RUNNING);
        manager_kill(&f->manager, "dispatcher");
        ask_create_service(&f->manager, "api", 3);
        manager_start(&f->manager, "dispatcher", "");
        pipeline_until_there_are(f, 6, SK__TASK_STATE__TASK_RUNNING);
}

/* --- logs --- */

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
        struct str told = { 0 };

        ask_create_service(&f->manager, "web", 3);
        pipeline_until_there_are(f, 3, SK__TASK_STATE__TASK_RUNNING);
        write_log(f, "2026-11-20T05:31:53.519172983Z stdout F hello\n"
                     "2026-11-20T05:31:53.519201442Z stderr F world\n");
        ask_log(&f->manager, 1, TASK, &told);
        assert_string_equal(str_text(&told), "hello;world;");
        str_done(&told);
}

static void a_long_log_comes_whole(void **state)
{
        struct pipeline *f = *state;
        struct str told = { 0 };
        struct str log = { 0 };

        ask_create_service(&f->manager, "web", 3);
        pipeline_until_there_are(f, 3, SK__TASK_STATE__TASK_RUNNING);
        for (int i = 0; i < 50000; i++)
                str_addf(&log, "2026-11-20T05:31:53.519172983Z stdout F line %d of many lines\n",
                         i);
        write_log(f, log.text);
        ask_log(&f->manager, 1, TASK, &told);
        assert_non_null(strstr(str_text(&told), "line 49999 of many lines;"));
        str_done(&told);
        str_done(&log);
}

static void a_node_that_is_away_is_said_to_be(void **state)
{
        struct pipeline *f = *state;
        struct str told = { 0 };

        ask_create_service(&f->manager, "web", 3);
        pipeline_until_there_are(f, 3, SK__TASK_STATE__TASK_RUNNING);
        agent_free(TAKE(f->agents[1]));
        ask_log(&f->manager, 1, TASK, &told);
        assert_string_equal(str_text(&told), "away: the node is not connected");
        str_done(&told);
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
