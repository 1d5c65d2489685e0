/* What can run a task: eight verbs in front of containerd (executor_containerd) or of nothing at
 * all (executor_fake, for tests and simulated agents).
 *
 * Everything is asynchronous: a verb returns at once and tells its end by 'done', on the loop,
 * never inside the verb, exactly once.  At most one verb is under way per task, except that
 * shutdown and terminate may come while prepare or start is: the earlier verb then ends early with
 * ERR_CANCELLED.  All verbs may be repeated and pick up what an earlier run of the agent left
 * behind: containers are found again by the task's id. */
#pragma once
#include <stdbool.h>

#include "api/dispatcher.pb-c.h"
#include "lib/base/err.h"
#include "lib/base/mem.h"

struct executor;
struct executor_task;

/* What a task is made from; borrowed for the length of executor_open().
 *
 * Of a task that list() named and nobody wants, only the assignment's id is known ('spec' is NULL,
 * no definition): it is opened to be terminated and removed, nothing else. */
struct executor_input {
        const Sk__TaskAssignment *assignment;
        const Sk__ServiceSpec *spec;
        const char *service_name;
        const char *node_id, *node_hostname;
        const Sk__SecretEntry *const *secrets; /* those the spec names */
        size_t n_secrets;
        const Sk__ConfigEntry *const *configs;
        size_t n_configs;
};

/* How a container ended. */
struct executor_exit {
        int exit_code; /* 128 + signal when killed; -1: unknown, it ended while nobody watched */
        bool oom_killed;
        /* "task: non-zero exit (3)"; "" when it went well.  A container that was stopped for being
         * unhealthy did not, whatever its exit code. */
        char err[240];
};

/* What is known of the container after prepare/start; strings live in the task until it is closed.
 */
struct executor_facts {
        const char *container_id;
        int64_t pid; /* 0: does not run */
        const char *image_digest;
        const Sk__PortConfig *const
                *host_ports; /* published host ports, with those chosen by the node */
        size_t n_host_ports;
        bool is_running; /* until its end is told; after open: found running, adopt it */
        /* Runs, but is not healthy: start is not over yet or, when found so, goes on. */
        bool is_unwell;
        /* NULL: nobody looks; they outlive the container. */
        const Sk__HealthStatus *health, *readiness;
        bool is_unready;         /* runs, but its readiness probe fails */
        const char *log_trouble; /* on the way to a log server; NULL or "": none */
};

struct executor_events {
        /* The verb under way ended; 'err' is NULL when it went well.  Errors before start mean
         * REJECTED when ERR_INVALID, ERR_NOT_FOUND or ERR_PRECONDITION (never possible here), else
         * FAILED.  When open fails otherwise for a task that may run, the handle is closed and open
         * is tried again later. */
        void (*done)(void *context, const struct err *err);
        /* The running container ended by itself or by shutdown/terminate.  Also told between open
         * and its 'done' when a container is found that ended while nobody watched. */
        void (*exited)(void *context, const struct executor_exit *exit);
        /* Words for the status while preparing: "pulling 127.0.0.1:5000/bb:1". */
        void (*progress)(void *context, const char *message);
        /* The facts tell something else of the running container's health, readiness or log. */
        void (*changed)(void *context);
};

/* Where the kernel tells what a running container takes. */
struct executor_place {
        char cgroup_root[64]; /* "/sys/fs/cgroup" */
        char cgroup[128];     /* "skep/<id>" */
        bool has_cgroup_v2;
        int64_t pid;          /* of the first process */
        bool has_own_network; /* else what comes and goes is the node's */
};

/* Something done inside a task's container from outside, beside what the task itself runs. */
struct executor_entry;
struct executor_entry_events {
        /* It has begun; the descriptors are the caller's from now on: where to write what it reads,
         * and where to read what it writes.  They do not block; -1: there is none. */
        void (*started)(void *context, int in, int out, int errors);
        /* It has ended; what it wrote last can still be read, until entry_finish(). */
        void (*exited)(void *context);
        /* Over, once and last; the entry is freed when it returns.  'err' is NULL when it ran;
         * else an exit code other than 0 is what a shell would have told. */
        void (*ended)(void *context, int exit_code, const struct err *err);
};

struct executor_ops {
        /* Fills in what the node is and has; allocated in the description's own arena. */
        void (*describe)(struct executor *executor, struct arena *arena, Sk__NodeDescription *ret);

        /* 1 open: makes the handle and looks for what exists; cheap, no side effect on containers;
         * ends with 'done'. */
        struct executor_task *(*open)(struct executor *executor, const struct executor_input *input,
                                      const struct executor_events *events, void *context);
        /* 2 prepare: image, snapshot, network, container object: everything but starting. */
        void (*prepare)(struct executor_task *task);
        /* 3 start: the container runs when 'done' comes without error. */
        void (*start)(struct executor_task *task);
        /* 4 shutdown: the stop signal, then KILL after the grace period; 'done' when it has ended.
         */
        void (*shutdown)(struct executor_task *task);
        /* 5 terminate: KILL now. */
        void (*terminate)(struct executor_task *task);
        /* 6 remove: container, snapshot, network; logs too.  Nothing of the task is left when
         * 'done' comes. */
        void (*remove)(struct executor_task *task);
        /* 7 close: forgets the handle; the container runs on (agent stops).  No callback comes any
         * more. */
        void (*close)(struct executor_task *task);
        /* 8 facts. */
        const struct executor_facts *(*facts)(const struct executor_task *task);

        /* Calls back once with the ids of all tasks that have anything here, so that what nobody
         * wants can be removed. */
        void (*list)(struct executor *executor,
                     void (*listed)(void *context, const char *const *task_ids, size_t n,
                                    const struct err *err),
                     void *context);

        /* Goes inside; all five are NULL when the executor cannot.  Nothing is told before it
         * returns. */
        struct executor_entry *(*enter)(struct executor *executor, const Sk__EnterStart *start,
                                        const struct executor_entry_events *events, void *context);
        /* No more input will be written. */
        void (*entry_end_input)(struct executor_entry *entry);
        void (*entry_resize)(struct executor_entry *entry, uint32_t width, uint32_t height);
        /* After 'exited': everything that was there has been read. */
        void (*entry_finish)(struct executor_entry *entry);
        /* Nobody is interested any more: it is ended and taken away, no callback comes. */
        void (*entry_leave)(struct executor_entry *entry);

        /* False: no such container runs.  NULL when the executor's take nothing. */
        bool (*place)(struct executor *executor, const char *task_id, struct executor_place *ret);

        void (*free)(struct executor *executor);
};

struct executor {
        const struct executor_ops *ops;
};
