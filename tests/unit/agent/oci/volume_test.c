/* Local volumes. */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/oci/rootfs.h"
#include "agent/oci/volume.h"
#include "lib/base/check.h"
#include "lib/base/str.h"
#include "lib/os/file.h"

struct fixture {
        char folder[300];
        struct arena arena;
        int root_fd;
        const char *path;
        struct err err;
};

static const char *in(struct fixture *f, const char *name)
{
        return arena_printf(&f->arena, "%s/%s", f->folder, name);
}

static void put(struct fixture *f, const char *name, const char *text)
{
        CHECK(file_write_atomic(in(f, name), text, strlen(text), 0640, NULL) == 0);
}

static int make(struct fixture *f, const char *name)
{
        return volume_make(in(f, "volumes"), name, NULL, &f->arena, &f->path, &f->err);
}

static int set_up(void **state)
{
        struct fixture *f = mem_alloc(sizeof *f);

        snprintf(f->folder, sizeof f->folder, "%s/volume-XXXXXX", getenv("TEST_TMPDIR"));
        CHECK(mkdtemp(f->folder));
        CHECK(file_make_folders(in(f, "root/data/sub"), 0755, NULL) == 0);
        put(f, "root/data/file", "hello");
        put(f, "root/data/sub/other", "deep");
        CHECK(symlink("file", in(f, "root/data/link")) == 0);
        CHECK(symlink("/data", in(f, "root/way")) == 0);
        CHECK(symlink("../../../../../../etc", in(f, "root/out")) == 0);
        f->root_fd = open(in(f, "root"), O_PATH | O_DIRECTORY | O_CLOEXEC);
        CHECK(f->root_fd >= 0);
        *state = f;
        return 0;
}

static int tear_down(void **state)
{
        struct fixture *f = *state;

        close(f->root_fd);
        CHECK(file_remove_tree(f->folder, NULL) == 0);
        arena_done(&f->arena);
        free(f);
        return 0;
}

static void assert_holds(struct fixture *f, const char *name, const char *text)
{
        _cleanup_(str_done) struct str str = { 0 };

        assert_int_equal(file_read(arena_printf(&f->arena, "%s/%s", f->path, name), 100, &str,
                                   NULL),
                         0);
        assert_string_equal(str.text, text);
}

static void a_new_volume_gets_what_the_image_has(void **state)
{
        struct fixture *f = *state;
        struct stat status;

        assert_int_equal(make(f, "v1"), 0);
        assert_int_equal(volume_fill(f->path, f->root_fd, "/data", &f->err), 0);
        assert_holds(f, "file", "hello");
        assert_holds(f, "sub/other", "deep");
        assert_holds(f, "link", "hello");
        assert_int_equal(stat(arena_printf(&f->arena, "%s/file", f->path), &status), 0);
        assert_int_equal(status.st_mode & 07777, 0640);
}

static void a_volume_with_content_is_left_alone(void **state)
{
        struct fixture *f = *state;

        assert_int_equal(make(f, "v1"), 0);
        put(f, "volumes/v1/_data/mine", "x");
        assert_int_equal(volume_fill(f->path, f->root_fd, "/data", &f->err), 0);
        assert_false(file_exists(arena_printf(&f->arena, "%s/file", f->path)));
}

static void links_of_the_image_stay_inside_it(void **state)
{
        struct fixture *f = *state;

        assert_int_equal(make(f, "v1"), 0);
        assert_int_equal(volume_fill(f->path, f->root_fd, "/out", &f->err), 0);
        assert_false(file_exists(arena_printf(&f->arena, "%s/passwd", f->path)));
        assert_int_equal(volume_fill(f->path, f->root_fd, "/way", &f->err), 0);
        assert_holds(f, "file", "hello");
}

static void a_name_that_leads_elsewhere_is_refused(void **state)
{
        static const char *const bad[] = { "", ".", "..", "../x", "a/b", "-x", "a b", "é" };
        struct fixture *f = *state;

        for (size_t i = 0; i < COUNT_OF(bad); i++)
                assert_int_equal(make(f, bad[i]), ERR_INVALID);
}

static void a_foreign_driver_is_refused(void **state)
{
        struct fixture *f = *state;
        Sk__Mount__VolumeOptions options = SK__MOUNT__VOLUME_OPTIONS__INIT;

        options.driver = "rexray";
        assert_int_equal(volume_make(in(f, "volumes"), "v", &options, &f->arena, &f->path, &f->err),
                         ERR_INVALID);
        assert_string_equal(f->err.text,
                            "error looking up volume plugin rexray: plugin \"rexray\" not found");
}

static int read_mount(struct fixture *f, const char *type, const char *o, const char *device,
                      struct volume_mount *ret)
{
        Sk__Mount__VolumeOptions options = SK__MOUNT__VOLUME_OPTIONS__INIT;
        Sk__Label labels[3] = { SK__LABEL__INIT, SK__LABEL__INIT, SK__LABEL__INIT };
        Sk__Label *all[] = { &labels[0], &labels[1], &labels[2] };
        const char *const words[][2] = { { "type", type }, { "o", o }, { "device", device } };

        for (int i = 0; i < 3; i++) {
                if (!words[i][1])
                        continue;
                labels[options.n_driver_options].key = words[i][0];
                labels[options.n_driver_options++].value = words[i][1];
        }
        options.driver_options = all;
        assert_true(volume_is_mount(&options));
        return volume_read_mount("v", &options, &f->arena, ret, &f->err);
}

static void a_share_is_a_mount_of_its_own(void **state)
{
        struct fixture *f = *state;
        struct volume_mount mount;

        assert_int_equal(read_mount(f, "nfs", "addr=127.0.0.1,rw,nfsvers=4", ":/export", &mount),
                         0);
        assert_string_equal(mount.type, "nfs");
        assert_string_equal(mount.source, ":/export");
        assert_int_equal(mount.n_options, 3);
        assert_string_equal(mount.options[0], "addr=127.0.0.1");
        assert_string_equal(mount.options[2], "nfsvers=4");
}

static void a_mount_without_a_device_is_refused(void **state)
{
        struct fixture *f = *state;
        struct volume_mount mount;

        assert_int_equal(read_mount(f, "nfs", "addr=127.0.0.1", NULL, &mount), ERR_INVALID);
        assert_string_equal(f->err.text, "volume 'v': missing device in volume options");
}

static int mount_part(struct fixture *f, const char *subpath)
{
        return volume_mount_part(in(f, "root"), subpath, in(f, "parts"), in(f, "parts/0"), NULL);
}

static void a_subpath_leads_through_no_link(void **state)
{
        struct fixture *f = *state;

        assert_int_equal(mount_part(f, "way/sub"), ERR_NOT_FOUND);
        assert_int_equal(mount_part(f, "out"), ERR_NOT_FOUND);
        assert_int_equal(mount_part(f, "data/none"), ERR_NOT_FOUND);
        assert_int_equal(mount_part(f, "../root/data"), ERR_NOT_FOUND);
        assert_int_equal(mount_part(f, "/etc"), ERR_NOT_FOUND);
}

static void a_file_is_read_inside_the_image_only(void **state)
{
        struct fixture *f = *state;
        _cleanup_(str_done) struct str str = { 0 };

        assert_int_equal(rootfs_read(f->root_fd, "/way/file", 100, &str, NULL), 0);
        assert_string_equal(str_text(&str), "hello");
        assert_int_equal(rootfs_read(f->root_fd, "/out/passwd", 100000, &str, NULL), 0);
        assert_string_equal(str_text(&str), "");
        assert_int_equal(rootfs_read(f->root_fd, "/data/file", 3, &str, NULL), ERR_INVALID);
        assert_int_equal(rootfs_read(f->root_fd, "/data", 100, &str, NULL), ERR_INVALID);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(a_new_volume_gets_what_the_image_has),
                TEST(a_volume_with_content_is_left_alone),
                TEST(links_of_the_image_stay_inside_it),
                TEST(a_name_that_leads_elsewhere_is_refused),
                TEST(a_foreign_driver_is_refused),
                TEST(a_share_is_a_mount_of_its_own),
                TEST(a_mount_without_a_device_is_refused),
                TEST(a_subpath_leads_through_no_link),
                TEST(a_file_is_read_inside_the_image_only),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
