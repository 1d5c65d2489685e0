/* Writing and rotating log files. */
#include "agent/logs/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/os/file.h"

enum { TASK_ID_MAX = 64 };

void log_files_path(const char *folder, int i, char *ret, size_t size)
{
        if (i == 0)
                snprintf(ret, size, "%s/log", folder);
        else
                snprintf(ret, size, "%s/log.%d", folder, i);
}

static int failed(const char *what, const char *path, struct err *err)
{
        return err_set(err, ERR_UNAVAILABLE, "%s '%s': %s", what, path, strerror(errno));
}

/* A crash can leave half a record at the end; the next one must not be glued to it. */
static int end_torn_record(int fd, int64_t size)
{
        char last;

        if (size == 0 || pread(fd, &last, 1, size - 1) != 1 || last == '\n')
                return 0;
        return write(fd, "\n", 1) == 1;
}

static int open_current(struct log_files *files, struct err *err)
{
        char path[LOG_PATH_MAX];
        struct stat status;

        log_files_path(files->folder, 0, path, sizeof path);
        TRY(file_make_folders(files->folder, 0700, err));
        files->fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
        if (files->fd < 0)
                return failed("open", path, err);
        if (fstat(files->fd, &status) < 0)
                return failed("stat", path, err);
        files->size = status.st_size + end_torn_record(files->fd, status.st_size);
        return 0;
}

static int rotate(struct log_files *files, struct err *err)
{
        char from[LOG_PATH_MAX], to[LOG_PATH_MAX];

        log_files_close(files);
        for (int i = (int)files->n_max - 1; i > 0; i--) {
                log_files_path(files->folder, i - 1, from, sizeof from);
                log_files_path(files->folder, i, to, sizeof to);
                if (rename(from, to) < 0 && errno != ENOENT)
                        return failed("rename", from, err);
        }
        if (files->n_max == 1) {
                log_files_path(files->folder, 0, from, sizeof from);
                if (unlink(from) < 0 && errno != ENOENT)
                        return failed("remove", from, err);
        }
        return open_current(files, err);
}

static int write_all(struct log_files *files, const char *data, size_t size, struct err *err)
{
        while (size > 0) {
                ssize_t n = write(files->fd, data, size);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return failed("write", files->folder, err);
                data += n;
                size -= (size_t)n;
                files->size += n;
        }
        return 0;
}

static int append(struct log_files *files, const char *records, size_t size, struct err *err)
{
        if (files->fd < 0)
                TRY(open_current(files, err));
        while (size > 0) {
                size_t part = size;

                if (files->size_max > 0 && files->size > 0 && files->size >= files->size_max)
                        TRY(rotate(files, err));
                if (files->size_max > 0 && files->size + (int64_t)size > files->size_max) {
                        /* Up to and with the record that makes the file full. */
                        int64_t room = files->size_max - files->size;
                        const char *end =
                                memchr(records + room - 1, '\n', size - (size_t)(room - 1));

                        part = end ? (size_t)(end - records) + 1 : size;
                }
                TRY(write_all(files, records, part, err));
                records += part;
                size -= part;
        }
        return 0;
}

/* What failed may have left half a record: opening the file again ends it. */
int log_files_append(struct log_files *files, const char *records, size_t size, struct err *err)
{
        int failed = append(files, records, size, err);

        if (failed)
                log_files_close(files);
        return failed;
}

static int make_mark(const char *folder, const char *path, struct err *err)
{
        int fd;

        TRY(file_make_folders(folder, 0700, err));
        fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        if (fd < 0)
                return failed("create", path, err);
        close(fd);
        return 0;
}

int log_files_set_ended(const char *folder, bool has_ended, struct err *err)
{
        char path[LOG_PATH_MAX];

        snprintf(path, sizeof path, "%s/ended", folder);
        if (!has_ended) {
                if (unlink(path) < 0 && errno != ENOENT)
                        return failed("remove", path, err);
                return 0;
        }
        return make_mark(folder, path, err);
}

bool log_files_has_ended(const char *folder)
{
        char path[LOG_PATH_MAX];

        snprintf(path, sizeof path, "%s/ended", folder);
        return file_exists(path);
}

int log_files_set_elsewhere(const char *folder, struct err *err)
{
        char path[LOG_PATH_MAX];

        snprintf(path, sizeof path, "%s/elsewhere", folder);
        return make_mark(folder, path, err);
}

bool log_files_is_elsewhere(const char *folder)
{
        char path[LOG_PATH_MAX];

        snprintf(path, sizeof path, "%s/elsewhere", folder);
        return file_exists(path);
}

int log_files_set_journal(const char *folder, const char *task_id, struct err *err)
{
        char path[LOG_PATH_MAX];

        snprintf(path, sizeof path, "%s/journal", folder);
        TRY(file_make_folders(folder, 0700, err));
        return file_write_atomic(path, task_id, strlen(task_id), 0600, err);
}

void log_files_journal(const char *folder, struct str *ret)
{
        char path[LOG_PATH_MAX];

        snprintf(path, sizeof path, "%s/journal", folder);
        if (file_read(path, TASK_ID_MAX, ret, NULL) < 0)
                str_clear(ret);
}

int log_files_set_details(const char *folder, const char *details, struct err *err)
{
        size_t size = strlen(details);
        char path[LOG_PATH_MAX];

        snprintf(path, sizeof path, "%s/details", folder);
        if (size > LOG_DETAILS_MAX)
                size = LOG_DETAILS_MAX;
        while (!str_is_utf8(details, size))
                size--;
        TRY(file_make_folders(folder, 0700, err));
        return file_write_atomic(path, details, size, 0600, err);
}

void log_files_details(const char *folder, struct str *ret)
{
        char path[LOG_PATH_MAX];

        snprintf(path, sizeof path, "%s/details", folder);
        if (file_read(path, LOG_DETAILS_MAX, ret, NULL) < 0 ||
            !str_is_utf8(str_text(ret), ret->length))
                str_clear(ret);
}

void log_files_close(struct log_files *files)
{
        if (files->fd >= 0)
                close(files->fd);
        files->fd = -1;
        files->size = 0;
}
