/* A real agent with tasks that are only names, and a dispatcher that says what it is told to. */
#include "tests/integration/session/stub.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/str.h"
#include "lib/base/time.h"
#include "lib/os/file.h"

#define COMPLETE SK__ASSIGNMENTS__TYPE__COMPLETE
#define INCREMENTAL SK__ASSIGNMENTS__TYPE__INCREMENTAL
#define RUNNING SK__TASK_STATE__TASK_RUNNING
#define SHUTDOWN SK__TASK_STATE__TASK_SHUTDOWN

enum { RECORD_HEAD_SIZE = 12, REQUESTS = 65 };

static void begin(struct stub *stub)
{
        stub_serve(stub);
        stub_start_agent(stub);
        UNTIL(stub, has_session);
}

static void an_assigned_task_runs(void **state)
{
        struct stub *stub = *state;

        begin(stub);
        stub_assign(stub, COMPLETE, RUNNING);
        UNTIL(stub, is_running);
}

static void a_task_is_shut_down_when_that_is_desired(void **state)
{
        struct stub *stub = *state;

        begin(stub);
        stub_assign(stub, COMPLETE, RUNNING);
        UNTIL(stub, is_running);
        stub_assign(stub, INCREMENTAL, SHUTDOWN);
        UNTIL(stub, is_shut_down);
}

static void a_task_missing_from_a_complete_set_is_removed(void **state)
{
        struct stub *stub = *state;

        begin(stub);
        stub_assign(stub, COMPLETE, RUNNING);
        UNTIL(stub, is_running);
        stub_assign_nothing(stub);
        UNTIL(stub, has_no_containers);
}

static void an_exit_is_reported(void **state)
{
        struct stub *stub = *state;

        begin(stub);
        stub_assign(stub, COMPLETE, RUNNING);
        UNTIL(stub, is_running);
        executor_fake_exit(stub->executor, STUB_TASK, 3);
        UNTIL(stub, has_failed);
        assert_string_equal(stub->last_err, "task: non-zero exit (3)");
}

static void a_restarted_agent_keeps_its_task_without_any_manager(void **state)
{
        struct stub *stub = *state;
        struct agent_info info;

        begin(stub);
        stub_assign(stub, COMPLETE, RUNNING);
        UNTIL(stub, is_running);
        stub_stop(stub);
        stub_stop_agent(stub);
        stub_start_agent(stub);
        for (int i = 0; i < 5; i++)
                loop_turn(stub->loop, 1, NULL);
        agent_get_info(stub->agent, &info);
        assert_int_equal(info.n_running, 1);
        assert_false(info.is_connected);
}

static bool is_starting(struct stub *stub)
{
        return stub->last_state == SK__TASK_STATE__TASK_STARTING;
}

/* Secrets are in no journal, so a restarted agent has none, and what was prepared must not be
 * opened without them. */
static void a_prepared_task_waits_for_its_secrets_after_a_restart(void **state)
{
        struct stub *stub = *state;

        stub->executor->ops->free(stub->executor);
        stub->fake.start_ns = NS_PER_S;
        stub->executor = executor_fake_new(&stub->fake);
        begin(stub);
        stub->needs_secret = true;
        stub_assign(stub, COMPLETE, RUNNING);
        UNTIL(stub, is_starting);
        stub_stop_agent(stub);
        stub->n_sessions = 0;
        stub_start_agent(stub);
        UNTIL(stub, has_session);
        assert_int_equal(executor_fake_count_handles(stub->executor), 0);
        assert_int_equal(executor_fake_count(stub->executor), 1);
        stub_assign(stub, COMPLETE, RUNNING);
        UNTIL(stub, is_running);
        assert_int_equal(executor_fake_count(stub->executor), 1);
}

static bool has_reported_an_end(struct stub *stub)
{
        return stub->last_state > RUNNING;
}

static void what_could_not_be_looked_at_after_a_restart_runs_on(void **state)
{
        struct stub *stub = *state;

        begin(stub);
        stub_assign(stub, COMPLETE, RUNNING);
        UNTIL(stub, is_running);
        stub_stop_agent(stub);
        stub->last_state = 0;
        stub->n_sessions = 0;
        executor_fake_fail_opens(stub->executor, 1);
        stub_start_agent(stub);
        UNTIL(stub, has_session);
        stub_assign(stub, COMPLETE, SHUTDOWN);
        UNTIL(stub, has_reported_an_end);
        assert_true(is_shut_down(stub));
        assert_int_equal(executor_fake_count_handles(stub->executor), 1);
        stub_assign_nothing(stub);
        UNTIL(stub, has_no_containers);
}

static void a_status_not_acknowledged_is_told_again_after_a_restart(void **state)
{
        struct stub *stub = *state;

        begin(stub);
        stub_assign(stub, COMPLETE, RUNNING);
        UNTIL(stub, is_running);
        stub->is_silent = true;
        executor_fake_exit(stub->executor, STUB_TASK, 3);
        UNTIL(stub, has_failed);
        stub_stop_agent(stub);
        stub->last_state = 0;
        stub->is_silent = false;
        stub->n_sessions = 0;
        stub_start_agent(stub);
        UNTIL(stub, has_session);
        stub_assign(stub, COMPLETE, RUNNING);
        UNTIL(stub, has_failed);
        assert_string_equal(stub->last_err, "task: non-zero exit (3)");
}

static void a_lost_session_is_opened_again(void **state)
{
        struct stub *stub = *state;

        begin(stub);
        stub_stop(stub);
        stub->n_sessions = 0;
        stub_serve(stub);
        UNTIL(stub, has_session);
}

static bool has_three_heartbeats(struct stub *stub)
{
        return stub->n_heartbeats >= 3;
}

static void heartbeats_come_as_often_as_told(void **state)
{
        struct stub *stub = *state;

        begin(stub);
        UNTIL(stub, has_three_heartbeats);
}

static bool has_left(struct stub *stub)
{
        return stub->is_left;
}

static void left(void *context)
{
        struct stub *stub = context;

        stub->is_left = true;
}

static void an_agent_that_leaves_leaves_nothing_behind(void **state)
{
        struct stub *stub = *state;
        _cleanup_(str_done) struct str journal = {};

        begin(stub);
        stub_assign(stub, COMPLETE, RUNNING);
        UNTIL(stub, is_running);
        agent_leave(stub->agent, left, stub);
        UNTIL(stub, has_left);
        assert_int_equal(executor_fake_count(stub->executor), 0);
        str_addf(&journal, "%s/agent/journal", stub->folder);
        assert_false(file_exists(journal.text));
}

static void what_nobody_wants_is_removed_at_the_first_set(void **state)
{
        struct stub *stub = *state;
        _cleanup_(str_done) struct str folder = {};

        begin(stub);
        stub_assign(stub, COMPLETE, RUNNING);
        UNTIL(stub, is_running);
        stub_stop_agent(stub);
        str_addf(&folder, "%s/agent", stub->folder);
        file_remove_tree(folder.text, NULL);
        stub->n_sessions = 0;
        stub_start_agent(stub);
        UNTIL(stub, has_session);
        assert_int_equal(executor_fake_count(stub->executor), 1);
        stub_assign_nothing(stub);
        UNTIL(stub, has_no_containers);
}

static bool is_refused(struct stub *stub)
{
        return str_equal(stub->answer_err, "this node is being asked for too much at once");
}

static void what_is_asked_too_much_is_refused_rather_than_forgotten(void **state)
{
        struct stub *stub = *state;
        char id[32];

        begin(stub);
        for (int i = 0; i < REQUESTS; i++) {
                snprintf(id, sizeof id, "request%d", i);
                stub_ask(stub, id);
        }
        UNTIL(stub, is_refused);
}

static bool runs_or_is_over(struct stub *stub)
{
        return stub->last_state >= RUNNING;
}

/* Killed while it wrote: the task came to the journal, the spec that it names did not. */
static void a_task_whose_spec_was_torn_off_waits_for_a_manager(void **state)
{
        struct stub *stub = *state;
        _cleanup_(str_done) struct str path = {}, journal = {};
        uint32_t size; /* of the first record, behind its head */

        begin(stub);
        stub_assign(stub, COMPLETE, RUNNING);
        UNTIL(stub, is_running);
        stub_stop_agent(stub);
        str_addf(&path, "%s/agent/journal", stub->folder);
        assert_int_equal(file_read(path.text, 1 << 20, &journal, NULL), 0);
        memcpy(&size, journal.text, sizeof size);
        assert_int_equal(truncate(path.text, (off_t)(size + RECORD_HEAD_SIZE)), 0);
        stub->n_sessions = 0;
        stub->last_state = 0;
        stub_start_agent(stub);
        UNTIL(stub, has_session);
        stub_assign(stub, COMPLETE, RUNNING);
        UNTIL(stub, runs_or_is_over);
        assert_true(is_running(stub));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, stub_setup, stub_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(an_assigned_task_runs),
                TEST(a_task_is_shut_down_when_that_is_desired),
                TEST(a_task_missing_from_a_complete_set_is_removed),
                TEST(an_exit_is_reported),
                TEST(what_is_asked_too_much_is_refused_rather_than_forgotten),
                TEST(a_task_whose_spec_was_torn_off_waits_for_a_manager),
                TEST(a_restarted_agent_keeps_its_task_without_any_manager),
                TEST(a_prepared_task_waits_for_its_secrets_after_a_restart),
                TEST(what_could_not_be_looked_at_after_a_restart_runs_on),
                TEST(a_status_not_acknowledged_is_told_again_after_a_restart),
                TEST(a_lost_session_is_opened_again),
                TEST(heartbeats_come_as_often_as_told),
                TEST(an_agent_that_leaves_leaves_nothing_behind),
                TEST(what_nobody_wants_is_removed_at_the_first_set),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
