/* Child processes without zombies or races: pidfds on the loop. */
#pragma once
#include <stdint.h>
#include <sys/types.h>

#include "lib/os/loop.h"

/* A process that is watched; embed it. */
struct process {
        pid_t pid;
        int pidfd;
        /* On the loop, once.  'status' is as from waitpid, or -1 when it is unknown: the process
         * was adopted, or this process ignores SIGCHLD.  'process' may be freed or started again.
         */
        void (*exited)(void *context, int status);
        void *context;
        struct loop_watch watch;
        bool is_child;
};

struct process_options {
        const char *const *argv;        /* NULL-terminated */
        const char *program;            /* looked up in PATH when it has no slash; NULL: argv[0] */
        int input;                      /* becomes its stdin; 0: /dev/null */
        const char *const *environment; /* NULL-terminated "K=V"; NULL inherits */
        const char *log_path;           /* stdout and stderr are appended there; NULL inherits */
        bool new_session;               /* setsid: survives its parent's terminal */
};

/* Starts a child; signals unblocked and at their defaults, descriptors above 2 closed.  'process'
 * must have 'exited' and 'context' set and the rest zeroed.  ERR_NOT_FOUND when there is no such
 * program. */
int process_start(struct loop *loop, const struct process_options *options, struct process *process,
                  struct err *err);

/* Watches a process that is not a child.  ERR_NOT_FOUND when there is none of that pid.  That the
 * pid still means the process one thinks of is the caller's to know (by a lock the process holds,
 * say). */
int process_adopt(struct loop *loop, pid_t pid, struct process *process, struct err *err);

/* Signals exactly this process, never a reused pid. */
int process_signal(struct process *process, int signal, struct err *err);

/* Stops watching; the process runs on.  A child forgotten so stays a zombie from its exit until
 * ours.  No-op when it is not watched. */
void process_forget(struct process *process);
