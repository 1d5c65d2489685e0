/* What is left of containers that nobody knows any more. */
#include "agent/containerd/shim.h"

#include <dirent.h>
#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/os/file.h"

enum { LINE_MAX_BYTES = 4096 };

/* "/usr/bin/containerd-shim-runc-v2 -namespace ... -id ID -address ...", its words ended by NULs.
 */
static bool is_shim_of(const struct str *line, const char *id)
{
        const char *end = line->text + line->length;
        bool is_next = false;

        if (!line->length || !strstr(line->text, "containerd-shim"))
                return false;
        for (const char *word = line->text; word < end; word += strlen(word) + 1) {
                if (is_next && str_equal(word, id))
                        return true;
                is_next = str_equal(word, "-id");
        }
        return false;
}

void shim_end(const char *id)
{
        DIR *processes = opendir("/proc");
        const struct dirent *entry;

        while (processes && (entry = readdir(processes))) {
                _cleanup_(str_done) struct str line = { 0 };
                char path[300];
                int pid = atoi(entry->d_name);

                snprintf(path, sizeof path, "/proc/%s/cmdline", entry->d_name);
                if (pid > 1 && file_read(path, LINE_MAX_BYTES, &line, NULL) == 0 &&
                    is_shim_of(&line, id))
                        kill(pid, SIGKILL);
        }
        if (processes)
                closedir(processes);
}

void shim_remove_cgroups(const char *parent, const char *id)
{
        /* Version 2 has one tree, version 1 one for each controller. */
        static const char *const trees[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/*" };

        for (size_t i = 0; i < sizeof trees / sizeof *trees; i++) {
                char pattern[512];
                glob_t found = { 0 };

                snprintf(pattern, sizeof pattern, "%s/%s/%s", trees[i], parent, id);
                glob(pattern, 0, NULL, &found);
                for (size_t k = 0; k < found.gl_pathc; k++)
                        rmdir(found.gl_pathv[k]);
                globfree(&found);
        }
}
