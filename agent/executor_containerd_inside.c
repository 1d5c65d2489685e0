/* A running container seen from outside. */
#include "agent/executor_containerd_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/str.h"

enum { CGROUP_MAX = 16 << 10 };

/* "4:memory:/skep/ID" */
static bool is_in_cgroup(const char *text, const char *id)
{
        const size_t length = strlen(id);

        for (const char *at = text; (at = strstr(at, id)); at += length)
                if (at > text && at[-1] == '/' && (at[length] == '\n' || at[length] == '/'))
                        return length > 0;
        return false;
}

int inside_open_root(int64_t pid, const char *id, int *ret_fd, struct err *err)
{
        _cleanup_(closep) int process = -1, cgroup = -1, root = -1;
        char path[64], text[CGROUP_MAX];
        ssize_t n = -1;

        snprintf(path, sizeof path, "/proc/%lld", (long long)pid);
        process = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (process >= 0)
                root = openat(process, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (root >= 0)
                cgroup = openat(process, "cgroup", O_RDONLY | O_CLOEXEC);
        if (cgroup >= 0)
                n = read(cgroup, text, sizeof text - 1);
        text[n < 0 ? 0 : n] = '\0';
        if (n <= 0 || !is_in_cgroup(text, id))
                return err_set(err, ERR_PRECONDITION, "task %.64s is not running", id);
        *ret_fd = TAKE_FD(root);
        return 0;
}
