/* Log lines as they reach standard error. */
#include "tests/unit/test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/check.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/os/log.h"

struct capture {
        int saved, file;
};

/* Standard error goes to a file in memory until capture_end(). */
static struct capture capture_begin(void)
{
        struct capture capture = { .saved = dup(STDERR_FILENO), .file = memfd_create("log", 0) };

        fflush(stderr);
        dup2(capture.file, STDERR_FILENO);
        return capture;
}

static void capture_end(struct capture capture, struct str *ret)
{
        char chunk[8192];
        ssize_t n;

        dup2(capture.saved, STDERR_FILENO);
        lseek(capture.file, 0, SEEK_SET);
        str_add(ret, "");
        while ((n = read(capture.file, chunk, sizeof chunk)) > 0)
                str_add_bytes(ret, chunk, (size_t)n);
        close(capture.file);
        close(capture.saved);
}

/* JOURNAL_STREAM as systemd would set it for what standard error is now. */
static void name_journal(void)
{
        char name[64];
        struct stat info;

        fstat(STDERR_FILENO, &info);
        snprintf(name, sizeof name, "%lu:%lu", (unsigned long)info.st_dev,
                 (unsigned long)info.st_ino);
        setenv("JOURNAL_STREAM", name, 1);
}

static void a_line_is_time_level_name_sentence_and_fields(void **state)
{
        _cleanup_(str_done) struct str line = { 0 };
        struct capture capture = capture_begin();

        (void)state;
        log_configure("skep-store", LOG_INFO, false);
        LOG(INFO, "task moved", STR("task", "web.1"), INT("n", -7));
        capture_end(capture, &line);
        assert_int_equal(strspn(line.text, "0123456789-:T."), 23);
        assert_string_equal(line.text + 23, "Z INFO skep-store: task moved task=web.1 n=-7\n");
}

static void a_sentence_needs_no_fields(void **state)
{
        _cleanup_(str_done) struct str line = { 0 };
        struct capture capture = capture_begin();

        (void)state;
        log_configure(NULL, LOG_INFO, false);
        LOG(WARN, "odd");
        capture_end(capture, &line);
        assert_string_equal(line.text + 23, "Z WARN odd\n");
}

static void values_that_are_not_one_word_are_quoted(void **state)
{
        static const struct {
                const char *value, *shown;
        } rows[] = {
                { NULL, "-" },
                { "", "\"\"" },
                { "a b", "\"a b\"" },
                { "a=b", "\"a=b\"" },
                { "a\"b", "\"a\\\"b\"" },
                { "a\\b", "\"a\\\\b\"" },
                { "a\n<3>forged", "\"a\\n<3>forged\"" },
                { "\x1b[2J", "\"\\u001b[2J\"" },
                { "\xc2\x9b", "\"\\u009b\"" },
                { "\xff", "\"\\ufffd\"" },
                { "w\xc3\xb6rt", "w\xc3\xb6rt" },
                { "10.0.0.1:2377", "10.0.0.1:2377" },
        };

        (void)state;
        log_configure(NULL, LOG_INFO, false);
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                _cleanup_(str_done) struct str line = { 0 }, wanted = { 0 };
                struct capture capture = capture_begin();

                LOG(INFO, "x", STR("k", rows[i].value));
                capture_end(capture, &line);
                str_addf(&wanted, "Z INFO x k=%s\n", rows[i].shown);
                assert_string_equal(line.text + 23, wanted.text);
        }
}

static void a_long_value_is_cut_between_characters(void **state)
{
        _cleanup_(str_done) struct str line = { 0 }, value = { 0 };
        struct capture capture;

        (void)state;
        str_add_char(&value, 'x');
        for (int i = 0; i < 10000; i++)
                str_add(&value, "\xc3\xa4");
        log_configure(NULL, LOG_INFO, false);
        capture = capture_begin();
        LOG(INFO, "x", STR("k", value.text));
        capture_end(capture, &line);
        assert_true(str_is_utf8(line.text, line.length));
        assert_int_equal(line.length, 23 + strlen("Z INFO x k=") + 1023 + strlen("...\n"));
}

static void json_lines_are_json(void **state)
{
        _cleanup_(str_done) struct str line = { 0 };
        struct capture capture = capture_begin();

        (void)state;
        log_configure("skep-dns", LOG_INFO, true);
        LOG(ERROR, "no answer", STR("name", "a\"b"), INT("n", 3), STR("none", NULL));
        capture_end(capture, &line);
        assert_true(
                str_starts_with(line.text,
                                "{\"level\":\"error\",\"message\":\"no answer\",\"time\":\"20"));
        assert_true(str_ends_with(
                line.text,
                "Z\",\"program\":\"skep-dns\",\"name\":\"a\\\"b\",\"n\":3,\"none\":\"-\"}\n"));
}

static void lines_below_the_level_are_not_written(void **state)
{
        _cleanup_(str_done) struct str line = { 0 };
        struct capture capture = capture_begin();

        (void)state;
        log_configure(NULL, LOG_WARN, false);
        LOG(INFO, "x");
        log_set_level(LOG_DEBUG);
        LOG(DEBUG, "y");
        capture_end(capture, &line);
        assert_string_equal(line.text + 23, "Z DEBUG y\n");
}

static void the_journal_gets_a_priority_and_no_time(void **state)
{
        _cleanup_(str_done) struct str line = { 0 };
        struct capture capture = capture_begin();

        (void)state;
        name_journal();
        log_configure("skep-store", LOG_INFO, false);
        LOG(INFO, "one");
        LOG(ERROR, "two", INT("n", 2));
        unsetenv("JOURNAL_STREAM");
        capture_end(capture, &line);
        assert_string_equal(line.text, "<6>one\n<3>two n=2\n");
}

static void a_redirected_output_is_not_the_journal(void **state)
{
        _cleanup_(str_done) struct str line = { 0 };
        struct capture capture = capture_begin();

        (void)state;
        setenv("JOURNAL_STREAM", "1:1", 1);
        log_configure(NULL, LOG_INFO, false);
        LOG(INFO, "one");
        unsetenv("JOURNAL_STREAM");
        capture_end(capture, &line);
        assert_string_equal(line.text + 23, "Z INFO one\n");
}

static void logging_leaves_errno_alone(void **state)
{
        _cleanup_(str_done) struct str line = { 0 };
        struct capture capture = capture_begin();

        (void)state;
        log_configure(NULL, LOG_INFO, false);
        close(STDERR_FILENO);
        errno = ENOSPC;
        LOG(INFO, "one");
        assert_int_equal(errno, ENOSPC);
        capture_end(capture, &line);
}

static void levels_have_names(void **state)
{
        (void)state;
        assert_int_equal(log_level_from_name("warn"), LOG_WARN);
        assert_int_equal(log_level_from_name("WARN"), -1);
        assert_int_equal(log_level_from_name(NULL), -1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_line_is_time_level_name_sentence_and_fields),
                cmocka_unit_test(a_sentence_needs_no_fields),
                cmocka_unit_test(values_that_are_not_one_word_are_quoted),
                cmocka_unit_test(a_long_value_is_cut_between_characters),
                cmocka_unit_test(json_lines_are_json),
                cmocka_unit_test(lines_below_the_level_are_not_written),
                cmocka_unit_test(the_journal_gets_a_priority_and_no_time),
                cmocka_unit_test(a_redirected_output_is_not_the_journal),
                cmocka_unit_test(logging_leaves_errno_alone),
                cmocka_unit_test(levels_have_names),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
