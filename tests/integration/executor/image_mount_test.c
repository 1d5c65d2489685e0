/* Images that are mounted into a container: what it sees of them, and that nothing of them stays.
 */
#include "tests/integration/executor/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#include "lib/base/check.h"
#include "lib/os/file.h"

static const char *ask(const char *name)
{
        const char *value = getenv(name);

        CHECK(value);
        return value;
}

static void mount_image(struct bench *bench, const char *image, const char *target,
                        const char *subpath)
{
        Sk__ContainerSpec *container = bench->spec->task->container;
        Sk__Mount__ImageOptions *options = arena_alloc(&bench->arena, sizeof *options);

        sk__mount__image_options__init(options);
        options->subpath = subpath;
        bench_add_mount(bench, SK__MOUNT__TYPE__IMAGE, image, target);
        container->mounts[container->n_mounts - 1]->image = options;
}

static size_t count_lines(const char *command, const char *word)
{
        FILE *lines = popen(command, "re");
        char line[8192];
        size_t n = 0;

        CHECK(lines);
        while (fgets(line, sizeof line, lines))
                n += strstr(line, word) != NULL;
        CHECK(pclose(lines) == 0);
        return n;
}

static size_t count_snapshots(struct bench *bench)
{
        return count_lines(arena_printf(&bench->arena,
                                        "ctr -a %s/containerd/containerd.sock -n k8s.io "
                                        "snapshots ls",
                                        bench->run_folder),
                           bench->assignment->id);
}

static size_t count_mounts(struct bench *bench)
{
        return count_lines("cat /proc/self/mounts",
                           arena_printf(&bench->arena, "tasks/%s/parts/", bench->assignment->id));
}

static void nothing_is_left(struct bench *bench)
{
        assert_int_equal(count_mounts(bench), 0);
        assert_int_equal(count_snapshots(bench), 0);
}

static void fails(struct bench *bench, const char *words)
{
        bench_open(bench);
        bench_begin(bench, bench->executor->ops->prepare);
        bench_await_done(bench);
        assert_int_equal(bench->err.code, ERR_NOT_FOUND);
        if (!strstr(bench->err.text, words))
                fail_msg("'%s' is not in: %s", words, bench->err.text);
        nothing_is_left(bench);
}

static void an_image_is_mounted_read_only(void **state)
{
        struct bench *bench = *state;
        Sk__Mount **mounts;

        bench_describe(bench, "cat /m/app/file; cat /m/data/seed /one/data/seed;"
                              "echo x 2>/dev/null >/m/app/file || echo read-only;"
                              "rm /m/app/file 2>/dev/null || echo read-only;"
                              "touch /one/new 2>/dev/null || echo read-only");
        mount_image(bench, ask("SKEP_TEST_DATA_IMAGE"), "/m", "");
        bench_add_mount(bench, SK__MOUNT__TYPE__IMAGE, bench->image, "/one");
        mounts = bench->spec->task->container->mounts;
        assert_null(mounts[1]->image);
        assert_string_equal(bench_output(bench),
                            "inside\nseed\nseed\nread-only\nread-only\nread-only\n");
}

/* Of one layer or of several: other containers are made from them, too. */
static void who_may_mount_cannot_write_to_an_image_either(void **state)
{
        struct bench *bench = *state;
        const char *capabilities[] = { "SYS_ADMIN" };

        bench_describe(bench, "for m in /m /one; do mount -o remount,rw,bind $m $m 2>/dev/null;"
                              "touch $m/new 2>/dev/null || echo read-only; done");
        mount_image(bench, ask("SKEP_TEST_DATA_IMAGE"), "/m", "");
        mount_image(bench, bench->image, "/one", "");
        bench->spec->task->container->capability_add = capabilities;
        bench->spec->task->container->n_capability_add = 1;
        assert_string_equal(bench_output(bench), "read-only\nread-only\n");
}

static void a_part_of_an_image_is_a_folder_or_a_file(void **state)
{
        struct bench *bench = *state;
        const char *image = ask("SKEP_TEST_DATA_IMAGE");
        const char *colon = strrchr(image, ':');

        bench_describe(bench, "cat /m/file /n; ls / | grep -c app;"
                              "echo x 2>/dev/null >/n || echo read-only");
        mount_image(bench,
                    arena_printf(&bench->arena, "%.*s:v{{.Task.Slot}}", (int)(colon - image),
                                 image),
                    "/m", "app");
        mount_image(bench, image, "/n", "./app/../app/file");
        bench_open(bench);
        bench_do(bench, bench->executor->ops->prepare);
        assert_int_equal(count_mounts(bench), 2);
        assert_int_equal(count_snapshots(bench), 2);
        bench_do(bench, bench->executor->ops->start);
        bench_await_exit(bench);
        assert_string_equal(bench_logs(bench), "inside\ninside\n0\nread-only\n");
}

static void a_link_in_an_image_leads_within_it(void **state)
{
        struct bench *bench = *state;

        bench_describe(bench, "cat /m/mark /n/mark");
        mount_image(bench, ask("SKEP_TEST_DATA_IMAGE"), "/m", "app/way");
        mount_image(bench, ask("SKEP_TEST_DATA_IMAGE"), "/n", "app/out");
        assert_string_equal(bench_output(bench), "image\nimage\n");
}

static void what_is_not_there_is_told(void **state)
{
        struct bench *bench = *state;
        const char *image = arena_printf(&bench->arena, "%s-none", ask("SKEP_TEST_DATA_IMAGE"));
        Sk__Mount *mount;

        bench_describe(bench, "true");
        mount_image(bench, ask("SKEP_TEST_DATA_IMAGE"), "/m", "app");
        mount_image(bench, image, "/n", "");
        fails(bench, arena_printf(&bench->arena, "No such image: %s", image));
        bench->executor->ops->close(bench->task);
        mount = bench->spec->task->container->mounts[1];
        mount->source = ask("SKEP_TEST_DATA_IMAGE");
        mount->image->subpath = "app/none";
        fails(bench, "cannot access path \"app/none\": no such file or directory");
        bench->executor->ops->close(bench->task);
        mount->image->subpath = "app/file/x";
        fails(bench, "cannot access path \"app/file/x\": no such file or directory");
}

/* They were handed over for the image of the task. */
static void another_registry_sees_no_credentials(void **state)
{
        struct bench *bench = *state;
        Sk__RegistryAuth auth = SK__REGISTRY_AUTH__INIT;

        auth.username = "anna";
        auth.password = "secret";
        bench_describe(bench, "cat /m/file");
        bench->spec->task->container->registry_auth = &auth;
        mount_image(bench, ask("SKEP_TEST_LOCKED_DATA_IMAGE"), "/m", "app");
        fails(bench, "No such image: ");
        bench->executor->ops->close(bench->task);
        bench->spec->task->container->image = ask("SKEP_TEST_LOCKED_IMAGE");
        assert_string_equal(bench_output(bench), "inside\n");
}

static void all_is_given_back_when_it_ends(void **state)
{
        struct bench *bench = *state;

        bench_describe(bench, "sleep 1000");
        mount_image(bench, ask("SKEP_TEST_DATA_IMAGE"), "/m", "app");
        bench_open(bench);
        bench_run(bench);
        assert_int_equal(count_mounts(bench), 0); /* the container has its own */
        assert_int_equal(count_snapshots(bench), 2);
        bench_do(bench, bench->executor->ops->terminate);
        nothing_is_left(bench);
}

static void prepare_and_leave(struct bench *bench)
{
        mount_image(bench, ask("SKEP_TEST_DATA_IMAGE"), "/m", "app");
        bench_open(bench);
        bench_do(bench, bench->executor->ops->prepare);
        assert_int_equal(count_mounts(bench), 1);
}

static void an_agent_goes_on_with_what_another_prepared(void **state)
{
        struct bench *bench = *state;

        bench_describe(bench, "cat /m/file; sleep 1000");
        prepare_and_leave(bench);
        bench_restart_agent(bench);
        bench_do(bench, bench->executor->ops->start);
        assert_int_equal(count_snapshots(bench), 2);
        bench_restart_agent(bench);
        bench_do(bench, bench->executor->ops->shutdown);
        assert_string_equal(bench_logs(bench), "inside\n");
        nothing_is_left(bench);
}

/* All that is known of such a task is its id. */
static void remove_unwanted(struct bench *bench)
{
        assert_int_equal(bench_list(bench), 1);
        bench->spec = NULL;
        bench_open(bench);
        bench_do(bench, bench->executor->ops->remove);
        nothing_is_left(bench);
        assert_int_equal(bench_list(bench), 0);
}

static void of_a_task_nobody_wants_any_more_nothing_stays(void **state)
{
        struct bench *bench = *state;

        bench_describe(bench, "sleep 1000");
        prepare_and_leave(bench);
        bench_stop_agent(bench);
        bench_start_agent(bench);
        remove_unwanted(bench);
}

/* As when the machine stops before the task has a folder. */
static void a_task_is_found_by_its_snapshots(void **state)
{
        struct bench *bench = *state;
        const char *id, *folder;

        bench_describe(bench, "sleep 1000");
        prepare_and_leave(bench);
        bench_stop_agent(bench);
        bench_start_agent(bench);
        id = bench->assignment->id;
        folder = arena_printf(&bench->arena, "%s/tasks/%s", bench->state_folder, id);
        assert_int_equal(umount2(arena_printf(&bench->arena, "%s/parts/0", folder), 0), 0);
        assert_int_equal(file_remove_tree(folder, NULL), 0);
        assert_int_equal(count_lines(arena_printf(&bench->arena,
                                                  "ctr -a %s/containerd/containerd.sock -n k8s.io "
                                                  "containers rm --keep-snapshot %s",
                                                  bench->run_folder, id),
                                     id),
                         0);
        assert_int_equal(count_snapshots(bench), 2);
        remove_unwanted(bench);
}

struct count {
        bool has_come;
        size_t n;
};

static void counted(void *context, const Sk__ListImagesResponse *list, const struct err *err)
{
        struct count *count = context;

        assert_null(err);
        *count = (struct count){ true, list->n_images };
}

static size_t count_images(struct bench *bench)
{
        struct arena arena = { 0 };
        struct count count = { 0 };

        image_list(executor_containerd_images(bench->executor), &arena, counted, &count);
        UNTIL(bench, count.has_come);
        arena_done(&arena);
        return count.n;
}

static void an_image_that_is_mounted_makes_no_room(void **state)
{
        struct bench *bench = *state;

        bench_describe(bench, "sleep 1000");
        mount_image(bench, ask("SKEP_TEST_DATA_IMAGE"), "/m", "app");
        bench_open(bench);
        bench_run(bench);
        assert_true(count_images(bench) > 2);
        bench->disk_high_percent = 1;
        bench_restart_agent(bench);
        bench->disk_high_percent = 0;
        UNTIL(bench, count_images(bench) <= 2);
        bench_wait_ms(bench, 500);
        assert_int_equal(count_images(bench), 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_set_up, bench_tear_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(another_registry_sees_no_credentials),
                TEST(an_image_is_mounted_read_only),
                TEST(who_may_mount_cannot_write_to_an_image_either),
                TEST(a_part_of_an_image_is_a_folder_or_a_file),
                TEST(a_link_in_an_image_leads_within_it),
                TEST(what_is_not_there_is_told),
                TEST(all_is_given_back_when_it_ends),
                TEST(an_agent_goes_on_with_what_another_prepared),
                TEST(of_a_task_nobody_wants_any_more_nothing_stays),
                TEST(a_task_is_found_by_its_snapshots),
                TEST(an_image_that_is_mounted_makes_no_room),
        };

        return cmocka_run_group_tests(tests, bench_start, bench_stop);
}
