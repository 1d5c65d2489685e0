/* A real containerd, real containers: their health and readiness are looked after.
 *
 * Run by executor_test.sh. */
#include "tests/integration/executor/bench.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/time.h"

#define IDLE "trap 'exit 0' TERM; while :; do sleep 0.1; done"

static Sk__HealthConfig *a_check(struct bench *bench, const char *kind, const char *what)
{
        Sk__HealthConfig *check = arena_alloc(&bench->arena, sizeof *check);
        const char **test = arena_alloc(&bench->arena, 2 * sizeof *test);

        sk__health_config__init(check);
        test[0] = kind;
        test[1] = what;
        check->test = test;
        check->n_test = 2;
        check->interval_ns = 200 * NS_PER_MS;
        check->timeout_ns = 300 * NS_PER_MS;
        check->retries = 2;
        return check;
}

static Sk__HealthConfig *check_health(struct bench *bench, const char *kind, const char *what)
{
        return bench->spec->task->container->health = a_check(bench, kind, what);
}

static const struct executor_facts *facts(struct bench *bench)
{
        return bench->executor->ops->facts(bench->task);
}

static const Sk__HealthStatus__Result *last_result(struct bench *bench)
{
        const Sk__HealthStatus *health = facts(bench)->health;

        assert_non_null(health);
        assert_true(health->n_results > 0);
        return health->results[health->n_results - 1];
}

static void assert_says(const char *text, const char *words)
{
        if (!strstr(text, words))
                fail_msg("'%.300s' does not say '%s'", text, words);
}

static const char *path_inside(struct bench *bench, const char *path)
{
        return arena_printf(&bench->arena, "/proc/%d/root%s", (int)facts(bench)->pid, path);
}

static void make_inside(struct bench *bench, const char *path)
{
        int fd = open(path_inside(bench, path), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

        assert_true(fd >= 0);
        close(fd);
}

static void a_container_has_started_when_it_is_healthy(void **state)
{
        struct bench *bench = *state;
        int64_t begin;

        bench_describe(bench, "trap 'exit 0' TERM; sleep 1; touch /tmp/well; "
                              "while :; do sleep 0.1; done");
        check_health(bench, "CMD-SHELL", "test -f /tmp/well")->retries = 100;
        bench_open(bench);
        bench_do(bench, bench->executor->ops->prepare);
        begin = bench_clock();
        bench_do(bench, bench->executor->ops->start);
        assert_true(bench_clock() - begin > INT64_C(1000000000));
        assert_false(bench->has_exited);
        assert_int_equal(facts(bench)->health->state, SK__HEALTH_STATUS__STATE__HEALTHY);
        assert_false(facts(bench)->is_unwell);
        bench_do(bench, bench->executor->ops->shutdown);
        assert_string_equal(bench->exit.err, "");
}

static void an_unhealthy_container_is_stopped(void **state)
{
        struct bench *bench = *state;

        bench_describe(bench, "trap 'exit 1' TERM; touch /tmp/well; sleep 2; rm /tmp/well; "
                              "while :; do sleep 0.1; done");
        check_health(bench, "CMD-SHELL", "echo looking; test -f /tmp/well");
        bench_open(bench);
        bench_run(bench);
        bench_restart_agent(bench);
        assert_false(bench->has_exited);
        bench_await_exit(bench);
        assert_string_equal(bench->exit.err,
                            "task: non-zero exit (1): dockerexec: unhealthy container");
        assert_int_equal(facts(bench)->health->state, SK__HEALTH_STATUS__STATE__UNHEALTHY);
        assert_int_equal(facts(bench)->health->failing_streak, 2);
        assert_int_equal(last_result(bench)->exit_code, 1);
        assert_string_equal(last_result(bench)->output, "looking\n");
}

static void a_probe_that_takes_too_long_is_a_failure(void **state)
{
        struct bench *bench = *state;

        bench_describe(bench, IDLE);
        check_health(bench, "CMD-SHELL", "echo slow; sleep 100");
        bench_open(bench);
        bench_run(bench);
        bench_await_exit(bench);
        assert_says(bench->exit.err, "unhealthy container");
        assert_int_equal(last_result(bench)->exit_code, -1);
        assert_string_equal(last_result(bench)->output,
                            "Health check exceeded timeout (300ms): slow\n");
}

/* Its time is over before the program runs: what was not there to be killed is killed later. */
static void a_probe_whose_time_is_over_before_it_runs_is_a_failure(void **state)
{
        struct bench *bench = *state;

        bench_describe(bench, IDLE);
        check_health(bench, "CMD-SHELL", "sleep 100")->timeout_ns = NS_PER_MS;
        bench_open(bench);
        bench_run(bench);
        bench_await_exit(bench);
        assert_says(bench->exit.err, "unhealthy container");
}

static void a_probe_that_floods_its_output_is_cut(void **state)
{
        struct bench *bench = *state;

        bench_describe(bench, IDLE);
        check_health(bench, "CMD-SHELL", "yes")->timeout_ns = NS_PER_S;
        bench_open(bench);
        bench_run(bench);
        bench_await_exit(bench);
        assert_true(strlen(last_result(bench)->output) <= 4096 + 3);
        assert_says(last_result(bench)->output, "Health check exceeded timeout (1s): y\ny\n");
}

static void a_probe_without_its_program_says_so(void **state)
{
        struct bench *bench = *state;

        bench_describe(bench, IDLE);
        check_health(bench, "CMD", "/bin/nosuch")->timeout_ns = 30 * NS_PER_S;
        bench_open(bench);
        bench_run(bench);
        bench_await_exit(bench);
        assert_int_equal(last_result(bench)->exit_code, -1);
        assert_says(last_result(bench)->output, "/bin/nosuch");
}

static void the_next_agent_waits_on_for_a_container_to_be_healthy(void **state)
{
        struct bench *bench = *state;

        bench_describe(bench, IDLE);
        check_health(bench, "CMD-SHELL", "test -f /tmp/well; sleep 0.1; test -f /tmp/well")
                ->start_period_ns = 600 * NS_PER_S;
        bench->spec->task->container->health->start_interval_ns = 100 * NS_PER_MS;
        bench_open(bench);
        bench_do(bench, bench->executor->ops->prepare);
        bench_begin(bench, bench->executor->ops->start);
        UNTIL(bench, facts(bench)->health && facts(bench)->health->n_results > 0);
        bench_restart_agent(bench);
        assert_true(facts(bench)->is_running);
        assert_true(facts(bench)->is_unwell);
        assert_true(facts(bench)->health->n_results > 0);
        bench_begin(bench, bench->executor->ops->start);
        bench_wait_ms(bench, 500);
        assert_true(facts(bench)->is_unwell);
        make_inside(bench, "/tmp/well");
        bench_await_done(bench);
        assert_false(facts(bench)->is_unwell);
}

static void what_an_agent_left_probing_is_ended_by_the_next(void **state)
{
        struct bench *bench = *state;

        bench_describe(bench, IDLE);
        check_health(bench, "CMD-SHELL",
                     "test -f /tmp/first && exit 0; touch /tmp/first; exec sleep 1000")
                ->timeout_ns = 60 * NS_PER_S;
        bench_open(bench);
        bench_do(bench, bench->executor->ops->prepare);
        bench_begin(bench, bench->executor->ops->start);
        bench_wait_ms(bench, 2000);
        bench_restart_agent(bench);
        bench_do(bench, bench->executor->ops->start);
        assert_int_equal(facts(bench)->health->failing_streak, 0);
        assert_int_equal(last_result(bench)->exit_code, 0);
}

/* One probe after the other, so that some step of one is under way whenever containerd dies. */
static void the_death_of_containerd_makes_nobody_unhealthy(void **state)
{
        struct bench *bench = *state;

        bench_describe(bench, IDLE);
        check_health(bench, "CMD-SHELL", "true")->retries = 1;
        bench->spec->task->container->health->interval_ns = NS_PER_MS;
        bench->spec->task->container->health->timeout_ns = 5 * NS_PER_S;
        bench_open(bench);
        bench_run(bench);
        for (int i = 0; i < 4; i++) {
                bench_kill_containerd(bench);
                bench_wait_ms(bench, 1500);
        }
        assert_false(bench->has_exited);
        assert_int_equal(facts(bench)->health->state, SK__HEALTH_STATUS__STATE__HEALTHY);
}

static void who_is_not_ready_lives_on(void **state)
{
        struct bench *bench = *state;
        int n;

        bench_describe(bench, IDLE);
        bench->spec->task->container->readiness = a_check(bench, "CMD-SHELL", "test -f /tmp/go");
        bench_open(bench);
        bench_run(bench);
        assert_true(facts(bench)->is_unready);
        make_inside(bench, "/tmp/go");
        UNTIL(bench, !facts(bench)->is_unready);
        bench_restart_agent(bench);
        assert_false(facts(bench)->is_unready);
        n = bench->n_changes;
        assert_int_equal(unlink(path_inside(bench, "/tmp/go")), 0);
        UNTIL(bench, facts(bench)->is_unready);
        assert_true(bench->n_changes > n);
        bench_wait_ms(bench, 1000);
        assert_false(bench->has_exited);
}

/* --- over the network --- */

static int free_port(void)
{
        struct sockaddr_in address = { .sin_family = AF_INET,
                                       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t size = sizeof address;
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
        assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
        close(fd);
        return ntohs(address.sin_port);
}

static void an_http_server_is_asked(void **state)
{
        struct bench *bench = *state;
        int port = free_port();

        bench_describe(bench, arena_printf(&bench->arena,
                                           "trap 'exit 0' TERM; mkdir -p /tmp/www; "
                                           "echo yes >/tmp/www/well; "
                                           "httpd -f -p 127.0.0.1:%d -h /tmp/www & sleep 3; "
                                           "rm /tmp/www/well; while :; do sleep 0.1; done",
                                           port));
        check_health(bench, "HTTP", arena_printf(&bench->arena, ":%d/well", port))->retries = 10;
        bench_open(bench);
        bench_run(bench);
        assert_says(last_result(bench)->output, "HTTP/1.1 200 OK");
        bench_await_exit(bench);
        assert_says(last_result(bench)->output, "HTTP/1.1 404 Not Found");
}

static void a_port_that_nobody_listens_on_is_a_failure(void **state)
{
        struct bench *bench = *state;

        bench_describe(bench, IDLE);
        check_health(bench, "TCP", arena_printf(&bench->arena, ":%d", free_port()));
        bench_open(bench);
        bench_run(bench);
        bench_await_exit(bench);
        assert_says(last_result(bench)->output, "Connection refused");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_set_up, bench_tear_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(a_container_has_started_when_it_is_healthy),
                TEST(an_unhealthy_container_is_stopped),
                TEST(a_probe_that_takes_too_long_is_a_failure),
                TEST(a_probe_whose_time_is_over_before_it_runs_is_a_failure),
                TEST(a_probe_that_floods_its_output_is_cut),
                TEST(a_probe_without_its_program_says_so),
                TEST(the_next_agent_waits_on_for_a_container_to_be_healthy),
                TEST(what_an_agent_left_probing_is_ended_by_the_next),
                TEST(the_death_of_containerd_makes_nobody_unhealthy),
                TEST(who_is_not_ready_lives_on),
                TEST(an_http_server_is_asked),
                TEST(a_port_that_nobody_listens_on_is_a_failure),
        };

        return cmocka_run_group_tests(tests, bench_start, bench_stop);
}
