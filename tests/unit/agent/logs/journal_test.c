/* Logs followed in the journal: when it is looked at.  There is nothing in it, and whoever opens
 * its folder is noticed. */
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/logs/files.h"
#include "agent/logs/journal.h"
#include "agent/logs/read.h"
#include "lib/base/check.h"
#include "lib/base/mem.h"
#include "lib/base/time.h"
#include "lib/os/file.h"
#include "tests/unit/test.h"

static char journal[128]; /* "": this machine lets nobody have a journal of his own */

struct fixture {
        char folder[64];
        struct loop *loop;
        struct worker_pool *pool;
        struct log_reader *reader;
        int opened; /* inotify */
        int n_opened, n_per_look;
};

static void write_text(const char *path, const char *text)
{
        int fd = open(path, O_WRONLY | O_CLOEXEC);

        CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
        close(fd);
}

/* Before there are threads. */
static void enter_namespaces(void)
{
        _cleanup_(str_done) struct str machine = { 0 };
        char uid_map[32], gid_map[32];

        snprintf(uid_map, sizeof uid_map, "0 %u 1", getuid());
        snprintf(gid_map, sizeof gid_map, "0 %u 1", getgid());
        if (file_read("/etc/machine-id", 64, &machine, NULL) < 0 || machine.length < 32 ||
            unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
                return;
        write_text("/proc/self/setgroups", "deny");
        write_text("/proc/self/uid_map", uid_map);
        write_text("/proc/self/gid_map", gid_map);
        CHECK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
        CHECK(mount("tmpfs", "/run", "tmpfs", 0, NULL) == 0);
        if (file_exists("/var/log/journal"))
                CHECK(mount("tmpfs", "/var/log/journal", "tmpfs", 0, NULL) == 0);
        snprintf(journal, sizeof journal, "/run/log/journal/%.32s", machine.text);
        CHECK(file_make_folders(journal, 0755, NULL) == 0);
}

/* --- */

static void got_lines(void *context, const struct log_line *lines, size_t n)
{
        (void)context;
        (void)lines;
        fail_msg("%zu lines", n);
}

static void got_end(void *context, const struct err *err)
{
        (void)context;
        fail_msg("%s", err ? err->text : "it ended");
}

/* Equal news that nobody took become one. */
static int n_looks(struct fixture *f)
{
        char events[4096];
        ssize_t size;

        while ((size = read(f->opened, events, sizeof events)) > 0)
                f->n_opened += (int)(size / (ssize_t)sizeof(struct inotify_event));
        return f->n_per_look ? f->n_opened / f->n_per_look : f->n_opened;
}

static void read_once(struct fixture *f)
{
        struct log_cursor *cursor = mem_alloc(sizeof *cursor);
        struct log_journal from = { 0 };
        Sk__LogOptions options = SK__LOG_OPTIONS__INIT;

        log_cursor_init(cursor, f->folder, &options);
        CHECK(log_journal_read(&from, cursor, NULL) == 0);
        log_journal_done(&from);
        log_cursor_done(cursor);
        free(cursor);
        f->n_per_look = n_looks(f);
        CHECK(f->n_per_look > 0);
        f->n_opened = 0;
}

static int set_up(void **state)
{
        struct fixture *f = mem_alloc(sizeof *f);

        *state = f;
        if (!journal[0])
                return 0;
        strcpy(f->folder, "/tmp/skep-journal-XXXXXX");
        CHECK(mkdtemp(f->folder));
        CHECK(loop_new(&f->loop, NULL) == 0);
        CHECK(worker_pool_new(f->loop, 1, &f->pool, NULL) == 0);
        f->opened = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
        CHECK(inotify_add_watch(f->opened, journal, IN_OPEN | IN_ONLYDIR) >= 0);
        read_once(f);
        return 0;
}

static int tear_down(void **state)
{
        struct fixture *f = *state;

        if (f->loop) {
                log_reader_free(f->reader);
                worker_pool_free(f->pool);
                loop_free(f->loop);
                close(f->opened);
                file_remove_tree(f->folder, NULL);
        }
        free(f);
        return 0;
}

static void follow(struct fixture *f)
{
        static const struct log_reader_events events = { .lines = got_lines, .ended = got_end };
        Sk__LogOptions options = SK__LOG_OPTIONS__INIT;

        if (!journal[0])
                skip();
        options.follow = true;
        options.tail = -1;
        f->reader = log_reader_new(f->loop, f->pool, f->folder, &options, &events, f);
        log_reader_more(f->reader);
}

/* Turns until there were so many looks, or for so long. */
static void turn(struct fixture *f, int until, int64_t most_ns)
{
        int64_t began_ns = loop_now_boot(f->loop);

        while (n_looks(f) < until && loop_now_boot(f->loop) - began_ns < most_ns)
                CHECK(loop_turn(f->loop, 5, NULL) >= 0);
}

/* Somebody writes to the journal. */
static void change(void)
{
        char path[160];

        snprintf(path, sizeof path, "%s/note", journal);
        (void)unlink(path);
        CHECK(mknod(path, S_IFREG | 0600, 0) == 0);
}

static void a_log_that_goes_to_the_journal_later_is_followed_there(void **state)
{
        struct fixture *f = *state;

        follow(f);
        turn(f, 1, 300 * NS_PER_MS);
        assert_int_equal(n_looks(f), 0);
        assert_int_equal(log_files_set_journal(f->folder, "t1", NULL), 0);
        turn(f, 2, 5 * NS_PER_S);
        assert_int_equal(n_looks(f), 2); /* again, when it is watched */
        change();
        turn(f, 3, 5 * NS_PER_S);
        assert_int_equal(n_looks(f), 3);
}

static void a_busy_journal_is_opened_once_a_second(void **state)
{
        struct fixture *f = *state;
        int64_t began_ns;

        if (journal[0])
                assert_int_equal(log_files_set_journal(f->folder, "t1", NULL), 0);
        follow(f);
        turn(f, 2, 5 * NS_PER_S);
        began_ns = loop_now_boot(f->loop);
        while (loop_now_boot(f->loop) - began_ns < 1500 * NS_PER_MS) {
                change();
                turn(f, INT_MAX, 10 * NS_PER_MS);
        }
        assert_in_range(n_looks(f), 3, 3 + (loop_now_boot(f->loop) - began_ns) / NS_PER_S);
}

#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                T(a_log_that_goes_to_the_journal_later_is_followed_there),
                T(a_busy_journal_is_opened_once_a_second),
        };

        enter_namespaces();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
