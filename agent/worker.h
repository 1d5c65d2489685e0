/* What the managers want of this node: the set that assignments add up to, as a pure function of
 * the messages that came.
 *
 * A COMPLETE set replaces everything: what it does not name is removed once its last message came.
 * INCREMENTAL ones apply in sequence.  Items are kept packed, as they go to disk; tasks are
 * unpacked when they are opened. */
#pragma once
#include "agent/executor.h"
#include "lib/base/id.h"
#include "lib/base/map.h"
#include "lib/base/vec.h"

enum worker_kind {
        WORKER_TASK,    /* Sk__TaskAssignment */
        WORKER_SPEC,    /* Sk__ServiceSpecRevisionEntry */
        WORKER_SECRET,  /* Sk__SecretEntry; must never be stored */
        WORKER_CONFIG,  /* Sk__ConfigEntry */
        WORKER_NETWORK, /* Sk__NetworkEntry */
        WORKER_KINDS,
};

/* Told of every change as it happens, so that it can be written down; members must be set. */
struct worker_sink {
        void (*put)(void *context, enum worker_kind kind, const uint8_t *data, size_t size);
        void (*removed)(void *context, enum worker_kind kind, const char *id);
        void *context;
};

struct worker {
        struct map items[WORKER_KINDS];
        const struct worker_sink *sink; /* NULL: nobody */
        struct vec changes;             /* struct worker_change, not yet taken */
        size_t n_whole;                 /* 0: none of them belongs to a whole set yet */
        uint64_t sequence;
        uint64_t round;    /* of the COMPLETE set; items of an older one are not in it */
        bool is_open;      /* the message with is_last of this sequence has still to come */
        bool is_replacing; /* it is a COMPLETE set */
        bool is_fresh;     /* a whole COMPLETE set came since worker_init() */
};

/* A task that is new, differs from before, or is wanted no more. */
struct worker_change {
        char task_id[ID_SIZE];
        bool is_removed;
};

void worker_init(struct worker *worker, const struct worker_sink *sink);
void worker_done(struct worker *worker);

/* Takes one message in.  ERR_PRECONDITION: it does not follow the one before; ERR_INVALID: it
 * cannot be understood. After either the session must be made anew, which brings a COMPLETE set. */
int worker_apply(struct worker *worker, const Sk__Assignments *assignments, struct err *err);

/* The session is new: only a COMPLETE set may come next. */
void worker_expect_complete(struct worker *worker);

/* Changes of whole sets, oldest first; 'false' when there is none.  A task may come twice. */
bool worker_take_changes(struct worker *worker, struct vec *ret_changes);

/* Puts back what a sink was told in an earlier life. */
int worker_restore(struct worker *worker, enum worker_kind kind, const uint8_t *data, size_t size,
                   struct err *err);
void worker_restore_removed(struct worker *worker, enum worker_kind kind, const char *id);

/* Tells 'sink' everything there is. */
void worker_dump(const struct worker *worker, const struct worker_sink *sink);

/* The task's assignment in 'arena'; NULL when it is not wanted. */
const Sk__TaskAssignment *worker_task(const struct worker *worker, const char *task_id,
                                      struct arena *arena);
size_t worker_count_tasks(const struct worker *worker);
const char *worker_each_task(const struct worker *worker, size_t *at);

/* What a task is made from, in 'arena' (node id and hostname are the caller's).  ERR_NOT_FOUND: the
 * task or its spec is not here; files that are missing are left out, and *ret_lacks_files says so
 * (also for the registry's credentials).
 */
int worker_input(const struct worker *worker, const char *task_id, struct arena *arena,
                 struct executor_input *ret_input, bool *ret_lacks_files, struct err *err);
