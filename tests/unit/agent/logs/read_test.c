/* Logs read back from files that are there. */
#include "agent/logs/read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/logs/files.h"
#include "lib/base/check.h"
#include "lib/base/mem.h"
#include "lib/os/file.h"
#include "tests/unit/test.h"

struct fixture {
        char folder[64];
        struct loop *loop;
        struct worker_pool *pool;
        struct log_reader *reader;
        struct str seen;
        bool has_ended;
};

static void got_lines(void *context, const struct log_line *lines, size_t n)
{
        struct fixture *f = context;

        for (size_t i = 0; i < n; i++) {
                str_add_bytes(&f->seen, lines[i].data, lines[i].size);
                str_add_char(&f->seen, '\n');
        }
        log_reader_more(f->reader);
}

static void got_end(void *context, const struct err *err)
{
        struct fixture *f = context;

        assert_null(err);
        f->has_ended = true;
}

static void read_all(struct fixture *f, const Sk__LogOptions *options)
{
        static const struct log_reader_events events = { .lines = got_lines, .ended = got_end };

        log_reader_free(f->reader);
        str_clear(&f->seen);
        f->has_ended = false;
        f->reader = log_reader_new(f->loop, f->pool, f->folder, options, &events, f);
        log_reader_more(f->reader);
        while (!f->has_ended)
                CHECK(loop_turn(f->loop, 1000, NULL) >= 0);
}

static void read_tail(struct fixture *f, int64_t tail)
{
        Sk__LogOptions options = SK__LOG_OPTIONS__INIT;

        options.tail = tail;
        read_all(f, &options);
}

static int set_up(void **state)
{
        struct fixture *f = mem_alloc(sizeof *f);

        strcpy(f->folder, "/tmp/skep-read-XXXXXX");
        CHECK(mkdtemp(f->folder));
        CHECK(loop_new(&f->loop, NULL) == 0);
        CHECK(worker_pool_new(f->loop, 1, &f->pool, NULL) == 0);
        *state = f;
        return 0;
}

static int tear_down(void **state)
{
        struct fixture *f = *state;

        log_reader_free(f->reader);
        worker_pool_free(f->pool);
        loop_free(f->loop);
        file_remove_tree(f->folder, NULL);
        str_done(&f->seen);
        free(f);
        return 0;
}

static void add_lines(const struct fixture *f, int first, int last)
{
        struct log_files files = { .n_max = 1, .fd = -1 };
        _cleanup_(str_done) struct str records = { 0 };

        strcpy(files.folder, f->folder);
        for (int i = first; i <= last; i++) {
                char text[512];
                int n = snprintf(
                        text, sizeof text, "line %d %.*s", i, i % 400,
                        "................................................................"
                        "................................................................"
                        "................................................................"
                        "................................................................");

                log_record_add(&records,
                               &(struct log_line){ .at_ns = 1,
                                                   .stream = i % 3 ? LOG_STDOUT : LOG_STDERR,
                                                   .data = text,
                                                   .size = (size_t)n });
        }
        assert_int_equal(log_files_append(&files, records.text, records.length, NULL), 0);
        log_files_close(&files);
}

static size_t count_seen(const struct fixture *f)
{
        size_t n = 0;

        for (const char *at = str_text(&f->seen); (at = strchr(at, '\n')); at++)
                n++;
        return n;
}

static void a_tail_of_any_length_is_as_long(void **state)
{
        static const int tails[] = { 0, 1, 300, 3000, 9999, 10000, 10001 };
        struct fixture *f = *state;
        char first[32];

        add_lines(f, 1, 10000);
        for (size_t i = 0; i < COUNT_OF(tails); i++) {
                int n = tails[i] < 10000 ? tails[i] : 10000;

                read_tail(f, tails[i]);
                assert_int_equal(count_seen(f), n);
                snprintf(first, sizeof first, "line %d ", 10000 - n + 1);
                if (n > 0)
                        assert_true(str_starts_with(str_text(&f->seen), first));
        }
}

/* Whatever lies before, and however much. */
static void a_small_tail_of_a_huge_file_is_read_from_its_end(void **state)
{
        struct fixture *f = *state;
        char path[400];

        add_lines(f, 1, 1);
        snprintf(path, sizeof path, "%s/log", f->folder);
        if (truncate(path, INT64_C(1) << 40) < 0)
                skip();
        add_lines(f, 2, 5000);
        read_tail(f, 10);
        assert_int_equal(count_seen(f), 10);
}

static void details_come_with_the_lines_when_asked_for(void **state)
{
        struct fixture *f = *state;
        Sk__LogOptions options = SK__LOG_OPTIONS__INIT;
        _cleanup_(freep) char *many = mem_alloc(LOG_DETAILS_MAX + 8);
        _cleanup_(str_done) struct str cut = { 0 };

        add_lines(f, 1, 1);
        assert_int_equal(log_files_set_details(f->folder, "team=blue", NULL), 0);
        for (int i = 0; i < 2; i++) {
                options.details = i > 0;
                read_all(f, &options);
                assert_string_equal(log_reader_details(f->reader), i > 0 ? "team=blue" : "");
        }
        memset(many, 'a', LOG_DETAILS_MAX - 1);
        strcat(many, "\xc3\xa4");
        assert_int_equal(log_files_set_details(f->folder, many, NULL), 0);
        log_files_details(f->folder, &cut);
        assert_int_equal(cut.length, LOG_DETAILS_MAX - 1);
}

#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                T(a_tail_of_any_length_is_as_long),
                T(a_small_tail_of_a_huge_file_is_read_from_its_end),
                T(details_come_with_the_lines_when_asked_for),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
