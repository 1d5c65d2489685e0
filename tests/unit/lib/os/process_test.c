/* Child processes: every end is told once, with the right status, and nothing leaks into a child.
 */
#include "tests/unit/test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/check.h"
#include "lib/base/mem.h"
#include "lib/os/file.h"
#include "lib/os/process.h"
#include "tests/lib/descriptors.h"

struct child {
        struct process process;
        int n_exits, status;
};

static void note_exit(void *context, int status)
{
        struct child *child = context;

        child->n_exits++;
        child->status = status;
}

static void child_init(struct child *child)
{
        *child = (struct child){ .process.exited = note_exit };
        child->process.context = child;
}

static int set_up(void **state)
{
        struct loop *loop = NULL;

        if (loop_new(&loop, NULL) < 0)
                return -1;
        *state = loop;
        return 0;
}

static int tear_down(void **state)
{
        loop_free(*state);
        return 0;
}

static void start(struct loop *loop, struct child *child, const struct process_options *options)
{
        struct err err = { 0 };

        child_init(child);
        if (process_start(loop, options, &child->process, &err) < 0)
                fail_msg("%s", err.text);
}

static void start_shell(struct loop *loop, struct child *child, const char *script)
{
        start(loop, child,
              &(struct process_options){ .argv = (const char *[]){ "sh", "-c", script, NULL } });
}

static void wait_for(struct loop *loop, struct child *child)
{
        while (!child->n_exits)
                assert_int_equal(loop_turn(loop, -1, NULL), 0);
}

static void an_exit_is_told_with_its_status(void **state)
{
        struct child child;

        start_shell(*state, &child, "exit 7");
        wait_for(*state, &child);
        assert_true(WIFEXITED(child.status));
        assert_int_equal(WEXITSTATUS(child.status), 7);
}

static void no_zombie_remains(void **state)
{
        struct child child;

        start_shell(*state, &child, "exit 0");
        wait_for(*state, &child);
        assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
        assert_int_equal(errno, ECHILD);
}

static void a_signal_is_told_as_one(void **state)
{
        struct child child;

        start_shell(*state, &child, "while :; do read x </dev/null; kill -STOP $$; done");
        assert_int_equal(process_signal(&child.process, SIGKILL, NULL), 0);
        wait_for(*state, &child);
        assert_true(WIFSIGNALED(child.status));
        assert_int_equal(WTERMSIG(child.status), SIGKILL);
}

static void signalling_a_process_that_has_exited_is_not_found(void **state)
{
        struct child child;

        start_shell(*state, &child, "exit 0");
        wait_for(*state, &child);
        assert_int_equal(process_signal(&child.process, SIGKILL, NULL), ERR_NOT_FOUND);
}

static void a_missing_program_is_not_found(void **state)
{
        struct child child;
        struct err err = { 0 };

        child_init(&child);
        assert_int_equal(process_start(*state,
                                       &(struct process_options){
                                               .argv = (const char *[]){ "no-such-program",
                                                                         NULL } },
                                       &child.process, &err),
                         ERR_NOT_FOUND);
        assert_string_equal(err.text, "start 'no-such-program': No such file or directory");
        process_forget(&child.process);
}

static void log_path_of_test(struct str *path)
{
        char id[26];

        os_random_id(id);
        str_addf(path, "%s/log-%s", str_or(getenv("TEST_TMPDIR"), "/tmp"), id);
}

/* Runs a script and returns what it said. */
static void output_of(struct loop *loop, const char *script, struct str *ret)
{
        _cleanup_(str_done) struct str path = { 0 };
        struct child child;

        log_path_of_test(&path);
        start(loop, &child,
              &(struct process_options){
                      .argv = (const char *[]){ "/bin/sh", "-c", script, NULL },
                      .environment = (const char *[]){ "COLOUR=blue", NULL },
                      .log_path = path.text,
              });
        wait_for(loop, &child);
        assert_int_equal(file_read(path.text, 10000, ret, NULL), 0);
        unlink(path.text);
}

static void both_outputs_are_appended_to_the_log(void **state)
{
        _cleanup_(str_done) struct str output = { 0 };

        output_of(*state, "echo out; echo err >&2; echo $COLOUR", &output);
        assert_string_equal(output.text, "out\nerr\nblue\n");
}

static void only_three_descriptors_are_open_in_a_child(void **state)
{
        _cleanup_(str_done) struct str output = { 0 };
        int leaking = fcntl(STDIN_FILENO, F_DUPFD, 100); /* not close-on-exec */

        assert_int_equal(leaking, 100);
        output_of(*state, "[ -e /proc/$$/fd/2 ] && echo 2; [ -e /proc/$$/fd/100 ] && echo 100",
                  &output);
        close(leaking);
        assert_string_equal(output.text, "2\n");
}

/* The mask in a line such as "SigIgn:\t0000000000000000", without 32 and 33: they are glibc's own,
 * which ignores them. */
static uint64_t mask_of(const char *status, const char *name)
{
        const char *line = strstr(status, name);

        assert_non_null(line);
        return strtoull(line + strlen(name), NULL, 16) & ~UINT64_C(0x180000000);
}

static void a_child_has_all_signals_as_new(void **state)
{
        _cleanup_(str_done) struct str output = { 0 };
        sigset_t some, before;

        sigemptyset(&some);
        sigaddset(&some, SIGTERM);
        sigaddset(&some, SIGUSR1);
        pthread_sigmask(SIG_BLOCK, &some, &before);
        signal(SIGUSR2, SIG_IGN);
        output_of(*state, "grep -E '^Sig(Blk|Ign)' /proc/self/status", &output);
        signal(SIGUSR2, SIG_DFL);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        assert_int_equal(mask_of(output.text, "SigBlk:"), 0);
        assert_int_equal(mask_of(output.text, "SigIgn:"), 0);
}

static void a_child_reads_nothing_from_its_parent(void **state)
{
        _cleanup_(str_done) struct str output = { 0 };

        output_of(*state, "readlink /proc/self/fd/0", &output);
        assert_string_equal(output.text, "/dev/null\n");
}

static void a_new_session_has_its_own_leader(void **state)
{
        const char *const sleep_on[] = { "sh", "-c", "kill -STOP $$", NULL };
        struct child child;

        start(*state, &child, &(struct process_options){ .argv = sleep_on, .new_session = true });
        assert_int_equal(getsid(child.process.pid), child.process.pid);
        process_signal(&child.process, SIGKILL, NULL);
        wait_for(*state, &child);
}

static void an_adopted_process_ends_with_unknown_status(void **state)
{
        struct child child, watcher;

        start_shell(*state, &child, "kill -STOP $$");
        child_init(&watcher);
        assert_int_equal(process_adopt(*state, child.process.pid, &watcher.process, NULL), 0);
        process_signal(&watcher.process, SIGKILL, NULL);
        wait_for(*state, &watcher);
        wait_for(*state, &child);
        assert_int_equal(watcher.status, -1);
        assert_int_equal(WTERMSIG(child.status), SIGKILL);
}

static void adopting_nobody_is_not_found(void **state)
{
        struct child child;

        child_init(&child);
        assert_int_equal(process_adopt(*state, 0x3fffff, &child.process, NULL), ERR_NOT_FOUND);
        assert_int_equal(process_adopt(*state, 0, &child.process, NULL), ERR_INVALID);
        assert_int_equal(process_adopt(*state, -1, &child.process, NULL), ERR_INVALID);
}

static void a_forgotten_process_is_told_no_more(void **state)
{
        struct child child;

        start_shell(*state, &child, "exit 0");
        process_forget(&child.process);
        process_forget(&child.process);
        assert_int_equal(waitpid(child.process.pid, NULL, 0), child.process.pid);
        assert_int_equal(loop_turn(*state, 0, NULL), 0);
        assert_int_equal(child.n_exits, 0);
}

static void a_hundred_starts_leak_no_descriptor(void **state)
{
        const char *const argv[] = { "/bin/true", NULL };
        int before = count_descriptors();
        struct child child;

        for (int i = 0; i < 100; i++) {
                start(*state, &child, &(struct process_options){ .argv = argv });
                wait_for(*state, &child);
        }
        assert_int_equal(count_descriptors(), before);
}

#define WITH_LOOP(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                WITH_LOOP(an_exit_is_told_with_its_status),
                WITH_LOOP(no_zombie_remains),
                WITH_LOOP(a_signal_is_told_as_one),
                WITH_LOOP(signalling_a_process_that_has_exited_is_not_found),
                WITH_LOOP(a_missing_program_is_not_found),
                WITH_LOOP(both_outputs_are_appended_to_the_log),
                WITH_LOOP(only_three_descriptors_are_open_in_a_child),
                WITH_LOOP(a_child_has_all_signals_as_new),
                WITH_LOOP(a_child_reads_nothing_from_its_parent),
                WITH_LOOP(a_new_session_has_its_own_leader),
                WITH_LOOP(an_adopted_process_ends_with_unknown_status),
                WITH_LOOP(adopting_nobody_is_not_found),
                WITH_LOOP(a_forgotten_process_is_told_no_more),
                WITH_LOOP(a_hundred_starts_leak_no_descriptor),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
