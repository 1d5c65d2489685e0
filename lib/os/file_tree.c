/* Removing a folder with all that is in it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/os/file.h"
#include "lib/os/os_error.h"

enum { DEPTH_MAX = 32 };

/* What is in a tree may come from a container, which can nest folders until a recursion runs out of
 * stack or descriptors.  So the recursion is bounded: what is at its end and not empty is moved up
 * into the root, where its turn comes. */
struct removal {
        const char *path; /* for messages */
        int root_fd;
        char token[26]; /* makes the names of moved folders our own */
        unsigned long n_moved;
};

static void closedirp(DIR **folder)
{
        if (*folder)
                closedir(*folder);
}

/* Opens a folder, never through a symlink; NULL with errno. */
static DIR *open_folder(int around_fd, const char *name)
{
        int fd = openat(around_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        DIR *folder = fd < 0 ? NULL : fdopendir(fd);

        if (fd >= 0 && !folder)
                close(fd);
        return folder;
}

/* The next name but "." and ".."; NULL at the end, or with errno. */
static const char *next_name(DIR *folder)
{
        const struct dirent *entry;

        errno = 0;
        while ((entry = readdir(folder)))
                if (!str_equal(entry->d_name, ".") && !str_equal(entry->d_name, ".."))
                        return entry->d_name;
        return NULL;
}

/* Removes a file or an empty folder: 0, ENOTEMPTY for a folder that is not, or another errno; EBUSY
 * for a mount, so that nobody looks into one. */
static int remove_name(int folder_fd, const char *name)
{
        if (unlinkat(folder_fd, name, 0) == 0 || errno == ENOENT)
                return 0;
        if (errno != EISDIR)
                return errno;
        if (unlinkat(folder_fd, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
                return 0;
        return errno == EEXIST ? ENOTEMPTY : errno;
}

static int removal_error(const struct removal *removal, int error, const char *name,
                         struct err *err)
{
        if (error == EBUSY)
                return err_set(err, ERR_PRECONDITION,
                               "something is mounted on '%s' below '%s': unmount it first", name,
                               removal->path);
        return os_error(err, error, "remove '%s' below '%s'", name, removal->path);
}

static int move_up(struct removal *removal, int folder_fd, const char *name)
{
        char moved[64];

        snprintf(moved, sizeof moved, ".%s-%lu", removal->token, removal->n_moved++);
        return renameat(folder_fd, name, removal->root_fd, moved) < 0 ? errno : 0;
}

static int remove_entries(struct removal *removal, DIR *folder, int depth, struct err *err);

static int remove_entry(struct removal *removal, int folder_fd, const char *name, int depth,
                        struct err *err)
{
        _cleanup_(closedirp) DIR *inner = NULL;
        int error = remove_name(folder_fd, name);

        if (error == ENOTEMPTY && depth == DEPTH_MAX) {
                error = move_up(removal, folder_fd, name);
        } else if (error == ENOTEMPTY) {
                inner = open_folder(folder_fd, name);
                if (!inner)
                        return removal_error(removal, errno, name, err);
                TRY(remove_entries(removal, inner, depth + 1, err));
                error = remove_name(folder_fd, name);
        }
        return error ? removal_error(removal, error, name, err) : 0;
}

static int remove_entries(struct removal *removal, DIR *folder, int depth, struct err *err)
{
        const char *name;

        while ((name = next_name(folder)))
                TRY(remove_entry(removal, dirfd(folder), name, depth, err));
        return errno ? os_error(err, errno, "read a folder in '%s'", removal->path) : 0;
}

/* One reading of the root; what is moved there meanwhile may or may not be seen. */
static int remove_once(struct removal *removal, struct err *err)
{
        _cleanup_(closedirp) DIR *root = open_folder(removal->root_fd, ".");

        if (!root)
                return os_error(err, errno, "open '%s'", removal->path);
        return remove_entries(removal, root, 1, err);
}

int file_remove_tree(const char *path, struct err *err)
{
        struct removal removal = { .path = path };
        unsigned long n_moved_before;
        _cleanup_(closep) int fd = -1;
        int error = remove_name(AT_FDCWD, path);

        if (error != ENOTEMPTY)
                return error ? os_error(err, error, "remove '%s'", path) : 0;
        fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return os_error(err, errno, "open '%s'", path);
        removal.root_fd = fd;
        os_random_id(removal.token);
        do {
                n_moved_before = removal.n_moved;
                TRY(remove_once(&removal, err));
        } while (removal.n_moved != n_moved_before);
        error = remove_name(AT_FDCWD, path);
        return error ? os_error(err, error, "remove '%s'", path) : 0;
}
