/* Reading through log files. */
#include "agent/logs/cursor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/check.h"
#include "lib/base/mem.h"

enum { STEP_FACTOR = 8 };

static_assert((int)LOG_BATCH_BYTES > 2 * (int)LOG_RECORD_MAX, "a record must fit into a batch");

void log_cursor_init(struct log_cursor *cursor, const char *folder, const Sk__LogOptions *options)
{
        snprintf(cursor->folder, sizeof cursor->folder, "%s", folder);
        cursor->options = *options;
        if (!options->stdout && !options->stderr)
                cursor->options.stdout = cursor->options.stderr = true;
        cursor->fd = -1;
}

static int failed(const char *what, const char *path, struct err *err)
{
        return err_set(err, ERR_UNAVAILABLE, "%s '%s': %s", what, path, strerror(errno));
}

/* Opens the i-th file in place of the one that is open; one that is not there changes nothing. */
static int open_file(struct log_cursor *cursor, int i, bool *ret_opened, struct err *err)
{
        char path[LOG_PATH_MAX];
        int fd;

        log_files_path(cursor->folder, i, path, sizeof path);
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0 && errno != ENOENT)
                return failed("open", path, err);
        *ret_opened = fd >= 0;
        if (fd < 0)
                return 0;
        log_cursor_done(cursor);
        cursor->fd = fd;
        cursor->offset = 0;
        return 0;
}

/* The oldest file that is there, 0 when there is none. */
static int find_oldest(const struct log_cursor *cursor)
{
        struct stat status;
        char path[LOG_PATH_MAX];
        int oldest = 0;

        for (int i = 1; i < LOG_FILES_MAX; i++) {
                log_files_path(cursor->folder, i, path, sizeof path);
                if (stat(path, &status) == 0)
                        oldest = i;
        }
        return oldest;
}

/* Which file, by its number now, is the open one?  -1: it was rotated away. */
static int find_open(const struct log_cursor *cursor)
{
        struct stat open_status, status;
        char path[LOG_PATH_MAX];

        if (fstat(cursor->fd, &open_status) < 0)
                return -1;
        for (int i = 0; i < LOG_FILES_MAX; i++) {
                log_files_path(cursor->folder, i, path, sizeof path);
                if (stat(path, &status) == 0 && status.st_ino == open_status.st_ino &&
                    status.st_dev == open_status.st_dev)
                        return i;
        }
        return -1;
}

static bool is_of_wanted_stream(const struct log_cursor *cursor, const struct log_line *line)
{
        return line->stream == LOG_STDOUT ? cursor->options.stdout : cursor->options.stderr;
}

/* Fills the buffer from the open file at the offset; *ret_size is cut after the last whole record.
 */
static int fill(struct log_cursor *cursor, size_t *ret_size, struct err *err)
{
        ssize_t n = pread(cursor->fd, cursor->buffer, sizeof cursor->buffer, cursor->offset);
        const char *end;

        if (n < 0)
                return failed("read", cursor->folder, err);
        end = memrchr(cursor->buffer, '\n', (size_t)n);
        *ret_size = end ? (size_t)(end - cursor->buffer) + 1 : 0;
        /* No newline in a full buffer is no log of ours: step over it. */
        if (!end && n == sizeof cursor->buffer)
                cursor->offset += n;
        return 0;
}

/* Moves to where the next record begins; there is none: to the beginning of the file. */
static int find_record(struct log_cursor *cursor, int64_t *ret_start, struct err *err)
{
        ssize_t n = pread(cursor->fd, cursor->buffer, LOG_RECORD_MAX, cursor->offset);
        const char *end = n > 0 ? memchr(cursor->buffer, '\n', (size_t)n) : NULL;

        if (n < 0)
                return failed("read", cursor->folder, err);
        cursor->offset = end ? cursor->offset + (end - cursor->buffer) + 1 : 0;
        *ret_start = cursor->offset;
        return 0;
}

/* Calls back for each record of the open file from the offset on, which it moves to the end. */
static int count_lines(struct log_cursor *cursor, int64_t *ret_n, struct err *err)
{
        int64_t n = 0;
        size_t size;

        do {
                TRY(fill(cursor, &size, err));
                for (size_t at = 0; at < size;) {
                        const char *start = cursor->buffer + at;
                        size_t length = (size_t)((char *)memchr(start, '\n', size - at) - start);
                        struct log_line line;

                        if (log_record_parse(start, length, &line) && !line.is_partial &&
                            is_of_wanted_stream(cursor, &line))
                                n++;
                        at += length + 1;
                }
                cursor->offset += (int64_t)size;
        } while (size > 0);
        *ret_n = n;
        return 0;
}

/* Steps back in the open file, further each time, until there are more than 'wanted' lines from the
 * offset on, or all of them. */
static int step_back(struct log_cursor *cursor, int64_t wanted, int64_t *ret_n, struct err *err)
{
        int64_t size = lseek(cursor->fd, 0, SEEK_END), span = LOG_BATCH_BYTES, start;

        do {
                start = size > span ? size - span : 0;
                cursor->offset = start;
                if (start > 0)
                        TRY(find_record(cursor, &start, err));
                TRY(count_lines(cursor, ret_n, err));
                cursor->offset = start;
                span *= STEP_FACTOR;
        } while (start > 0 && *ret_n <= wanted);
        return 0;
}

/* Goes to the place from which 'tail' lines are left. */
static int place(struct log_cursor *cursor, struct err *err)
{
        int64_t tail = cursor->options.tail, n, total = 0;
        int oldest = find_oldest(cursor), i;
        bool opened;

        cursor->is_placed = true;
        if (tail < 0)
                return open_file(cursor, oldest, &opened, err);
        for (i = 0; i <= oldest; i++) {
                TRY(open_file(cursor, i, &opened, err));
                if (!opened)
                        continue;
                TRY(step_back(cursor, tail - total, &n, err));
                total += n;
                if (total >= tail)
                        break;
        }
        cursor->n_skip = total > tail ? total - tail : 0;
        return 0;
}

static void take_line(struct log_cursor *cursor, const struct log_line *line)
{
        const Sk__LogOptions *options = &cursor->options;

        if (!is_of_wanted_stream(cursor, line))
                return;
        if (cursor->n_skip > 0) {
                cursor->n_skip -= !line->is_partial;
                return;
        }
        if (line->at_ns < options->since_ns)
                return;
        if (options->until_ns != 0 && line->at_ns > options->until_ns)
                cursor->is_past_end = true;
        else
                cursor->lines[cursor->n_lines++] = *line;
}

/* Takes the wanted lines of one buffer; false when there was nothing to read. */
static int read_block(struct log_cursor *cursor, bool *ret_any, struct err *err)
{
        size_t size, at = 0;

        TRY(fill(cursor, &size, err));
        while (at < size && cursor->n_lines < LOG_BATCH_LINES && !cursor->is_past_end) {
                const char *start = cursor->buffer + at;
                size_t length = (size_t)((char *)memchr(start, '\n', size - at) - start);
                struct log_line line;

                if (log_record_parse(start, length, &line))
                        take_line(cursor, &line);
                at += length + 1;
        }
        cursor->offset += (int64_t)at;
        *ret_any = at > 0;
        return 0;
}

/* The open file is read to its end: goes to the next newer one; *ret_moved false when it is the
 * newest. */
static int move_on(struct log_cursor *cursor, bool *ret_moved, struct err *err)
{
        int i = find_open(cursor);

        *ret_moved = false;
        if (i == 0)
                return 0;
        return open_file(cursor, i < 0 ? find_oldest(cursor) : i - 1, ret_moved, err);
}

int log_cursor_read(struct log_cursor *cursor, struct err *err)
{
        bool any, moved = true;

        cursor->n_lines = 0;
        if (!cursor->is_placed)
                TRY(place(cursor, err));
        if (cursor->fd < 0)
                TRY(open_file(cursor, find_oldest(cursor), &moved, err));
        while (cursor->fd >= 0 && cursor->n_lines == 0 && !cursor->is_past_end) {
                TRY(read_block(cursor, &any, err));
                if (any)
                        continue;
                /* What came between this end and a rotation is read before the file is left. */
                if (find_open(cursor) != 0) {
                        TRY(read_block(cursor, &any, err));
                        if (any)
                                continue;
                }
                TRY(move_on(cursor, &moved, err));
                if (!moved)
                        break;
        }
        return 0;
}

void log_cursor_done(struct log_cursor *cursor)
{
        if (cursor->fd >= 0)
                close(cursor->fd);
        cursor->fd = -1;
}
