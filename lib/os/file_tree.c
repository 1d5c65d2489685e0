/* Removing a folder with all that is in it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/mem.h"
#include "lib/os/file.h"
#include "lib/os/os_error.h"

/* What is in a tree may come from a container, which can nest folders until a recursion runs out of
 * stack or descriptors.  So nothing recurses: a folder two levels down that is not empty is first
 * moved one level down, where its turn comes. */
struct removal {
        const char *path; /* for messages */
        int root_fd;      /* the folder to empty; its owner closes it */
        char token[26];   /* makes the names of moved folders our own */
        unsigned long n_moved;
};

static void closedirp(DIR **folder)
{
        if (*folder)
                closedir(*folder);
}

/* A stream over a descriptor that stays the caller's; NULL with errno. */
static DIR *read_folder(int fd)
{
        int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *folder = copy < 0 ? NULL : fdopendir(copy);

        if (copy >= 0 && !folder)
                close(copy);
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

/* Removes a file or an empty folder: 0, ENOTEMPTY for a folder that is not, or another errno. */
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

/* Is something mounted here?  A bind mount has the device of the folder around it: only the mount
 * itself tells. */
static bool is_mount(int fd, int around_fd)
{
        struct statx here, around;

        if (statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &here) < 0 ||
            statx(around_fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &around) < 0)
                return true;
        return (here.stx_attributes & STATX_ATTR_MOUNT_ROOT) ||
               here.stx_dev_major != around.stx_dev_major ||
               here.stx_dev_minor != around.stx_dev_minor;
}

/* Empties a folder below the root, moving up what has content of its own. */
static int empty_folder(struct removal *removal, DIR *folder, struct err *err)
{
        char moved[64];
        const char *name;
        int error;

        while ((name = next_name(folder))) {
                error = remove_name(dirfd(folder), name);
                if (error == ENOTEMPTY) {
                        snprintf(moved, sizeof moved, ".%s-%lu", removal->token,
                                 removal->n_moved++);
                        error = renameat(dirfd(folder), name, removal->root_fd, moved) < 0 ? errno
                                                                                           : 0;
                }
                if (error)
                        return os_error(err, error, "remove '%s' in '%s'", name, removal->path);
        }
        return errno ? os_error(err, errno, "read a folder in '%s'", removal->path) : 0;
}

/* Removes one name in the root, whatever it is. */
static int remove_entry(struct removal *removal, const char *name, struct err *err)
{
        _cleanup_(closedirp) DIR *folder = NULL;
        _cleanup_(closep) int fd = -1;
        int error = remove_name(removal->root_fd, name);

        if (error && error != ENOTEMPTY)
                return os_error(err, error, "remove '%s' in '%s'", name, removal->path);
        if (!error)
                return 0;
        fd = openat(removal->root_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return os_error(err, errno, "open '%s' in '%s'", name, removal->path);
        if (is_mount(fd, removal->root_fd))
                return err_set(err, ERR_PRECONDITION,
                               "something is mounted on '%s' in '%s': unmount it first", name,
                               removal->path);
        folder = read_folder(fd);
        if (!folder)
                return os_error(err, errno, "open '%s' in '%s'", name, removal->path);
        TRY(empty_folder(removal, folder, err));
        error = remove_name(removal->root_fd, name);
        return error ? os_error(err, error, "remove '%s' in '%s'", name, removal->path) : 0;
}

/* One reading of the root; what is moved there meanwhile may or may not be seen. */
static int empty_root_once(struct removal *removal, struct err *err)
{
        _cleanup_(closedirp) DIR *root = read_folder(removal->root_fd);
        const char *name;

        if (!root)
                return os_error(err, errno, "open '%s'", removal->path);
        while ((name = next_name(root)))
                TRY(remove_entry(removal, name, err));
        return errno ? os_error(err, errno, "read '%s'", removal->path) : 0;
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
                TRY(empty_root_once(&removal, err));
        } while (removal.n_moved != n_moved_before);
        error = remove_name(AT_FDCWD, path);
        return error ? os_error(err, error, "remove '%s'", path) : 0;
}
