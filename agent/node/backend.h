/* How a node's daemons are started, kept running and stopped: as children (spawn.c) or as systemd
 * units (systemd.c). */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "lib/os/loop.h"

struct backend;

/* A daemon as the backend sees it. */
struct backend_daemon {
        const char *name;             /* "store": runs skep-store */
        const char *const *arguments; /* NULL-terminated, without the program itself; copied */
};

struct backend_state {
        bool is_running;
        int64_t pid;
        uint64_t n_restarts;
        char last_failure[160]; /* "exit status 3", "killed by signal 9"; "" */
};

struct backend_ops {
        /* Runs it from now on: starts it, adopts it when it runs already, restarts it with back-off
         * (100 ms, doubling to 10 s) when it dies.  Starting what is started is a no-op. */
        int (*start)(struct backend *backend, const struct backend_daemon *daemon, struct err *err);
        /* Ends it (SIGTERM, SIGKILL after 10 s) and calls back when it is gone. */
        void (*stop)(struct backend *backend, const char *name, void (*stopped)(void *context),
                     void *context);
        bool (*state)(struct backend *backend, const char *name, struct backend_state *ret);
        /* Forgets everything; daemons run on. */
        void (*free)(struct backend *backend);
};

struct backend {
        const struct backend_ops *ops;
};

struct backend_options {
        struct loop *loop;
        const char *program_folder, *run_folder, *log_folder;
};

int backend_spawn_new(const struct backend_options *options, struct backend **ret_backend,
                      struct err *err);
int backend_systemd_new(const struct backend_options *options, struct backend **ret_backend,
                        struct err *err);

/* Is systemd PID 1 here? */
bool backend_has_systemd(void);
