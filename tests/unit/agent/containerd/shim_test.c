#include "agent/containerd/shim.h"

#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/os/file.h"
#include "tests/unit/test.h"

enum { TICK_US = 10000 }; /* what births are told apart by */

/* A process that looks like a shim: it tells the pid of its one container, reaps that, and stays.
 */
struct fake {
        pid_t pid, container;
        FILE *told;
        int input;
        char folder[64], socket[80]; /* where it listens */
};

static int listen_at(struct fake *fake)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        strcpy(fake->folder, "/tmp/skep-shim-XXXXXX");
        assert_non_null(mkdtemp(fake->folder));
        snprintf(fake->socket, sizeof fake->socket, "%s/s", fake->folder);
        strcpy(address.sun_path, fake->socket);
        assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
        assert_int_equal(listen(fd, 1), 0);
        return fd;
}

static void fake_start(struct fake *fake, const char *id)
{
        int listener = listen_at(fake);
        const char *arguments[] = { "containerd-shim-runc-v2",
                                    "-c",
                                    "sleep 1000 & echo $!; wait; echo reaped; read x",
                                    "sh",
                                    "-id",
                                    id,
                                    "-address",
                                    fake->folder,
                                    NULL };
        const char *environment[] = { "PATH=/usr/bin:/bin", NULL };
        posix_spawn_file_actions_t actions;
        int in[2], out[2], container;

        assert_int_equal(pipe(in), 0);
        assert_int_equal(pipe(out), 0);
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_adddup2(&actions, in[0], 0);
        posix_spawn_file_actions_adddup2(&actions, out[1], 1);
        posix_spawn_file_actions_adddup2(&actions, listener, 3);
        posix_spawn_file_actions_addclose(&actions, in[1]);
        posix_spawn_file_actions_addclose(&actions, out[0]);
        assert_int_equal(posix_spawn(&fake->pid, "/bin/sh", &actions, NULL, (char **)arguments,
                                     (char **)environment),
                         0);
        posix_spawn_file_actions_destroy(&actions);
        close(listener);
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
        file_remove_tree(fake->folder, NULL);
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

/* By a process that is younger than the shim, as the next agent is. */
static void sweep(const struct fake *fake, const char *bundles)
{
        pid_t younger;

        usleep(3 * TICK_US);
        younger = fork();
        if (younger == 0) {
                shim_sweep(fake->folder, bundles);
                _exit(0);
        }
        waitpid(younger, NULL, 0);
}

static void note_bundle(const char *bundles, const char *id, const char *socket)
{
        char path[128], text[128];

        snprintf(path, sizeof path, "%s/%s", bundles, id);
        assert_int_equal(file_make_folders(path, 0700, NULL), 0);
        snprintf(path, sizeof path, "%s/%s/address", bundles, id);
        snprintf(text, sizeof text, "unix://%s", socket);
        assert_int_equal(file_write_atomic(path, text, strlen(text), 0600, NULL), 0);
}

static void an_old_shim_that_containerd_forgot_is_swept_away(void **state)
{
        struct fake fake;
        char bundles[96];

        (void)state;
        fake_start(&fake, "first");
        snprintf(bundles, sizeof bundles, "%s/bundles", fake.folder);
        sweep(&fake, bundles);
        assert_int_equal(kill(fake.container, 0), 0); /* it lives in it */
        fake_end_container(&fake);
        note_bundle(bundles, "second", "/run/another");
        sweep(&fake, bundles);
        assert_int_equal(fake_stop(&fake), SIGKILL);
}

/* Nobody asked yet how what was in it ended. */
static void an_old_shim_that_containerd_knows_is_not_swept_away(void **state)
{
        struct fake fake;
        char bundles[96];

        (void)state;
        fake_start(&fake, "first");
        snprintf(bundles, sizeof bundles, "%s/bundles", fake.folder);
        note_bundle(bundles, "first", fake.socket);
        fake_end_container(&fake);
        sweep(&fake, bundles);
        assert_int_equal(fake_stop(&fake), 0);
}

static void who_cannot_tell_whose_a_shim_is_spares_it(void **state)
{
        struct fake fake;
        char bundles[96];

        (void)state;
        fake_start(&fake, "first");
        snprintf(bundles, sizeof bundles, "%s/bundles", fake.folder);
        note_bundle(bundles, "second", "/run/another");
        snprintf(bundles, sizeof bundles, "%s/bundles/third", fake.folder);
        assert_int_equal(file_make_folders(bundles, 0700, NULL), 0);
        snprintf(bundles, sizeof bundles, "%s/bundles", fake.folder);
        fake_end_container(&fake);
        sweep(&fake, bundles);
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
                cmocka_unit_test(an_old_shim_that_containerd_forgot_is_swept_away),
                cmocka_unit_test(an_old_shim_that_containerd_knows_is_not_swept_away),
                cmocka_unit_test(who_cannot_tell_whose_a_shim_is_spares_it),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
