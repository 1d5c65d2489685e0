/* Local volumes. */
#include "agent/oci/volume.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "lib/base/str.h"
#include "lib/os/file.h"

enum { NAME_MAX_LENGTH = 200, DEPTH_MAX = 256, XATTRS_MAX = 4096, XATTR_MAX = 65536 };

static int failed(const char *what, const char *name, struct err *err)
{
        return err_set(err, ERR_UNAVAILABLE, "%s '%s': %s", what, name, strerror(errno));
}

bool volume_is_name(const char *name)
{
        size_t length = strlen(name);

        if (length < 1 || length > NAME_MAX_LENGTH || !isalnum((unsigned char)name[0]))
                return false;
        for (size_t i = 0; i < length; i++) {
                if (!isalnum((unsigned char)name[i]) && !strchr("_.-", name[i]))
                        return false;
        }
        return true;
}

int volume_make(const char *folder, const char *name, const Sk__Mount__VolumeOptions *options,
                struct arena *arena, const char **ret_path, struct err *err)
{
        const char *driver = options ? str_or(options->driver, "local") : "local";
        const char *path;

        if (!volume_is_name(name))
                return err_set(err, ERR_INVALID,
                               "\"%.100s\" includes invalid characters for a local volume name, "
                               "only \"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are allowed",
                               name);
        if (!str_equal(driver, "local"))
                return err_set(err, ERR_INVALID,
                               "error looking up volume plugin %.100s: plugin \"%.100s\" not found",
                               driver, driver);
        path = arena_printf(arena, "%s/%s/_data", folder, name);
        TRY(file_make_folders(path, 0755, err));
        *ret_path = path;
        return 0;
}

/* --- volumes that are mounts --- */

static const char *find_option(const Sk__Mount__VolumeOptions *options, const char *key)
{
        for (size_t i = 0; i < options->n_driver_options; i++) {
                if (str_equal(options->driver_options[i]->key, key))
                        return options->driver_options[i]->value;
        }
        return "";
}

bool volume_is_mount(const Sk__Mount__VolumeOptions *options)
{
        return options && options->n_driver_options > 0;
}

int volume_check_options(const char *name, const Sk__Mount__VolumeOptions *options, struct err *err)
{
        for (size_t i = 0; i < options->n_driver_options; i++) {
                const char *key = options->driver_options[i]->key;

                if (!str_equal(key, "type") && !str_equal(key, "o") && !str_equal(key, "device"))
                        return err_set(err, ERR_INVALID,
                                       "volume '%.100s': invalid option: \"%.64s\"", name, key);
        }
        if (str_is_empty(find_option(options, "device")))
                return err_set(err, ERR_INVALID,
                               "volume '%.100s': missing device in volume options", name);
        return 0;
}

/* The kernel wants an address where people write a name. */
static int resolve(const char *host, struct arena *arena, const char **ret, struct err *err)
{
        struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *found = NULL;
        char text[NI_MAXHOST];
        int error = getaddrinfo(host, NULL, &hints, &found);

        if (!error)
                error = getnameinfo(found->ai_addr, found->ai_addrlen, text, sizeof text, NULL, 0,
                                    NI_NUMERICHOST);
        if (found)
                freeaddrinfo(found);
        if (error)
                return err_set(err, ERR_UNAVAILABLE, "error resolving '%.100s': %s", host,
                               gai_strerror(error));
        *ret = arena_printf(arena, "addr=%s", text);
        return 0;
}

int volume_read_mount(const char *name, const Sk__Mount__VolumeOptions *options,
                      struct arena *arena, struct volume_mount *ret, struct err *err)
{
        char *text = arena_strdup(arena, find_option(options, "o")), *save = NULL;
        struct volume_mount mount = {
                .type = str_or(find_option(options, "type"), "none"),
                .source = find_option(options, "device"),
                .options = arena_alloc(arena, (strlen(text) + 1) * sizeof *mount.options),
        };

        TRY(volume_check_options(name, options, err));
        for (char *one = strtok_r(text, ",", &save); one; one = strtok_r(NULL, ",", &save)) {
                const char **option = &mount.options[mount.n_options++];

                *option = one;
                if (str_starts_with(one, "addr="))
                        TRY(resolve(one + strlen("addr="), arena, option, err));
        }
        *ret = mount;
        return 0;
}

/* --- copying --- */

static int copy_folder(int from, int to, int depth, struct err *err);

static int copy_bytes(int from, int to, const char *name, struct err *err)
{
        char buffer[65536];
        ssize_t n;

        while ((n = copy_file_range(from, NULL, to, NULL, 1 << 24, 0)) > 0)
                ;
        if (n == 0)
                return 0;
        if (errno != EXDEV && errno != EINVAL && errno != ENOSYS && errno != EOPNOTSUPP)
                return failed("copy", name, err);
        while ((n = read(from, buffer, sizeof buffer)) > 0) {
                if (write(to, buffer, (size_t)n) != n)
                        return failed("copy", name, err);
        }
        return n < 0 ? failed("copy", name, err) : 0;
}

/* Attributes that cannot be had on the volume's file system are left out, as docker does. */
static void copy_attributes(int from, int to)
{
        char names[XATTRS_MAX], value[XATTR_MAX];
        ssize_t size = flistxattr(from, names, sizeof names);

        for (char *name = names; size > 0 && name < names + size; name += strlen(name) + 1) {
                ssize_t n = str_starts_with(name, "trusted.overlay.")
                                    ? -1
                                    : fgetxattr(from, name, value, sizeof value);

                if (n >= 0)
                        (void)fsetxattr(to, name, value, (size_t)n, 0);
        }
}

static int finish(int from, int to, const struct stat *status, const char *name, struct err *err)
{
        struct timespec times[2] = { status->st_atim, status->st_mtim };

        copy_attributes(from, to);
        if (fchown(to, status->st_uid, status->st_gid) < 0 ||
            fchmod(to, status->st_mode & 07777) < 0 || futimens(to, times) < 0)
                return failed("copy the owner of", name, err);
        return 0;
}

static int copy_file(int from_folder, int to_folder, const char *name, const struct stat *status,
                     struct err *err)
{
        _cleanup_(closep) int from =
                openat(from_folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        _cleanup_(closep) int to =
                openat(to_folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

        if (from < 0 || to < 0)
                return failed("copy", name, err);
        TRY(copy_bytes(from, to, name, err));
        return finish(from, to, status, name, err);
}

static int copy_link(int from_folder, int to_folder, const char *name, const struct stat *status,
                     struct err *err)
{
        char target[4096];
        ssize_t n = readlinkat(from_folder, name, target, sizeof target - 1);

        if (n < 0)
                return failed("copy the link", name, err);
        target[n] = '\0';
        if (symlinkat(target, to_folder, name) < 0 ||
            fchownat(to_folder, name, status->st_uid, status->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
                return failed("copy the link", name, err);
        return 0;
}

static int copy_subfolder(int from_folder, int to_folder, const char *name,
                          const struct stat *status, int depth, struct err *err)
{
        int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
        _cleanup_(closep) int from = openat(from_folder, name, flags), to = -1;

        if (from < 0 || mkdirat(to_folder, name, 0700) < 0)
                return failed("copy the folder", name, err);
        to = openat(to_folder, name, flags);
        if (to < 0)
                return failed("copy the folder", name, err);
        TRY(copy_folder(from, to, depth + 1, err));
        return finish(from, to, status, name, err);
}

static int copy_entry(int from, int to, const char *name, int depth, struct err *err)
{
        struct stat status;

        if (fstatat(from, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
                return failed("copy", name, err);
        if (S_ISREG(status.st_mode))
                return copy_file(from, to, name, &status, err);
        if (S_ISLNK(status.st_mode))
                return copy_link(from, to, name, &status, err);
        if (S_ISDIR(status.st_mode))
                return copy_subfolder(from, to, name, &status, depth, err);
        /* Devices and FIFOs of an image have no place in a volume. */
        return 0;
}

static int copy_folder(int from, int to, int depth, struct err *err)
{
        int copy_fd = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), result = 0;
        DIR *folder = copy_fd >= 0 ? fdopendir(copy_fd) : NULL;
        struct dirent *entry;

        if (!folder || depth > DEPTH_MAX)
                result = depth > DEPTH_MAX
                                 ? err_set(err, ERR_INVALID, "the image's folders nest too deep")
                                 : failed("read", "a folder of the image", err);
        while (result == 0 && (entry = readdir(folder))) {
                if (!str_equal(entry->d_name, ".") && !str_equal(entry->d_name, ".."))
                        result = copy_entry(from, to, entry->d_name, depth, err);
        }
        if (folder)
                closedir(folder);
        else if (copy_fd >= 0)
                close(copy_fd);
        return result;
}

static bool is_empty(int fd)
{
        int copy_fd = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), n = 0;
        DIR *folder = copy_fd >= 0 ? fdopendir(copy_fd) : NULL;

        if (!folder)
                return false;
        while (n < 3 && readdir(folder))
                n++;
        closedir(folder);
        return n <= 2;
}

int volume_fill(const char *path, int root_fd, const char *target, struct err *err)
{
        _cleanup_(closep) int to = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_(closep) int from = rootfs_open(root_fd, target, O_RDONLY | O_DIRECTORY);
        struct stat status;

        if (to < 0)
                return failed("open the volume", path, err);
        if (from < 0 || !is_empty(to))
                return 0;
        if (fstat(from, &status) < 0)
                return failed("look at", target, err);
        TRY(copy_folder(from, to, 0, err));
        return finish(from, to, &status, path, err);
}

static int make_place(const char *place, bool is_folder)
{
        _cleanup_(closep) int fd = -1;

        if (is_folder)
                return mkdir(place, 0700);
        fd = open(place, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        return fd < 0 ? -1 : 0;
}

int volume_mount_part(const char *path, const char *subpath, const char *folder, const char *place,
                      struct err *err)
{
        _cleanup_(closep) int root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC), part = -1;
        struct open_how how = {
                .flags = O_PATH | O_CLOEXEC,
                .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
        };
        struct stat status;
        char opened[32];

        if (root >= 0)
                part = (int)syscall(SYS_openat2, root, subpath, &how, sizeof how);
        if (part < 0 || fstat(part, &status) < 0)
                return err_set(err, ERR_NOT_FOUND, "there is no '%.100s' in it", subpath);
        snprintf(opened, sizeof opened, "/proc/self/fd/%d", part);
        TRY(file_make_folders(folder, 0700, err));
        if (make_place(place, S_ISDIR(status.st_mode)) < 0 ||
            mount(opened, place, NULL, MS_BIND | MS_REC, NULL) < 0)
                return failed("mount a part of a volume on", place, err);
        return 0;
}

struct image_part {
        const char *path;
        bool is_folder;
        int *mount;
};

static int clone_part(void *context, int root_fd, struct err *err)
{
        const unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH;
        struct image_part *part = context;
        _cleanup_(closep) int fd = rootfs_open(root_fd, part->path, O_PATH);
        struct stat status;

        if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
                return err_set(err, ERR_NOT_FOUND,
                               "cannot access path \"%.200s\": no such file or directory",
                               part->path);
        if (fd < 0 || fstat(fd, &status) < 0)
                return err_set(err, ERR_NOT_FOUND, "cannot access path \"%.200s\": %s", part->path,
                               strerror(errno));
        part->is_folder = S_ISDIR(status.st_mode);
        *part->mount = open_tree(fd, "", flags);
        if (*part->mount < 0)
                return failed("take from the image", part->path, err);
        return 0;
}

/* The image is mounted where nobody sees it; what comes from there is the part alone.
 *
 * One of a single layer is told as a bind of that, which a container that may mount could make
 * writable, for all who use the layer; an overlay of it cannot be written to. */
int volume_mount_image_part(const struct rootfs_mount *image, const char *look, const char *subpath,
                            const char *folder, const char *place, struct err *err)
{
        _cleanup_(closep) int fd = -1;
        struct image_part part = { .path = subpath, .mount = &fd };
        _cleanup_(str_done) struct str layers = { 0 };
        const char *options[1];
        const struct rootfs_mount overlay = { "overlay", "overlay", options, 1 };

        str_addf(&layers, "lowerdir=%s:%s", image->source, look);
        options[0] = layers.text;
        if (str_equal(image->type, "bind"))
                image = &overlay;
        TRY(rootfs_visit(image, look, clone_part, &part, err));
        TRY(file_make_folders(folder, 0700, err));
        if (make_place(place, part.is_folder) < 0 ||
            move_mount(fd, "", AT_FDCWD, place, MOVE_MOUNT_F_EMPTY_PATH) < 0)
                return failed("mount a part of an image on", place, err);
        return 0;
}

int volume_unmount_parts(const char *folder, struct err *err)
{
        DIR *all = opendir(folder);
        const struct dirent *entry;
        char place[PATH_MAX];

        while (all && (entry = readdir(all))) {
                snprintf(place, sizeof place, "%s/%s", folder, entry->d_name);
                if (entry->d_name[0] != '.')
                        (void)umount2(place, MNT_DETACH | UMOUNT_NOFOLLOW);
        }
        if (all)
                closedir(all);
        return file_remove_tree(folder, err);
}
