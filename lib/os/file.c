/* Files, whole and safe. */
#include "lib/os/file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "lib/base/check.h"
#include "lib/base/id.h"
#include "lib/base/mem.h"
#include "lib/os/os_error.h"

enum { CHUNK = 16 * 1024 };

int file_read(const char *path, size_t limit, struct str *ret, struct err *err)
{
        _cleanup_(str_done) struct str content = { 0 };
        _cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
        char chunk[CHUNK];
        ssize_t n;

        if (fd < 0)
                return os_error(err, errno, "open '%s'", path);
        str_add(&content, "");
        while ((n = read(fd, chunk, sizeof chunk)) != 0) {
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return os_error(err, errno, "read '%s'", path);
                if ((size_t)n > limit - content.length)
                        return err_set(err, ERR_RANGE, "'%s' is larger than the %zu bytes allowed",
                                       path, limit);
                str_add_bytes(&content, chunk, (size_t)n);
        }
        str_done(ret);
        *ret = content;
        content = (struct str){ 0 };
        return 0;
}

static int write_all(int fd, const char *data, size_t size)
{
        while (size > 0) {
                ssize_t n = write(fd, data, size);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return n < 0 ? -errno : -EIO;
                data += n;
                size -= (size_t)n;
        }
        return 0;
}

static int fill_file(int fd, const void *data, size_t size, mode_t mode)
{
        int error = write_all(fd, data, size);

        if (!error && fchmod(fd, mode) < 0)
                error = -errno;
        if (!error && fsync(fd) < 0)
                error = -errno;
        return error;
}

static int sync_folder_of(const char *path)
{
        _cleanup_(freep) char *copy = str_copy(path);
        _cleanup_(closep) int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

/* The temporary name is random: two writers at once must not rename each other's half. */
int file_write_atomic(const char *path, const void *data, size_t size, mode_t mode, struct err *err)
{
        _cleanup_(str_done) struct str temporary = { 0 };
        _cleanup_(closep) int fd = -1;
        char id[ID_SIZE];
        int error;

        os_random_id(id);
        str_addf(&temporary, "%s.%.8s.tmp", path, id);
        fd = open(temporary.text, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd < 0)
                return os_error(err, errno, "create '%s'", temporary.text);
        error = fill_file(fd, data, size, mode);
        if (!error && rename(temporary.text, path) < 0)
                error = -errno;
        if (error) {
                unlink(temporary.text);
                return os_error(err, -error, "write '%s'", path);
        }
        error = sync_folder_of(path);
        if (error)
                return os_error(err, -error, "sync the folder of '%s'", path);
        return 0;
}

/* One folder; that it is there already is fine. */
static int make_folder(const char *path, mode_t mode, struct err *err)
{
        struct stat info;

        if (mkdir(path, mode) == 0) {
                if (chmod(path, mode) < 0) /* the umask took some */
                        return os_error(err, errno, "set the mode of folder '%s'", path);
                return 0;
        }
        if (errno != EEXIST && errno != EISDIR && errno != EROFS)
                return os_error(err, errno, "make folder '%s'", path);
        if (stat(path, &info) < 0)
                return os_error(err, errno, "make folder '%s'", path);
        if (!S_ISDIR(info.st_mode))
                return os_error(err, ENOTDIR, "make folder '%s'", path);
        return 0;
}

int file_make_folders(const char *path, mode_t mode, struct err *err)
{
        _cleanup_(freep) char *prefix = str_copy(path);

        if (str_is_empty(path))
                return err_set(err, ERR_INVALID, "the path of a folder to make is empty");
        for (char *at = prefix + 1; *at; at++) {
                if (*at != '/' || at[-1] == '/')
                        continue;
                *at = '\0';
                TRY(make_folder(prefix, mode, err));
                *at = '/';
        }
        return make_folder(prefix, mode, err);
}

bool file_exists(const char *path)
{
        return access(path, F_OK) == 0;
}

int file_lock(const char *path, int *ret_fd, struct err *err)
{
        _cleanup_(closep) int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

        if (fd < 0)
                return os_error(err, errno, "open lock '%s'", path);
        while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
                if (errno == EWOULDBLOCK)
                        return err_set(err, ERR_EXISTS, "'%s' is locked by another process", path);
                if (errno != EINTR)
                        return os_error(err, errno, "lock '%s'", path);
        }
        *ret_fd = TAKE_FD(fd);
        return 0;
}

void os_random(void *data, size_t size)
{
        char *at = data;

        while (size > 0) {
                ssize_t n = getrandom(at, size, 0);

                CHECK(n > 0 || errno == EINTR);
                if (n > 0) {
                        at += n;
                        size -= (size_t)n;
                }
        }
}

void os_random_id(char ret[static 26])
{
        uint64_t bits[2];

        os_random(bits, sizeof bits);
        id_from_bits(bits, ret);
}
