/* What a person asked for is what the container sees: each test looks from inside. */
#include "tests/integration/executor/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/check.h"
#include "lib/os/file.h"

static Sk__ContainerSpec *container_of_bench(struct bench *bench)
{
        return bench->spec->task->container;
}

static void the_user_has_the_images_groups(void **state)
{
        struct bench *bench = *state;

        bench_describe(bench, "id");
        container_of_bench(bench)->user = "app";
        assert_string_equal(bench_output(bench),
                            "uid=1000(app) gid=1000(app) groups=10(wheel),1000(app)\n");
}

static void variables_come_from_image_spec_and_task(void **state)
{
        struct bench *bench = *state;
        const char *env[] = { "SLOT={{.Task.Slot}}", "ON={{.Node.Hostname}}" };

        bench_describe(bench, "echo $FROM $SLOT $ON $HOSTNAME $HOME");
        container_of_bench(bench)->env = env;
        container_of_bench(bench)->n_env = 2;
        container_of_bench(bench)->hostname = "{{.Service.Name}}-{{.Task.Slot}}";
        assert_string_equal(bench_output(bench), "image 1 node-1 web-1 /root\n");
}

static void the_hostname_is_the_containers_own(void **state)
{
        struct bench *bench = *state;

        bench_describe(bench, "hostname; cat /etc/hostname; grep box /etc/hosts");
        container_of_bench(bench)->hostname = "box";
        bench->spec->task->container->hosts = (const char *[]){ "10.9.8.7 box2" };
        bench->spec->task->container->n_hosts = 1;
        assert_string_equal(bench_output(bench), "box\nbox\n10.9.8.7\tbox2\n");
}

static void a_secret_is_a_file_in_memory(void **state)
{
        struct bench *bench = *state;
        Sk__FileReference reference = SK__FILE_REFERENCE__INIT, *references[] = { &reference };
        Sk__SecretEntry secret = SK__SECRET_ENTRY__INIT;
        char path[400];

        secret.id = reference.id = "secretid";
        secret.content.data = (uint8_t *)"hush";
        secret.content.len = 4;
        reference.name = "key";
        reference.uid = "1000";
        reference.gid = "10";
        reference.mode = 0440;
        bench_describe(bench, "cat /run/secrets/key; echo; stat -c '%u %g %a' /run/secrets/key; "
                              "echo x 2>/dev/null >/run/secrets/key || echo read-only");
        container_of_bench(bench)->secrets = references;
        container_of_bench(bench)->n_secrets = 1;
        bench->secret = &secret;
        assert_string_equal(bench_output(bench), "hush\n1000 10 440\nread-only\n");
        bench_do(bench, bench->executor->ops->shutdown);
        snprintf(path, sizeof path, "%s/memory/%s", bench->run_folder, bench->assignment->id);
        assert_false(file_exists(path));
}

static void a_new_volume_holds_what_the_image_has_there(void **state)
{
        struct bench *bench = *state;

        bench_describe(bench, "cat /data/seed; echo more >/data/kept");
        bench_add_mount(bench, SK__MOUNT__TYPE__VOLUME, "vol-{{.Service.Name}}", "/data");
        assert_string_equal(bench_output(bench), "seed\n");
        bench_do(bench, bench->executor->ops->remove);
        bench->executor->ops->close(bench->task);
        bench_describe(bench, "cat /data/kept");
        bench_add_mount(bench, SK__MOUNT__TYPE__VOLUME, "vol-web", "/data");
        assert_string_equal(bench_output(bench), "more\n");
}

static void a_volume_can_be_a_mount_of_its_own(void **state)
{
        struct bench *bench = *state;
        Sk__Mount__VolumeOptions options = SK__MOUNT__VOLUME_OPTIONS__INIT;
        Sk__Label type = SK__LABEL__INIT, device = SK__LABEL__INIT, o = SK__LABEL__INIT;
        Sk__Label *all[] = { &type, &device, &o };

        type.key = "type";
        device.key = "device";
        o.key = "o";
        type.value = device.value = "tmpfs";
        o.value = "size=1m,uid=1000";
        options.driver_options = all;
        options.n_driver_options = 3;
        bench_describe(bench, "stat -c %u /t; grep ' /t ' /proc/mounts | grep -c size=1024k");
        bench_add_mount(bench, SK__MOUNT__TYPE__VOLUME, "quick", "/t");
        container_of_bench(bench)->mounts[0]->volume = &options;
        assert_string_equal(bench_output(bench), "1000\n1\n");
}

static void write_file(struct bench *bench, const char *folder, const char *name, const char *text)
{
        const char *path = arena_printf(&bench->arena, "%s/%s", folder, name);

        CHECK(file_make_folders(folder, 0755, NULL) == 0);
        CHECK(file_write_atomic(path, text, strlen(text), 0644, NULL) == 0);
}

/* Another container of the volume may change it at any moment. */
static void a_part_of_a_volume_is_what_it_was_when_it_was_looked_at(void **state)
{
        struct bench *bench = *state;
        Sk__Mount__VolumeOptions options = SK__MOUNT__VOLUME_OPTIONS__INIT;
        const char *data, *sub, *outside;

        bench_describe(bench, "cat /part/file");
        data = arena_printf(&bench->arena, "%s/volumes/shared/_data", bench->state_folder);
        sub = arena_printf(&bench->arena, "%s/sub", data);
        outside = arena_printf(&bench->arena, "%s/outside", bench->folder);
        write_file(bench, sub, "file", "inside\n");
        write_file(bench, outside, "file", "outside\n");
        options.subpath = "sub";
        bench_add_mount(bench, SK__MOUNT__TYPE__VOLUME, "shared", "/part");
        container_of_bench(bench)->mounts[0]->volume = &options;
        bench_open(bench);
        bench_do(bench, bench->executor->ops->prepare);
        CHECK(rename(sub, arena_printf(&bench->arena, "%s/moved", data)) == 0);
        CHECK(symlink(outside, sub) == 0);
        bench_do(bench, bench->executor->ops->start);
        bench_await_exit(bench);
        assert_string_equal(bench_logs(bench), "inside\n");
}

static void a_bind_mount_can_be_read_only(void **state)
{
        struct bench *bench = *state;
        const char *path = arena_printf(&bench->arena, "%s/bound", bench->folder);

        CHECK(file_make_folders(path, 0755, NULL) == 0);
        CHECK(file_write_atomic(arena_printf(&bench->arena, "%s/f", path), "hi\n", 3, 0644, NULL) ==
              0);
        bench_describe(bench, "cat /b/f; echo x 2>/dev/null >/b/f || echo read-only");
        bench_add_mount(bench, SK__MOUNT__TYPE__BIND, path, "/b");
        container_of_bench(bench)->mounts[0]->read_only = true;
        assert_string_equal(bench_output(bench), "hi\nread-only\n");
}

static void bind(struct bench *bench, const char *source, const char *propagation)
{
        Sk__Mount__BindOptions *options = arena_alloc(&bench->arena, sizeof *options);

        sk__mount__bind_options__init(options);
        options->propagation = propagation;
        bench_add_mount(bench, SK__MOUNT__TYPE__BIND, source, "/m");
        container_of_bench(bench)->mounts[0]->bind = options;
}

static void what_is_mounted_in_a_shared_mount_is_seen_outside(void **state)
{
        struct bench *bench = *state;
        const char *place = arena_printf(&bench->arena, "%s/shared", bench->folder);
        const char *capabilities[] = { "SYS_ADMIN" };
        struct stat status;

        assert_int_equal(mkdir(place, 0755), 0);
        assert_int_equal(mount("tmpfs", place, "tmpfs", 0, NULL), 0);
        assert_int_equal(mount(NULL, place, NULL, MS_SHARED, NULL), 0);
        bench_describe(bench, "mkdir /m/in; mount -t tmpfs tmpfs /m/in; touch /m/in/file");
        container_of_bench(bench)->capability_add = capabilities;
        container_of_bench(bench)->n_capability_add = 1;
        bind(bench, place, "rshared");
        assert_string_equal(bench_output(bench), "");
        assert_int_equal(stat(arena_printf(&bench->arena, "%s/in/file", place), &status), 0);
        umount2(arena_printf(&bench->arena, "%s/in", place), MNT_DETACH);
        umount2(place, MNT_DETACH);
}

static void what_is_not_shared_cannot_be_mounted_so(void **state)
{
        struct bench *bench = *state;
        const char *place = arena_printf(&bench->arena, "%s/alone", bench->folder);

        assert_int_equal(mkdir(place, 0755), 0);
        assert_int_equal(mount("tmpfs", place, "tmpfs", 0, NULL), 0);
        assert_int_equal(mount(NULL, place, NULL, MS_PRIVATE, NULL), 0);
        bench_describe(bench, "true");
        bind(bench, place, "rslave");
        bench_open(bench);
        bench_begin(bench, bench->executor->ops->prepare);
        bench_await_done(bench);
        assert_int_equal(bench->err.code, ERR_INVALID);
        assert_non_null(strstr(bench->err.text, "is not a shared or slave mount"));
        umount2(place, MNT_DETACH);
}

static void a_bind_mount_of_nothing_is_invalid(void **state)
{
        struct bench *bench = *state;

        bench_describe(bench, "true");
        bench_add_mount(bench, SK__MOUNT__TYPE__BIND, "/not/here", "/b");
        bench_open(bench);
        bench_begin(bench, bench->executor->ops->prepare);
        bench_await_done(bench);
        assert_int_equal(bench->err.code, ERR_INVALID);
        assert_string_equal(bench->err.text, "invalid mount config for type \"bind\": bind source "
                                             "path does not exist: /not/here");
}

static void the_root_can_be_read_only_with_a_tmpfs_in_it(void **state)
{
        struct bench *bench = *state;

        bench_describe(bench,
                       "echo x 2>/dev/null >/x || echo read-only; echo y >/tmp/y; cat /tmp/y; "
                       "grep ' /tmp ' /proc/mounts | head -c 5");
        container_of_bench(bench)->read_only = true;
        bench_add_mount(bench, SK__MOUNT__TYPE__TMPFS, "", "/tmp");
        assert_string_equal(bench_output(bench), "read-only\ny\ntmpfs\n");
}

static void what_reaches_the_machine_is_refused(void **state)
{
        struct bench *bench = *state;

        bench_describe(bench, "mount -t tmpfs x /tmp 2>/dev/null || echo no; "
                              "head -c 1 /sys/firmware/acpi 2>/dev/null; "
                              "echo 1 2>/dev/null >/proc/sys/kernel/panic || echo no; "
                              "grep -E 'Seccomp:|NoNewPrivs' /proc/self/status");
        assert_string_equal(bench_output(bench), "no\nno\nNoNewPrivs:\t0\nSeccomp:\t2\n");
}

static void an_init_process_reaps(void **state)
{
        struct bench *bench = *state;
        Sk__ContainerSpec__Init init = SK__CONTAINER_SPEC__INIT__INIT;

        init.enabled = true;
        bench_describe(bench, "head -c 17 /proc/1/cmdline | head -n 1; echo; echo $$");
        container_of_bench(bench)->init = &init;
        assert_true(str_starts_with(bench_output(bench), "/sbin/docker-init"));
}

static void a_terminal_is_one_stream(void **state)
{
        struct bench *bench = *state;

        bench_describe(bench, "echo out; echo err >&2; [ -t 0 ] && echo terminal; echo $TERM");
        container_of_bench(bench)->tty = true;
        assert_string_equal(bench_output(bench), "out\r\nerr\r\nterminal\r\nxterm\r\n");
}

static void a_task_that_floods_its_output_loses_none(void **state)
{
        struct bench *bench = *state;
        const char *text;

        bench_describe(bench, "i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done");
        text = bench_output(bench);
        assert_true(str_ends_with(text, "\nline 19999\n"));
        assert_true(str_starts_with(text, "line 0\nline 1\n"));
        assert_int_equal(strlen(text), 10 * 7 + 90 * 8 + 900 * 9 + 9000 * 10 + 10000 * 11);
}

static void a_log_driver_nobody_has_is_refused(void **state)
{
        struct bench *bench = *state;
        Sk__LogDriver driver = SK__LOG_DRIVER__INIT;

        driver.name = "gelf";
        bench_describe(bench, "true");
        bench->spec->task->log_driver = &driver;
        bench_open(bench);
        bench_begin(bench, bench->executor->ops->prepare);
        bench_await_done(bench);
        assert_int_equal(bench->err.code, ERR_INVALID);
}

static void the_stop_signal_is_the_specs(void **state)
{
        struct bench *bench = *state;

        bench_describe(bench, "trap 'exit 42' USR1; while :; do sleep 0.1; done");
        container_of_bench(bench)->stop_signal = "SIGUSR1";
        bench_open(bench);
        bench_run(bench);
        bench_wait_ms(bench, 300);
        bench_restart_agent(bench);
        bench_do(bench, bench->executor->ops->shutdown);
        assert_int_equal(bench->exit.exit_code, 42);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_set_up, bench_tear_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(the_user_has_the_images_groups),
                TEST(variables_come_from_image_spec_and_task),
                TEST(the_hostname_is_the_containers_own),
                TEST(a_secret_is_a_file_in_memory),
                TEST(a_new_volume_holds_what_the_image_has_there),
                TEST(a_volume_can_be_a_mount_of_its_own),
                TEST(a_part_of_a_volume_is_what_it_was_when_it_was_looked_at),
                TEST(a_bind_mount_can_be_read_only),
                TEST(what_is_mounted_in_a_shared_mount_is_seen_outside),
                TEST(what_is_not_shared_cannot_be_mounted_so),
                TEST(a_bind_mount_of_nothing_is_invalid),
                TEST(the_root_can_be_read_only_with_a_tmpfs_in_it),
                TEST(what_reaches_the_machine_is_refused),
                TEST(an_init_process_reaps),
                TEST(a_terminal_is_one_stream),
                TEST(a_task_that_floods_its_output_loses_none),
                TEST(a_log_driver_nobody_has_is_refused),
                TEST(the_stop_signal_is_the_specs),
        };

        return cmocka_run_group_tests(tests, bench_start, bench_stop);
}
