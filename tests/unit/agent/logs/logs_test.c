/* Logs: what goes into the FIFOs comes out of the reader. */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/logs/files.h"
#include "agent/logs/read.h"
#include "agent/logs/sink.h"
#include "lib/base/check.h"
#include "lib/base/mem.h"
#include "lib/os/file.h"

struct fixture {
        struct loop *loop;
        struct worker_pool *pool;
        char root[250], folder[300], fifos[2][300];
        struct log_sink *sink;
        int out, err;
        bool is_done;

        struct log_reader *reader;
        struct str seen; /* "stdout hello\n": stream, text, '+' after partial lines */
        bool has_ended;
};

static void turn(struct fixture *f)
{
        assert_int_equal(loop_turn(f->loop, 1000, NULL), 0);
}

static void open_sink(struct fixture *f, int64_t size_max, int64_t n_files_max)
{
        struct log_sink_options options = {
                .folder = f->folder,
                .fifos = { f->fifos[0], f->fifos[1] },
                .size_max = size_max,
                .n_files_max = n_files_max,
        };

        assert_int_equal(log_sink_new(f->loop, f->pool, &options, &f->sink, NULL), 0);
        f->out = open(f->fifos[0], O_WRONLY | O_CLOEXEC);
        f->err = open(f->fifos[1], O_WRONLY | O_CLOEXEC);
}

static void done(void *context)
{
        ((struct fixture *)context)->is_done = true;
}

/* As the runtime does: closes its ends, then the container is over. */
static void finish(struct fixture *f)
{
        close(f->out);
        close(f->err);
        log_sink_finish(f->sink, done, f);
        while (!f->is_done)
                turn(f);
        log_sink_free(f->sink);
        f->sink = NULL;
}

static void say(int fd, const char *text)
{
        assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static void got_lines(void *context, const struct log_line *lines, size_t n)
{
        struct fixture *f = context;

        for (size_t i = 0; i < n; i++) {
                str_add(&f->seen, lines[i].stream == LOG_STDERR ? "stderr " : "stdout ");
                str_add_bytes(&f->seen, lines[i].data, lines[i].size);
                str_add(&f->seen, lines[i].is_partial ? "+\n" : "\n");
        }
        log_reader_more(f->reader);
}

static void got_end(void *context, const struct err *err)
{
        assert_null(err);
        ((struct fixture *)context)->has_ended = true;
}

static const struct log_reader_events reading = { .lines = got_lines, .ended = got_end };

static void begin_reading(struct fixture *f, Sk__LogOptions *options)
{
        f->reader = log_reader_new(f->loop, f->pool, f->folder, options, &reading, f);
        log_reader_more(f->reader);
}

static const char *read_all(struct fixture *f, int64_t tail)
{
        Sk__LogOptions options = SK__LOG_OPTIONS__INIT;

        options.tail = tail;
        str_clear(&f->seen);
        f->has_ended = false;
        begin_reading(f, &options);
        while (!f->has_ended)
                turn(f);
        log_reader_free(f->reader);
        f->reader = NULL;
        return str_text(&f->seen);
}

static int set_up(void **state)
{
        struct fixture *f = mem_alloc(sizeof *f);

        snprintf(f->root, sizeof f->root, "%s/logs-XXXXXX", getenv("TEST_TMPDIR") ?: "/tmp");
        CHECK(mkdtemp(f->root));
        snprintf(f->folder, sizeof f->folder, "%s/logs", f->root);
        for (int i = 0; i < 2; i++) {
                snprintf(f->fifos[i], sizeof f->fifos[i], "%s/%d", f->root, i);
                CHECK(mkfifo(f->fifos[i], 0600) == 0);
        }
        CHECK(loop_new(&f->loop, NULL) == 0);
        CHECK(worker_pool_new(f->loop, 2, &f->pool, NULL) == 0);
        *state = f;
        return 0;
}

static int tear_down(void **state)
{
        struct fixture *f = *state;

        log_sink_free(f->sink);
        log_reader_free(f->reader);
        worker_pool_free(f->pool);
        loop_free(f->loop);
        CHECK(file_remove_tree(f->root, NULL) == 0);
        str_done(&f->seen);
        free(f);
        return 0;
}

static void a_record_survives_writing_and_reading(void **state)
{
        struct log_line line = {
                .at_ns = 1795152713519172983,
                .stream = LOG_STDERR,
                .is_partial = true,
                .data = "a b\tc",
                .size = 5,
        };
        struct log_line back;
        struct str str = { 0 };

        (void)state;
        log_record_add(&str, &line);
        assert_true(log_record_parse(str.text, str.length - 1, &back));
        assert_int_equal(back.at_ns, line.at_ns);
        assert_int_equal(back.stream, LOG_STDERR);
        assert_true(back.is_partial);
        assert_memory_equal(back.data, "a b\tc", 5);
        str_done(&str);
}

static void what_is_no_record_is_told_apart(void **state)
{
        static const char *const bad[] = {
                "",
                "x",
                "2026-11-20T05:31:53Z stdin F x",
                "2026-11-20T05:31:53Z stdout",
                "20 stdout F x",
        };
        struct log_line line;

        (void)state;
        for (size_t i = 0; i < COUNT_OF(bad); i++)
                assert_false(log_record_parse(bad[i], strlen(bad[i]), &line));
}

static void both_streams_are_kept_apart(void **state)
{
        struct fixture *f = *state;

        open_sink(f, 0, 1);
        say(f->out, "one\n");
        finish(f);
        f->is_done = false;
        open_sink(f, 0, 1);
        say(f->err, "two\nthree");
        finish(f);
        assert_string_equal(read_all(f, -1), "stdout one\nstderr two\nstderr three\n");
}

static void write_numbered(struct fixture *f, int n)
{
        for (int i = 0; i < n; i++) {
                char line[32];

                snprintf(line, sizeof line, "line %d\n", i);
                say(f->out, line);
        }
}

static void a_tail_counts_lines_over_rotated_files(void **state)
{
        struct fixture *f = *state;

        open_sink(f, 400, 5);
        write_numbered(f, 30);
        finish(f);
        for (int tail = 0; tail <= 30; tail++) {
                _cleanup_(str_done) struct str wanted = { 0 };

                for (int i = 30 - tail; i < 30; i++)
                        str_addf(&wanted, "stdout line %d\n", i);
                assert_string_equal(read_all(f, tail), str_text(&wanted));
        }
}

static void so_many_files_are_kept_and_no_more(void **state)
{
        struct fixture *f = *state;
        char path[400];

        open_sink(f, 400, 2);
        write_numbered(f, 50);
        finish(f);
        snprintf(path, sizeof path, "%s/log.1", f->folder);
        assert_true(file_exists(path));
        snprintf(path, sizeof path, "%s/log.2", f->folder);
        assert_false(file_exists(path));
        assert_true(str_ends_with(read_all(f, -1), "stdout line 48\nstdout line 49\n"));
}

static void a_long_line_comes_in_parts(void **state)
{
        struct fixture *f = *state;
        char *text = mem_alloc(LOG_LINE_MAX + 6);
        const char *seen;

        memset(text, 'x', LOG_LINE_MAX + 5);
        open_sink(f, 0, 1);
        say(f->out, text);
        say(f->out, "\n");
        finish(f);
        free(text);
        seen = read_all(f, -1);
        assert_int_equal(strlen(seen),
                         strlen("stdout ") + LOG_LINE_MAX + strlen("+\nstdout xxxxx\n"));
        assert_true(str_ends_with(seen, "x+\nstdout xxxxx\n"));
}

static void limit_file_size(rlim_t size)
{
        struct rlimit limit;

        CHECK(getrlimit(RLIMIT_FSIZE, &limit) == 0);
        limit.rlim_cur = size < limit.rlim_max ? size : limit.rlim_max;
        CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
}

static void a_line_after_a_torn_write_is_not_lost(void **state)
{
        struct fixture *f = *state;
        struct log_files files = { .n_max = 1, .fd = -1 };
        struct log_line line = { .at_ns = 1, .data = "whole", .size = 5 };
        _cleanup_(str_done) struct str record = { 0 };

        snprintf(files.folder, sizeof files.folder, "%s", f->folder);
        log_record_add(&record, &line);
        signal(SIGXFSZ, SIG_IGN);
        limit_file_size(10);
        assert_int_equal(log_files_append(&files, record.text, record.length, NULL),
                         ERR_UNAVAILABLE);
        limit_file_size(RLIM_INFINITY);
        assert_int_equal(log_files_append(&files, record.text, record.length, NULL), 0);
        log_files_close(&files);
        assert_string_equal(read_all(f, -1), "stdout whole\n");
}

static void a_followed_log_ends_with_its_container(void **state)
{
        struct fixture *f = *state;
        Sk__LogOptions options = SK__LOG_OPTIONS__INIT;

        options.tail = -1;
        options.follow = true;
        begin_reading(f, &options);
        turn(f);
        open_sink(f, 200, 3);
        say(f->out, "first\n");
        while (f->seen.length == 0)
                turn(f);
        for (int i = 0; i < 20; i++)
                say(f->out, "more\n");
        finish(f);
        while (!f->has_ended)
                turn(f);
        assert_true(str_starts_with(f->seen.text, "stdout first\nstdout more\n"));
        assert_true(str_ends_with(f->seen.text, "stdout more\n"));
}

/* --- two streams, and a pool whose works end just then --- */

struct crossing {
        struct fixture *f;
        struct work gate, first, second;
        int gate_fds[2], late_fds[2];
        struct loop_watch late;
};

static void sleep_ms(int ms)
{
        CHECK(poll(NULL, 0, ms) == 0);
}

static void wait_at_gate(struct work *work)
{
        struct crossing *crossing = container_of(work, struct crossing, gate);
        char byte;

        CHECK(read(crossing->gate_fds[0], &byte, 1) == 1);
}

static void nothing(struct work *work)
{
        (void)work;
}

/* The pool posts the end of 'second' before the sink, whose work ended with this one, posts that it
 * goes on. */
static void first_done(struct work *work)
{
        struct crossing *crossing = container_of(work, struct crossing, first);

        crossing->second = (struct work){ .work = nothing, .done = nothing };
        worker_submit(crossing->f->pool, &crossing->second);
        sleep_ms(50);
}

static void dawdle(void *context, uint32_t epoll_events)
{
        struct crossing *crossing = context;
        char byte;

        (void)epoll_events;
        CHECK(read(crossing->late_fds[0], &byte, 1) == 1);
        sleep_ms(50);
}

static void begin_crossing(struct fixture *f, struct crossing *crossing)
{
        crossing->f = f;
        CHECK(pipe(crossing->gate_fds) == 0 && pipe(crossing->late_fds) == 0);
        crossing->late = (struct loop_watch){ .ready = dawdle,
                                              .context = crossing,
                                              .fd = crossing->late_fds[0] };
        CHECK(loop_watch_add(f->loop, &crossing->late, EPOLLIN, NULL) == 0);
        crossing->gate = (struct work){ .work = wait_at_gate, .done = nothing };
        crossing->first = (struct work){ .work = nothing, .done = first_done };
        worker_submit(f->pool, &crossing->gate);
        worker_submit(f->pool, &crossing->first);
}

static void end_crossing(struct crossing *crossing)
{
        loop_watch_remove(&crossing->late);
        for (int i = 0; i < 2; i++) {
                close(crossing->gate_fds[i]);
                close(crossing->late_fds[i]);
        }
}

static void one_stream_wakes_while_the_other_is_about_to_be_read_on(void **state)
{
        struct fixture *f = *state;
        struct crossing crossing = { 0 };

        worker_pool_free(f->pool);
        CHECK(worker_pool_new(f->loop, 1, &f->pool, NULL) == 0);
        begin_crossing(f, &crossing);
        open_sink(f, 0, 1);
        CHECK(fcntl(f->out, F_SETPIPE_SZ, 1 << 20) >= 1 << 20);
        write_numbered(f, 50000); /* more than is read in two turns */
        turn(f);
        say(crossing.gate_fds[1], "!");
        sleep_ms(50);
        turn(f);
        say(f->err, "woken\n");
        say(crossing.late_fds[1], "!");
        turn(f);
        end_crossing(&crossing);
        finish(f);
        assert_non_null(strstr(read_all(f, -1), "stderr woken\n"));
        assert_true(str_ends_with(str_text(&f->seen), "stdout line 49999\n"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_record_survives_writing_and_reading),
                cmocka_unit_test(what_is_no_record_is_told_apart),
                cmocka_unit_test_setup_teardown(both_streams_are_kept_apart, set_up, tear_down),
                cmocka_unit_test_setup_teardown(a_tail_counts_lines_over_rotated_files, set_up,
                                                tear_down),
                cmocka_unit_test_setup_teardown(so_many_files_are_kept_and_no_more, set_up,
                                                tear_down),
                cmocka_unit_test_setup_teardown(a_long_line_comes_in_parts, set_up, tear_down),
                cmocka_unit_test_setup_teardown(
                        one_stream_wakes_while_the_other_is_about_to_be_read_on, set_up, tear_down),
                cmocka_unit_test_setup_teardown(a_line_after_a_torn_write_is_not_lost, set_up,
                                                tear_down),
                cmocka_unit_test_setup_teardown(a_followed_log_ends_with_its_container, set_up,
                                                tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
