/* Volumes: made once, listed with their users, removed when nobody uses them. */
#include "agent/oci/volume_record.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/str.h"
#include "lib/message/message.h"
#include "lib/os/file.h"
#include "tests/unit/test.h"

struct place {
        char folder[300], volumes[320], tasks[320], task[340];
        struct arena arena;
        struct err err;
};

static int setup(void **state)
{
        struct place *place = mem_alloc(sizeof *place);

        snprintf(place->folder, sizeof place->folder, "%s/volumes-XXXXXX", getenv("TEST_TMPDIR"));
        assert_non_null(mkdtemp(place->folder));
        snprintf(place->volumes, sizeof place->volumes, "%s/volumes", place->folder);
        snprintf(place->tasks, sizeof place->tasks, "%s/tasks", place->folder);
        snprintf(place->task, sizeof place->task, "%s/t1", place->tasks);
        assert_int_equal(file_make_folders(place->task, 0700, NULL), 0);
        *state = place;
        return 0;
}

static int teardown(void **state)
{
        struct place *place = *state;

        file_remove_tree(place->folder, NULL);
        arena_done(&place->arena);
        free(place);
        return 0;
}

static Sk__NodeVolume a_volume(const char *name)
{
        Sk__NodeVolume volume = SK__NODE_VOLUME__INIT;

        volume.name = name;
        return volume;
}

static int create(struct place *place, const Sk__NodeVolume *wanted, Sk__NodeVolume **ret)
{
        return volume_create(place->volumes, wanted, 7, &place->arena, ret, &place->err);
}

static void a_volume_stays_what_it_was_made_as(void **state)
{
        struct place *place = *state;
        Sk__Label label = SK__LABEL__INIT, *labels = &label;
        Sk__NodeVolume wanted = a_volume("data"), again = a_volume("data"), *made;

        label.key = "a";
        label.value = "b";
        wanted.labels = &labels;
        wanted.n_labels = 1;
        assert_int_equal(create(place, &wanted, &made), 0);
        assert_int_equal(create(place, &again, &made), 0);
        assert_int_equal(made->n_labels, 1);
        assert_string_equal(made->labels[0]->value, "b");
        assert_string_equal(made->driver, "local");
        assert_int_equal(made->created_at_ns, 7);
        assert_true(file_exists(made->mountpoint));
}

static void what_cannot_be_made_leaves_nothing(void **state)
{
        static const char *const bad[] = { "", ".", "..", "a/b", "-a", "a b" };
        struct place *place = *state;
        Sk__ListVolumesResponse all = SK__LIST_VOLUMES_RESPONSE__INIT;
        Sk__NodeVolume wanted = a_volume("x"), *made;

        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
                wanted.name = bad[i];
                assert_int_equal(create(place, &wanted, &made), ERR_INVALID);
        }
        wanted.name = "x";
        wanted.driver = "nosuch";
        assert_int_equal(create(place, &wanted, &made), ERR_INVALID);
        assert_int_equal(volume_list(place->volumes, place->tasks, &place->arena, &all,
                                     &place->err),
                         0);
        assert_int_equal(all.n_volumes, 0);
}

static void one_that_is_in_use_is_not_removed(void **state)
{
        const char *names[] = { "other", "data" };
        struct place *place = *state;
        Sk__NodeVolume wanted = a_volume("data"), *made;
        Sk__ListVolumesResponse all = SK__LIST_VOLUMES_RESPONSE__INIT;

        assert_int_equal(create(place, &wanted, &made), 0);
        assert_int_equal(volume_note_users(place->task, names, 2, &place->err), 0);
        assert_int_equal(volume_list(place->volumes, place->tasks, &place->arena, &all,
                                     &place->err),
                         0);
        assert_int_equal(all.n_volumes, 1);
        assert_string_equal(all.volumes[0]->tasks[0], "t1");
        assert_int_equal(volume_remove(place->volumes, place->tasks, "data", &place->err),
                         ERR_PRECONDITION);
        assert_string_equal(place->err.text, "remove data: volume is in use - [t1]");
        assert_int_equal(volume_forget_users(place->task, place->volumes, "t1", &place->err), 0);
        assert_int_equal(volume_remove(place->volumes, place->tasks, "data", &place->err), 0);
        assert_int_equal(volume_remove(place->volumes, place->tasks, "data", &place->err),
                         ERR_NOT_FOUND);
        assert_int_equal(volume_remove(place->volumes, place->tasks, "../tasks", &place->err),
                         ERR_NOT_FOUND);
}

static void every_user_is_told_of_its_own_volumes(void **state)
{
        const char *names[] = { "c", "a" };
        struct place *place = *state;
        Sk__ListVolumesResponse all = SK__LIST_VOLUMES_RESPONSE__INIT;
        char task[360];

        for (const char *name = "a\0b\0c\0"; name[0]; name += 2) {
                Sk__NodeVolume wanted = a_volume(name), *made;

                assert_int_equal(create(place, &wanted, &made), 0);
        }
        snprintf(task, sizeof task, "%s/t2", place->tasks);
        assert_int_equal(file_make_folders(task, 0700, NULL), 0);
        assert_int_equal(volume_note_users(place->task, names, 2, NULL), 0);
        assert_int_equal(volume_note_users(task, names, 1, NULL), 0);
        assert_int_equal(volume_list(place->volumes, place->tasks, &place->arena, &all, NULL), 0);
        assert_int_equal(all.n_volumes, 3);
        assert_int_equal(all.volumes[0]->n_tasks, 1);
        assert_string_equal(all.volumes[0]->tasks[0], "t1");
        assert_int_equal(all.volumes[1]->n_tasks, 0);
        assert_int_equal(all.volumes[2]->n_tasks, 2);
}

/* Taken for a local one, a plugin's volume would be a folder of this node. */
static void one_whose_record_cannot_be_read_is_no_plain_one(void **state)
{
        const char *names[] = { "data" };
        struct place *place = *state;
        Sk__NodeVolume wanted = a_volume("data"), *made;
        char record[400];
        _cleanup_(freep) char *zeros = mem_alloc(2 << 20);

        assert_int_equal(create(place, &wanted, &made), 0);
        assert_int_equal(volume_note_users(place->task, names, 1, NULL), 0);
        snprintf(record, sizeof record, "%s/data/volume", place->volumes);
        assert_int_equal(file_write_atomic(record, zeros, 2 << 20, 0600, NULL), 0);
        assert_int_equal(volume_read(place->volumes, "data", &place->arena, &made, &place->err),
                         ERR_RANGE);
        assert_int_equal(create(place, &wanted, &made), ERR_RANGE);
        assert_int_equal(volume_forget_users(place->task, place->volumes, "t1", &place->err),
                         ERR_RANGE);
}

/* Of a plugin that is not here; an agent may come to know it again. */
static void describe(struct place *place, uint8_t **ret, size_t *ret_size)
{
        Sk__NodeVolume record = SK__NODE_VOLUME__INIT;

        record.driver = "nosuch";
        message_pack(&place->arena, &record.base, ret, ret_size);
}

/* The volume "data". */
static void make_of_plugin(struct place *place)
{
        Sk__NodeVolume wanted = a_volume("data"), *made;
        uint8_t *data;
        size_t size;
        char path[400];

        assert_int_equal(create(place, &wanted, &made), 0);
        describe(place, &data, &size);
        snprintf(path, sizeof path, "%s/data/volume", place->volumes);
        assert_int_equal(file_write_atomic(path, data, size, 0600, NULL), 0);
}

/* It stays mounted for the task "t1". */
static void leave(struct place *place)
{
        const char *names[] = { "data" };

        assert_int_equal(volume_note_users(place->task, names, 1, NULL), 0);
        assert_true(volume_forget_users(place->task, place->volumes, "t1", &place->err) < 0);
}

static void what_could_not_be_unmounted_is_tried_again(void **state)
{
        struct place *place = *state;
        char path[400];

        make_of_plugin(place);
        assert_int_equal(volume_settle_all(place->volumes), 0);
        leave(place);
        assert_int_equal(volume_settle_all(place->volumes), 1);
        volume_keep(place->volumes, "data", "t1");
        assert_int_equal(volume_settle_all(place->volumes), 0);
        leave(place);
        assert_int_equal(volume_settle_all(place->volumes), 1);
        snprintf(path, sizeof path, "%s/data/volume", place->volumes);
        assert_int_equal(unlink(path), 0); /* local again: nothing to unmount */
        assert_int_equal(volume_settle_all(place->volumes), 0);
        snprintf(path, sizeof path, "%s/data/left-t1", place->volumes);
        assert_false(file_exists(path));
}

static pid_t begin_to_settle(const struct place *place)
{
        pid_t pid = fork();

        assert_true(pid >= 0);
        if (pid == 0)
                _exit((int)volume_settle_all(place->volumes));
        return pid;
}

/* The pipe ends when it is done. */
static pid_t begin_to_keep(const struct place *place, int record, int *ret_pipe)
{
        int ends[2];
        pid_t pid;

        assert_int_equal(pipe(ends), 0);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                close(record);
                volume_keep(place->volumes, "data", "t1");
                _exit(0);
        }
        close(ends[1]);
        *ret_pipe = ends[0];
        return pid;
}

/* Else an Unmount from before came after its Mount. */
static void a_task_made_anew_waits_for_what_is_being_unmounted(void **state)
{
        struct place *place = *state;
        struct pollfd kept = { 0 };
        pid_t settler, keeper;
        char path[400];
        uint8_t *data;
        size_t size;
        int status, record;

        make_of_plugin(place);
        leave(place);
        describe(place, &data, &size);
        snprintf(path, sizeof path, "%s/data/volume", place->volumes);
        assert_int_equal(unlink(path), 0);
        assert_int_equal(mkfifo(path, 0600), 0);
        settler = begin_to_settle(place);
        record = open(path, O_WRONLY | O_CLOEXEC); /* it reads what it is about to unmount */
        assert_true(record >= 0);
        keeper = begin_to_keep(place, record, &kept.fd);
        assert_int_equal(poll(&kept, 1, 300), 0);
        assert_int_equal(write(record, data, size), size);
        close(record);
        assert_int_equal(waitpid(settler, &status, 0), settler);
        assert_int_equal(WEXITSTATUS(status), 1);
        assert_int_equal(waitpid(keeper, &status, 0), keeper);
        close(kept.fd);
        snprintf(path, sizeof path, "%s/data/left-t1", place->volumes);
        assert_false(file_exists(path));
}

static void what_could_not_be_read_back_is_not_made(void **state)
{
        struct place *place = *state;
        Sk__NodeVolume wanted = a_volume("data"), *made;
        Sk__Label label = SK__LABEL__INIT, *labels = &label;
        _cleanup_(freep) char *text = mem_alloc((1 << 20) + 1);

        memset(text, 'a', 1 << 20);
        label.key = text;
        wanted.labels = &labels;
        wanted.n_labels = 1;
        assert_int_equal(create(place, &wanted, &made), ERR_INVALID);
        assert_string_equal(place->err.text,
                            "create data: its labels and options are more than 1 MiB");
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                T(a_volume_stays_what_it_was_made_as),
                T(what_cannot_be_made_leaves_nothing),
                T(one_that_is_in_use_is_not_removed),
                T(every_user_is_told_of_its_own_volumes),
                T(one_whose_record_cannot_be_read_is_no_plain_one),
                T(what_could_not_be_unmounted_is_tried_again),
                T(a_task_made_anew_waits_for_what_is_being_unmounted),
                T(what_could_not_be_read_back_is_not_made),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
