/* All daemons of a manager are told to stop.  Built with a sanitizer, each looks for what it left
 * behind, and fails. */
#include "tests/integration/session/ask.h"
#include "tests/integration/session/pipeline.h"

static void daemons_that_stop_leave_nothing_behind(void **state)
{
        struct pipeline *f = *state;

        manager_start(&f->manager, "ca", "");
        ask_create_service(&f->manager, "web", 6);
        pipeline_until_there_are(f, 6, SK__TASK_STATE__TASK_RUNNING);
        /* Whoever would dial again goes first: gRPC does not wait for handshakes. */
        for (size_t i = 0; i < PIPELINE_NODES; i++)
                agent_free(TAKE(f->agents[i]));
        for (size_t i = f->manager.n_daemons; i-- > 0;)
                if (f->manager.daemons[i].is_running)
                        assert_int_equal(manager_stop(&f->manager, f->manager.daemons[i].name), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(daemons_that_stop_leave_nothing_behind,
                                                pipeline_setup, pipeline_teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
