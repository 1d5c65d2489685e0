/* Paths in a folder that others write. */
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <unistd.h>

#include "lib/base/check.h"
#include "lib/base/str.h"
#include "lib/copy/inside.h"
#include "lib/os/file.h"
#include "tests/unit/test.h"

/* A folder to be in. */
static int set_up(void **state)
{
        char *folder = NULL;

        if (asprintf(&folder, "%s/inside-XXXXXX", str_or(getenv("TEST_TMPDIR"), "/tmp")) < 0 ||
            !mkdtemp(folder) || chdir(folder) < 0)
                return -1;
        *state = folder;
        return 0;
}

static int tear_down(void **state)
{
        int failed = chdir("/") < 0 || file_remove_tree(*state, NULL) < 0;

        free(*state);
        return failed ? -1 : 0;
}

static void a_destination_is_where_its_links_lead(void **state)
{
        static const struct {
                const char *path, *is;
                bool exists, is_folder;
        } rows[] = {
                { "/data", "/data", true, true },           { "/link", "/data/file", true, false },
                { "/dangling", "/data/new", false, false }, { "/up", "/../../data", true, true },
                { "/none", "/none", false, false },         { "/none/x", "/none/x", false, false },
        };
        struct copy_root at = { -1, RESOLVE_IN_ROOT };
        _cleanup_(arena_done) struct arena arena = { 0 };
        struct copy_destination to;
        struct err err;
        mode_t mode;

        (void)state;
        assert_int_equal(mkdir("data", 0755), 0);
        assert_int_equal(file_write_atomic("data/file", "", 0, 0644, NULL), 0);
        assert_int_equal(symlink("data/file", "link"), 0);
        assert_int_equal(symlink("/data/new", "dangling"), 0);
        assert_int_equal(symlink("../../data", "up"), 0);
        assert_int_equal(symlink("loop", "loop"), 0);
        at.fd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                assert_int_equal(copy_find_destination(&at, rows[i].path, &arena, &to, &mode, &err),
                                 0);
                assert_int_equal(to.exists, rows[i].exists);
                assert_int_equal(to.is_folder, rows[i].is_folder);
                if (i != 1 && i != 3)
                        assert_string_equal(to.path, rows[i].is);
        }
        assert_int_equal(copy_find_destination(&at, "/loop", &arena, &to, &mode, &err),
                         ERR_PRECONDITION);
        assert_int_equal(copy_find_destination(&at, "/data/file/", &arena, &to, &mode, &err),
                         ERR_PRECONDITION);
        assert_string_equal(err.text, "lstat /data/file/: not a directory");
        close(at.fd);
}

static void missing_folders_are_made_inside(void **state)
{
        struct copy_root at = { open(".", O_PATH | O_DIRECTORY | O_CLOEXEC), RESOLVE_IN_ROOT };
        int fd;

        (void)state;
        assert_int_equal(mkdir("data", 0755), 0);
        assert_int_equal(symlink("/../data", "link"), 0);
        fd = copy_make_folders(&at, "/link/a//b/c");
        assert_true(fd >= 0);
        close(fd);
        assert_true(file_exists("data/a/b/c"));
        assert_int_equal(copy_make_folders(&(struct copy_root){ at.fd,
                                                                RESOLVE_BENEATH |
                                                                        RESOLVE_NO_SYMLINKS },
                                           "./link/x"),
                         -1);
        assert_false(file_exists("data/x"));
        close(at.fd);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(a_destination_is_where_its_links_lead, set_up,
                                                tear_down),
                cmocka_unit_test_setup_teardown(missing_folders_are_made_inside, set_up, tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
