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

enum { LINE_MAX_BYTES = 4096, PIDS_MAX_BYTES = 1 << 20, REAP_TRIES = 20, REAP_PAUSE_US = 10000 };

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

/* Version 2 has one tree of cgroups, version 1 one for each controller. */
static void each_cgroup(const char *parent, const char *id, void (*visit)(const char *folder))
{
        static const char *const trees[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/*" };

        for (size_t i = 0; i < sizeof trees / sizeof *trees; i++) {
                char pattern[512];
                glob_t found = { 0 };

                snprintf(pattern, sizeof pattern, "%s/%s/%s", trees[i], parent, id);
                glob(pattern, 0, NULL, &found);
                for (size_t k = 0; k < found.gl_pathc; k++)
                        visit(found.gl_pathv[k]);
                globfree(&found);
        }
}

static void kill_processes(const char *cgroup)
{
        _cleanup_(str_done) struct str pids = { 0 };
        char path[600];

        snprintf(path, sizeof path, "%s/cgroup.procs", cgroup);
        if (file_read(path, PIDS_MAX_BYTES, &pids, NULL) < 0)
                return;
        for (const char *at = str_text(&pids); *at; at += strcspn(at, "\n") + 1) {
                int pid = atoi(at);

                if (pid > 1)
                        kill(pid, SIGKILL);
                if (!strchr(at, '\n'))
                        return;
        }
}

/* What was killed is reaped by its shim a moment later. */
static bool has_containers(int pid)
{
        for (int i = 0; i < REAP_TRIES; i++) {
                _cleanup_(str_done) struct str children = { 0 };
                bool has_any;
                char pattern[64];
                glob_t found = { 0 };

                snprintf(pattern, sizeof pattern, "/proc/%d/task/*/children", pid);
                has_any = glob(pattern, 0, NULL, &found) != 0; /* who cannot tell spares it */
                for (size_t k = 0; k < found.gl_pathc; k++)
                        has_any |= file_read(found.gl_pathv[k], PIDS_MAX_BYTES, &children, NULL) ==
                                           0 &&
                                   children.length > 0;
                globfree(&found);
                if (!has_any)
                        return false;
                usleep(REAP_PAUSE_US);
        }
        return true;
}

void shim_end(const char *parent, const char *id)
{
        DIR *processes = opendir("/proc");
        const struct dirent *entry;

        each_cgroup(parent, id, kill_processes);
        while (processes && (entry = readdir(processes))) {
                _cleanup_(str_done) struct str line = { 0 };
                char path[300];
                int pid = atoi(entry->d_name);

                snprintf(path, sizeof path, "/proc/%s/cmdline", entry->d_name);
                if (pid > 1 && file_read(path, LINE_MAX_BYTES, &line, NULL) == 0 &&
                    is_shim_of(&line, id) && !has_containers(pid))
                        kill(pid, SIGKILL);
        }
        if (processes)
                closedir(processes);
}

static void remove_folder(const char *cgroup)
{
        rmdir(cgroup);
}

void shim_remove_cgroups(const char *parent, const char *id)
{
        each_cgroup(parent, id, remove_folder);
}
