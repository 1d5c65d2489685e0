/* Marks of a container's life. */
#include "agent/executor_containerd_marks.h"

#include <stdio.h>
#include <string.h>

#include "agent/executor_containerd_mounts.h"
#include "lib/base/str.h"
#include "lib/os/file.h"

enum { PATH_MOST = 400, FILE_MOST = 4096 };

int marks_set_started(const char *folder, struct err *err)
{
        char path[PATH_MOST];

        snprintf(path, sizeof path, "%s/started", folder);
        return file_write_plain(path, "", 0, 0600, err);
}

bool marks_has_started(const char *folder)
{
        char path[PATH_MOST];

        snprintf(path, sizeof path, "%s/started", folder);
        return file_exists(path);
}

void marks_describe_exit(int exit_code, bool oom_killed, const char *cause,
                         struct executor_exit *ret)
{
        if (oom_killed)
                cause = "out of memory";
        *ret = (struct executor_exit){ .exit_code = exit_code, .oom_killed = oom_killed };
        if (exit_code < 0)
                snprintf(ret->err, sizeof ret->err,
                         "task: exit status unknown: it ended while nobody watched");
        else if (exit_code != 0 || cause)
                snprintf(ret->err, sizeof ret->err, "task: non-zero exit (%d)%s%s", exit_code,
                         cause ? ": " : "", cause ? cause : "");
}

int marks_write_exit(const char *folder, const struct executor_exit *exit, struct err *err)
{
        char path[PATH_MOST], text[512];

        snprintf(path, sizeof path, "%s/exit", folder);
        snprintf(text, sizeof text, "%d %s\n%s", exit->exit_code, exit->oom_killed ? "oom" : "-",
                 exit->err);
        return file_write_atomic(path, text, strlen(text), 0600, err);
}

bool marks_read_exit(const char *folder, struct executor_exit *ret)
{
        _cleanup_(str_done) struct str text = { 0 };
        char path[PATH_MOST], word[8] = "";
        int code, length = 0;

        snprintf(path, sizeof path, "%s/exit", folder);
        if (file_read(path, FILE_MOST, &text, NULL) < 0 ||
            sscanf(str_text(&text), "%d %7s\n%n", &code, word, &length) < 2)
                return false;
        *ret = (struct executor_exit){ .exit_code = code, .oom_killed = str_equal(word, "oom") };
        snprintf(ret->err, sizeof ret->err, "%s", str_text(&text) + length);
        return true;
}

bool marks_was_oom_killed(const char *cgroup_path, bool has_cgroup_v2)
{
        _cleanup_(str_done) struct str text = { 0 };
        char path[PATH_MOST];
        const char *line;

        snprintf(path, sizeof path,
                 has_cgroup_v2 ? "/sys/fs/cgroup%s/memory.events"
                               : "/sys/fs/cgroup/memory%s/memory.oom_control",
                 cgroup_path);
        if (file_read(path, FILE_MOST, &text, NULL) < 0)
                return false;
        line = strstr(str_text(&text), "oom_kill ");
        return line && line[strlen("oom_kill ")] != '0';
}
