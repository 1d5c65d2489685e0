/* Running a program inside a container: the steps. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/executor_containerd_enter.h"
#include "agent/executor_containerd_inside.h"
#include "agent/oci/rootfs.h"
#include "api/containerd/containers.pb-c.h"
#include "api/containerd/tasks.pb-c.h"
#include "lib/base/str.h"
#include "lib/os/log.h"
#include "lib/os/os_error.h"

static const int64_t timeout_ns = ENTRY_TIMEOUT_NS;

enum { USERS_FILE_MAX = 4 << 20, EXIT_KILLED = 137, EXIT_CANNOT_RUN = 126, EXIT_NO_PROGRAM = 127 };

/* Where its input and output go through, by descriptor. */
static const char *const file_names[ENTRY_FILES] = { "in", "out", "err" };

void entry_file_path(const struct executor_entry *entry, int i, char ret[static PATH_SIZE])
{
        snprintf(ret, PATH_SIZE, "%s/%s-%s", entry->folder, entry->exec_id, file_names[i]);
}

/* What it started is in its process group, unless it took care not to be.  The group cannot be
 * another's while its first process is there. */
void entry_kill(struct executor_entry *entry)
{
        if (entry->pidfd < 0 || syscall(SYS_pidfd_send_signal, entry->pidfd, 0, NULL, 0) < 0)
                return;
        if (kill(-entry->pid, SIGKILL) < 0)
                (void)syscall(SYS_pidfd_send_signal, entry->pidfd, SIGKILL, NULL, 0);
}

static void was_left(struct executor_entry *entry)
{
        struct err err;

        err_set(&err, ERR_CANCELLED, "nobody is interested any more");
        chain_fail(&entry->chain, &err);
}

static void found_spec(void *context, const void *out, const struct err *err)
{
        struct executor_entry *entry = context;
        const Ctd__Containers__GetResponse *answer = out;
        const Ctd__Types__Any *spec = err || !answer->container ? NULL : answer->container->spec;
        struct err missing;

        if (!spec) {
                err_set(&missing, ERR_PRECONDITION, "task %s is not running", entry->task_id);
                chain_fail(&entry->chain, err && err->code != ERR_NOT_FOUND ? err : &missing);
                return;
        }
        entry->spec = arena_copy(&entry->arena, spec->value.data, spec->value.len);
        entry->spec_size = spec->value.len;
        chain_next(&entry->chain);
}

static void find_spec(void *context)
{
        struct executor_entry *entry = context;
        Ctd__Containers__GetRequest in = CTD__CONTAINERS__GET_REQUEST__INIT;

        in.id = entry->task_id;
        chain_call(&entry->chain, CONTAINERD_METHOD(containers, containers, Get), &in.base,
                   timeout_ns, found_spec);
}

/* For reading there is a writer as soon as it runs; to write, a reader is kept here so that it need
 * not be there yet. */
static int open_file(struct executor_entry *entry, int i, struct err *err)
{
        char path[PATH_SIZE];

        entry_file_path(entry, i, path);
        if (mkfifo(path, 0600) < 0)
                return os_error(err, errno, "make '%s'", path);
        entry->fds[i] = open(path, (i == 0 ? O_RDWR : O_RDONLY) | O_NONBLOCK | O_CLOEXEC);
        if (entry->fds[i] < 0)
                return os_error(err, errno, "open '%s'", path);
        return 0;
}

static int find_user(struct executor_entry *entry, struct oci_user *ret, struct err *err)
{
        _cleanup_(str_done) struct str passwd = { 0 }, group = { 0 };
        _cleanup_(closep) int root = -1;

        TRY(inside_open_root(entry->container_pid, entry->task_id, &root, err));
        TRY(rootfs_read(root, "/etc/passwd", USERS_FILE_MAX, &passwd, err));
        TRY(rootfs_read(root, "/etc/group", USERS_FILE_MAX, &group, err));
        return oci_user_find(entry->exec->user, NULL, 0, str_text(&passwd), str_text(&group),
                             &entry->arena, ret, err);
}

static int prepare_on_pool(void *context, struct err *err)
{
        struct executor_entry *entry = context;
        const Sk__ExecSpec *exec = entry->exec;
        bool has_user = !str_is_empty(exec->user);
        struct oci_user user;

        if (has_user)
                TRY(find_user(entry, &user, err));
        TRY(oci_exec_build(entry->spec, entry->spec_size, exec, has_user ? &user : NULL,
                           &entry->executor->host, &entry->arena, &entry->process, err));
        if (exec->detach)
                return 0;
        if (exec->stdin)
                TRY(open_file(entry, 0, err));
        TRY(open_file(entry, 1, err));
        return exec->tty ? 0 : open_file(entry, 2, err);
}

static void prepare(void *context)
{
        struct executor_entry *entry = context;

        chain_work(&entry->chain, prepare_on_pool);
}

static void created(void *context, const void *out, const struct err *err)
{
        struct executor_entry *entry = context;

        (void)out;
        if (err)
                chain_fail(&entry->chain, err);
        else
                chain_next(&entry->chain);
}

static void create(void *context)
{
        struct executor_entry *entry = context;
        Ctd__Tasks__ExecRequest in = CTD__TASKS__EXEC_REQUEST__INIT;
        Ctd__Types__Any spec = CTD__TYPES__ANY__INIT;
        char paths[ENTRY_FILES][PATH_SIZE];

        if (entry->is_left) {
                was_left(entry);
                return;
        }
        for (int i = 0; i < ENTRY_FILES; i++) {
                entry_file_path(entry, i, paths[i]);
                if (entry->fds[i] < 0)
                        paths[i][0] = '\0';
        }
        spec.type_url = "types.containerd.io/opencontainers/runtime-spec/1/Process";
        spec.value.data = (uint8_t *)entry->process;
        spec.value.len = strlen(entry->process);
        in.container_id = entry->task_id;
        in.exec_id = entry->exec_id;
        in.stdin = paths[0];
        in.stdout = paths[1];
        in.stderr = paths[2];
        in.terminal = entry->exec->tty;
        in.spec = &spec;
        chain_call(&entry->chain, CONTAINERD_METHOD(tasks, tasks, Exec), &in.base, timeout_ns,
                   created);
}

/* runc's words, after docker's own rule. */
static int shell_code(const char *text)
{
        bool is_missing = strstr(text, "executable file not found") ||
                          strstr(text, "no such file or directory");

        return is_missing ? EXIT_NO_PROGRAM : EXIT_CANNOT_RUN;
}

static void note_process(struct executor_entry *entry, uint32_t pid)
{
        entry->pid = (pid_t)pid;
        entry->pidfd = pid > 1 ? (int)syscall(SYS_pidfd_open, entry->pid, 0) : -1;
        entry->has_started = true;
}

static void could_not_start(struct executor_entry *entry, const struct err *err)
{
        entry->err = *err;
        entry->exit_code = shell_code(err->text);
}

static void has_started(struct executor_entry *entry, uint32_t pid)
{
        int fds[ENTRY_FILES];

        note_process(entry, pid);
        if (entry->is_left)
                return;
        for (int i = 0; i < ENTRY_FILES; i++)
                fds[i] = TAKE_FD(entry->fds[i]);
        if (entry->exec->tty && (entry->width || entry->height))
                executor_entry_resize(entry, entry->width, entry->height);
        entry->events.started(entry->context, fds[0], fds[1], fds[2]);
}

static const Ctd__Tasks__Process *running_process(const Ctd__Tasks__GetResponse *answer)
{
        return answer && answer->process && answer->process->status == CTD__TASKS__STATUS__RUNNING
                       ? answer->process
                       : NULL;
}

static void ask_for_process(struct executor_entry *entry,
                            void (*answered)(void *context, const void *out, const struct err *err))
{
        Ctd__Tasks__GetRequest in = CTD__TASKS__GET_REQUEST__INIT;

        in.container_id = entry->task_id;
        in.exec_id = entry->exec_id;
        chain_call(&entry->chain, CONTAINERD_METHOD(tasks, tasks, Get), &in.base, timeout_ns,
                   answered);
}

static void asked_whether_it_runs(void *context, const void *out, const struct err *err)
{
        struct executor_entry *entry = context;
        const Ctd__Tasks__Process *process = running_process(out);
        struct err gone;

        (void)err;
        err_set(&gone, ERR_UNAVAILABLE,
                "containerd went away while the program was started; try again");
        if (process)
                has_started(entry, process->pid);
        else
                could_not_start(entry, &gone);
        chain_next(&entry->chain);
}

/* When containerd dies before it answers, the program may run nevertheless. */
static void started(void *context, const void *out, const struct err *err)
{
        struct executor_entry *entry = context;
        const Ctd__Tasks__StartResponse *answer = out;

        if (err && err->code == ERR_UNAVAILABLE) {
                ask_for_process(entry, asked_whether_it_runs);
                return;
        }
        if (err)
                could_not_start(entry, err);
        else
                has_started(entry, answer->pid);
        chain_next(&entry->chain);
}

static void start(void *context)
{
        struct executor_entry *entry = context;
        Ctd__Tasks__StartRequest in = CTD__TASKS__START_REQUEST__INIT;

        if (entry->is_left) {
                chain_next(&entry->chain);
                return;
        }
        in.container_id = entry->task_id;
        in.exec_id = entry->exec_id;
        chain_call_once(&entry->chain, CONTAINERD_METHOD(tasks, tasks, Start), &in.base, timeout_ns,
                        started);
}

/* One that an earlier agent began. */
static void found_process(void *context, const void *out, const struct err *err)
{
        struct executor_entry *entry = context;
        const Ctd__Tasks__Process *process = running_process(out);

        (void)err;
        if (process)
                note_process(entry, process->pid);
        chain_next(&entry->chain);
}

static void find_process(void *context)
{
        ask_for_process(context, found_process);
}

static void has_ended(void *context, const void *out, const struct err *err)
{
        struct executor_entry *entry = context;
        const Ctd__Tasks__WaitResponse *answer = out;

        entry->exit_code = err ? EXIT_KILLED : (int)answer->exit_status;
        entry->has_exited = true;
        chain_next(&entry->chain);
}

/* Only now, so that nothing hangs when it was left before it ran. */
static void await_end(void *context)
{
        struct executor_entry *entry = context;
        Ctd__Tasks__WaitRequest in = CTD__TASKS__WAIT_REQUEST__INIT;

        if (!entry->has_started) {
                chain_next(&entry->chain);
                return;
        }
        if (entry->exec && entry->exec->detach && !entry->is_left) {
                entry->is_left = entry->is_alone = true;
                entry->events.ended(entry->context, 0, NULL);
        }
        if (entry->is_left && !entry->is_alone)
                entry_kill(entry);
        in.container_id = entry->task_id;
        in.exec_id = entry->exec_id;
        chain_call(&entry->chain, CONTAINERD_METHOD(tasks, tasks, Wait), &in.base, 0, has_ended);
}

/* containerd gives up what it has not passed on two seconds after it was told to delete. */
static void await_reader(void *context)
{
        struct executor_entry *entry = context;

        if (!entry->has_exited || entry->is_left) {
                chain_next(&entry->chain);
                return;
        }
        entry->awaits_reader = true;
        entry->events.exited(entry->context);
}

static void deleted(void *context, const void *out, const struct err *err)
{
        struct executor_entry *entry = context;

        (void)out;
        if (err && err->code != ERR_NOT_FOUND)
                LOG(WARN, "a program run inside a task cannot be cleaned up",
                    STR("task", entry->task_id), STR("err", err->text));
        chain_next(&entry->chain);
}

static void delete_process(void *context)
{
        struct executor_entry *entry = context;
        Ctd__Tasks__DeleteProcessRequest in = CTD__TASKS__DELETE_PROCESS_REQUEST__INIT;

        in.container_id = entry->task_id;
        in.exec_id = entry->exec_id;
        chain_call(&entry->chain, CONTAINERD_METHOD(tasks, tasks, DeleteProcess), &in.base,
                   timeout_ns, deleted);
}

chain_step *const entry_steps[] = { find_spec, prepare,      create,         start,
                                    await_end, await_reader, delete_process, NULL };
chain_step *const entry_old_steps[] = { find_process, await_end, delete_process, NULL };
