#include "agent/containerd/shim.h"

#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/test.h"

/* A process that looks like a shim: it tells the pid of its one container, reaps that, and stays.
 */
struct fake {
        pid_t pid, container;
        FILE *told;
        int input;
};

static void fake_start(struct fake *fake, const char *id)
{
        const char *arguments[] = { "containerd-shim-runc-v2",
                                    "-c",
                                    "sleep 1000 & echo $!; wait; echo reaped; read x",
                                    "sh",
                                    "-id",
                                    id,
                                    NULL };
        const char *environment[] = { "PATH=/usr/bin:/bin", NULL };
        posix_spawn_file_actions_t actions;
        int in[2], out[2], container;

        assert_int_equal(pipe(in), 0);
        assert_int_equal(pipe(out), 0);
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_adddup2(&actions, in[0], 0);
        posix_spawn_file_actions_adddup2(&actions, out[1], 1);
        posix_spawn_file_actions_addclose(&actions, in[1]);
        posix_spawn_file_actions_addclose(&actions, out[0]);
        assert_int_equal(posix_spawn(&fake->pid, "/bin/sh", &actions, NULL, (char **)arguments,
                                     (char **)environment),
                         0);
        posix_spawn_file_actions_destroy(&actions);
        close(in[0]);
        close(out[1]);
        fake->input = in[1];
        fake->told = fdopen(out[0], "r");
        assert_int_equal(fscanf(fake->told, "%d", &container), 1);
        fake->container = container;
}

static void fake_end_container(struct fake *fake)
{
        char word[16];

        kill(fake->container, SIGKILL);
        assert_int_equal(fscanf(fake->told, "%15s", word), 1);
        assert_string_equal(word, "reaped");
}

/* Tells how it ended: 0, or the signal. */
static int fake_stop(struct fake *fake)
{
        int status;

        kill(fake->container, SIGKILL);
        close(fake->input); /* the end of one that was spared */
        waitpid(fake->pid, &status, 0);
        fclose(fake->told);
        return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void the_shim_of_a_container_is_its_parent(void **state)
{
        struct shim_process shim = { 0 };
        struct fake fake;

        (void)state;
        fake_start(&fake, "first");
        shim_find(fake.container, &shim);
        assert_int_equal(shim.pid, fake.pid);
        assert_string_equal(shim.id, "first");
        fake_stop(&fake);
}

static void no_other_process_is_taken_for_a_shim(void **state)
{
        struct shim_process shim = { 0 };

        (void)state;
        shim_find(getpid(), &shim);
        shim_find(0, &shim);
        shim_find(-1, &shim);
        assert_int_equal(shim.pid, 0);
        shim_end_idle(&shim);
}

static void a_shim_without_containers_is_ended(void **state)
{
        struct shim_process shim = { 0 };
        struct fake fake;

        (void)state;
        fake_start(&fake, "first");
        shim_find(fake.container, &shim);
        fake_end_container(&fake);
        shim_end_idle(&shim);
        assert_int_equal(fake_stop(&fake), SIGKILL);
}

static void a_shim_with_a_container_is_spared(void **state)
{
        struct shim_process shim = { 0 };
        struct fake fake;

        (void)state;
        fake_start(&fake, "first");
        shim_find(fake.container, &shim);
        shim_end_idle(&shim);
        assert_int_equal(fake_stop(&fake), 0);
}

static void a_process_that_has_the_number_of_a_shim_is_spared(void **state)
{
        struct shim_process shim = { 0 };
        struct fake fake;

        (void)state;
        fake_start(&fake, "second");
        shim_find(fake.container, &shim);
        fake_end_container(&fake);
        strcpy(shim.id, "first");
        shim_end_idle(&shim);
        assert_int_equal(fake_stop(&fake), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_shim_of_a_container_is_its_parent),
                cmocka_unit_test(no_other_process_is_taken_for_a_shim),
                cmocka_unit_test(a_shim_without_containers_is_ended),
                cmocka_unit_test(a_shim_with_a_container_is_spared),
                cmocka_unit_test(a_process_that_has_the_number_of_a_shim_is_spared),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
