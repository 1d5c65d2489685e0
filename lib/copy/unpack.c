/* A tar archive becomes files. */
#include "lib/copy/unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/check.h"
#include "lib/base/str.h"
#include "lib/base/vec.h"
#include "lib/copy/tar.h"

/* What is read for one header: libarchive keeps names, attributes and maps of sparse files. */
enum { HEADER_MAX = 2 << 20, BUFFER_SIZE = 64 << 10 };

static const mode_t modes_kept = 01777, all_modes = 07777;

/* What a member is made with. */
struct looks {
        mode_t mode;
        int64_t mtime;
        int64_t uid, gid;
};

/* Folders get theirs when nothing more is put into them. */
struct open_folder {
        char *path;
        struct looks looks;
};

struct unpacking {
        const struct copy_unpacking *what;
        struct archive *archive;
        struct arena arena; /* of the member at hand */
        struct vec folders; /* struct open_folder, each below the one before */
        uint8_t *buffer;
        int in_fd;
        int64_t n_header_left; /* bytes that may still be read for a header; -1: any number */
        size_t n_skipped;
        bool has_begun; /* the first member came */
};

/* Where a member goes: its folder, open, and its name there. */
struct spot {
        int folder_fd;
        const char *path, *name;
};

static void spot_done(struct spot *spot)
{
        closep(&spot->folder_fd);
}

/* --- reading --- */

static la_ssize_t read_some(struct archive *archive, void *context, const void **ret_data)
{
        struct unpacking *unpacking = context;
        size_t most = BUFFER_SIZE;
        ssize_t n;

        if (unpacking->n_header_left == 0) {
                archive_set_error(archive, EFBIG, "a member's header is too large");
                return -1;
        }
        if (unpacking->n_header_left > 0 && unpacking->n_header_left < (int64_t)most)
                most = (size_t)unpacking->n_header_left;
        do
                n = read(unpacking->in_fd, unpacking->buffer, most);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                archive_set_error(archive, errno, "%s", strerrordesc_np(errno));
        else if (unpacking->n_header_left > 0)
                unpacking->n_header_left -= n;
        *ret_data = unpacking->buffer;
        return n;
}

static int broken(const struct unpacking *unpacking, struct err *err)
{
        return tar_failed(err, unpacking->archive, "the archive cannot be read");
}

/* --- folders --- */

static const char *whole_path(struct unpacking *unpacking, const char *path)
{
        return arena_printf(&unpacking->arena, "%s/%s", unpacking->what->folder, path);
}

static void set_looks(const struct unpacking *unpacking, int fd, const struct looks *looks)
{
        struct timespec times[] = { { .tv_nsec = UTIME_OMIT }, { .tv_sec = looks->mtime } };
        /* Who may not give away files keeps them, as cp -a does: then nobody is to become who made
         * them. */
        bool keeps = unpacking->what->keeps_owners &&
                     fchown(fd, (uid_t)looks->uid, (gid_t)looks->gid) == 0;

        (void)fchmod(fd, looks->mode & (keeps ? all_modes : modes_kept));
        (void)futimens(fd, times);
}

/* Whoever took the folder away meanwhile, or put something else there, has it as it is. */
static void finish_folder(struct unpacking *unpacking, const struct open_folder *folder)
{
        _cleanup_(closep) int place = -1, fd = -1;

        place = copy_open_place(&unpacking->what->root, whole_path(unpacking, folder->path),
                                O_DIRECTORY | O_NOFOLLOW);
        if (place >= 0)
                fd = openat(place, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd >= 0)
                set_looks(unpacking, fd, &folder->looks);
}

static bool is_below(const char *path, const char *folder)
{
        const size_t n = strlen(folder);

        return strncmp(path, folder, n) == 0 && path[n] == '/';
}

/* Of those that 'path' is not in; NULL: all. */
static void finish_folders(struct unpacking *unpacking, const char *path)
{
        struct open_folder last;

        while (unpacking->folders.n > 0) {
                last = VEC_AT(&unpacking->folders, struct open_folder, unpacking->folders.n - 1);
                if (path && is_below(path, last.path))
                        return;
                finish_folder(unpacking, &last);
                free(last.path);
                vec_pop(&unpacking->folders, NULL);
        }
}

/* --- members --- */

static int find_spot(struct unpacking *unpacking, const char *path, struct spot *ret,
                     struct err *err)
{
        const char *parent = copy_path_parent(&unpacking->arena, path);

        ret->path = path;
        ret->name = copy_path_base(&unpacking->arena, path);
        ret->folder_fd = copy_make_folders(&unpacking->what->root, whole_path(unpacking, parent));
        if (ret->folder_fd < 0)
                return copy_failed(err, errno, "mkdir %.200s", parent);
        return 0;
}

/* The kernel keeps what is mounted on in our own mount namespace only: in a container's it takes
 * the mount away with the name. */
static int remove_name(const struct spot *spot, struct err *err)
{
        struct statx status;
        int error = 0;

        if (statx(spot->folder_fd, spot->name, AT_SYMLINK_NOFOLLOW, STATX_TYPE, &status) < 0)
                error = errno;
        else if (status.stx_attributes & STATX_ATTR_MOUNT_ROOT)
                error = EBUSY;
        else if (unlinkat(spot->folder_fd, spot->name, 0) < 0)
                error = errno;
        return error && error != ENOENT ? copy_failed(err, error, "unlinkat %.200s", spot->path)
                                        : 0;
}

/* What is there gives way to a file or a link, but a folder to nothing, and nothing to a folder. */
static int clear_spot(const struct unpacking *unpacking, const struct spot *spot, bool for_folder,
                      struct err *err)
{
        const char *folder = unpacking->what->folder;
        struct stat status;

        if (fstatat(spot->folder_fd, spot->name, &status, AT_SYMLINK_NOFOLLOW) < 0)
                return errno == ENOENT ? 0 : copy_failed(err, errno, "lstat %.200s", spot->path);
        if (S_ISDIR(status.st_mode) && !for_folder)
                return err_set(err, ERR_PRECONDITION,
                               "cannot overwrite directory \"%.100s/%.100s\" with non-directory "
                               "\"%.100s\"",
                               folder, spot->path, folder);
        if (!S_ISDIR(status.st_mode) && for_folder)
                return err_set(err, ERR_PRECONDITION,
                               "cannot overwrite non-directory \"%.100s/%.100s\" with directory "
                               "\"%.100s\"",
                               folder, spot->path, folder);
        return for_folder ? 0 : remove_name(spot, err);
}

static int put_folder(struct unpacking *unpacking, const struct spot *spot,
                      const struct looks *looks, struct err *err)
{
        struct open_folder *folder;

        if (mkdirat(spot->folder_fd, spot->name, 0700) < 0 && errno != EEXIST)
                return copy_failed(err, errno, "mkdir %.200s", spot->path);
        folder = vec_add(&unpacking->folders);
        folder->path = str_copy(spot->path);
        folder->looks = *looks;
        return 0;
}

static int write_all(int fd, const uint8_t *data, size_t size, int64_t at)
{
        while (size > 0) {
                ssize_t n = pwrite(fd, data, size, (off_t)at);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -1;
                data += n;
                at += n;
                size -= (size_t)n;
        }
        return 0;
}

static int put_content(struct unpacking *unpacking, int fd, int64_t size, const char *path,
                       struct err *err)
{
        const void *data;
        int64_t at;
        size_t n;
        int result;

        while ((result = archive_read_data_block(unpacking->archive, &data, &n, &at)) >=
                       ARCHIVE_WARN &&
               result != ARCHIVE_EOF)
                if (write_all(fd, data, n, at) < 0)
                        return copy_failed(err, errno, "write %.200s", path);
        if (result != ARCHIVE_EOF)
                return broken(unpacking, err);
        /* What ends in a hole. */
        return ftruncate(fd, (off_t)size) < 0 ? copy_failed(err, errno, "write %.200s", path) : 0;
}

static int put_file(struct unpacking *unpacking, const struct spot *spot, int64_t size,
                    const struct looks *looks, struct err *err)
{
        _cleanup_(closep) int fd =
                openat(spot->folder_fd, spot->name,
                       O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

        if (fd < 0)
                return copy_failed(err, errno, "open %.200s", spot->path);
        TRY(put_content(unpacking, fd, size, spot->path, err));
        set_looks(unpacking, fd, looks);
        return 0;
}

/* Of what cannot be opened. */
static void set_owner(const struct unpacking *unpacking, const struct spot *spot,
                      const struct looks *looks)
{
        if (unpacking->what->keeps_owners)
                (void)!fchownat(spot->folder_fd, spot->name, (uid_t)looks->uid, (gid_t)looks->gid,
                                AT_SYMLINK_NOFOLLOW);
}

static int put_symlink(const struct unpacking *unpacking, const struct spot *spot,
                       const char *target, const struct looks *looks, struct err *err)
{
        if (str_is_empty(target) || symlinkat(target, spot->folder_fd, spot->name) < 0)
                return copy_failed(err, str_is_empty(target) ? EINVAL : errno, "symlink %.200s",
                                   spot->path);
        set_owner(unpacking, spot, looks);
        return 0;
}

static int put_fifo(const struct unpacking *unpacking, const struct spot *spot,
                    const struct looks *looks, struct err *err)
{
        if (mkfifoat(spot->folder_fd, spot->name, looks->mode & 0777) < 0)
                return copy_failed(err, errno, "mkfifo %.200s", spot->path);
        set_owner(unpacking, spot, looks);
        return 0;
}

/* The member's name as it is to be here. */
static int member_path(struct unpacking *unpacking, const char *name, const char **ret,
                       struct err *err)
{
        const struct copy_unpacking *what = unpacking->what;

        if (str_is_empty(name))
                return err_set(err, ERR_INVALID, "the archive has a member without a name");
        TRY(copy_member_path(&unpacking->arena, name, ret, err));
        if (what->from)
                TRY(copy_member_rename(&unpacking->arena, *ret, what->from, what->to, ret, err));
        return 0;
}

/* Another name for what came earlier: where that is, is found as all members are. */
static int put_hard_link(struct unpacking *unpacking, const struct spot *spot, const char *target,
                         struct err *err)
{
        _cleanup_(spot_done) struct spot from = { .folder_fd = -1 };
        const char *path;

        TRY(member_path(unpacking, target, &path, err));
        TRY(find_spot(unpacking, path, &from, err));
        if (linkat(from.folder_fd, from.name, spot->folder_fd, spot->name, 0) < 0)
                return copy_failed(err, errno, "link %.200s", spot->path);
        return 0;
}

static int put_new(struct unpacking *unpacking, const struct spot *spot,
                   struct archive_entry *member, const struct looks *looks, struct err *err)
{
        TRY(clear_spot(unpacking, spot, false, err));
        switch (archive_entry_filetype(member)) {
        case AE_IFREG:
                return put_file(unpacking, spot, archive_entry_size(member), looks, err);
        case AE_IFLNK:
                return put_symlink(unpacking, spot, archive_entry_symlink(member), looks, err);
        default:
                return put_fifo(unpacking, spot, looks, err);
        }
}

/* Device nodes are a way to a machine's hardware, and nobody's files. */
static bool is_skipped(struct archive_entry *member)
{
        switch (archive_entry_filetype(member)) {
        case AE_IFREG:
        case AE_IFDIR:
        case AE_IFLNK:
        case AE_IFIFO:
                return false;
        default:
                return !archive_entry_hardlink(member);
        }
}

static int put_member(struct unpacking *unpacking, struct archive_entry *member, struct err *err)
{
        _cleanup_(spot_done) struct spot spot = { .folder_fd = -1 };
        const char *link = archive_entry_hardlink(member), *path;
        const struct looks looks = { .mode = archive_entry_perm(member),
                                     .mtime = archive_entry_mtime(member),
                                     .uid = archive_entry_uid(member),
                                     .gid = archive_entry_gid(member) };

        if (!unpacking->has_begun && unpacking->what->destination)
                TRY(copy_check_kind(archive_entry_filetype(member) == AE_IFDIR,
                                    unpacking->what->destination, err));
        unpacking->has_begun = true;
        TRY(member_path(unpacking, archive_entry_pathname(member), &path, err));
        finish_folders(unpacking, path);
        if (is_skipped(member)) {
                unpacking->n_skipped++;
                return 0;
        }
        if (str_equal(path, "."))
                return 0;
        TRY(find_spot(unpacking, path, &spot, err));
        if (link) {
                TRY(clear_spot(unpacking, &spot, false, err));
                return put_hard_link(unpacking, &spot, link, err);
        }
        if (archive_entry_filetype(member) != AE_IFDIR)
                return put_new(unpacking, &spot, member, &looks, err);
        TRY(clear_spot(unpacking, &spot, true, err));
        return put_folder(unpacking, &spot, &looks, err);
}

/* --- the archive --- */

static int put_members(struct unpacking *unpacking, struct err *err)
{
        struct archive_entry *member;
        int result;

        for (;;) {
                unpacking->n_header_left = HEADER_MAX;
                result = archive_read_next_header(unpacking->archive, &member);
                unpacking->n_header_left = -1;
                if (result == ARCHIVE_EOF)
                        return 0;
                if (result != ARCHIVE_OK && result != ARCHIVE_WARN)
                        return broken(unpacking, err);
                arena_clear(&unpacking->arena);
                TRY(put_member(unpacking, member, err));
                if (archive_read_data_skip(unpacking->archive) < ARCHIVE_WARN)
                        return broken(unpacking, err);
        }
}

/* So that whoever writes it is not told that nobody reads. */
static void read_rest(const struct unpacking *unpacking)
{
        while (read(unpacking->in_fd, unpacking->buffer, BUFFER_SIZE) > 0) {
        }
}

static int unpack_all(struct unpacking *unpacking, struct err *err)
{
        struct archive *archive = unpacking->archive;

        unpacking->n_header_left = -1;
        if (archive_read_support_format_tar(archive) < ARCHIVE_WARN ||
            archive_read_support_format_empty(archive) < ARCHIVE_WARN ||
            archive_read_open(archive, unpacking, NULL, read_some, NULL) < ARCHIVE_WARN)
                return broken(unpacking, err);
        TRY(put_members(unpacking, err));
        read_rest(unpacking);
        return 0;
}

int copy_unpack(const struct copy_unpacking *what, int in_fd, size_t *ret_n_skipped,
                struct err *err)
{
        struct utf8_scope scope = utf8_scope_begin();
        struct unpacking unpacking = { .what = what,
                                       .in_fd = in_fd,
                                       .folders = VEC_OF(struct open_folder) };
        int result;

        unpacking.archive = archive_read_new();
        CHECK(unpacking.archive);
        unpacking.buffer = mem_alloc(BUFFER_SIZE);
        result = unpack_all(&unpacking, err);
        finish_folders(&unpacking, NULL);
        *ret_n_skipped = unpacking.n_skipped;
        archive_read_free(unpacking.archive);
        free(unpacking.buffer);
        vec_done(&unpacking.folders);
        arena_done(&unpacking.arena);
        utf8_scope_end(&scope);
        return result;
}
