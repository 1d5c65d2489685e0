/* What tasks take, on a terminal. */
#include "cli/usage.h"

#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "tests/unit/test.h"

static void usage_is_drawn_over_what_was_there(void **state)
{
        _cleanup_(str_done) struct str out = { 0 };

        (void)state;
        usage_draw("NAME\nweb.1\nweb.2\n", 0, 0, &out);
        assert_string_equal(str_text(&out), "\x1b[HNAME\x1b[K\nweb.1\x1b[K\nweb.2\x1b[K\n\x1b[J");
}

static void usage_never_makes_a_terminal_scroll(void **state)
{
        _cleanup_(str_done) struct str out = { 0 };

        (void)state;
        usage_draw("NAME\nweb.1\nweb.2\n", 3, 80, &out);
        assert_string_equal(str_text(&out), "\x1b[HNAME\x1b[K\nweb.1\x1b[K\n\x1b[J");
        str_clear(&out);
        usage_draw("NAME\nweb.1\nweb.2\n", 4, 80, &out);
        assert_string_equal(str_text(&out), "\x1b[HNAME\x1b[K\nweb.1\x1b[K\nweb.2\x1b[K\n\x1b[J");
}

/* A line that is wider takes two of the terminal's. */
static void what_is_wider_than_the_terminal_is_cut(void **state)
{
        _cleanup_(str_done) struct str out = { 0 };

        (void)state;
        usage_draw("NAME   CPU\nwéb.1  99.00%\n", 3, 11, &out);
        assert_string_equal(str_text(&out), "\x1b[HNAME   CPU\x1b[K\nwéb.1  99…\x1b[K\n\x1b[J");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(usage_is_drawn_over_what_was_there),
                cmocka_unit_test(usage_never_makes_a_terminal_scroll),
                cmocka_unit_test(what_is_wider_than_the_terminal_is_cut),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
