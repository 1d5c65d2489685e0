/* Looking for paths inside a folder that others write. */
#include "lib/copy/inside.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/os/os_error.h"

enum { LINKS_MAX = 10, TRIES_MAX = 100 };

int copy_open_place(const struct copy_root *root, const char *path, int flags)
{
        struct open_how how = {
                .flags = (uint64_t)(flags | O_PATH | O_CLOEXEC),
                .resolve = root->resolve | RESOLVE_NO_MAGICLINKS,
        };
        int fd = -1;

        /* EAGAIN: somebody renamed something on the way meanwhile. */
        for (int i = 0; i < TRIES_MAX; i++) {
                fd = (int)syscall(SYS_openat2, root->fd, path, &how, sizeof how);
                if (fd >= 0 || errno != EAGAIN)
                        break;
        }
        return fd;
}

/* NULL: it cannot be read. */
static const char *read_link(int fd, struct arena *arena)
{
        char target[PATH_MAX];
        ssize_t n = readlinkat(fd, "", target, sizeof target);

        return n <= 0 || n == sizeof target ? NULL : arena_printf(arena, "%.*s", (int)n, target);
}

int copy_find_destination(const struct copy_root *root, const char *path, struct arena *arena,
                          struct copy_destination *ret, mode_t *ret_mode, struct err *err)
{
        const char *at = path, *target;
        struct stat status;

        for (int i = 0; i < LINKS_MAX; i++) {
                _cleanup_(closep) int fd = copy_open_place(root, at, O_NOFOLLOW);

                *ret_mode = 0;
                *ret = (struct copy_destination){ .path = at };
                if (fd < 0 && errno == ENOENT)
                        return 0;
                if (fd < 0 || fstat(fd, &status) < 0)
                        return copy_failed(err, errno, "lstat %.200s", at);
                if (!S_ISLNK(status.st_mode)) {
                        *ret_mode = status.st_mode;
                        ret->exists = true;
                        ret->is_folder = S_ISDIR(status.st_mode);
                        return 0;
                }
                target = read_link(fd, arena);
                if (!target)
                        return copy_failed(err, ELOOP, "lstat %.200s", at);
                if (target[0] != '/')
                        target = arena_printf(arena, "%s/%s", copy_path_parent(arena, at), target);
                at = target;
        }
        return err_set(err, ERR_PRECONDITION, "too many symlinks in %.200s", path);
}

/* The folder at the first 'n' bytes of the path; made in 'above' when there is none. */
static int enter_folder(const struct copy_root *root, const char *path, size_t n, int above)
{
        char part[PATH_MAX];
        const char *name;
        int fd;

        snprintf(part, sizeof part, "%.*s", (int)n, path);
        fd = copy_open_place(root, part, O_DIRECTORY);
        if (fd >= 0 || errno != ENOENT || above < 0)
                return fd;
        name = strrchr(part, '/');
        if (mkdirat(above, name ? name + 1 : part, 0755) < 0 && errno != EEXIST)
                return -1;
        return copy_open_place(root, part, O_DIRECTORY);
}

int copy_make_folders(const struct copy_root *root, const char *path)
{
        int fd = copy_open_place(root, path, O_DIRECTORY), above;

        if (fd >= 0 || errno != ENOENT)
                return fd;
        if (strlen(path) >= PATH_MAX) {
                errno = ENAMETOOLONG;
                return -1;
        }
        above = copy_open_place(root, path[0] == '/' ? "/" : ".", O_DIRECTORY);
        for (size_t n = path[0] == '/'; above >= 0 && path[n];) {
                n += strcspn(path + n, "/");
                fd = enter_folder(root, path, n, above);
                close(above);
                above = fd;
                n += strspn(path + n, "/");
        }
        return above;
}

int copy_failed(struct err *err, int error, const char *format, ...)
{
        const char *reason = strerrordesc_np(error);
        char what[sizeof err->text], first;
        va_list args;

        va_start(args, format);
        vsnprintf(what, sizeof what, format, args);
        va_end(args);
        if (!reason)
                return os_error(err, error, "%s", what);
        first = isupper((unsigned char)reason[0]) && !isupper((unsigned char)reason[1])
                        ? (char)tolower((unsigned char)reason[0])
                        : reason[0];
        return err_set(err, os_error_code(error), "%s: %c%s", what, first, reason + 1);
}
