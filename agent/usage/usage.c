/* What a container takes, and what runs in it. */
#include "agent/usage/usage.h"

#include <errno.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/str.h"
#include "lib/base/time.h"
#include "lib/base/vec.h"
#include "lib/os/file.h"
#include "lib/os/os_error.h"

enum { FILE_MOST = 1 << 20, COMMAND_MOST = 4096, PASSWD_MOST = 16 << 10 };

/* Unix98 terminals are one major number. */
enum { PTS_MAJOR = 136 };

/* --- what it takes --- */

/* "" for a file that is not there. */
static void read_file(struct str *ret, const char *format, ...)
{
        char path[320];
        va_list arguments;

        va_start(arguments, format);
        vsnprintf(path, sizeof path, format, arguments);
        va_end(arguments);
        if (file_read(path, FILE_MOST, ret, NULL) < 0)
                str_clear(ret);
}

static void read_cgroup(const struct executor_place *place, const char *controller,
                        const char *name, struct str *ret)
{
        if (place->has_cgroup_v2)
                read_file(ret, "%s/%s/%s", place->cgroup_root, place->cgroup, name);
        else
                read_file(ret, "%s/%s/%s/%s", place->cgroup_root, controller, place->cgroup, name);
}

static uint64_t read_number(const struct executor_place *place, const char *controller,
                            const char *name)
{
        _cleanup_(str_done) struct str text = { 0 };

        read_cgroup(place, controller, name, &text);
        return strtoull(str_text(&text), NULL, 10);
}

static uint64_t without(uint64_t all, uint64_t cached)
{
        return all > cached ? all - cached : all;
}

/* What the kernel would give back at once does not count, as docker has it. */
static void read_v1(const struct executor_place *place, Sk__TaskUsage *ret)
{
        _cleanup_(str_done) struct str memory = { 0 }, io = { 0 };

        read_cgroup(place, "memory", "memory.stat", &memory);
        read_cgroup(place, "blkio", "blkio.throttle.io_service_bytes_recursive", &io);
        ret->cpu_ns = read_number(place, "cpuacct", "cpuacct.usage");
        ret->memory_bytes = without(read_number(place, "memory", "memory.usage_in_bytes"),
                                    usage_value(str_text(&memory), "total_inactive_file"));
        ret->memory_limit_bytes = read_number(place, "memory", "memory.limit_in_bytes");
        ret->read_bytes = usage_sum(str_text(&io), "Read ");
        ret->written_bytes = usage_sum(str_text(&io), "Write ");
}

static void read_v2(const struct executor_place *place, Sk__TaskUsage *ret)
{
        _cleanup_(str_done) struct str memory = { 0 }, io = { 0 }, cpu = { 0 };

        read_cgroup(place, "", "memory.stat", &memory);
        read_cgroup(place, "", "io.stat", &io);
        read_cgroup(place, "", "cpu.stat", &cpu);
        ret->cpu_ns = usage_value(str_text(&cpu), "usage_usec") * NS_PER_US;
        ret->memory_bytes = without(read_number(place, "", "memory.current"),
                                    usage_value(str_text(&memory), "inactive_file"));
        ret->memory_limit_bytes = read_number(place, "", "memory.max"); /* "max" reads as 0 */
        ret->read_bytes = usage_sum(str_text(&io), "rbytes=");
        ret->written_bytes = usage_sum(str_text(&io), "wbytes=");
}

static void limit_to_node(Sk__TaskUsage *usage)
{
        struct sysinfo info;
        uint64_t total;

        if (sysinfo(&info) < 0)
                return;
        total = (uint64_t)info.totalram * info.mem_unit;
        if (usage->memory_limit_bytes == 0 || usage->memory_limit_bytes > total)
                usage->memory_limit_bytes = total;
}

static int64_t boot_now(void)
{
        struct timespec now;

        clock_gettime(CLOCK_BOOTTIME, &now);
        return now.tv_sec * NS_PER_S + now.tv_nsec;
}

void usage_read(const struct executor_place *place, Sk__TaskUsage *ret)
{
        _cleanup_(str_done) struct str network = { 0 };

        ret->at_boot_ns = boot_now();
        if (place->has_cgroup_v2)
                read_v2(place, ret);
        else
                read_v1(place, ret);
        limit_to_node(ret);
        ret->pids = read_number(place, "pids", "pids.current");
        if (place->has_own_network)
                read_file(&network, "/proc/%lld/net/dev", (long long)place->pid);
        usage_network(str_text(&network), &ret->received_bytes, &ret->sent_bytes);
}

/* --- what runs --- */

static const char *user_name(struct arena *arena, uid_t uid)
{
        struct passwd entry, *found = NULL;
        char buffer[PASSWD_MOST];

        if (getpwuid_r(uid, &entry, buffer, sizeof buffer, &found) == 0 && found)
                return arena_strdup(arena, found->pw_name);
        return arena_printf(arena, "%u", (unsigned)uid);
}

/* Its arguments with spaces between; a process without any is shown by its name. */
static const char *command_line(struct arena *arena, int64_t pid, const struct usage_stat *stat)
{
        _cleanup_(str_done) struct str text = { 0 };

        read_file(&text, "/proc/%lld/cmdline", (long long)pid);
        while (text.length && !text.text[text.length - 1])
                text.length--;
        if (text.length > COMMAND_MOST)
                text.length = COMMAND_MOST;
        for (size_t i = 0; i < text.length; i++)
                if (!text.text[i])
                        text.text[i] = ' ';
        if (!text.length)
                return arena_printf(arena, "[%s]", stat->command);
        text.text[text.length] = '\0';
        text_make_printable(text.text, text.length, "");
        return arena_strdup(arena, text.text);
}

static const char *terminal_name(struct arena *arena, int64_t device)
{
        unsigned number = (unsigned)device;

        if (number == 0)
                return "";
        if (major(number) == PTS_MAJOR)
                return arena_printf(arena, "pts/%u", minor(number));
        return arena_printf(arena, "%u:%u", major(number), minor(number));
}

/* NULL: it has ended meanwhile. */
static Sk__ProcessInfo *look_at(struct arena *arena, int64_t pid)
{
        const int64_t tick_ns = NS_PER_S / sysconf(_SC_CLK_TCK);
        _cleanup_(str_done) struct str text = { 0 };
        struct usage_stat stat_;
        struct timespec now;
        struct stat status;
        Sk__ProcessInfo *info;
        char path[64];

        snprintf(path, sizeof path, "/proc/%lld", (long long)pid);
        read_file(&text, "%s/stat", path);
        if (!usage_stat(str_text(&text), &stat_) || stat(path, &status) < 0)
                return NULL;
        clock_gettime(CLOCK_REALTIME, &now);
        info = arena_alloc(arena, sizeof *info);
        sk__process_info__init(info);
        text_make_printable(stat_.command, strlen(stat_.command), "");
        info->user = user_name(arena, status.st_uid);
        info->pid = pid;
        info->parent_pid = stat_.parent_pid;
        info->cpu_ns = (int64_t)stat_.ticks * tick_ns;
        info->started_at_ns = now.tv_sec * NS_PER_S + now.tv_nsec - boot_now() +
                              (int64_t)stat_.started_ticks * tick_ns;
        info->terminal = terminal_name(arena, stat_.terminal);
        info->command = command_line(arena, pid, &stat_);
        return info;
}

int usage_processes(const struct executor_place *place, struct arena *arena, Sk__ProcessInfo ***ret,
                    size_t *ret_n, struct err *err)
{
        _cleanup_(vec_done) struct vec found = VEC_OF(Sk__ProcessInfo *);
        _cleanup_(str_done) struct str pids = { 0 };
        Sk__ProcessInfo *info;
        char *at;

        read_cgroup(place, "pids", "cgroup.procs", &pids);
        if (!pids.length)
                return err_set(err, ERR_NOT_FOUND, "nothing runs there");
        at = pids.text;
        while (*at && found.n < USAGE_PROCESSES_MAX) {
                info = look_at(arena, strtoll(at, &at, 10));
                if (info)
                        vec_push(&found, &info);
                at += strspn(at, "\n");
        }
        *ret = arena_copy(arena, found.data, found.n * sizeof **ret);
        *ret_n = found.n;
        return 0;
}
