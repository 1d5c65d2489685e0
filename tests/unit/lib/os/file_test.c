/* Files: whole or not at all, and nothing removed that was not meant. */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/check.h"
#include "lib/base/id.h"
#include "lib/base/mem.h"
#include "lib/os/file.h"
#include "tests/lib/descriptors.h"

/* Each test has a folder of its own and is in it. */
static int set_up(void **state)
{
        char *folder = NULL;

        if (asprintf(&folder, "%s/file-XXXXXX", str_or(getenv("TEST_TMPDIR"), "/tmp")) < 0 ||
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

static void put(const char *path, const char *content)
{
        assert_int_equal(file_write_atomic(path, content, strlen(content), 0644, NULL), 0);
}

static void assert_content(const char *path, const char *content)
{
        _cleanup_(str_done) struct str text = { 0 };

        assert_int_equal(file_read(path, 1000, &text, NULL), 0);
        assert_string_equal(text.text, content);
}

static int count_names(const char *path)
{
        _cleanup_(str_done) struct str command = { 0 };
        FILE *list;
        int n = 0;

        str_addf(&command, "ls -A %s", path);
        list = popen(command.text, "r");
        for (int c; (c = getc(list)) != EOF;)
                n += c == '\n';
        pclose(list);
        return n;
}

static void what_is_written_is_read(void **state)
{
        (void)state;
        put("a", "content");
        assert_content("a", "content");
        put("a", "");
        assert_content("a", "");
}

static void reading_replaces_what_was_in_the_string(void **state)
{
        _cleanup_(str_done) struct str text = { 0 };

        (void)state;
        put("a", "new");
        str_add(&text, "old");
        assert_int_equal(file_read("a", 3, &text, NULL), 0);
        assert_string_equal(text.text, "new");
}

static void a_file_beyond_the_limit_is_not_read(void **state)
{
        _cleanup_(str_done) struct str text = { 0 };
        struct err err = { 0 };

        (void)state;
        put("a", "1234");
        assert_int_equal(file_read("a", 3, &text, &err), ERR_RANGE);
        assert_string_equal(err.text, "'a' is larger than the 3 bytes allowed");
        assert_null(text.text);
}

static void the_limit_is_of_the_whole_file(void **state)
{
        _cleanup_(freep) char *data = mem_alloc(60000);
        _cleanup_(str_done) struct str text = { 0 };

        (void)state;
        assert_int_equal(file_write_atomic("a", data, 60000, 0600, NULL), 0);
        assert_int_equal(file_read("a", 59999, &text, NULL), ERR_RANGE);
        assert_int_equal(file_read("a", 60000, &text, NULL), 0);
}

static void a_missing_file_is_not_found(void **state)
{
        _cleanup_(str_done) struct str text = { 0 };
        struct err err = { 0 };

        (void)state;
        assert_int_equal(file_read("none", 3, &text, &err), ERR_NOT_FOUND);
        assert_string_equal(err.text, "open 'none': No such file or directory");
}

static void a_folder_is_no_file(void **state)
{
        _cleanup_(str_done) struct str text = { 0 };

        (void)state;
        assert_int_equal(file_read(".", 3, &text, NULL), ERR_PRECONDITION);
}

static void a_large_file_survives_the_round_trip(void **state)
{
        enum { SIZE = 300000 };
        _cleanup_(freep) char *data = mem_alloc(SIZE);
        _cleanup_(str_done) struct str text = { 0 };

        (void)state;
        os_random(data, SIZE);
        assert_int_equal(file_write_atomic("a", data, SIZE, 0600, NULL), 0);
        assert_int_equal(file_read("a", SIZE, &text, NULL), 0);
        assert_int_equal(text.length, SIZE);
        assert_memory_equal(text.text, data, SIZE);
}

static void a_written_file_has_the_mode_asked_for(void **state)
{
        mode_t before = umask(077);
        struct stat info;

        (void)state;
        assert_int_equal(file_write_atomic("a", "x", 1, 0644, NULL), 0);
        umask(before);
        assert_int_equal(stat("a", &info), 0);
        assert_int_equal(info.st_mode & 07777, 0644);
}

static void a_failed_write_leaves_nothing_behind(void **state)
{
        (void)state;
        assert_int_equal(mkdir("a", 0700), 0);
        assert_int_equal(mkdir("a/b", 0700), 0);
        assert_int_equal(file_write_atomic("a", "x", 1, 0644, NULL), ERR_PRECONDITION);
        assert_int_equal(count_names("."), 1);
}

static void writing_through_a_link_replaces_the_link(void **state)
{
        (void)state;
        put("target", "old");
        assert_int_equal(symlink("target", "link"), 0);
        put("link", "new");
        assert_content("target", "old");
        assert_content("link", "new");
}

static void folders_are_made_as_deep_as_asked(void **state)
{
        mode_t before = umask(077);
        struct stat info;

        (void)state;
        assert_int_equal(file_make_folders("a//b/c/", 0750, NULL), 0);
        umask(before);
        assert_int_equal(file_make_folders("a/b/c", 0700, NULL), 0);
        assert_int_equal(stat("a/b/c", &info), 0);
        assert_int_equal(info.st_mode & 07777, 0750);
}

static void absolute_folders_are_made(void **state)
{
        _cleanup_(str_done) struct str path = { 0 };

        str_addf(&path, "%s/x/y", (const char *)*state);
        assert_int_equal(file_make_folders(path.text, 0750, NULL), 0);
        assert_true(file_exists("x/y"));
        assert_int_equal(file_make_folders("/", 0750, NULL), 0);
}

static void a_file_in_the_way_of_a_folder_is_an_error(void **state)
{
        struct err err = { 0 };

        (void)state;
        put("a", "");
        assert_int_equal(file_make_folders("a/b", 0750, &err), ERR_PRECONDITION);
        assert_string_equal(err.text, "make folder 'a': Not a directory");
        assert_int_equal(file_make_folders("", 0750, NULL), ERR_INVALID);
}

static void a_tree_is_removed_and_its_neighbours_are_not(void **state)
{
        (void)state;
        put("outside", "stays");
        assert_int_equal(mkdir("other", 0700), 0);
        put("other/file", "stays");
        assert_int_equal(file_make_folders("tree/a/b/c", 0700, NULL), 0);
        assert_int_equal(file_make_folders("tree/a/b2/c/d", 0700, NULL), 0);
        put("tree/f", "");
        put("tree/a/f", "");
        put("tree/a/b/f", "");
        put("tree/a/b2/c/d/f", "");
        assert_int_equal(symlink("../../outside", "tree/a/file-link"), 0);
        assert_int_equal(symlink("../other", "tree/folder-link"), 0);
        assert_int_equal(symlink("../../../other", "tree/a/b/folder-link"), 0);
        assert_int_equal(file_remove_tree("tree", NULL), 0);
        assert_false(file_exists("tree"));
        assert_content("outside", "stays");
        assert_content("other/file", "stays");
        assert_int_equal(count_names("."), 2);
}

static void removing_a_link_spares_what_it_points_to(void **state)
{
        (void)state;
        assert_int_equal(mkdir("other", 0700), 0);
        put("other/file", "stays");
        assert_int_equal(symlink("other", "link"), 0);
        assert_int_equal(file_remove_tree("link", NULL), 0);
        assert_content("other/file", "stays");
}

static void removing_what_is_missing_is_fine(void **state)
{
        (void)state;
        assert_int_equal(file_remove_tree("none", NULL), 0);
        assert_int_equal(file_remove_tree("none/below", NULL), 0);
}

/* Deeper than a path can be long, and than descriptors or a stack of frames would last. */
static void a_tree_of_any_depth_is_removed(void **state)
{
        enum { DEPTH = 5000 };

        for (int i = 0; i < DEPTH; i++) {
                assert_int_equal(mkdir("down", 0700), 0);
                assert_int_equal(chdir("down"), 0);
        }
        assert_int_equal(chdir(*state), 0);
        assert_int_equal(file_remove_tree("down", NULL), 0);
        assert_int_equal(count_names("."), 0);
}

/* At 'where' in the tree, not empty. */
static void assert_a_mount_is_spared(const char *where)
{
        struct err err = { 0 };

        assert_int_equal(file_make_folders(where, 0700, NULL), 0);
        assert_int_equal(file_make_folders("volume", 0700, NULL), 0);
        put("volume/precious", "stays");
        if (mount("volume", where, NULL, MS_BIND, NULL) < 0)
                skip();
        assert_int_equal(file_remove_tree("tree", &err), ERR_PRECONDITION);
        assert_content("volume/precious", "stays");
        assert_int_equal(umount(where), 0);
        assert_int_equal(file_remove_tree("tree", NULL), 0);
        assert_content("volume/precious", "stays");
}

static void a_mount_in_a_tree_is_not_entered(void **state)
{
        (void)state;
        assert_a_mount_is_spared("tree/mount");
        assert_a_mount_is_spared("tree/a/b/c/d/mount");
}

static void a_mount_itself_is_not_emptied(void **state)
{
        (void)state;
        assert_a_mount_is_spared("tree");
}

static void a_lock_is_held_by_one_until_it_is_closed(void **state)
{
        struct err err = { 0 };
        int first = -1, second = -1;

        (void)state;
        assert_int_equal(file_lock("lock", &first, NULL), 0);
        assert_int_equal(file_lock("lock", &second, &err), ERR_EXISTS);
        assert_string_equal(err.text, "'lock' is locked by another process");
        assert_int_equal(second, -1);
        close(first);
        assert_int_equal(file_lock("lock", &second, NULL), 0);
        close(second);
}

static void neither_success_nor_failure_leaks_a_descriptor(void **state)
{
        _cleanup_(str_done) struct str text = { 0 };
        int before = count_descriptors(), lock = -1, again = -1;

        (void)state;
        put("a", "text");
        file_read("a", 10, &text, NULL);
        file_read("a", 1, &text, NULL);
        file_make_folders("tree/a/b/c", 0700, NULL);
        file_write_atomic("tree", "x", 1, 0600, NULL);
        file_remove_tree("tree", NULL);
        file_lock("lock", &lock, NULL);
        file_lock("lock", &again, NULL);
        close(lock);
        assert_int_equal(count_descriptors(), before);
}

static void fresh_ids_are_valid_and_differ(void **state)
{
        char first[26], second[26];

        (void)state;
        os_random_id(first);
        os_random_id(second);
        assert_true(id_is_valid(first));
        assert_string_not_equal(first, second);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                IN_FOLDER(what_is_written_is_read),
                IN_FOLDER(reading_replaces_what_was_in_the_string),
                IN_FOLDER(a_file_beyond_the_limit_is_not_read),
                IN_FOLDER(the_limit_is_of_the_whole_file),
                IN_FOLDER(a_missing_file_is_not_found),
                IN_FOLDER(a_folder_is_no_file),
                IN_FOLDER(a_large_file_survives_the_round_trip),
                IN_FOLDER(a_written_file_has_the_mode_asked_for),
                IN_FOLDER(a_failed_write_leaves_nothing_behind),
                IN_FOLDER(writing_through_a_link_replaces_the_link),
                IN_FOLDER(folders_are_made_as_deep_as_asked),
                IN_FOLDER(absolute_folders_are_made),
                IN_FOLDER(a_file_in_the_way_of_a_folder_is_an_error),
                IN_FOLDER(a_tree_is_removed_and_its_neighbours_are_not),
                IN_FOLDER(removing_a_link_spares_what_it_points_to),
                IN_FOLDER(removing_what_is_missing_is_fine),
                IN_FOLDER(a_tree_of_any_depth_is_removed),
                IN_FOLDER(a_mount_in_a_tree_is_not_entered),
                IN_FOLDER(a_mount_itself_is_not_emptied),
                IN_FOLDER(a_lock_is_held_by_one_until_it_is_closed),
                IN_FOLDER(neither_success_nor_failure_leaks_a_descriptor),
                IN_FOLDER(fresh_ids_are_valid_and_differ),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
