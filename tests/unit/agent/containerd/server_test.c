/* Looking after a containerd, which a script plays. */
#include "tests/unit/test.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/containerd/server.h"
#include "lib/base/check.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/os/file.h"

struct fixture {
        struct loop *loop;
        char folder[250], program[300], state_folder[300], run_folder[300], pid_path[350];
        struct containerd_server *server;
        int n_deaths;
};

static void died(void *context, const struct err *err)
{
        struct fixture *f = context;

        assert_int_equal(err->code, ERR_UNAVAILABLE);
        f->n_deaths++;
}

static int start(struct fixture *f)
{
        struct containerd_server_options options = {
                .loop = f->loop,
                .program = f->program,
                .state_folder = f->state_folder,
                .run_folder = f->run_folder,
                .registries_folder = "/etc/skep/registries",
                .died = died,
                .context = f,
        };

        return containerd_server_new(&options, &f->server, NULL);
}

static pid_t read_pid(struct fixture *f)
{
        _cleanup_(str_done) struct str text = { 0 };
        int64_t pid = 0;

        assert_int_equal(file_read(f->pid_path, 32, &text, NULL), 0);
        assert_int_equal(str_to_int64(str_text(&text), &pid, NULL), 0);
        return (pid_t)pid;
}

/* The script has become itself when its configuration is among its arguments. */
static void await_script(pid_t pid)
{
        char path[64];

        snprintf(path, sizeof path, "/proc/%d/cmdline", (int)pid);
        for (;;) {
                _cleanup_(str_done) struct str text = { 0 };

                assert_int_equal(file_read(path, 4096, &text, NULL), 0);
                if (memmem(text.text, text.length, "config.toml", 11))
                        return;
        }
}

static int set_up(void **state)
{
        static const char script[] = "#!/bin/sh\nwhile :; do sleep 1; done\n";
        struct fixture *f = mem_alloc(sizeof *f);

        snprintf(f->folder, sizeof f->folder, "%s/server-XXXXXX", getenv("TEST_TMPDIR"));
        CHECK(mkdtemp(f->folder));
        snprintf(f->program, sizeof f->program, "%s/containerd", f->folder);
        snprintf(f->state_folder, sizeof f->state_folder, "%s/state", f->folder);
        snprintf(f->run_folder, sizeof f->run_folder, "%s/run", f->folder);
        snprintf(f->pid_path, sizeof f->pid_path, "%s/containerd.pid", f->run_folder);
        CHECK(file_write_atomic(f->program, script, strlen(script), 0755, NULL) == 0);
        CHECK(loop_new(&f->loop, NULL) == 0);
        *state = f;
        return 0;
}

static int tear_down(void **state)
{
        struct fixture *f = *state;

        containerd_server_free(f->server);
        if (file_exists(f->pid_path))
                kill(read_pid(f), SIGKILL);
        loop_free(f->loop);
        CHECK(file_remove_tree(f->folder, NULL) == 0);
        free(f);
        return 0;
}

static void one_that_dies_is_started_again(void **state)
{
        struct fixture *f = *state;
        pid_t first;

        assert_int_equal(start(f), 0);
        first = read_pid(f);
        kill(first, SIGKILL);
        while (read_pid(f) == first)
                assert_int_equal(loop_turn(f->loop, 1000, NULL), 0);
        assert_int_equal(f->n_deaths, 1);
}

static void the_next_agent_adopts_it(void **state)
{
        struct fixture *f = *state;
        pid_t first;

        assert_int_equal(start(f), 0);
        first = read_pid(f);
        await_script(first);
        containerd_server_free(f->server);
        f->server = NULL;
        assert_int_equal(start(f), 0);
        assert_int_equal(read_pid(f), first);
        assert_int_equal(kill(first, 0), 0);
}

static void a_pid_that_means_another_process_is_not_adopted(void **state)
{
        struct fixture *f = *state;
        char mine[16];

        CHECK(file_make_folders(f->run_folder, 0700, NULL) == 0);
        snprintf(mine, sizeof mine, "%d", (int)getpid());
        CHECK(file_write_atomic(f->pid_path, mine, strlen(mine), 0600, NULL) == 0);
        assert_int_equal(start(f), 0);
        assert_int_not_equal(read_pid(f), getpid());
}

static void one_that_hangs_is_replaced(void **state)
{
        struct fixture *f = *state;
        pid_t first;

        assert_int_equal(start(f), 0);
        first = read_pid(f);
        kill(first, SIGSTOP);
        containerd_server_replace(f->server);
        while (read_pid(f) == first)
                assert_int_equal(loop_turn(f->loop, 1000, NULL), 0);
}

static void a_program_that_is_not_there_is_told(void **state)
{
        struct fixture *f = *state;

        snprintf(f->program, sizeof f->program, "%s/nothing", f->folder);
        assert_int_equal(start(f), ERR_NOT_FOUND);
        assert_null(f->server);
}

static void its_configuration_is_where_it_looks(void **state)
{
        struct fixture *f = *state;
        _cleanup_(str_done) struct str text = { 0 };
        char path[350];

        assert_int_equal(start(f), 0);
        snprintf(path, sizeof path, "%s/config.toml", f->state_folder);
        assert_int_equal(file_read(path, 65536, &text, NULL), 0);
        assert_non_null(strstr(text.text, "config_path = \"/etc/skep/registries\"\n"));
        assert_non_null(strstr(text.text, f->run_folder));
        assert_true(str_starts_with(containerd_server_address(f->server), "unix:/"));
        assert_true(str_ends_with(containerd_server_address(f->server), "/run/containerd.sock"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(one_that_dies_is_started_again),
                TEST(the_next_agent_adopts_it),
                TEST(a_pid_that_means_another_process_is_not_adopted),
                TEST(one_that_hangs_is_replaced),
                TEST(a_program_that_is_not_there_is_told),
                TEST(its_configuration_is_where_it_looks),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
