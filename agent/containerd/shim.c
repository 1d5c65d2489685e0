/* What is left of containers that nobody knows any more. */
#include "agent/containerd/shim.h"

#include <dirent.h>
#include <errno.h>
#include <glob.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "lib/base/check.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/os/file.h"

enum {
        LINE_MAX_BYTES = 4096,
        PIDS_MAX_BYTES = 1 << 20,
        REAP_TRIES = 20,
        REAP_PAUSE_US = 10000,
        KILL_TRIES = 3,
        DEATH_MS = 1000,
        TABLE_MAX_BYTES = 16 << 20,
};

/* --- processes --- */

/* Words of a command line are ended by NULs. */
static const char *next_word(const struct str *line, const char *word)
{
        word += strlen(word) + 1;
        return word < line->text + line->length ? word : NULL;
}

/* What follows 'option' in "/usr/bin/containerd-shim-runc-v2 -namespace ... -id ID -address PATH";
 * NULL: no shim. */
static const char *shim_word(const struct str *line, const char *option)
{
        if (!line->length || !strstr(line->text, "containerd-shim"))
                return NULL;
        for (const char *word = line->text; word; word = next_word(line, word))
                if (str_equal(word, option))
                        return next_word(line, word);
        return NULL;
}

static const char *shim_id(const struct str *line)
{
        return shim_word(line, "-id");
}

static bool is_shim_at(const struct str *line, const char *address)
{
        return str_equal(shim_word(line, "-address"), address);
}

static bool is_shim_of(const struct str *line, const char *id)
{
        return str_equal(shim_id(line), id);
}

/* "runc --root ... create --bundle ... --pid-file ... ID" */
static bool is_runc_making(const struct str *line, const char *id)
{
        const char *last = NULL;
        bool creates = false;

        if (!str_ends_with(line->text, "runc"))
                return false;
        for (const char *word = line->text; word; word = next_word(line, word)) {
                creates |= str_equal(word, "create");
                last = word;
        }
        return creates && str_equal(last, id);
}

static int read_command(int pid, struct str *ret)
{
        char path[64];

        snprintf(path, sizeof path, "/proc/%d/cmdline", pid);
        return file_read(path, LINE_MAX_BYTES, ret, NULL);
}

struct birth {
        int parent;
        unsigned long long at; /* ticks since the machine started */
};

/* False: it is gone.  In "PID (NAME) STATE PARENT ..." the name may have any character. */
static bool read_birth(int pid, struct birth *ret)
{
        _cleanup_(str_done) struct str line = { 0 };
        const char *end;
        char path[64];

        snprintf(path, sizeof path, "/proc/%d/stat", pid);
        if (file_read(path, LINE_MAX_BYTES, &line, NULL) < 0)
                return false;
        end = strrchr(str_text(&line), ')');
        return end && sscanf(end,
                             ") %*c %d %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
                             "%*s %*s %llu",
                             &ret->parent, &ret->at) == 2;
}

void shim_find(int pid, struct shim_process *ret)
{
        _cleanup_(str_done) struct str line = { 0 };
        struct birth birth = { 0 };
        const char *id;

        if (pid <= 1 || !read_birth(pid, &birth) || birth.parent <= 1 ||
            read_command(birth.parent, &line) < 0)
                return;
        id = shim_id(&line);
        if (!id || strlen(id) >= sizeof ret->id)
                return;
        ret->pid = birth.parent;
        strcpy(ret->id, id);
}

static void each_process(bool (*is_meant)(const struct str *line, const char *id), const char *id,
                         void (*visit)(int pid, void *context), void *context)
{
        DIR *processes = opendir("/proc");
        const struct dirent *entry;

        while (processes && (entry = readdir(processes))) {
                _cleanup_(str_done) struct str line = { 0 };
                int pid = atoi(entry->d_name);

                if (pid > 1 && read_command(pid, &line) == 0 && line.length && is_meant(&line, id))
                        visit(pid, context);
        }
        if (processes)
                closedir(processes);
}

/* It was killed: false when it hangs in the kernel.  Dead is dead, also before its parent looks. */
static bool await_death(int pid)
{
        _cleanup_(closep) int fd = pidfd_open(pid, 0);
        struct pollfd death = { .fd = fd, .events = POLLIN };

        return fd < 0 || poll(&death, 1, DEATH_MS) > 0;
}

static void kill_process(int pid)
{
        kill(pid, SIGKILL);
        (void)await_death(pid);
}

static void kill_it(int pid, void *context)
{
        (void)context;
        kill_process(pid);
}

static bool has_children(int pid)
{
        _cleanup_(str_done) struct str children = { 0 };
        bool has_any;
        char pattern[64];
        glob_t found = { 0 };

        snprintf(pattern, sizeof pattern, "/proc/%d/task/*/children", pid);
        has_any = glob(pattern, 0, NULL, &found) != 0; /* who cannot tell spares it */
        for (size_t k = 0; k < found.gl_pathc; k++)
                has_any |= file_read(found.gl_pathv[k], PIDS_MAX_BYTES, &children, NULL) == 0 &&
                           children.length > 0;
        globfree(&found);
        return has_any;
}

/* What was killed is reaped by its shim a moment later. */
static bool has_containers(int pid)
{
        for (int i = 0; i < REAP_TRIES; i++) {
                if (!has_children(pid))
                        return false;
                usleep(REAP_PAUSE_US);
        }
        return true;
}

static void end_shim(int pid, void *context)
{
        (void)context;
        if (!has_containers(pid))
                kill_process(pid);
}

void shim_end_idle(const struct shim_process *shim)
{
        _cleanup_(str_done) struct str line = { 0 };

        /* The number may be another process's by now. */
        if (shim->pid && read_command(shim->pid, &line) == 0 && is_shim_of(&line, shim->id))
                end_shim(shim->pid, NULL);
}

/* --- which of them containerd still needs --- */

/* Lines "PATH", a newline before each: where the shims of all containers listen that containerd
 * knows, as it noted in their bundles.  False: who cannot tell. */
static bool list_sockets(const char *bundles, struct str *ret)
{
        DIR *folder = opendir(bundles);
        const struct dirent *entry;
        bool can_tell = folder || errno == ENOENT;

        while (folder && (entry = readdir(folder))) {
                _cleanup_(str_done) struct str path = { 0 }, address = { 0 };

                if (entry->d_name[0] == '.')
                        continue;
                str_addf(&path, "%s/%s/address", bundles, entry->d_name);
                if (file_read(path.text, LINE_MAX_BYTES, &address, NULL) == 0 &&
                    str_starts_with(str_text(&address), "unix://"))
                        str_addf(ret, "\n%s\n", address.text + strlen("unix://"));
                else
                        can_tell = false;
        }
        if (folder)
                closedir(folder);
        return can_tell;
}

static bool is_inode_of(int pid, const char *inode)
{
        _cleanup_(str_done) struct str wanted = { 0 };
        char pattern[64], target[64];
        glob_t found = { 0 };
        bool is_own = false;

        str_addf(&wanted, "socket:[%s]", inode);
        snprintf(pattern, sizeof pattern, "/proc/%d/fd/*", pid);
        if (glob(pattern, GLOB_NOSORT, NULL, &found) == 0)
                for (size_t k = 0; k < found.gl_pathc && !is_own; k++) {
                        ssize_t n = readlink(found.gl_pathv[k], target, sizeof target - 1);

                        target[n > 0 ? n : 0] = '\0';
                        is_own = strcmp(target, str_text(&wanted)) == 0;
                }
        globfree(&found);
        return is_own;
}

/* Does it listen at one of them?  In /proc/net/unix a line ends with " INODE PATH". */
static bool listens_at(int pid, const struct str *sockets)
{
        _cleanup_(str_done) struct str table = { 0 }, wanted = { 0 };
        char *line, *rest, inode[32], path[256];

        if (file_read("/proc/net/unix", TABLE_MAX_BYTES, &table, NULL) < 0)
                return true;
        rest = table.text;
        while ((line = strsep(&rest, "\n"))) {
                if (sscanf(line, "%*s %*s %*s %*s %*s %*s %31s %255s", inode, path) != 2)
                        continue;
                str_clear(&wanted);
                str_addf(&wanted, "\n%s\n", path);
                if (strstr(str_text(sockets), str_text(&wanted)) && is_inode_of(pid, inode))
                        return true;
        }
        return false;
}

static void end_old_shim(int pid, void *context)
{
        const char *bundles = context;
        _cleanup_(str_done) struct str sockets = { 0 };
        struct birth own, shim;

        if (read_birth(getpid(), &own) && read_birth(pid, &shim) && shim.at < own.at &&
            !has_children(pid) && list_sockets(bundles, &sockets) && !listens_at(pid, &sockets))
                kill_process(pid);
}

void shim_sweep(const char *address, const char *bundles)
{
        each_process(is_shim_at,
                     str_starts_with(address, "unix:") ? address + strlen("unix:") : address,
                     end_old_shim, (void *)bundles);
}

/* --- cgroups --- */

/* The next of a list of numbers, one per line; 0 at its end. */
static int next_pid(const char **at)
{
        int pid = atoi(*at);

        *at += strcspn(*at, "\n");
        *at += strspn(*at, "\n");
        return pid;
}

static int read_processes(const char *cgroup, struct str *ret)
{
        _cleanup_(str_done) struct str path = { 0 };

        str_addf(&path, "%s/cgroup.procs", cgroup);
        return file_read(path.text, PIDS_MAX_BYTES, ret, NULL);
}

static void kill_processes(const char *cgroup)
{
        _cleanup_(str_done) struct str pids = { 0 };
        const char *at;
        int pid;

        if (read_processes(cgroup, &pids) < 0)
                return;
        for (at = str_text(&pids); (pid = next_pid(&at)) > 1;)
                kill(pid, SIGKILL);
        for (at = str_text(&pids); (pid = next_pid(&at)) > 1 && await_death(pid);)
                ;
}

static void empty_cgroup(const char *cgroup);

static void remove_inner(const char *cgroup)
{
        DIR *folder = opendir(cgroup);
        const struct dirent *entry;

        while (folder && (entry = readdir(folder))) {
                _cleanup_(str_done) struct str path = { 0 };

                if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
                        continue;
                str_addf(&path, "%s/%s", cgroup, entry->d_name);
                empty_cgroup(path.text);
                rmdir(path.text);
        }
        if (folder)
                closedir(folder);
}

static void empty_cgroup(const char *cgroup)
{
        remove_inner(cgroup);
        kill_processes(cgroup);
}

/* What is killed may have forked meanwhile: more than once. */
static int remove_cgroup(const char *cgroup, struct err *err)
{
        for (int i = 0; i < KILL_TRIES; i++) {
                if (rmdir(cgroup) == 0 || errno == ENOENT)
                        return 0;
                empty_cgroup(cgroup);
        }
        if (rmdir(cgroup) == 0 || errno == ENOENT)
                return 0;
        return err_set(err, ERR_UNAVAILABLE, "remove '%s': %s", cgroup, strerror(errno));
}

/* Version 2 has one tree of cgroups, version 1 one for each controller. */
static void find_cgroups(const char *parent, const char *id, glob_t *ret)
{
        static const char *const trees[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/*" };

        *ret = (glob_t){ 0 };
        for (size_t i = 0; i < COUNT_OF(trees); i++) {
                char pattern[512];

                snprintf(pattern, sizeof pattern, "%s/%s/%s", trees[i], parent, id);
                glob(pattern, i ? GLOB_APPEND : 0, NULL, ret);
        }
}

int shim_remove_cgroups(const char *parent, const char *id, struct err *err)
{
        glob_t cgroups;
        int result = 0;

        find_cgroups(parent, id, &cgroups);
        for (size_t i = 0; i < cgroups.gl_pathc; i++) {
                int failed = remove_cgroup(cgroups.gl_pathv[i], err);

                result = failed ? failed : result;
        }
        globfree(&cgroups);
        return result;
}

/* Of its processes one is the shim's child. */
static void find_by_cgroup(const char *parent, const char *id, struct shim_process *ret)
{
        glob_t cgroups;
        int pid;

        find_cgroups(parent, id, &cgroups);
        for (size_t i = 0; i < cgroups.gl_pathc && !ret->pid; i++) {
                _cleanup_(str_done) struct str pids = { 0 };
                const char *at;

                if (read_processes(cgroups.gl_pathv[i], &pids) < 0)
                        continue;
                for (at = str_text(&pids); !ret->pid && (pid = next_pid(&at)) > 1;)
                        shim_find(pid, ret);
        }
        globfree(&cgroups);
}

void shim_end(const char *parent, const char *id, bool spares_shim)
{
        struct shim_process shim = { 0 };

        each_process(is_runc_making, id, kill_it, NULL);
        find_by_cgroup(parent, id, &shim);
        (void)shim_remove_cgroups(parent, id, NULL);
        if (spares_shim)
                return;
        shim_end_idle(&shim);
        each_process(is_shim_of, id, end_shim, NULL);
}
