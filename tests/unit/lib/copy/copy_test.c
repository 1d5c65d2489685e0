/* Packing and unpacking: what goes in comes out, and nothing that means harm gets anywhere. */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/base/check.h"
#include "lib/base/id.h"
#include "lib/base/str.h"
#include "lib/copy/pack.h"
#include "lib/copy/unpack.h"
#include "lib/os/file.h"
#include "tests/lib/descriptors.h"
#include "tests/unit/test.h"

enum { LARGE = 3 << 20 };

/* Each test has a folder of its own and is in it: "from", "to", and a victim beside them. */
static int set_up(void **state)
{
        char *folder = NULL;

        if (asprintf(&folder, "%s/copy-XXXXXX", str_or(getenv("TEST_TMPDIR"), "/tmp")) < 0 ||
            !mkdtemp(folder) || chdir(folder) < 0 || mkdir("from", 0755) < 0 ||
            mkdir("to", 0755) < 0 || file_write_atomic("victim", "untouched", 9, 0644, NULL) < 0)
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

static mode_t mode_of(const char *path)
{
        struct stat status = { 0 };

        (void)lstat(path, &status);
        return status.st_mode;
}

/* A file without a name to hold an archive. */
static int archive_file(void)
{
        int fd = open(".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

        assert_true(fd >= 0);
        return fd;
}

static int pack(const char *path, const char *name, int out)
{
        _cleanup_(closep) int place = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        struct err err;

        assert_true(place >= 0);
        return copy_pack(place, name, out, &err);
}

struct target {
        const char *folder, *inside, *from, *to;
        uint64_t resolve;
        struct err err;
        size_t n_skipped;
};

static int unpack(struct target *target, int in)
{
        _cleanup_(closep) int root = open(target->folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
        struct copy_unpacking what = {
                .root = { root, target->resolve ? target->resolve
                                                : RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS },
                .folder = str_or(target->inside, "."),
                .from = target->from,
                .to = target->to,
        };

        assert_true(root >= 0);
        assert_int_equal(lseek(in, 0, SEEK_SET), 0);
        return copy_unpack(&what, in, &target->n_skipped, &target->err);
}

/* --- what means well --- */

static void make_large(const char *path)
{
        char *bytes = mem_alloc(LARGE);

        for (size_t i = 0; i < LARGE; i++)
                bytes[i] = (char)(i * 2654435761u >> 13);
        assert_int_equal(file_write_atomic(path, bytes, LARGE, 0640, NULL), 0);
        free(bytes);
}

static void assert_same_file(const char *one, const char *other)
{
        _cleanup_(str_done) struct str a = { 0 }, b = { 0 };

        assert_int_equal(file_read(one, LARGE, &a, NULL), 0);
        assert_int_equal(file_read(other, LARGE, &b, NULL), 0);
        assert_int_equal(a.length, b.length);
        assert_memory_equal(a.text, b.text, a.length);
}

static void make_socket(const char *path)
{
        _cleanup_(closep) int fd = socket(AF_UNIX, SOCK_STREAM, 0);
        struct sockaddr_un address = { .sun_family = AF_UNIX };

        snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
        assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
}

static const char long_name[] =
        "a-name-that-is-longer-than-the-hundred-bytes-that-the-oldest-format-of-tar-archives-has-"
        "room-for-in-its-header-of-512";

static void make_tree(void)
{
        char path[300];

        put("from/hello", "hello\n");
        put("from/\xc3\xa4", "utf-8");
        put("from/\xe4", "latin-1");
        put("from/empty", "");
        assert_int_equal(mkdir("from/closed", 0755), 0);
        put("from/closed/in", "in");
        assert_int_equal(chmod("from/closed", 0555), 0);
        assert_int_equal(mkdir("from/none", 0700), 0);
        assert_int_equal(symlink("../../victim", "from/link"), 0);
        assert_int_equal(symlink("closed", "from/folder-link"), 0);
        assert_int_equal(mkfifo("from/fifo", 0600), 0);
        make_socket("from/socket");
        make_large("from/large");
        snprintf(path, sizeof path, "from/%s", long_name);
        put(path, "long");
        assert_int_equal(chmod("from/hello", 04711), 0);
        assert_int_equal(link("from/large", "from/same"), 0);
}

static void a_tree_comes_back_as_it_was(void **state)
{
        _cleanup_(closep) int archive = -1;
        struct target target = { .folder = "to", .from = "src", .to = "dst" };
        int n_before = count_descriptors();
        struct stat one, other;
        char path[300];

        (void)state;
        make_tree();
        archive = archive_file();
        assert_int_equal(pack("from", "src", archive), 0);
        assert_int_equal(unpack(&target, archive), 0);
        assert_content("to/dst/hello", "hello\n");
        assert_int_equal(mode_of("to/dst/hello"), S_IFREG | 0711);
        assert_content("to/dst/\xc3\xa4", "utf-8");
        assert_content("to/dst/\xe4", "latin-1");
        assert_content("to/dst/empty", "");
        assert_content("to/dst/closed/in", "in");
        assert_int_equal(mode_of("to/dst/closed"), S_IFDIR | 0555);
        assert_int_equal(mode_of("to/dst/none"), S_IFDIR | 0700);
        assert_true(S_ISLNK(mode_of("to/dst/link")));
        assert_true(S_ISLNK(mode_of("to/dst/folder-link")));
        assert_int_equal(mode_of("to/dst/fifo"), S_IFIFO | 0600);
        assert_false(mode_of("to/dst/socket"));
        assert_same_file("from/large", "to/dst/large");
        assert_int_equal(stat("to/dst/large", &one), 0);
        assert_int_equal(stat("to/dst/same", &other), 0);
        assert_int_equal(one.st_ino, other.st_ino);
        snprintf(path, sizeof path, "to/dst/%s", long_name);
        assert_content(path, "long");
        assert_int_equal(count_descriptors(), n_before + 1);
}

static void a_small_file_is_as_large_as_dockers(void **state)
{
        _cleanup_(closep) int archive = archive_file();

        (void)state;
        put("from/f", "hello\n");
        assert_int_equal(pack("from/f", "f", archive), 0);
        assert_int_equal(lseek(archive, 0, SEEK_END), 2048);
}

static void times_stay_and_folders_have_theirs_at_the_end(void **state)
{
        _cleanup_(closep) int archive = archive_file();
        struct timespec times[] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };
        struct target target = { .folder = "to", .from = "d", .to = "d" };
        struct stat status;

        (void)state;
        assert_int_equal(mkdir("from/d", 0755), 0);
        put("from/d/f", "f");
        assert_int_equal(utimensat(AT_FDCWD, "from/d/f", times, 0), 0);
        assert_int_equal(utimensat(AT_FDCWD, "from/d", times, 0), 0);
        assert_int_equal(pack("from/d", "d", archive), 0);
        assert_int_equal(unpack(&target, archive), 0);
        assert_int_equal(stat("to/d/f", &status), 0);
        assert_int_equal(status.st_mtime, 1000);
        assert_int_equal(stat("to/d", &status), 0);
        assert_int_equal(status.st_mtime, 1000);
}

static void folders_and_files_do_not_replace_each_other(void **state)
{
        _cleanup_(closep) int file = archive_file(), folder = archive_file();
        struct target target = { .folder = "to", .from = "x", .to = "x" };

        (void)state;
        put("from/x", "x");
        assert_int_equal(mkdir("from/d", 0755), 0);
        assert_int_equal(pack("from/x", "x", file), 0);
        assert_int_equal(pack("from/d", "x", folder), 0);
        assert_int_equal(unpack(&target, file), 0);
        assert_int_equal(unpack(&target, file), 0);
        assert_int_equal(unpack(&target, folder), ERR_PRECONDITION);
        assert_string_equal(target.err.text,
                            "cannot overwrite non-directory \"./x\" with directory \".\"");
        assert_int_equal(unlink("to/x"), 0);
        assert_int_equal(unpack(&target, folder), 0);
        assert_int_equal(unpack(&target, folder), 0);
        assert_int_equal(unpack(&target, file), ERR_PRECONDITION);
        assert_string_equal(target.err.text,
                            "cannot overwrite directory \"./x\" with non-directory \".\"");
}

static void what_is_cut_off_is_told(void **state)
{
        _cleanup_(closep) int archive = archive_file();
        struct target target = { .folder = "to", .from = "large", .to = "large" };

        (void)state;
        make_large("from/large");
        assert_int_equal(pack("from/large", "large", archive), 0);
        assert_int_equal(ftruncate(archive, LARGE / 2), 0);
        assert_int_equal(unpack(&target, archive), ERR_INVALID);
}

static void a_tree_too_deep_is_refused(void **state)
{
        _cleanup_(closep) int archive = archive_file(), home = open(".", O_PATH | O_CLOEXEC);

        (void)state;
        assert_int_equal(chdir("from"), 0);
        for (int i = 0; i < 300; i++) {
                assert_int_equal(mkdir("d", 0755), 0);
                assert_int_equal(chdir("d"), 0);
        }
        assert_int_equal(fchdir(home), 0);
        assert_int_equal(pack("from", "from", archive), ERR_PRECONDITION);
}

static void who_reads_no_more_ends_it(void **state)
{
        int fds[2];

        (void)state;
        make_large("from/large");
        assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
        close(fds[0]);
        signal(SIGPIPE, SIG_IGN);
        assert_int_equal(pack("from/large", "large", fds[1]), ERR_CANCELLED);
        close(fds[1]);
}

/* --- what means harm --- */

struct member {
        mode_t type;
        const char *name, *target; /* target: of links, or the content */
        bool is_hard;
};

static int make_archive(const struct member *members)
{
        struct archive *archive = archive_write_new();
        int fd = archive_file();

        archive_write_set_format_pax_restricted(archive);
        assert_int_equal(archive_write_open_fd(archive, fd), ARCHIVE_OK);
        for (; members->name; members++) {
                struct archive_entry *entry = archive_entry_new();
                size_t size = members->type == S_IFREG && !members->is_hard
                                      ? strlen(str_or(members->target, ""))
                                      : 0;

                archive_entry_set_pathname(entry, members->name);
                archive_entry_set_mode(entry, members->type | 0644);
                archive_entry_set_size(entry, (la_int64_t)size);
                if (members->is_hard)
                        archive_entry_set_hardlink(entry, members->target);
                else if (members->type == S_IFLNK)
                        archive_entry_set_symlink(entry, members->target);
                assert_true(archive_write_header(archive, entry) >= ARCHIVE_WARN);
                if (size)
                        assert_int_equal(archive_write_data(archive, members->target, size), size);
                archive_entry_free(entry);
        }
        assert_int_equal(archive_write_free(archive), ARCHIVE_OK);
        return fd;
}

/* Whatever it is, what lies beside the folder stays as it is. */
static int attack(const struct member *members, struct target *target)
{
        _cleanup_(closep) int archive = make_archive(members);
        int result = unpack(target, archive);

        assert_content("victim", "untouched");
        assert_false(mode_of("evil"));
        assert_int_equal(mode_of("victim"), S_IFREG | 0644);
        return result;
}

static void names_that_lead_out_are_refused(void **state)
{
        static const char *const names[] = { "a/../../evil", "../evil", "a/../b", "b",
                                             "a/../../victim" };

        (void)state;
        for (size_t i = 0; i < COUNT_OF(names); i++) {
                const struct member members[] = { { S_IFDIR, "a", NULL, false },
                                                  { S_IFREG, names[i], "evil", false },
                                                  { 0 } };
                struct target target = { .folder = "to", .from = "a", .to = "a" };

                assert_int_equal(attack(members, &target), ERR_INVALID);
                assert_false(mode_of("to/b"));
        }
}

static void links_of_the_archive_are_not_followed(void **state)
{
        static const struct member attacks[][4] = {
                { { S_IFLNK, "a/s", "../..", false }, { S_IFREG, "a/s/evil", "x", false } },
                { { S_IFLNK, "a/s", "../../victim", false }, { S_IFREG, "a/s/x", "x", false } },
                { { S_IFLNK, "a/s", "/", false }, { S_IFDIR, "a/s/evil", NULL, false } },
                { { S_IFREG, "a/h", "../victim", true } },
                { { S_IFREG, "a/h", "../../victim", true } },
                { { S_IFREG, "a/h", "victim", true } },
                { { S_IFLNK, "a/s", "../..", false }, { S_IFREG, "a/h", "a/s/victim", true } },
        };

        (void)state;
        for (size_t i = 0; i < COUNT_OF(attacks); i++) {
                struct target target = { .folder = "to", .from = "a", .to = "a" };

                assert_true(attack(attacks[i], &target) < 0);
                assert_false(mode_of("to/a/h"));
        }
}

/* A link that the archive brings is replaced by what comes under its name, not followed. */
static void files_are_new_ones(void **state)
{
        static const struct member members[] = {
                { S_IFLNK, "a/s", "../../victim", false },
                { S_IFREG, "a/s", "mine", false },
                { S_IFREG, "a/old", "new", false },
                { 0 },
        };
        struct target target = { .folder = "to", .from = "a", .to = "a" };

        (void)state;
        assert_int_equal(mkdir("to/a", 0755), 0);
        assert_int_equal(link("victim", "to/a/old"), 0);
        assert_int_equal(attack(members, &target), 0);
        assert_content("to/a/s", "mine");
        assert_content("to/a/old", "new");
}

static void device_nodes_are_left_out(void **state)
{
        static const struct member members[] = { { S_IFCHR, "a/null", NULL, false },
                                                 { S_IFBLK, "a/disk", NULL, false },
                                                 { S_IFREG, "a/f", "f", false },
                                                 { 0 } };
        struct target target = { .folder = "to", .from = "a", .to = "a" };

        (void)state;
        assert_int_equal(attack(members, &target), 0);
        assert_int_equal(target.n_skipped, 2);
        assert_false(mode_of("to/a/null"));
        assert_content("to/a/f", "f");
}

/* One byte in each of n KiB. */
static int make_sparse_archive(int64_t n)
{
        struct archive *archive = archive_write_new();
        struct archive_entry *entry = archive_entry_new();
        const char content[1024] = "x";
        int fd = archive_file();

        archive_write_set_format_pax_restricted(archive);
        assert_int_equal(archive_write_open_fd(archive, fd), ARCHIVE_OK);
        archive_entry_set_pathname(entry, "a");
        archive_entry_set_mode(entry, S_IFREG | 0644);
        archive_entry_set_size(entry, n * 1024);
        for (int64_t i = 0; i < n; i++)
                archive_entry_sparse_add_entry(entry, i * 1024, 1);
        assert_int_equal(archive_write_header(archive, entry), ARCHIVE_OK);
        for (int64_t i = 0; i < n; i++)
                assert_int_equal(archive_write_data(archive, content, 1024), 1024);
        archive_entry_free(entry);
        assert_int_equal(archive_write_free(archive), ARCHIVE_OK);
        return fd;
}

static void a_map_of_holes_is_bounded(void **state)
{
        _cleanup_(closep) int small = make_sparse_archive(20), large = make_sparse_archive(300000);
        struct target target = { .folder = "to", .from = "a", .to = "a" };
        _cleanup_(str_done) struct str content = { 0 };

        (void)state;
        assert_int_equal(unpack(&target, small), 0);
        assert_int_equal(file_read("to/a", 20480, &content, NULL), 0);
        assert_int_equal(content.length, 20480);
        assert_int_equal(content.text[19 * 1024], 'x');
        assert_int_equal(unpack(&target, large), ERR_INVALID);
        assert_string_equal(target.err.text,
                            "the archive cannot be read: a member's header is too large");
}

/* As in a container: links lead where they lead with 'to' as the root. */
static void inside_a_root_links_stay_inside(void **state)
{
        static const struct member members[] = { { S_IFREG, "a", "x", false },
                                                 { S_IFLNK, "up", "../../../../..", false },
                                                 { S_IFREG, "up/evil", "x", false },
                                                 { S_IFREG, "absolute/y", "y", false },
                                                 { S_IFREG, "new/folder/z", "z", false },
                                                 { 0 } };
        struct target target = { .folder = "to", .inside = "/app/in", .resolve = RESOLVE_IN_ROOT };

        (void)state;
        assert_int_equal(mkdir("to/app", 0755), 0);
        assert_int_equal(mkdir("to/data", 0755), 0);
        assert_int_equal(symlink("/data", "to/app/in"), 0);
        assert_int_equal(symlink("/app", "to/data/absolute"), 0);
        assert_int_equal(attack(members, &target), 0);
        assert_content("to/data/a", "x");
        assert_content("to/evil", "x");
        assert_content("to/app/y", "y");
        assert_content("to/data/new/folder/z", "z");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(a_tree_comes_back_as_it_was),
                TEST(a_small_file_is_as_large_as_dockers),
                TEST(times_stay_and_folders_have_theirs_at_the_end),
                TEST(folders_and_files_do_not_replace_each_other),
                TEST(what_is_cut_off_is_told),
                TEST(a_tree_too_deep_is_refused),
                TEST(who_reads_no_more_ends_it),
                TEST(names_that_lead_out_are_refused),
                TEST(links_of_the_archive_are_not_followed),
                TEST(files_are_new_ones),
                TEST(device_nodes_are_left_out),
                TEST(a_map_of_holes_is_bounded),
                TEST(inside_a_root_links_stay_inside),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
