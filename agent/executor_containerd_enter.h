/* What runs inside a container by somebody's wish; private to agent/executor_containerd_enter*.c.
 */
#pragma once
#include <sys/types.h>

#include "agent/executor_containerd_task.h"

enum { ENTRY_FILES = 3 };

#define ENTRY_TIMEOUT_NS (60 * NS_PER_S)

struct executor_entry {
        struct executor_containerd *executor;
        struct executor_entry_events events;
        void *context;
        struct executor_entry *next, **back;
        struct arena arena;
        const Sk__ExecSpec *exec; /* NULL: an earlier agent's */
        const char *task_id, *folder;
        char exec_id[40];
        int64_t container_pid;
        struct chain chain;
        const char *spec, *process; /* JSON: the container's, and what is run */
        size_t spec_size;
        int fds[ENTRY_FILES]; /* until they are handed over */
        int pidfd;
        pid_t pid;
        bool has_started, has_exited, awaits_reader;
        bool is_left;  /* nobody is interested: no callback */
        bool is_alone; /* and it shall run on */
        int exit_code;
        struct err err; /* why it could not run */
        struct rpc_request *resizing, *closing;
        uint32_t width, height;
        bool resizes_again;
        struct entry_copy *copy; /* NULL: a program */
};

/* What it is made of, one after the other; the second is for those an earlier agent began. */
extern chain_step *const entry_steps[];
extern chain_step *const entry_old_steps[];

/* A copy instead of a program. */
extern chain_step *const entry_copy_steps[];
/* ERR_EXHAUSTED: too many are under way. */
int entry_take_copy(struct executor_entry *entry, const Sk__CopySpec *spec, struct err *err);
void entry_end_copy(struct executor_entry *entry); /* no-op for a program */

/* One of the FIFOs for its input, output and errors. */
void entry_file_path(const struct executor_entry *entry, int i, char ret[static PATH_SIZE]);

/* Kills it and what it started. */
void entry_kill(struct executor_entry *entry);
