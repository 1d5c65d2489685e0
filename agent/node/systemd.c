/* Daemons as instances of the unit template skep@.service: the agent writes their options, systemd
 * does the rest. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "agent/node/backend.h"
#include "lib/base/check.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/os/file.h"
#include "lib/os/log.h"
#include "lib/os/process.h"

struct systemd {
        struct backend backend;
        struct loop *loop;
        char *run_folder;
};

/* One run of systemctl. */
struct control {
        struct process process;
        char unit[80];
        const char *verb;
        void (*stopped)(void *context);
        void *context;
};

bool backend_has_systemd(void)
{
        struct stat status;

        return lstat("/run/systemd/system", &status) == 0 && S_ISDIR(status.st_mode);
}

static void control_exited(void *context, int status)
{
        struct control *control = context;

        if (status != 0)
                LOG(ERROR, "systemctl failed", STR("verb", control->verb),
                    STR("unit", control->unit),
                    INT("status", status > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : status));
        if (control->stopped)
                control->stopped(control->context);
        free(control);
}

static int control_run(struct systemd *systemd, const char *verb, const char *name,
                       void (*stopped)(void *context), void *context, struct err *err)
{
        struct control *control = mem_alloc(sizeof *control);
        const char *const arguments[] = { "systemctl", verb, "--no-block", control->unit, NULL };
        const char *const waiting[] = { "systemctl", verb, control->unit, NULL };
        int result;

        snprintf(control->unit, sizeof control->unit, "skep@%.40s.service", name);
        control->verb = verb;
        control->stopped = stopped;
        control->context = context;
        control->process = (struct process){ .exited = control_exited, .context = control };
        result = process_start(systemd->loop,
                               &(struct process_options){ .argv = stopped ? waiting : arguments },
                               &control->process, err);
        if (result < 0)
                free(control);
        return result;
}

/* KEY="..." for EnvironmentFile=; our own arguments hold no quotes, backslashes or newlines. */
static int write_options(struct systemd *systemd, const struct backend_daemon *daemon,
                         struct err *err)
{
        _cleanup_(str_done) struct str path = { 0 }, text = { 0 };

        str_addf(&path, "%s/%s.env", systemd->run_folder, daemon->name);
        str_add(&text, "SKEP_OPTIONS=");
        for (size_t i = 0; daemon->arguments[i]; i++)
                str_addf(&text, "%s%s", i ? " " : "\"", daemon->arguments[i]);
        str_add(&text, daemon->arguments[0] ? "\"\n" : "\n");
        return file_write_atomic(str_text(&path), text.text, text.length, 0600, err);
}

static int systemd_start(struct backend *backend, const struct backend_daemon *daemon,
                         struct err *err)
{
        struct systemd *systemd = container_of(backend, struct systemd, backend);

        TRY(write_options(systemd, daemon, err));
        return control_run(systemd, "start", daemon->name, NULL, NULL, err);
}

static void systemd_stop(struct backend *backend, const char *name, void (*stopped)(void *context),
                         void *context)
{
        struct err err;

        if (control_run(container_of(backend, struct systemd, backend), "stop", name, stopped,
                        context, &err) < 0) {
                LOG(ERROR, "daemon not stopped", STR("daemon", name), STR("why", err.text));
                stopped(context);
        }
}

/* The unit's main process, from the cgroup-free /run file systemd keeps for nobody: asking costs a
 * process, so only the pid file of a ready daemon is looked at. */
static bool systemd_state(struct backend *backend, const char *name, struct backend_state *ret)
{
        _cleanup_(str_done) struct str path = { 0 };
        struct systemd *systemd = container_of(backend, struct systemd, backend);

        str_addf(&path, "%s/%s.env", systemd->run_folder, name);
        *ret = (struct backend_state){ .is_running = file_exists(str_text(&path)) };
        return ret->is_running;
}

static void systemd_free(struct backend *backend)
{
        struct systemd *systemd = container_of(backend, struct systemd, backend);

        free(systemd->run_folder);
        free(systemd);
}

int backend_systemd_new(const struct backend_options *options, struct backend **ret_backend,
                        struct err *err)
{
        static const struct backend_ops ops = { systemd_start, systemd_stop, systemd_state,
                                                systemd_free };
        struct systemd *systemd = mem_alloc(sizeof *systemd);

        (void)err;
        systemd->backend.ops = &ops;
        systemd->loop = options->loop;
        systemd->run_folder = str_copy(options->run_folder);
        *ret_backend = &systemd->backend;
        return 0;
}
