/* Daemons as children that outlive us: a restarted agent finds them again by pid file and start
 * time. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "agent/node/backend.h"
#include "lib/base/check.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/base/time.h"
#include "lib/os/file.h"
#include "lib/os/log.h"
#include "lib/os/process.h"

enum { ARGUMENTS_MAX = 64, STOP_SECONDS = 10 };
static const int64_t backoff_least = 100 * NS_PER_MS, backoff_most = 10 * NS_PER_S;

struct spawn;
struct child {
        struct child *next;
        struct spawn *spawn;
        char *name, *program;
        char *arguments[ARGUMENTS_MAX + 2]; /* argv, NULL-terminated */
        struct process process;
        bool is_running, is_wanted;
        struct loop_timer timer; /* restart after a back-off, or kill after a grace period */
        int64_t backoff, started_at;
        struct backend_state state;
        void (*stopped)(void *context);
        void *stopped_context;
};

struct spawn {
        struct backend backend;
        struct loop *loop;
        char *program_folder, *run_folder, *log_folder;
        struct child *children;
};

static struct child *child_find(struct spawn *spawn, const char *name)
{
        for (struct child *child = spawn->children; child; child = child->next)
                if (strcmp(child->name, name) == 0)
                        return child;
        return NULL;
}

static void pid_path(const struct child *child, struct str *ret)
{
        str_addf(ret, "%s/%s.pid", child->spawn->run_folder, child->name);
}

/* Field 22 of /proc/PID/stat: with the pid it names a process for good.  0: no such process. */
static uint64_t start_time(pid_t pid)
{
        _cleanup_(str_done) struct str path = { 0 }, text = { 0 };
        const char *at;

        str_addf(&path, "/proc/%d/stat", (int)pid);
        if (file_read(str_text(&path), 4096, &text, NULL) < 0)
                return 0;
        at = strrchr(str_text(&text), ')');
        for (int field = 2; at && field < 22; field++)
                at = strchr(at + 1, ' ');
        return at ? strtoull(at, NULL, 10) : 0;
}

static void remember_pid(struct child *child)
{
        _cleanup_(str_done) struct str path = { 0 }, text = { 0 };
        struct err err;

        pid_path(child, &path);
        str_addf(&text, "%d %llu\n", (int)child->process.pid,
                 (unsigned long long)start_time(child->process.pid));
        if (file_write_atomic(str_text(&path), text.text, text.length, 0600, &err) < 0)
                LOG(WARN, "pid not written: a restarted agent will not find this daemon",
                    STR("daemon", child->name), STR("why", err.text));
}

static void child_exited(void *context, int status);
static void child_start(struct child *child);

/* The daemon of an earlier agent, when it still runs. */
static bool child_adopt(struct child *child)
{
        _cleanup_(str_done) struct str path = { 0 }, text = { 0 };
        unsigned long long started = 0;
        struct err err;
        int pid = 0;

        pid_path(child, &path);
        if (file_read(str_text(&path), 128, &text, NULL) < 0 ||
            sscanf(str_text(&text), "%d %llu", &pid, &started) != 2 || pid <= 1)
                return false;
        if (!started || start_time(pid) != started)
                return false;
        child->process = (struct process){ .exited = child_exited, .context = child };
        if (process_adopt(child->spawn->loop, pid, &child->process, &err) < 0)
                return false;
        if (start_time(pid) != started) {
                process_forget(&child->process);
                return false;
        }
        LOG(INFO, "daemon adopted", STR("daemon", child->name), INT("pid", pid));
        return true;
}

static void child_retry(struct child *child)
{
        loop_timer_set(child->spawn->loop, &child->timer, child->backoff);
        child->backoff = child->backoff * 2 > backoff_most ? backoff_most : child->backoff * 2;
}

static void child_start(struct child *child)
{
        _cleanup_(str_done) struct str log_path = { 0 };
        struct err err;

        str_addf(&log_path, "%s/%s.log", child->spawn->log_folder, child->name);
        child->process = (struct process){ .exited = child_exited, .context = child };
        if (process_start(child->spawn->loop,
                          &(struct process_options){
                                  .argv = (const char *const *)child->arguments,
                                  .log_path = str_text(&log_path),
                                  .new_session = true,
                          },
                          &child->process, &err) < 0) {
                LOG(ERROR, "daemon not started", STR("daemon", child->name), STR("why", err.text));
                snprintf(child->state.last_failure, sizeof child->state.last_failure, "%.150s",
                         err.text);
                child_retry(child);
                return;
        }
        child->is_running = true;
        child->started_at = loop_now_boot(child->spawn->loop);
        remember_pid(child);
        LOG(INFO, "daemon started", STR("daemon", child->name), INT("pid", child->process.pid));
}

static void tell_stopped(struct child *child)
{
        _cleanup_(str_done) struct str path = { 0 };
        void (*stopped)(void *context) = child->stopped;

        pid_path(child, &path);
        unlink(str_text(&path));
        child->stopped = NULL;
        if (stopped)
                stopped(child->stopped_context);
}

static void child_exited(void *context, int status)
{
        struct child *child = context;
        char *failure = child->state.last_failure;
        size_t size = sizeof child->state.last_failure;

        child->is_running = false;
        loop_timer_cancel(&child->timer);
        if (!child->is_wanted) {
                tell_stopped(child);
                return;
        }
        if (status < 0)
                snprintf(failure, size, "ended, exit status unknown");
        else if (WIFSIGNALED(status))
                snprintf(failure, size, "killed by signal %d", WTERMSIG(status));
        else
                snprintf(failure, size, "exit status %d", WEXITSTATUS(status));
        if (loop_now_boot(child->spawn->loop) - child->started_at > backoff_most)
                child->backoff = backoff_least;
        child->state.n_restarts++;
        LOG(WARN, "daemon ended, will be started again", STR("daemon", child->name),
            STR("how", failure), INT("in_ms", child->backoff / NS_PER_MS));
        child_retry(child);
}

static void timer_fired(void *context)
{
        struct child *child = context;

        if (child->is_running)
                process_signal(&child->process, SIGKILL, NULL);
        else if (child->is_wanted)
                child_start(child);
}

static int spawn_start(struct backend *backend, const struct backend_daemon *daemon,
                       struct err *err)
{
        struct spawn *spawn = container_of(backend, struct spawn, backend);
        struct child *child = child_find(spawn, daemon->name);
        size_t n = 0;

        if (child && child->is_wanted)
                return 0;
        if (!child) {
                child = mem_alloc(sizeof *child);
                child->spawn = spawn;
                child->name = str_copy(daemon->name);
                child->next = spawn->children;
                spawn->children = child;
        }
        for (char **argument = child->arguments; *argument; argument++)
                free(*argument);
        memset(child->arguments, 0, sizeof child->arguments);
        if (asprintf(&child->arguments[0], "%s/skep-%s", spawn->program_folder, daemon->name) < 0)
                abort();
        while (daemon->arguments[n]) {
                if (n == ARGUMENTS_MAX)
                        return err_set(err, ERR_INVALID, "too many arguments for skep-%s",
                                       daemon->name);
                child->arguments[n + 1] = str_copy(daemon->arguments[n]);
                n++;
        }
        child->is_wanted = true;
        child->backoff = backoff_least;
        child->timer = (struct loop_timer){ .fire = timer_fired, .context = child };
        child->is_running = child_adopt(child);
        if (!child->is_running)
                child_start(child);
        return 0;
}

static void spawn_stop(struct backend *backend, const char *name, void (*stopped)(void *context),
                       void *context)
{
        struct spawn *spawn = container_of(backend, struct spawn, backend);
        struct child *child = child_find(spawn, name);

        if (!child) {
                stopped(context);
                return;
        }
        loop_timer_cancel(&child->timer);
        child->is_wanted = false;
        child->stopped = stopped;
        child->stopped_context = context;
        if (!child->is_running) {
                tell_stopped(child);
                return;
        }
        process_signal(&child->process, SIGTERM, NULL);
        loop_timer_set(spawn->loop, &child->timer, STOP_SECONDS * NS_PER_S);
}

static bool spawn_state(struct backend *backend, const char *name, struct backend_state *ret)
{
        struct child *child = child_find(container_of(backend, struct spawn, backend), name);

        if (!child)
                return false;
        *ret = child->state;
        ret->is_running = child->is_running;
        ret->pid = child->is_running ? child->process.pid : 0;
        return true;
}

static void spawn_free(struct backend *backend)
{
        struct spawn *spawn = container_of(backend, struct spawn, backend);
        struct child *next;

        for (struct child *child = spawn->children; child; child = next) {
                next = child->next;
                loop_timer_cancel(&child->timer);
                if (child->is_running)
                        process_forget(&child->process);
                for (char **argument = child->arguments; *argument; argument++)
                        free(*argument);
                free(child->name);
                free(child);
        }
        free(spawn->program_folder);
        free(spawn->run_folder);
        free(spawn->log_folder);
        free(spawn);
}

int backend_spawn_new(const struct backend_options *options, struct backend **ret_backend,
                      struct err *err)
{
        static const struct backend_ops ops = { spawn_start, spawn_stop, spawn_state, spawn_free };
        struct spawn *spawn;

        TRY(file_make_folders(options->log_folder, 0750, err));
        spawn = mem_alloc(sizeof *spawn);
        spawn->backend.ops = &ops;
        spawn->loop = options->loop;
        spawn->program_folder = str_copy(options->program_folder);
        spawn->run_folder = str_copy(options->run_folder);
        spawn->log_folder = str_copy(options->log_folder);
        *ret_backend = &spawn->backend;
        return 0;
}
