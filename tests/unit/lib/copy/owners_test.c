/* Whose the files are that come out of an archive. */
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/check.h"
#include "lib/base/str.h"
#include "lib/copy/pack.h"
#include "lib/copy/unpack.h"
#include "lib/os/file.h"
#include "tests/unit/test.h"

enum { SOMEBODY = 1234 };

static const char *const names[] = { "/", "/file", "/link", "/fifo" };

/* A folder to be in, with a tree that is somebody's. */
static int set_up(void **state)
{
        char *folder = NULL;

        if (asprintf(&folder, "%s/owners-XXXXXX", str_or(getenv("TEST_TMPDIR"), "/tmp")) < 0 ||
            !mkdtemp(folder) || chdir(folder) < 0 || mkdir("from", 0755) < 0 ||
            mkdir("to", 0755) < 0 || file_write_atomic("from/file", "x", 1, 0644, NULL) < 0 ||
            symlink("file", "from/link") < 0 || mkfifo("from/fifo", 0600) < 0)
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

/* The folder and all in it. */
static void assert_owner(const char *folder, uid_t owner)
{
        struct stat status;
        char path[64];

        for (size_t i = 0; i < COUNT_OF(names); i++) {
                snprintf(path, sizeof path, "%s%s", folder, names[i]);
                assert_int_equal(lstat(path, &status), 0);
                if (status.st_uid != owner)
                        fail_msg("%s is %u's", path, status.st_uid);
        }
}

static void copy(const char *to, bool keeps_owners)
{
        _cleanup_(closep) int place = open("from", O_PATH | O_CLOEXEC), root = -1, archive = -1;
        struct copy_unpacking what = {
                .folder = ".", .from = "from", .to = to, .keeps_owners = keeps_owners
        };
        size_t n_skipped;
        struct err err;

        root = open("to", O_PATH | O_DIRECTORY | O_CLOEXEC);
        archive = open(".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
        what.root.fd = root;
        what.root.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
        assert_int_equal(copy_pack(place, "from", archive, &err), 0);
        assert_int_equal(lseek(archive, 0, SEEK_SET), 0);
        assert_int_equal(copy_unpack(&what, archive, &n_skipped, &err), 0);
}

static void they_stay_whose_they_were_when_asked_for(void **state)
{
        char path[64];

        (void)state;
        for (size_t i = 0; i < COUNT_OF(names); i++) {
                snprintf(path, sizeof path, "from%s", names[i]);
                if (lchown(path, SOMEBODY, SOMEBODY) < 0)
                        skip(); /* only root gives files away */
        }
        copy("kept", true);
        assert_owner("to/kept", SOMEBODY);
        copy("taken", false);
        assert_owner("to/taken", geteuid());
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(they_stay_whose_they_were_when_asked_for, set_up,
                                                tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
