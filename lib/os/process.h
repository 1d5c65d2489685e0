/* Child processes without zombies or races: pidfds on the loop. */
#pragma once
#include <stdint.h>
#include <sys/types.h>

#include "lib/os/loop.h"

/* A process that is watched; embed it. */
struct process {
        pid_t pid;
        int pidfd;
        /* On the loop, once.  'status' is as from waitpid, or -1 when the process was adopted and its status is unknown. */
        void (*exited)(void *context, int status);
        void *context;
        struct loop_watch watch;
        bool is_child;
};

struct process_options {
        const char *const *argv;        /* NULL-terminated; argv[0] is looked up in PATH when it has no slash */
        const char *const *environment; /* NULL-terminated "K=V"; NULL inherits */
        const char *log_path;           /* stdout and stderr are appended there; NULL inherits */
        bool new_session;               /* setsid: survives its parent's terminal */
};

/* Starts a child; signals unblocked and at their defaults, descriptors above 2 closed.  'process' must have exited and context
 * set. */
int process_start(struct loop *loop, const struct process_options *options, struct process *process, struct err *err);

/* Watches a process that is not a child.  ERR_NOT_FOUND when there is none of that pid. */
int process_adopt(struct loop *loop, pid_t pid, struct process *process, struct err *err);

/* Signals exactly this process, never a reused pid. */
int process_signal(struct process *process, int signal, struct err *err);

/* Stops watching; the process runs on. */
void process_forget(struct process *process);
