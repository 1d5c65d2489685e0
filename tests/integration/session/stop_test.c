/* All daemons of a manager are told to stop.  Built with a sanitizer, each looks for what it left
 * behind, and fails. */
#include <stdio.h>

#include "lib/base/time.h"
#include "lib/os/file.h"
#include "tests/integration/session/ask.h"
#include "tests/integration/session/pipeline.h"

/* Told to stop before that, it would just end, as every program does. */
static void wait_until_it_listens(struct pipeline *f, const char *daemon)
{
        int64_t start = loop_now_boot(f->loop);
        char path[256];

        snprintf(path, sizeof path, "%s/%s.sock", f->manager.folder, daemon);
        while (!file_exists(path)) {
                loop_turn(f->loop, 20, NULL);
                assert_true(loop_now_boot(f->loop) - start < 30 * NS_PER_S);
        }
}

static void daemons_that_stop_leave_nothing_behind(void **state)
{
        struct pipeline *f = *state;

        manager_start(&f->manager, "ca", "");
        wait_until_it_listens(f, "ca");
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
