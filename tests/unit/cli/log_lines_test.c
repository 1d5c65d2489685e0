/* Log lines of many tasks. */
#include "cli/log_lines.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/cli/objects.h"
#include "tests/unit/test.h"

struct printed {
        struct log_lines lines;
        char *out, *err;
        size_t out_size, err_size;
        struct arena arena;
};

static void name_task(void *context, const char *task_id, struct log_source *source)
{
        struct printed *printed = context;
        uint64_t slot = task_id[0] == 'b' ? 10 : 2;

        log_source_name(&printed->arena, source,
                        a_web_task(&printed->arena, task_id, slot, 1, SK__TASK_STATE__TASK_RUNNING,
                                   1, ""));
}

static void start(struct printed *printed, bool follows)
{
        *printed = (struct printed){ 0 };
        log_lines_init(&printed->lines, open_memstream(&printed->out, &printed->out_size),
                       open_memstream(&printed->err, &printed->err_size), follows);
        printed->lines.name = name_task;
        printed->lines.name_context = printed;
}

static void say(struct printed *printed, const char *task, int64_t at_ns,
                Sk__LogLine__Stream stream, const char *text, bool is_partial)
{
        Sk__LogLine line = SK__LOG_LINE__INIT;

        line.task_id = task;
        line.node_id = "oyz0areg5bvzfvhymjjthws5x";
        line.at_ns = at_ns;
        line.stream = stream;
        line.data.data = (uint8_t *)text;
        line.data.len = strlen(text);
        line.is_partial = is_partial;
        log_lines_take(&printed->lines, &line);
}

static void printed_is(struct printed *printed, const char *out, const char *err)
{
        log_lines_finish(&printed->lines);
        assert_string_equal(printed->out, out);
        assert_string_equal(printed->err, err);
        fclose(printed->lines.out);
        fclose(printed->lines.err_out);
        log_lines_done(&printed->lines);
        free(printed->out);
        free(printed->err);
        arena_done(&printed->arena);
}

#define A "a74z61gq3vpl02bbz99gd3e48"
#define B "b74z61gq3vpl02bbz99gd3e48"
#define OUT SK__LOG_LINE__STREAM__STDOUT
#define ERR SK__LOG_LINE__STREAM__STDERR

static void lines_of_several_tasks_are_sorted_by_time(void **state)
{
        struct printed printed;

        (void)state;
        start(&printed, false);
        say(&printed, A, 30, OUT, "third", false);
        say(&printed, B, 10, OUT, "first", false);
        say(&printed, A, 20, OUT, "second", false);
        printed_is(&printed,
                   "web.10.b74z61gq3vpl@n1    | first\n"
                   "web.2.a74z61gq3vpl@n1    | second\n"
                   "web.2.a74z61gq3vpl@n1    | third\n",
                   "");
}

static void lines_that_are_followed_are_printed_as_they_come(void **state)
{
        struct printed printed;

        (void)state;
        start(&printed, true);
        say(&printed, A, 30, OUT, "third", false);
        say(&printed, A, 20, OUT, "second", false);
        printed_is(&printed,
                   "web.2.a74z61gq3vpl@n1    | third\nweb.2.a74z61gq3vpl@n1    | second\n", "");
}

static void errors_go_to_the_other_stream(void **state)
{
        struct printed printed;

        (void)state;
        start(&printed, false);
        say(&printed, A, 1, ERR, "oops", false);
        printed_is(&printed, "", "web.2.a74z61gq3vpl@n1    | oops\n");
}

static void prefixes_line_up_for_as_many_slots_as_there_are(void **state)
{
        struct printed printed;

        (void)state;
        start(&printed, false);
        printed.lines.style.slots = 12;
        say(&printed, A, 1, OUT, "x", false);
        say(&printed, B, 2, OUT, "y", false);
        printed_is(&printed,
                   "web.2.a74z61gq3vpl@n1     | x\n"
                   "web.10.b74z61gq3vpl@n1    | y\n",
                   "");
}

static void pieces_of_a_line_are_put_together(void **state)
{
        struct printed printed;

        (void)state;
        start(&printed, true);
        say(&printed, A, 1, OUT, "one ", true);
        say(&printed, B, 2, OUT, "other", false);
        say(&printed, A, 3, OUT, "line", false);
        printed_is(&printed,
                   "web.10.b74z61gq3vpl@n1    | other\n"
                   "web.2.a74z61gq3vpl@n1    | one line\n",
                   "");
}

static void a_line_that_never_ends_is_printed_in_the_end(void **state)
{
        struct printed printed;

        (void)state;
        start(&printed, true);
        say(&printed, A, 1, OUT, "unfinished", true);
        printed_is(&printed, "web.2.a74z61gq3vpl@n1    | unfinished\n", "");
}

static void a_line_that_never_ends_keeps_its_time(void **state)
{
        struct printed printed;

        (void)state;
        start(&printed, false);
        printed.lines.style.timestamps = true;
        say(&printed, A, NOW_NS + 2, OUT, "unfinished", true);
        say(&printed, A, NOW_NS + 1, ERR, "oops", false);
        say(&printed, B, NOW_NS + 1, OUT, "first", false);
        printed_is(&printed,
                   "2025-11-20T05:45:30.000000001Z web.10.b74z61gq3vpl@n1    | first\n"
                   "2025-11-20T05:45:30.000000002Z web.2.a74z61gq3vpl@n1    | unfinished\n",
                   "2025-11-20T05:45:30.000000001Z web.2.a74z61gq3vpl@n1    | oops\n");
}

static void raw_lines_have_no_prefix(void **state)
{
        struct printed printed;

        (void)state;
        start(&printed, true);
        printed.lines.style.raw = true;
        say(&printed, A, 1, OUT, "text", false);
        printed_is(&printed, "text\n", "");
}

static void times_have_nine_digits_and_stand_first(void **state)
{
        struct printed printed;

        (void)state;
        start(&printed, true);
        printed.lines.style.timestamps = printed.lines.style.details = true;
        say(&printed, A, NOW_NS + 207423100, OUT, "tick", false);
        printed_is(&printed, "2025-11-20T05:45:30.207423100Z web.2.a74z61gq3vpl@n1    |  tick\n",
                   "");
}

static void details_stand_before_the_line_when_asked_for(void **state)
{
        struct printed printed;
        Sk__LogLine line = SK__LOG_LINE__INIT;

        (void)state;
        start(&printed, true);
        printed.lines.style.raw = printed.lines.style.details = true;
        line.task_id = A;
        line.stream = OUT;
        line.details = "STAGE=test,team=\033blue";
        log_lines_take(&printed.lines, &line);
        say(&printed, A, 2, OUT, "tock", false);
        printed_is(&printed, "STAGE=test,team= blue \nSTAGE=test,team= blue tock\n", "");
}

static void ids_are_left_out_or_whole_as_asked(void **state)
{
        struct printed printed;

        (void)state;
        start(&printed, true);
        printed.lines.style.no_task_ids = true;
        say(&printed, A, 1, OUT, "x", false);
        printed.lines.style.no_task_ids = false;
        printed.lines.style.whole = true;
        say(&printed, A, 1, OUT, "y", false);
        printed_is(&printed, "web.2@n1    | x\nweb.2." A "@n1    | y\n", "");
}

static void a_task_without_a_name_shows_its_id(void **state)
{
        struct printed printed;

        (void)state;
        start(&printed, true);
        printed.lines.style.no_resolve = true;
        say(&printed, A, 1, OUT, "x", false);
        printed_is(&printed, "a74z61gq3vpl@oyz0areg5bvzfvhymjjthws5x    | x\n", "");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(lines_of_several_tasks_are_sorted_by_time),
                cmocka_unit_test(lines_that_are_followed_are_printed_as_they_come),
                cmocka_unit_test(errors_go_to_the_other_stream),
                cmocka_unit_test(prefixes_line_up_for_as_many_slots_as_there_are),
                cmocka_unit_test(pieces_of_a_line_are_put_together),
                cmocka_unit_test(a_line_that_never_ends_is_printed_in_the_end),
                cmocka_unit_test(a_line_that_never_ends_keeps_its_time),
                cmocka_unit_test(raw_lines_have_no_prefix),
                cmocka_unit_test(times_have_nine_digits_and_stand_first),
                cmocka_unit_test(details_stand_before_the_line_when_asked_for),
                cmocka_unit_test(ids_are_left_out_or_whole_as_asked),
                cmocka_unit_test(a_task_without_a_name_shows_its_id),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
