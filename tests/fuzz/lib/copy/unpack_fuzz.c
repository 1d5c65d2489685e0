/* An archive from a stranger: whatever it is, it ends, and nothing is made beside its folder or
 * outside of the name it may have. */
#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "lib/base/check.h"
#include "lib/base/str.h"
#include "lib/copy/unpack.h"
#include "lib/os/file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_holds_only(const char *path, const char *name)
{
        DIR *folder = opendir(path);
        const struct dirent *entry;

        CHECK(folder);
        while ((entry = readdir(folder)))
                CHECK(entry->d_name[0] == '.' || str_equal(entry->d_name, name));
        closedir(folder);
}

static void unpack(const char *to, const uint8_t *data, size_t size)
{
        _cleanup_(closep) int in = memfd_create("archive", MFD_CLOEXEC);
        _cleanup_(closep) int root = open(to, O_PATH | O_DIRECTORY | O_CLOEXEC);
        const struct copy_unpacking what = {
                .root = { root, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS },
                .folder = ".",
                .from = "a",
                .to = "b",
        };
        size_t n_skipped;

        CHECK(in >= 0 && root >= 0);
        CHECK(pwrite(in, data, size, 0) == (ssize_t)size);
        (void)copy_unpack(&what, in, &n_skipped, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char above[] = "/dev/shm/unpack-XXXXXX", to[64];

        CHECK(mkdtemp(above));
        snprintf(to, sizeof to, "%s/to", above);
        CHECK(mkdir(to, 0700) == 0);
        unpack(to, data, size);
        check_holds_only(above, "to");
        check_holds_only(to, "b");
        CHECK(file_remove_tree(above, NULL) == 0);
        return 0;
}
