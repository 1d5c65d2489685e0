/* Many tasks at once, and an agent that is killed. */
#include "tests/integration/executor/bench.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/check.h"
#include "lib/os/file.h"

/* HEAVY tasks of a megabyte are more than containerd sends in one message. */
enum { N = 30, HEAVY = 24, MEGABYTE = 1 << 20 };

struct one {
        struct bench *bench;
        struct executor_task *task;
        void (*const *verbs)(struct executor_task *task); /* still to be called */
        struct err err;
        bool has_failed, is_through, has_exited;
        int exit_code;
};

/* --- many --- */

static void done(void *context, const struct err *err)
{
        struct one *one = context;

        if (err) {
                one->err = *err;
                one->has_failed = one->is_through = true;
        } else if (!*one->verbs) {
                one->is_through = true;
        } else {
                (*one->verbs++)(one->task);
        }
}

static void exited(void *context, const struct executor_exit *exit)
{
        struct one *one = context;

        one->has_exited = true;
        one->exit_code = exit->exit_code;
}

static void open_described(struct bench *bench, struct one *one,
                           void (*const *verbs)(struct executor_task *task))
{
        static const struct executor_events events = { .done = done, .exited = exited };
        struct executor_input input = {
                .service_name = "crowd",
                .node_id = "nodeid",
                .node_hostname = "node-1",
        };

        input.assignment = bench->assignment;
        input.spec = bench->spec;
        *one = (struct one){ .bench = bench, .verbs = verbs };
        one->task = bench->executor->ops->open(bench->executor, &input, &events, one);
}

static void open_one(struct bench *bench, struct one *one,
                     void (*const *verbs)(struct executor_task *task))
{
        bench_describe(bench, "while :; do echo hello; sleep 0.05; done");
        open_described(bench, one, verbs);
}

static void all_live_their_lives(void **state)
{
        struct bench *bench = *state;
        const struct executor_ops *ops = bench->executor->ops;
        void (*const verbs[])(struct executor_task *) = { ops->prepare, ops->start, ops->terminate,
                                                          ops->remove, NULL };
        struct one all[N];
        int n = 0;

        for (int i = 0; i < N; i++)
                open_one(bench, &all[i], verbs);
        while (n < N) {
                UNTIL(bench, all[n].is_through);
                if (all[n].has_failed)
                        fail_msg("%s", all[n].err.text);
                assert_true(all[n].has_exited);
                assert_int_equal(all[n].exit_code, 137);
                n++;
        }
        assert_int_equal(bench_list(bench), 0);
        for (int i = 0; i < N; i++)
                ops->close(all[i].task);
        bench->spec = NULL;
}

static void more_than_fits_one_message_can_be_listed(void **state)
{
        struct bench *bench = *state;
        const struct executor_ops *ops = bench->executor->ops;
        void (*const verbs[])(struct executor_task *) = { ops->prepare, NULL };
        void (*const ends[])(struct executor_task *) = { ops->remove, NULL };
        char *variable = memset(calloc(1, MEGABYTE + 1), 'x', MEGABYTE);
        struct one all[HEAVY];

        variable[1] = '=';
        for (int i = 0; i < HEAVY; i++) {
                bench_describe(bench, "true");
                bench->spec->task->container->env = (const char **)&variable;
                bench->spec->task->container->n_env = 1;
                open_described(bench, &all[i], verbs);
        }
        for (int i = 0; i < HEAVY; i++) {
                UNTIL(bench, all[i].is_through);
                if (all[i].has_failed)
                        fail_msg("%s", all[i].err.text);
        }
        assert_int_equal(bench_list(bench), HEAVY);
        for (int i = 0; i < HEAVY; i++) {
                all[i].verbs = ends;
                all[i].is_through = false;
                done(&all[i], NULL);
        }
        for (int i = 0; i < HEAVY; i++) {
                UNTIL(bench, all[i].is_through);
                ops->close(all[i].task);
        }
        assert_int_equal(bench_list(bench), 0);
        free(variable);
        bench->spec = NULL;
}

static void all_live_through_deaths_of_containerd(void **state)
{
        struct bench *bench = *state;
        const struct executor_ops *ops = bench->executor->ops;
        void (*const verbs[])(struct executor_task *) = { ops->prepare, ops->start, NULL };
        void (*const ends[])(struct executor_task *) = { ops->remove, NULL };
        struct one all[N / 3];

        for (int i = 0; i < N / 3; i++)
                open_one(bench, &all[i], verbs);
        bench_wait_ms(bench, 200);
        bench_kill_containerd(bench);
        for (int i = 0; i < N / 3; i++)
                UNTIL(bench, all[i].is_through);
        for (int i = 0; i < N / 3; i++) {
                all[i].verbs = ends;
                all[i].is_through = all[i].has_failed = false;
                done(&all[i], NULL);
        }
        bench_wait_ms(bench, 100);
        bench_kill_containerd(bench);
        for (int i = 0; i < N / 3; i++) {
                UNTIL(bench, all[i].is_through);
                if (all[i].has_failed)
                        fail_msg("%s", all[i].err.text);
        }
        assert_int_equal(bench_list(bench), 0);
        for (int i = 0; i < N / 3; i++)
                ops->close(all[i].task);
        bench->spec = NULL;
}

static void a_death_of_containerd_at_any_moment_of_a_start_leaves_nothing(void **state)
{
        struct bench *bench = *state;
        const struct executor_ops *ops = bench->executor->ops;

        for (int ms = 0; ms <= 120; ms += 30) {
                bench_make(bench, "sleep 1000");
                bench_do(bench, ops->prepare);
                bench_begin(bench, ops->start);
                bench_wait_ms(bench, ms);
                bench_kill_containerd(bench);
                /* It may go well or not. */
                bench_await_done(bench);
                bench_do(bench, ops->remove);
                assert_int_equal(bench_list(bench), 0);
                assert_int_equal(bench_count_remains(bench), 0);
                ops->close(bench->task);
        }
        bench->task = NULL;
        bench->spec = NULL;
}

/* --- a containerd that hangs --- */

static int64_t containerd_pid(struct bench *bench)
{
        _cleanup_(str_done) struct str text = { 0 };
        char path[300];
        int64_t pid = 0;

        snprintf(path, sizeof path, "%s/containerd/containerd.pid", bench->run_folder);
        assert_int_equal(file_read(path, 32, &text, NULL), 0);
        assert_int_equal(str_to_int64(str_text(&text), &pid, NULL), 0);
        return pid;
}

static void a_containerd_that_hangs_is_replaced(void **state)
{
        struct bench *bench = *state;
        int64_t pid = containerd_pid(bench);

        bench_make(bench, "sleep 1000");
        bench_run(bench);
        kill((pid_t)pid, SIGSTOP);
        UNTIL(bench, containerd_pid(bench) != pid);
        bench_wait_ms(bench, 1000);
        assert_false(bench->has_exited);
        bench_do(bench, bench->executor->ops->terminate);
        assert_int_equal(bench->exit.exit_code, 137);
}

/* --- an agent that is killed --- */

static const char counting[] = "i=0; while :; do echo $i; i=$((i+1)); sleep 0.01; done";

/* The first agent, a program of its own: starts the task, says so, and waits for its end. */
static int be_killed(const char *task_id)
{
        struct bench *bench;
        void *state;

        CHECK(bench_start(&state) == 0);
        bench = state;
        bench_start_agent(bench);
        bench_describe(bench, counting);
        bench->assignment->id = task_id;
        bench_open(bench);
        bench_run(bench);
        CHECK(write(STDOUT_FILENO, "!", 1) == 1);
        for (;;)
                bench_wait_ms(bench, 1000);
}

static pid_t start_first_agent(const char *task_id)
{
        int pipe_fds[2];
        pid_t pid;
        char byte;

        CHECK(pipe(pipe_fds) == 0);
        pid = fork();
        if (pid == 0) {
                dup2(pipe_fds[1], STDOUT_FILENO);
                execl("/proc/self/exe", "crowd_test", task_id, NULL);
                _exit(127);
        }
        close(pipe_fds[1]);
        CHECK(read(pipe_fds[0], &byte, 1) == 1);
        close(pipe_fds[0]);
        return pid;
}

static void an_agent_that_is_killed_leaves_everything_to_the_next(void **state)
{
        struct bench *bench = *state;
        int status, next = 0, number, length;
        const char *text;
        pid_t pid;

        bench_stop_agent(bench);
        bench_describe(bench, counting);
        pid = start_first_agent(bench->assignment->id);
        bench_sleep_ms(500);
        kill(pid, SIGKILL);
        CHECK(waitpid(pid, &status, 0) == pid);
        bench_sleep_ms(500);
        bench_start_agent(bench);
        bench_open(bench);
        assert_true(bench->executor->ops->facts(bench->task)->is_running);
        bench_wait_ms(bench, 500);
        bench_do(bench, bench->executor->ops->terminate);
        text = bench_logs(bench);
        for (; sscanf(text, "%d\n%n", &number, &length) == 1; text += length)
                assert_int_equal(number, next++);
        assert_true(next > 50);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_set_up, bench_tear_down)

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
                TEST(all_live_their_lives),
                TEST(more_than_fits_one_message_can_be_listed),
                TEST(all_live_through_deaths_of_containerd),
                TEST(a_death_of_containerd_at_any_moment_of_a_start_leaves_nothing),
                TEST(a_containerd_that_hangs_is_replaced),
                TEST(an_agent_that_is_killed_leaves_everything_to_the_next),
        };

        if (argc == 2)
                return be_killed(argv[1]);
        return cmocka_run_group_tests(tests, bench_start, bench_stop);
}
