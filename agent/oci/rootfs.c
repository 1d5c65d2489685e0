/* Mounting a snapshot for a look. */
#include "agent/oci/rootfs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/base/check.h"
#include "lib/base/mem.h"

struct visit {
        const struct rootfs_mount *mount;
        const char *place;
        int (*look)(void *context, int root_fd, struct err *err);
        void *context;
        struct err *err;
        int result;
};

static const struct {
        const char *option;
        unsigned long flag;
} flags[] = {
        { "ro", MS_RDONLY },           { "rw", 0 },           { "bind", MS_BIND },
        { "rbind", MS_BIND | MS_REC }, { "nodev", MS_NODEV }, { "nosuid", MS_NOSUID },
        { "noexec", MS_NOEXEC },
};

static unsigned long split_options(const struct rootfs_mount *mount, struct str *ret_data)
{
        unsigned long found = 0;

        for (size_t i = 0; i < mount->n_options; i++) {
                size_t at = 0;

                while (at < COUNT_OF(flags) && !str_equal(flags[at].option, mount->options[i]))
                        at++;
                if (at < COUNT_OF(flags)) {
                        found |= flags[at].flag;
                        continue;
                }
                if (ret_data->length > 0)
                        str_add_char(ret_data, ',');
                str_add(ret_data, mount->options[i]);
        }
        return found;
}

/* The kernel takes one page of options, less than the layers of a deep image need: goes to the
 * folder they share and names them from there. */
static int shorten(struct str *data)
{
        static const char marker[] = "/snapshots/";
        const char *lower = strstr(str_text(data), "lowerdir=");
        const char *end = lower ? strstr(lower, marker) : NULL;
        _cleanup_(freep) char *folder = NULL;
        struct str shorter = { 0 };
        const char *at, *found;

        if (!end)
                return 0;
        lower += strlen("lowerdir=");
        folder = mem_alloc((size_t)(end - lower) + sizeof marker);
        memcpy(folder, lower, (size_t)(end - lower) + strlen(marker));
        if (chdir(folder) < 0)
                return -1;
        for (at = data->text; (found = strstr(at, folder)); at = found + strlen(folder))
                str_add_bytes(&shorter, at, (size_t)(found - at));
        str_add(&shorter, at);
        str_done(data);
        *data = shorter;
        return 0;
}

static int mount_it(const struct visit *visit)
{
        _cleanup_(str_done) struct str data = { 0 };
        unsigned long found = split_options(visit->mount, &data);

        if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
            shorten(&data) < 0)
                return -1;
        return mount(visit->mount->source, visit->place, visit->mount->type, found,
                     str_text(&data));
}

static void *visit_along(void *context)
{
        struct visit *visit = context;
        _cleanup_(closep) int root_fd = -1;

        if (mount_it(visit) == 0)
                root_fd = open(visit->place, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (root_fd < 0)
                visit->result = err_set(visit->err, ERR_INTERNAL, "mount the image on '%s': %s",
                                        visit->place, strerror(errno));
        else
                visit->result = visit->look(visit->context, root_fd, visit->err);
        return NULL;
}

int rootfs_visit(const struct rootfs_mount *mount, const char *place,
                 int (*look)(void *context, int root_fd, struct err *err), void *context,
                 struct err *err)
{
        struct visit visit = { mount, place, look, context, err, 0 };
        pthread_t thread;
        int error = pthread_create(&thread, NULL, visit_along, &visit);

        /* A thread of its own, because a thread cannot go back to the namespace it left. */
        if (error)
                return err_set(err, ERR_EXHAUSTED, "start a thread: %s", strerror(error));
        pthread_join(thread, NULL);
        return visit.result;
}

int rootfs_open(int root_fd, const char *path, int open_flags)
{
        struct open_how how = {
                .flags = (uint64_t)(open_flags | O_CLOEXEC),
                .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
        };

        return (int)syscall(SYS_openat2, root_fd, path, &how, sizeof how);
}

int rootfs_read(int root_fd, const char *path, size_t limit, struct str *ret, struct err *err)
{
        _cleanup_(closep) int fd = rootfs_open(root_fd, path, O_RDONLY | O_NONBLOCK);
        char buffer[8192];
        struct stat status;
        ssize_t n;

        str_clear(ret);
        if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
                return 0;
        if (fd < 0 || fstat(fd, &status) < 0)
                return err_set(err, ERR_INVALID, "open '%s' of the image: %s", path,
                               strerror(errno));
        if (!S_ISREG(status.st_mode))
                return err_set(err, ERR_INVALID, "'%s' of the image is no file", path);
        while ((n = read(fd, buffer, sizeof buffer)) > 0) {
                if (ret->length + (size_t)n > limit)
                        return err_set(err, ERR_INVALID, "'%s' of the image is too large", path);
                str_add_bytes(ret, buffer, (size_t)n);
        }
        if (n < 0)
                return err_set(err, ERR_INVALID, "read '%s' of the image: %s", path,
                               strerror(errno));
        return 0;
}
