/* A file or a folder as a tar archive. */
#include "lib/copy/pack.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "lib/base/check.h"
#include "lib/base/map.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/copy/inside.h"
#include "lib/copy/tar.h"

/* A descriptor is open for every level. */
enum { DEPTH_MAX = 256, BUFFER_SIZE = 64 << 10, LINKS_SIZE_MAX = 8 << 20 };

struct packing {
        struct archive *archive;
        struct archive_entry *member;
        struct str name; /* of the member at hand */
        uint8_t *buffer;
        struct arena arena; /* of 'links' */
        struct map links;   /* names of files that have several */
        int out_fd;
        bool is_left; /* nobody reads */
        bool is_over; /* nothing more is written, not even an end */
};

static int pack_place(struct packing *packing, int *place, int depth, struct err *err);

static int failed(const struct packing *packing, struct err *err)
{
        if (packing->is_left)
                return err_set(err, ERR_CANCELLED, "nobody reads it any more");
        return tar_failed(err, packing->archive, "write the archive");
}

/* 'target': of a symlink, or of a file that is another name for an earlier one; else NULL. */
static int describe(struct packing *packing, const struct stat *status, const char *target,
                    struct err *err)
{
        struct archive_entry *member = archive_entry_clear(packing->member);

        archive_entry_set_pathname(member, str_text(&packing->name));
        archive_entry_set_mode(member, status->st_mode);
        archive_entry_set_uid(member, status->st_uid);
        archive_entry_set_gid(member, status->st_gid);
        archive_entry_set_mtime(member, status->st_mtime, 0);
        archive_entry_set_rdev(member, status->st_rdev);
        archive_entry_set_size(member, S_ISREG(status->st_mode) && !target ? status->st_size : 0);
        if (S_ISLNK(status->st_mode))
                archive_entry_set_symlink(member, target);
        else if (target)
                archive_entry_set_hardlink(member, target);
        return archive_write_header(packing->archive, member) < ARCHIVE_WARN ? failed(packing, err)
                                                                             : 0;
}

/* --- files --- */

/* 0 at its end, however long it was said to be. */
static int read_some(const struct packing *packing, int fd, off_t left, size_t *ret_n,
                     struct err *err)
{
        size_t most = left < BUFFER_SIZE ? (size_t)left : BUFFER_SIZE;
        ssize_t n;

        do
                n = read(fd, packing->buffer, most);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return copy_failed(err, errno, "read %.200s", str_text(&packing->name));
        *ret_n = (size_t)n;
        return 0;
}

/* As many bytes as the header said: zeros for those that have gone. */
static int pack_content(struct packing *packing, int fd, off_t left, struct err *err)
{
        bool has_ended = false;
        size_t n;

        while (left > 0) {
                n = 0;
                if (!has_ended)
                        TRY(read_some(packing, fd, left, &n, err));
                if (n == 0) {
                        has_ended = true;
                        n = left < BUFFER_SIZE ? (size_t)left : BUFFER_SIZE;
                        memset(packing->buffer, 0, n);
                }
                if (archive_write_data(packing->archive, packing->buffer, n) != (la_ssize_t)n)
                        return failed(packing, err);
                left -= (off_t)n;
        }
        return 0;
}

/* The name of an earlier member that is the same file; NULL: there is none, and this one is
 * remembered as long as there is room. */
static const char *earlier_name(struct packing *packing, const struct stat *status)
{
        const char *found;
        char key[64];

        if (status->st_nlink < 2)
                return NULL;
        snprintf(key, sizeof key, "%llx %llx", (unsigned long long)status->st_dev,
                 (unsigned long long)status->st_ino);
        found = map_find(&packing->links, key);
        if (!found && packing->arena.used_bytes < LINKS_SIZE_MAX)
                map_put(&packing->links, arena_strdup(&packing->arena, key),
                        arena_strdup(&packing->arena, str_text(&packing->name)));
        return found;
}

/* Opened through its place, it is the file that was looked at. */
static int pack_file(struct packing *packing, int place, const struct stat *status, struct err *err)
{
        const char *earlier = earlier_name(packing, status);
        _cleanup_(closep) int fd = -1;
        char path[32];

        if (earlier)
                return describe(packing, status, earlier, err);
        snprintf(path, sizeof path, "/proc/self/fd/%d", place);
        fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        if (fd < 0)
                return copy_failed(err, errno, "open %.200s", str_text(&packing->name));
        TRY(describe(packing, status, NULL, err));
        return pack_content(packing, fd, status->st_size, err);
}

static int pack_link(struct packing *packing, int place, const struct stat *status, struct err *err)
{
        char target[PATH_MAX];
        ssize_t n = readlinkat(place, "", target, sizeof target - 1);

        if (n < 0)
                return copy_failed(err, errno, "readlink %.200s", str_text(&packing->name));
        target[n] = '\0';
        return describe(packing, status, target, err);
}

/* --- folders --- */

static void closedirp(DIR **folder)
{
        if (*folder)
                closedir(*folder);
}

static int pack_entry(struct packing *packing, DIR *folder, const char *name, int depth,
                      struct err *err)
{
        _cleanup_(closep) int place = -1;
        const size_t length = packing->name.length;
        int result;

        if (str_equal(name, ".") || str_equal(name, ".."))
                return 0;
        place = openat(dirfd(folder), name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        if (place < 0 && errno == ENOENT)
                return 0;
        if (place < 0)
                return copy_failed(err, errno, "open %.200s", str_text(&packing->name));
        str_add_char(&packing->name, '/');
        str_add(&packing->name, name);
        result = pack_place(packing, &place, depth + 1, err);
        packing->name.length = length;
        packing->name.text[length] = '\0';
        return result;
}

/* What the kernel shows as files is none: some of it ends never, some of it acts when it is read.
 */
static bool is_of_kernel(int place)
{
        static const unsigned kinds[] = { PROC_SUPER_MAGIC,    SYSFS_MAGIC,   CGROUP_SUPER_MAGIC,
                                          CGROUP2_SUPER_MAGIC, DEBUGFS_MAGIC, TRACEFS_MAGIC,
                                          SECURITYFS_MAGIC,    BPF_FS_MAGIC,  DEVPTS_SUPER_MAGIC,
                                          EFIVARFS_MAGIC,      BINFMTFS_MAGIC };
        struct statfs status;

        if (fstatfs(place, &status) < 0)
                return false;
        for (size_t i = 0; i < COUNT_OF(kinds); i++)
                if ((unsigned)status.f_type == kinds[i])
                        return true;
        return false;
}

static int pack_folder(struct packing *packing, int *place, const struct stat *status, int depth,
                       struct err *err)
{
        _cleanup_(closedirp) DIR *folder = NULL;
        int fd = openat(*place, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        const struct dirent *entry;

        folder = fd < 0 ? NULL : fdopendir(fd);
        if (!folder)
                return copy_failed(err, errno, "open %.200s", str_text(&packing->name));
        closep(place);
        *place = -1;
        if (depth == DEPTH_MAX || packing->name.length >= PATH_MAX / 2)
                return err_set(err, ERR_PRECONDITION, "folders are nested too deep at %.200s",
                               str_text(&packing->name));
        TRY(describe(packing, status, NULL, err));
        for (errno = 0; (entry = readdir(folder)); errno = 0)
                TRY(pack_entry(packing, folder, entry->d_name, depth, err));
        return errno ? copy_failed(err, errno, "readdir %.200s", str_text(&packing->name)) : 0;
}

static int pack_place(struct packing *packing, int *place, int depth, struct err *err)
{
        struct stat status;

        if (fstat(*place, &status) < 0)
                return copy_failed(err, errno, "lstat %.200s", str_text(&packing->name));
        if (is_of_kernel(*place)) {
                if (depth > 1)
                        return S_ISDIR(status.st_mode) ? describe(packing, &status, NULL, err) : 0;
                return err_set(err, ERR_PRECONDITION,
                               "%.200s is shown by the kernel and is no file: 'skep exec' reads it",
                               str_text(&packing->name));
        }
        switch (status.st_mode & S_IFMT) {
        case S_IFREG:
                return pack_file(packing, *place, &status, err);
        case S_IFDIR:
                return pack_folder(packing, place, &status, depth, err);
        case S_IFLNK:
                return pack_link(packing, *place, &status, err);
        case S_IFSOCK: /* tar has none */
                return 0;
        default:
                return describe(packing, &status, NULL, err);
        }
}

/* --- the archive --- */

static la_ssize_t write_some(struct archive *archive, void *context, const void *data, size_t size)
{
        struct packing *packing = context;
        ssize_t n;

        if (packing->is_over)
                return -1;
        do
                n = write(packing->out_fd, data, size);
        while (n < 0 && errno == EINTR);
        if (n < 0) {
                packing->is_left = errno == EPIPE;
                archive_set_error(archive, errno, "%s", strerrordesc_np(errno));
        }
        return n;
}

static int pack_all(struct packing *packing, int place_fd, struct err *err)
{
        struct archive *archive = packing->archive;
        _cleanup_(closep) int place = fcntl(place_fd, F_DUPFD_CLOEXEC, 0);

        if (place < 0)
                return copy_failed(err, errno, "open %.200s", str_text(&packing->name));
        if (archive_write_set_format_pax_restricted(archive) < ARCHIVE_OK ||
            archive_write_set_bytes_per_block(archive, BUFFER_SIZE) < ARCHIVE_OK ||
            archive_write_set_bytes_in_last_block(archive, 1) < ARCHIVE_OK ||
            archive_write_open(archive, packing, NULL, write_some, NULL) < ARCHIVE_OK)
                return failed(packing, err);
        TRY(pack_place(packing, &place, 1, err));
        return archive_write_close(archive) < ARCHIVE_OK ? failed(packing, err) : 0;
}

int copy_pack(int place_fd, const char *name, int out_fd, struct err *err)
{
        struct utf8_scope scope = utf8_scope_begin();
        struct packing packing = { .out_fd = out_fd };
        int result;

        packing.archive = archive_write_new();
        packing.member = archive_entry_new();
        packing.buffer = mem_alloc(BUFFER_SIZE);
        str_add(&packing.name, name);
        CHECK(packing.archive && packing.member);
        result = pack_all(&packing, place_fd, err);
        archive_entry_free(packing.member);
        /* To free it alone would leak what only a close gives back. */
        packing.is_over = true;
        archive_write_close(packing.archive);
        archive_write_free(packing.archive);
        free(packing.buffer);
        map_done(&packing.links);
        arena_done(&packing.arena);
        str_done(&packing.name);
        utf8_scope_end(&scope);
        return result;
}
