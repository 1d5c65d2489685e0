/* What the keeper holds when it has too few descriptors. */
#include "agent/keeper/keeper.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lib/base/check.h"
#include "lib/base/mem.h"
#include "lib/os/file.h"
#include "tests/unit/test.h"

enum { HARD_LIMIT = 64, SOFT_LIMIT = 44, N_NAMES = 30, OWN_FDS = 4 /* its agent's among them */ };

/* A pipe has no reader any more when the keeper let go of it. */
struct scene {
        char folder[32];
        struct loop *loop;
        struct keeper *keeper;
        int pipes[N_NAMES]; /* the writing end of what is held under this number */
        struct err err;
};

static void failed(void *context, const struct err *err)
{
        (void)context;
        fail_msg("%s", err->text);
}

/* The keeper's limits are those of who starts it. */
static void begin(struct scene *scene, rlim_t soft)
{
        struct rlimit limit = { soft, HARD_LIMIT };
        char path[64];

        CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
        snprintf(path, sizeof path, "%s/socket", scene->folder);
        CHECK(keeper_new(scene->loop, path, failed, scene, &scene->keeper, &scene->err) == 0);
}

static int setup(void **state)
{
        struct scene *scene = mem_alloc(sizeof *scene);

        strcpy(scene->folder, "/tmp/skep-keep-XXXXXX");
        CHECK(mkdtemp(scene->folder));
        CHECK(loop_new(&scene->loop, NULL) == 0);
        for (int i = 0; i < N_NAMES; i++)
                scene->pipes[i] = -1;
        *state = scene;
        return 0;
}

static const char *name_of(int number)
{
        static char name[16];

        snprintf(name, sizeof name, "task%d", number);
        return name;
}

static int teardown(void **state)
{
        struct scene *scene = *state;

        for (int i = 0; i < N_NAMES; i++) {
                keeper_release(scene->keeper, name_of(i)); /* else it would never end */
                closep(&scene->pipes[i]);
        }
        keeper_free(scene->keeper);
        loop_free(scene->loop);
        file_remove_tree(scene->folder, NULL);
        free(scene);
        return 0;
}

/* Hands over the reading end of a new pipe, once or twice, and returns the writing end. */
static int hand_over(struct scene *scene, int number, size_t n)
{
        int ends[2], fds[KEEPER_FDS_MAX];

        CHECK(pipe2(ends, O_CLOEXEC) == 0);
        fds[0] = fds[1] = ends[0];
        keeper_hold(scene->keeper, name_of(number), fds, n);
        close(ends[0]);
        return ends[1];
}

static bool is_held(int pipe, int timeout_ms)
{
        struct pollfd end = { .fd = pipe };

        return poll(&end, 1, timeout_ms) == 0;
}

/* Returns when the keeper has seen all that was said before. */
static void catch_up(struct scene *scene)
{
        int pipe = hand_over(scene, N_NAMES, 1);

        keeper_release(scene->keeper, name_of(N_NAMES));
        assert_false(is_held(pipe, 10000));
        close(pipe);
        CHECK(loop_turn(scene->loop, 0, NULL) >= 0); /* may have failed */
}

/* One by one: what is under way counts as the sender's, too. */
static void fill(struct scene *scene, int n)
{
        for (int i = 0; i < n; i++) {
                scene->pipes[i] = hand_over(scene, i, 2);
                catch_up(scene);
        }
}

static void it_takes_as_many_descriptors_as_it_may_have(void **state)
{
        enum { MORE = SOFT_LIMIT / 2 + 1 };
        struct scene *scene = *state;

        begin(scene, SOFT_LIMIT);
        fill(scene, MORE);
        for (int i = 0; i < MORE; i++)
                assert_true(is_held(scene->pipes[i], 0));
}

static void a_full_keeper_keeps_what_it_holds(void **state)
{
        enum { LAST = (HARD_LIMIT - OWN_FDS) / 2 - 1 };
        struct scene *scene = *state;

        begin(scene, HARD_LIMIT);
        fill(scene, LAST + 1);
        /* First there is room for none of the new ones, then for one. */
        for (int room = 0; room < 2; room++) {
                int refused = hand_over(scene, 0, 2);

                assert_false(is_held(refused, 10000));
                close(refused);
                catch_up(scene);
                assert_true(is_held(scene->pipes[0], 0));
                keeper_release(scene->keeper, name_of(LAST));
                closep(&scene->pipes[LAST]);
                scene->pipes[LAST] = hand_over(scene, LAST, 1);
        }
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
                T(it_takes_as_many_descriptors_as_it_may_have),
                T(a_full_keeper_keeps_what_it_holds),
        };

        if (argc > 0 && strcmp(argv[0], KEEPER_PROGRAM) == 0)
                return keeper_main();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
