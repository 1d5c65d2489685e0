/* What every daemon's main does, seen from its parent: a small daemon in a child process. */
#include "tests/unit/test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/os/log.h"
#include "lib/run/daemon.h"

static struct {
        const char *mood;
} config;

static const struct setting settings[] = {
        { "mood", SETTING_STRING, offsetof(__typeof__(config), mood), "calm", "how it feels", 0,
          0 },
        { 0 },
};

/* --- the daemon --- */

static struct loop_timer soon;

static void fail_now(void *context)
{
        struct err err;

        err_set(&err, ERR_DATA_LOSS, "the mood is bad");
        daemon_fail(context, &err);
}

static int start(struct daemon *daemon, struct err *err)
{
        if (strcmp(config.mood, "sulky") == 0)
                return err_set(err, ERR_UNAVAILABLE, "not in the mood");
        if (strcmp(config.mood, "bad") == 0) {
                soon = (struct loop_timer){ .fire = fail_now, .context = daemon };
                loop_timer_set(daemon->loop, &soon, 0);
        }
        daemon_ready(daemon);
        daemon_ready(daemon);
        return 0;
}

static void metrics(struct daemon *daemon, struct str *str)
{
        (void)daemon;
        str_add(str, "mood_calm 1\n");
}

static void dump(struct daemon *daemon, struct str *str)
{
        (void)daemon;
        str_addf(str, "The mood is %s, the log level %d.\n", config.mood, (int)log_get_level());
}

static const struct daemon_spec spec = {
        .name = "skep-test",
        .summary = "has a mood",
        .settings = settings,
        .config = &config,
        .start = start,
        .metrics = metrics,
        .dump = dump,
};

/* --- its parent --- */

struct fixture {
        char folder[64], socket[96], yaml[96];
        pid_t pid;
        int ready_fd, out_fd;
};

static int set_up(void **state)
{
        struct fixture *fixture = calloc(1, sizeof *fixture);

        strcpy(fixture->folder, "/tmp/daemon_test.XXXXXX");
        assert_non_null(mkdtemp(fixture->folder));
        snprintf(fixture->socket, sizeof fixture->socket, "%s/metrics.sock", fixture->folder);
        snprintf(fixture->yaml, sizeof fixture->yaml, "%s/settings.yaml", fixture->folder);
        fixture->ready_fd = fixture->out_fd = -1;
        *state = fixture;
        return 0;
}

static int tear_down(void **state)
{
        struct fixture *fixture = *state;

        if (fixture->pid > 0) {
                kill(fixture->pid, SIGKILL);
                waitpid(fixture->pid, NULL, 0);
        }
        if (fixture->ready_fd >= 0)
                close(fixture->ready_fd);
        if (fixture->out_fd >= 0)
                close(fixture->out_fd);
        unlink(fixture->socket);
        unlink(fixture->yaml);
        rmdir(fixture->folder);
        free(fixture);
        return 0;
}

static void write_yaml(struct fixture *fixture, const char *text)
{
        FILE *file = fopen(fixture->yaml, "w");

        assert_non_null(file);
        fputs(text, file);
        fclose(file);
}

/* Runs it with its ready descriptor, socket and YAML (when there is one) and one more argument (or
 * NULL). */
static void run(struct fixture *fixture, const char *argument)
{
        int ready[2], out[2];
        char ready_text[32], metrics_text[128], yaml_text[128];
        char *argv[8] = { (char *)"skep-test", ready_text, metrics_text };
        int argc = 3;

        assert_int_equal(pipe(ready), 0);
        assert_int_equal(pipe(out), 0);
        fixture->ready_fd = ready[0];
        fixture->out_fd = out[0];
        snprintf(ready_text, sizeof ready_text, "--ready-fd=%d", ready[1]);
        snprintf(metrics_text, sizeof metrics_text, "--metrics=unix:%s", fixture->socket);
        snprintf(yaml_text, sizeof yaml_text, "--config=%s", fixture->yaml);
        if (access(fixture->yaml, F_OK) == 0)
                argv[argc++] = yaml_text;
        if (argument)
                argv[argc++] = (char *)argument;
        fixture->pid = fork();
        if (fixture->pid == 0) {
                close(ready[0]);
                close(out[0]);
                dup2(out[1], STDOUT_FILENO);
                dup2(out[1], STDERR_FILENO);
                close(out[1]);
                exit(daemon_main(argc, argv, &spec));
        }
        close(ready[1]);
        close(out[1]);
}

static bool is_ready(struct fixture *fixture)
{
        char byte;

        return read(fixture->ready_fd, &byte, 1) == 1 && read(fixture->ready_fd, &byte, 1) == 0;
}

static int exit_code(struct fixture *fixture)
{
        int status;

        assert_int_equal(waitpid(fixture->pid, &status, 0), fixture->pid);
        fixture->pid = 0;
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void read_all(int fd, char *text, size_t size)
{
        size_t length = 0;
        ssize_t n;

        while (length + 1 < size && (n = read(fd, text + length, size - length - 1)) > 0)
                length += (size_t)n;
        text[length] = 0;
}

/* What the socket answers to this request, whole. */
static void ask(struct fixture *fixture, const char *request, char *ret_text, size_t size)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);

        strcpy(address.sun_path, fixture->socket);
        assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
        assert_int_equal(write(fd, request, strlen(request)), strlen(request));
        read_all(fd, ret_text, size);
        close(fd);
}

static void it_is_ready_and_stops_in_order_when_asked(void **state)
{
        struct fixture *fixture = *state;

        run(fixture, NULL);
        assert_true(is_ready(fixture));
        kill(fixture->pid, SIGTERM);
        assert_int_equal(exit_code(fixture), 0);
        assert_int_equal(access(fixture->socket, F_OK), -1);
}

static void its_metrics_are_told_over_the_local_socket(void **state)
{
        struct fixture *fixture = *state;
        char text[4096];
        struct stat status;

        run(fixture, NULL);
        assert_true(is_ready(fixture));
        ask(fixture, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", text, sizeof text);
        assert_memory_equal(text, "HTTP/1.0 200 OK\r\n", 17);
        assert_non_null(strstr(text, "\r\n\r\n# HELP skep_build_info"));
        assert_non_null(strstr(text, "process_resident_memory_bytes "));
        assert_non_null(strstr(text, "mood_calm 1\n"));
        assert_int_equal(stat(fixture->socket, &status), 0);
        assert_int_equal(status.st_mode & 0777, 0660);
}

static void its_state_can_be_looked_at_and_the_log_level_changed(void **state)
{
        struct fixture *fixture = *state;
        char text[4096];

        run(fixture, "--mood=sunny");
        assert_true(is_ready(fixture));
        ask(fixture, "POST /log-level/error HTTP/1.1\r\n\r\n", text, sizeof text);
        assert_non_null(strstr(text, "200 OK"));
        ask(fixture, "GET /state HTTP/1.1\r\n\r\n", text, sizeof text);
        assert_non_null(strstr(text, "The mood is sunny, the log level 3."));
}

static void other_requests_are_refused(void **state)
{
        static const char *const odd[] = { "GET /nothing HTTP/1.1\r\n\r\n",
                                           "PUT /metrics HTTP/1.1\r\n\r\n",
                                           "POST /log-level/loud HTTP/1.1\r\n\r\n", "\r\n\r\n",
                                           "GET\r\n\r\n" };
        struct fixture *fixture = *state;
        char text[4096];

        run(fixture, NULL);
        assert_true(is_ready(fixture));
        for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
                ask(fixture, odd[i], text, sizeof text);
                assert_memory_equal(text, "HTTP/1.0 40", 11);
        }
}

static void settings_come_from_yaml_and_hup_reads_the_log_level_again(void **state)
{
        struct fixture *fixture = *state;
        char text[4096];

        write_yaml(fixture, "mood: rosy\nlog-level: warn\n");
        run(fixture, NULL);
        assert_true(is_ready(fixture));
        ask(fixture, "GET /state HTTP/1.1\r\n\r\n", text, sizeof text);
        assert_non_null(strstr(text, "The mood is rosy, the log level 2."));
        write_yaml(fixture, "mood: other\nlog-level: debug\n");
        kill(fixture->pid, SIGHUP);
        for (int i = 0; i < 50 && !strstr(text, "the log level 0."); i++)
                ask(fixture, "GET /state HTTP/1.1\r\n\r\n", text, sizeof text);
        assert_non_null(strstr(text, "The mood is rosy, the log level 0."));
}

static void wrong_settings_end_it_with_a_sentence(void **state)
{
        struct fixture *fixture = *state;
        char text[4096];

        run(fixture, "--mod=x");
        assert_int_equal(exit_code(fixture), 1);
        read_all(fixture->out_fd, text, sizeof text);
        assert_string_equal(text, "skep-test: there is no option '--mod'; see --help\n");
}

static void a_log_level_that_is_none_is_refused(void **state)
{
        struct fixture *fixture = *state;

        run(fixture, "--log-level=loud");
        assert_int_equal(exit_code(fixture), 1);
}

static void help_and_version_are_printed(void **state)
{
        struct fixture *fixture = *state;
        char text[4096];

        run(fixture, "--help");
        assert_int_equal(exit_code(fixture), 0);
        read_all(fixture->out_fd, text, sizeof text);
        assert_non_null(strstr(text, "skep-test has a mood."));
        assert_non_null(strstr(text, "--mood"));
        assert_non_null(strstr(text, "--log-level"));
}

static void a_start_that_fails_ends_it(void **state)
{
        struct fixture *fixture = *state;
        char text[4096];

        run(fixture, "--mood=sulky");
        assert_false(is_ready(fixture));
        assert_int_equal(exit_code(fixture), 1);
        read_all(fixture->out_fd, text, sizeof text);
        assert_non_null(strstr(text, "not in the mood"));
}

static void a_failure_while_running_ends_it_with_an_error(void **state)
{
        struct fixture *fixture = *state;

        run(fixture, "--mood=bad");
        assert_int_equal(exit_code(fixture), 1);
}

static void systemd_is_told(void **state)
{
        struct fixture *fixture = *state;
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
        char path[96], text[64];
        ssize_t n;

        snprintf(path, sizeof path, "%s/notify", fixture->folder);
        strcpy(address.sun_path, path);
        assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
        setenv("NOTIFY_SOCKET", path, 1);
        run(fixture, NULL);
        unsetenv("NOTIFY_SOCKET");
        n = recv(fd, text, sizeof text - 1, 0);
        assert_int_equal(n, strlen("READY=1"));
        assert_memory_equal(text, "READY=1", 7);
        kill(fixture->pid, SIGTERM);
        n = recv(fd, text, sizeof text - 1, 0);
        assert_memory_equal(text, "STOPPING=1", 10);
        close(fd);
        unlink(path);
        assert_int_equal(exit_code(fixture), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(it_is_ready_and_stops_in_order_when_asked),
                TEST(its_metrics_are_told_over_the_local_socket),
                TEST(its_state_can_be_looked_at_and_the_log_level_changed),
                TEST(other_requests_are_refused),
                TEST(settings_come_from_yaml_and_hup_reads_the_log_level_again),
                TEST(wrong_settings_end_it_with_a_sentence),
                TEST(a_log_level_that_is_none_is_refused),
                TEST(help_and_version_are_printed),
                TEST(a_start_that_fails_ends_it),
                TEST(a_failure_while_running_ends_it_with_an_error),
                TEST(systemd_is_told),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
