/* Paths as docker cp takes them: the rows are its documentation's and its own tests'. */
#include "lib/copy/rules.h"

#include <string.h>

#include "lib/base/check.h"
#include "lib/base/str.h"
#include "tests/unit/test.h"

static void a_word_is_a_task_with_a_path_or_a_path(void **state)
{
        static const struct {
                const char *word, *task, *path;
        } rows[] = {
                { "web:/etc", "web", "/etc" }, { "web.1:etc", "web.1", "etc" },
                { "web:", "web", "" },         { "web:/a:b", "web", "/a:b" },
                { "/a:b", NULL, "/a:b" },      { "./a:b", NULL, "./a:b" },
                { "../a:b", NULL, "../a:b" },  { ".a:b", NULL, ".a:b" },
                { "file", NULL, "file" },      { "-", NULL, "-" },
        };
        _cleanup_(arena_done) struct arena arena = { 0 };

        (void)state;
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                const char *task, *path;

                copy_split_word(&arena, rows[i].word, &task, &path);
                assert_true(str_equal(task, rows[i].task));
                assert_string_equal(path, rows[i].path);
        }
}

static void a_path_is_cleaned_and_still_says_that_it_is_a_folder(void **state)
{
        static const struct {
                const char *path, *is, *parent, *base;
        } rows[] = {
                { "", "/d/.", "/d", "." },
                { ".", "/d/.", "/d", "." },
                { "./", "/d/.", "/d", "." },
                { "a", "/d/a", "/d", "a" },
                { "./", "/d/.", "/d", "." },
                { "a/.", "/d/a/.", "/d/a", "." },
                { "a/./", "/d/a/.", "/d/a", "." },
                { "a//b", "/d/a/b", "/d/a", "b" },
                { "./a/../b", "/d/b", "/d", "b" },
                { "..", "/", "/", "/" },
                { "../..", "/", "/", "/" },
                { "../../x", "/x", "/", "x" },
                { "/", "/", "/", "/" },
                { "/.", "/.", "/", "." },
                { "/..", "/", "/", "/" },
                { "/../../etc/passwd", "/etc/passwd", "/etc", "passwd" },
                { "/a/b/..", "/a", "/", "a" },
                { "/a/...", "/a/...", "/a", "..." },
                { "/a/b.", "/a/b.", "/a", "b." },
        };
        _cleanup_(arena_done) struct arena arena = { 0 };

        (void)state;
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                const char *path = copy_path_in(&arena, "/d", rows[i].path);

                assert_string_equal(path, rows[i].is);
                assert_string_equal(copy_path_parent(&arena, path), rows[i].parent);
                assert_string_equal(copy_path_base(&arena, path), rows[i].base);
        }
}

/* What 'name' becomes, below which folder; "!..." is an error. */
static const char *arrival(struct arena *arena, bool is_folder, const char *from,
                           struct copy_destination to)
{
        struct copy_plan plan = copy_plan(arena, &to);
        const char *name;
        struct err err;

        if (copy_check_kind(is_folder, &to, &err) < 0)
                return arena_printf(arena, "!%s", err.text);
        assert_int_equal(copy_member_rename(arena, from, from, plan.name, &name, &err), 0);
        return arena_printf(arena, "%s|%s", plan.folder, name);
}

static void where_things_arrive_is_as_docker_says(void **state)
{
        static const struct {
                bool is_folder;
                const char *from;
                struct copy_destination to;
                const char *arrives;
        } rows[] = {
                /* SRC_PATH is a file: DEST_PATH does not exist, and then it does. */
                { false, "f", { "/d/new", false, false }, "/d|new" },
                { false, "f", { "/d/new/", false, false }, "!no such directory" },
                { false, "f", { "/d/new/.", false, false }, "!no such directory" },
                { false, "f", { "/d/old", true, false }, "/d|old" },
                { false, "f", { "/d/dir", true, true }, "/d/dir|f" },
                { false, "f", { "/d/dir/", true, true }, "/d/dir/|f" },
                { false, "f", { "/", true, true }, "/|f" },
                /* SRC_PATH is a directory. */
                { true, "s", { "/d/new", false, false }, "/d|new" },
                { true, "s", { "/d/new/", false, false }, "/d|new" },
                { true, "s", { "/d/old", true, false }, "!cannot copy directory" },
                { true, "s", { "/d/dir", true, true }, "/d/dir|s" },
                { true, "s", { "/d/dir/.", true, true }, "/d/dir/.|s" },
                /* SRC_PATH ends in "/.": what is in it. */
                { true, ".", { "/d/new", false, false }, "/d|new" },
                { true, ".", { "/d/new/.", false, false }, "/d|new" },
                { true, ".", { "/d/old", true, false }, "!cannot copy directory" },
                { true, ".", { "/d/dir", true, true }, "/d/dir|." },
        };
        _cleanup_(arena_done) struct arena arena = { 0 };

        (void)state;
        for (size_t i = 0; i < COUNT_OF(rows); i++)
                assert_string_equal(arrival(&arena, rows[i].is_folder, rows[i].from, rows[i].to),
                                    rows[i].arrives);
}

static void a_member_stays_where_it_belongs(void **state)
{
        static const struct {
                const char *name, *from, *to, *is; /* NULL: refused */
        } rows[] = {
                { "a/b", "a", NULL, "a/b" },      { "a/b", "a", "c", "c/b" },
                { "a", "a", "c", "c" },           { "a/", "a", "c", "c" },
                { "./a//b/", "a", "c", "c/b" },   { "/a/b", "a", NULL, "a/b" },
                { "a/x/../b", "a", "c", "c/b" },  { "./x", ".", "c", "c/x" },
                { ".", ".", "c", "c" },           { "./x", ".", NULL, "x" },
                { "ab", "a", "c", NULL },         { "b", "a", NULL, NULL },
                { ".", "a", NULL, NULL },         { "a/../b", "a", NULL, NULL },
                { "..", ".", NULL, NULL },        { "../a", "a", NULL, NULL },
                { "a/../../x", ".", NULL, NULL }, { "/../x", ".", NULL, NULL },
        };
        _cleanup_(arena_done) struct arena arena = { 0 };
        struct err err;

        (void)state;
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                const char *is = NULL;
                int result = copy_member_path(&arena, rows[i].name, &is, &err);

                if (result == 0)
                        result =
                                copy_member_rename(&arena, is, rows[i].from, rows[i].to, &is, &err);
                assert_int_equal(result, rows[i].is ? 0 : ERR_INVALID);
                if (rows[i].is)
                        assert_string_equal(is, rows[i].is);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_word_is_a_task_with_a_path_or_a_path),
                cmocka_unit_test(a_path_is_cleaned_and_still_says_that_it_is_a_folder),
                cmocka_unit_test(where_things_arrive_is_as_docker_says),
                cmocka_unit_test(a_member_stays_where_it_belongs),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
