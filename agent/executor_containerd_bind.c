/* May what is mounted below a folder of the node be seen in the container, or the other way? */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/executor_containerd_mounts.h"
#include "lib/base/str.h"
#include "lib/os/file.h"

enum { MOUNTS_MAX = 16 << 20 };

/* "36 35 98:0 /root /place options shared:1 master:2 - ext3 ...": the place, and the words before
 * the dash. */
static void judge_line(char *line, const char **ret_place, bool *ret_is_shared, bool *ret_is_slave)
{
        char *word, *rest = line;

        *ret_is_shared = *ret_is_slave = false;
        for (int i = 0; (word = strsep(&rest, " ")) && strcmp(word, "-") != 0; i++) {
                if (i == 4)
                        *ret_place = word;
                *ret_is_shared |= i > 5 && str_starts_with(word, "shared:");
                *ret_is_slave |= i > 5 && str_starts_with(word, "master:");
        }
}

static char *find_line(char *text, uint64_t id)
{
        char *line, *rest = text;
        unsigned long long found;

        while ((line = strsep(&rest, "\n")))
                if (sscanf(line, "%llu ", &found) == 1 && found == id)
                        return line;
        return NULL;
}

int bind_check_propagation(const char *source, const char *propagation, struct err *err)
{
        bool wants_shared = str_ends_with(propagation, "shared");
        bool wants_slave = str_ends_with(propagation, "slave"), is_shared, is_slave;
        _cleanup_(str_done) struct str mounts = { 0 };
        const char *place = "?";
        struct statx status;
        char *line;

        if (!wants_shared && !wants_slave)
                return 0;
        if (statx(AT_FDCWD, source, 0, STATX_MNT_ID, &status) < 0)
                return err_set(err, ERR_UNAVAILABLE, "look at '%.200s': %m", source);
        TRY(file_read("/proc/self/mountinfo", MOUNTS_MAX, &mounts, err));
        line = find_line(mounts.text, status.stx_mnt_id);
        if (!line)
                return 0;
        judge_line(line, &place, &is_shared, &is_slave);
        if (wants_shared && !is_shared)
                return err_set(err, ERR_INVALID,
                               "path %.200s is mounted on %.200s but it is not a shared mount",
                               source, place);
        if (wants_slave && !is_shared && !is_slave)
                return err_set(
                        err, ERR_INVALID,
                        "path %.200s is mounted on %.200s but it is not a shared or slave mount",
                        source, place);
        return 0;
}
