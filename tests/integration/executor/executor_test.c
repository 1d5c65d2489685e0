/* A real containerd, real containers: what the executor promises.
 *
 * Run by executor_test.sh, which brings a registry and an image: SKEP_TEST_FOLDER (private, empty)
 * and SKEP_TEST_IMAGE. */
#include "tests/integration/executor/bench.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/keeper/keeper.h"
#include "lib/base/str.h"
#include "lib/os/file.h"

static void a_container_runs_and_its_exit_code_is_told(void **state)
{
        struct bench *bench = *state;

        bench_make(bench, "echo hello; exit 3");
        bench_run(bench);
        bench_await_exit(bench);
        assert_int_equal(bench->exit.exit_code, 3);
        assert_string_equal(bench->exit.err, "task: non-zero exit (3)");
        assert_string_equal(bench_logs(bench), "hello\n");
}

static void a_running_container_is_shut_down_by_its_signal(void **state)
{
        struct bench *bench = *state;

        bench_make(bench, "trap 'echo bye; exit 0' TERM; while :; do sleep 0.1; done");
        bench_run(bench);
        assert_true(bench->executor->ops->facts(bench->task)->is_running);
        bench_wait_ms(bench, 300);
        bench_do(bench, bench->executor->ops->shutdown);
        assert_int_equal(bench->exit.exit_code, 0);
        assert_string_equal(bench_logs(bench), "bye\n");
}

static void one_that_ignores_its_signal_is_killed_after_the_grace_period(void **state)
{
        struct bench *bench = *state;

        bench_make(bench, "trap '' TERM; while :; do sleep 0.1; done");
        bench_set_grace(bench, 500);
        bench_run(bench);
        bench_wait_ms(bench, 300);
        bench_do(bench, bench->executor->ops->shutdown);
        assert_int_equal(bench->exit.exit_code, 137);
}

static void nothing_is_left_of_a_removed_task(void **state)
{
        struct bench *bench = *state;

        bench_make(bench, "sleep 1000");
        bench_run(bench);
        bench_do(bench, bench->executor->ops->remove);
        assert_int_equal(bench_list(bench), 0);
}

/* As a creation that was cut off leaves them: the task's cgroups, one more in each, a process in
 * that, and runc's notes. */
static void make_remains(struct bench *bench, pid_t pid)
{
        const char *cgroups = arena_printf(
                &bench->arena,
                "for i in pids unified .; do i=/sys/fs/cgroup/$i; [ -e $i/cgroup.procs ] || "
                "continue; i=$i/%s/%s/inner; mkdir -p $i && echo %d >$i/cgroup.procs; done",
                bench->cgroup_parent, bench->assignment->id, (int)pid);
        const char *notes = arena_printf(&bench->arena, "mkdir -p %s/runc/k8s.io/%s",
                                         bench->run_folder, bench->assignment->id);

        assert_int_equal(system(cgroups), 0);
        assert_true(bench_count_remains(bench) > 0);
        assert_int_equal(system(notes), 0);
}

static void what_a_cut_off_creation_left_goes_with_the_task(void **state)
{
        struct bench *bench = *state;
        pid_t pid = fork();
        int status;

        if (pid == 0) {
                pause();
                _exit(0);
        }
        bench_make(bench, "true");
        bench_do(bench, bench->executor->ops->prepare);
        make_remains(bench, pid);
        bench_do(bench, bench->executor->ops->remove);
        kill(pid, SIGTERM);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), SIGKILL);
        assert_int_equal(bench_count_remains(bench), 0);
}

static void an_image_that_is_not_there_is_not_found(void **state)
{
        struct bench *bench = *state;

        bench_make(bench, "true");
        bench_set_image(bench, "nothing:here");
        bench_begin(bench, bench->executor->ops->prepare);
        bench_await_done(bench);
        assert_int_equal(bench->err.code, ERR_NOT_FOUND);
        assert_string_equal(bench->err.text, arena_printf(&bench->arena, "No such image: %s",
                                                          bench->spec->task->container->image));
}

static void a_container_out_of_memory_says_so(void **state)
{
        struct bench *bench = *state;

        bench_make(bench, "tail /dev/zero");
        bench_set_memory(bench, 32 << 20);
        bench_run(bench);
        bench_await_exit(bench);
        assert_int_equal(bench->exit.exit_code, 137);
        assert_true(bench->exit.oom_killed);
        assert_string_equal(bench->exit.err, "task: non-zero exit (137): out of memory");
}

static void a_container_lives_through_the_death_of_containerd(void **state)
{
        struct bench *bench = *state;

        bench_make(bench, "while :; do echo tick; sleep 0.1; done");
        bench_run(bench);
        bench_kill_containerd(bench);
        bench_wait_ms(bench, 1500);
        assert_false(bench->has_exited);
        bench_do(bench, bench->executor->ops->terminate);
        assert_int_equal(bench->exit.exit_code, 137);
        assert_true(strlen(bench_logs(bench)) > 5 * strlen("tick\n"));
}

static void the_next_agent_adopts_a_running_container(void **state)
{
        struct bench *bench = *state;

        bench_make(bench, "while :; do echo tick; sleep 0.1; done");
        bench_run(bench);
        bench_restart_agent(bench);
        assert_true(bench->executor->ops->facts(bench->task)->is_running);
        assert_false(bench->has_exited);
        bench_do(bench, bench->executor->ops->terminate);
        assert_int_equal(bench->exit.exit_code, 137);
}

/* Or an agent that just found the container takes it for lost. */
static void a_container_runs_until_its_end_is_told(void **state)
{
        struct bench *bench = *state;

        bench_make(bench, "sleep 0.5; exit 3");
        bench_run(bench);
        while (!bench->has_exited) {
                assert_true(bench->executor->ops->facts(bench->task)->is_running);
                assert_int_equal(loop_turn(bench->loop, 10, NULL), 0);
        }
        assert_int_equal(bench->exit.exit_code, 3);
        assert_false(bench->executor->ops->facts(bench->task)->is_running);
}

static void the_next_agent_hears_of_an_end_it_missed(void **state)
{
        struct bench *bench = *state;

        bench_make(bench, "sleep 0.5; exit 7");
        bench_run(bench);
        bench_stop_agent(bench);
        bench_sleep_ms(1000);
        bench_start_agent(bench);
        bench_open(bench);
        bench_await_exit(bench);
        assert_int_equal(bench->exit.exit_code, 7);
}

static void an_end_while_containerd_is_away_is_told(void **state)
{
        struct bench *bench = *state;

        bench_make(bench, "sleep 0.4; exit 6");
        bench_run(bench);
        bench_wait_ms(bench, 300);
        bench_kill_containerd(bench);
        bench_await_exit(bench);
        /* Not every containerd knows how it ended. */
        assert_true(bench->exit.exit_code == 6 || bench->exit.exit_code == -1);
}

static void layers_of_a_task_that_ended_in_a_crash_are_given_back(void **state)
{
        struct bench *bench = *state;
        char path[400];

        bench_make(bench, "exit 1");
        bench_do(bench, bench->executor->ops->prepare);
        bench_stop_agent(bench);
        /* As after a reboot: it was started, and nothing of it runs. */
        snprintf(path, sizeof path, "%s/tasks/%s/started", bench->state_folder,
                 bench->assignment->id);
        fclose(fopen(path, "w"));
        bench_start_agent(bench);
        bench_open(bench);
        assert_true(bench->has_exited);
        assert_int_equal(bench->exit.exit_code, -1);
        assert_false(bench->executor->ops->facts(bench->task)->is_running);
        bench_do(bench, bench->executor->ops->remove);
}

static void a_shutdown_stops_a_prepare(void **state)
{
        struct bench *bench = *state;

        bench_make(bench, "true");
        bench_set_image(bench, "nothing:here");
        bench_begin(bench, bench->executor->ops->prepare);
        bench_begin(bench, bench->executor->ops->shutdown);
        bench_await_done(bench);
        assert_int_equal(bench->err.code, ERR_CANCELLED);
        bench_await_done(bench);
        assert_int_equal(bench->err.code, ERR_OK);
}

static void a_shutdown_at_any_moment_of_a_start_leaves_nothing(void **state)
{
        struct bench *bench = *state;
        const struct executor_ops *ops = bench->executor->ops;

        for (int ms = 0; ms <= 120; ms += 12) {
                bench_make(bench, "sleep 1000");
                bench_set_grace(bench, 100);
                bench_do(bench, ops->prepare);
                bench_begin(bench, ops->start);
                bench_wait_ms(bench, ms);
                bench_begin(bench, ops->shutdown);
                /* The start's end, or its cancellation; then the shutdown's. */
                bench_await_done(bench);
                bench_await_done(bench);
                if (bench->err.code != ERR_OK)
                        fail_msg("after %d ms: %s", ms, bench->err.text);
                assert_false(ops->facts(bench->task)->is_running);
                bench_do(bench, ops->remove);
                assert_int_equal(bench_list(bench), 0);
                ops->close(bench->task);
        }
        bench->task = NULL;
        bench->spec = NULL;
}

static void a_program_that_is_not_there_fails_the_start(void **state)
{
        struct bench *bench = *state;

        bench_make(bench, "true");
        bench_set_command(bench, "/nothing");
        bench_do(bench, bench->executor->ops->prepare);
        bench_begin(bench, bench->executor->ops->start);
        bench_await_done(bench);
        assert_int_not_equal(bench->err.code, ERR_OK);
        assert_non_null(strstr(bench->err.text, "no such file or directory"));
        assert_false(bench->executor->ops->facts(bench->task)->is_running);
}

static void a_container_that_was_prepared_only_can_be_started_by_the_next_agent(void **state)
{
        struct bench *bench = *state;

        bench_make(bench, "exit 5");
        bench_do(bench, bench->executor->ops->prepare);
        bench_restart_agent(bench);
        bench_do(bench, bench->executor->ops->start);
        bench_await_exit(bench);
        assert_int_equal(bench->exit.exit_code, 5);
}

static void what_a_container_wrote_before_it_ended_waits_for_the_next_agent(void **state)
{
        struct bench *bench = *state;

        bench->has_keeper = true;
        bench_stop_agent(bench);
        bench_start_agent(bench);
        bench_make(bench, "sleep 0.5; echo last words; echo to both >&2");
        bench_run(bench);
        bench_stop_agent(bench);
        bench_sleep_ms(1500);
        bench_start_agent(bench);
        bench_open(bench);
        bench_await_exit(bench);
        assert_string_equal(bench_logs(bench), "last words\nto both\n");
        bench->has_keeper = false;
}

static size_t count_runs(const char *folder)
{
        struct str runs = { 0 };
        char path[300];
        size_t n;

        snprintf(path, sizeof path, "%s/runs", folder);
        (void)file_read(path, 1000, &runs, NULL);
        n = runs.length;
        str_done(&runs);
        return n;
}

/* A creation that was cut off is a failure; but what was created is neither started twice nor made
 * anew. */
static void an_agent_that_dies_at_any_moment_of_a_start_has_it_run_once_at_most(void **state)
{
        struct bench *bench = *state;
        const struct executor_ops *ops = bench->executor->ops;
        char seen[] = "/tmp/skep-runs-XXXXXX", path[300];
        size_t n_well = 0;

        assert_non_null(mkdtemp(seen));
        snprintf(path, sizeof path, "%s/runs", seen);
        for (int ms = 0; ms <= 120; ms += 4) {
                bench_describe(bench, "printf x >>/seen/runs");
                bench_add_mount(bench, SK__MOUNT__TYPE__BIND, seen, "/seen");
                bench_open(bench);
                bench_do(bench, ops->prepare);
                bench_begin(bench, ops->start);
                bench_wait_ms(bench, ms);
                bench_restart_agent(bench);
                if (!bench->has_exited && !ops->facts(bench->task)->is_running) {
                        bench_begin(bench, ops->start);
                        bench_await_done(bench);
                }
                if (bench->err.code == ERR_OK)
                        bench_await_exit(bench);
                n_well += bench->err.code == ERR_OK && bench->exit.exit_code == 0;
                if (count_runs(seen) > 1)
                        fail_msg("after %d ms: it ran %zu times", ms, count_runs(seen));
                bench_do(bench, ops->remove);
                ops->close(bench->task);
                (void)unlink(path);
        }
        bench->task = NULL;
        bench->spec = NULL;
        assert_int_equal(rmdir(seen), 0);
        assert_true(n_well > 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_set_up, bench_tear_down)

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
                TEST(a_container_runs_and_its_exit_code_is_told),
                TEST(a_running_container_is_shut_down_by_its_signal),
                TEST(one_that_ignores_its_signal_is_killed_after_the_grace_period),
                TEST(nothing_is_left_of_a_removed_task),
                TEST(what_a_cut_off_creation_left_goes_with_the_task),
                TEST(an_image_that_is_not_there_is_not_found),
                TEST(a_container_out_of_memory_says_so),
                TEST(a_container_lives_through_the_death_of_containerd),
                TEST(the_next_agent_adopts_a_running_container),
                TEST(a_container_runs_until_its_end_is_told),
                TEST(the_next_agent_hears_of_an_end_it_missed),
                TEST(an_end_while_containerd_is_away_is_told),
                TEST(layers_of_a_task_that_ended_in_a_crash_are_given_back),
                TEST(a_shutdown_stops_a_prepare),
                TEST(a_shutdown_at_any_moment_of_a_start_leaves_nothing),
                TEST(a_program_that_is_not_there_fails_the_start),
                TEST(a_container_that_was_prepared_only_can_be_started_by_the_next_agent),
                TEST(what_a_container_wrote_before_it_ended_waits_for_the_next_agent),
                TEST(an_agent_that_dies_at_any_moment_of_a_start_has_it_run_once_at_most),
        };

        if (argc > 0 && strcmp(argv[0], KEEPER_PROGRAM) == 0)
                return keeper_main();
        return cmocka_run_group_tests(tests, bench_start, bench_stop);
}
