/* What should change: a list of independent groups, each all-or-nothing, made by a decision and
 * carried out by a shell.
 *
 * Everything lies in the plan's arena; messages given to it are kept by reference, so they must
 * live in that arena (or in the view) until the plan was packed. */
#pragma once
#include "lib/base/vec.h"
#include "lib/state/view.h"

struct plan_change {
        Sk__Change__Op op;
        Sk__Kind kind;
        const char *id, *name;
        const ProtobufCMessage *parts[OBJECT_PARTS_MAX]; /* NULL: not touched */
        const char *const *references;                   /* NULL: unchanged; else NULL-terminated */
        const char *reason;
};

struct plan_precondition {
        Sk__Kind kind;
        const char *id;
        enum { PLAN_PART_VERSION, PLAN_EXISTS, PLAN_ABSENT, PLAN_NAME_FREE, PLAN_NO_REFERRER } test;
        uint32_t part;
        uint64_t version;
        const char *name;
};

struct plan_group {
        struct vec changes;       /* struct plan_change */
        struct vec preconditions; /* struct plan_precondition */
};

struct plan {
        struct arena arena;
        struct vec groups; /* struct plan_group */
        size_t n_changes;
        int64_t wake_at; /* with no news at all, look again then; TIME_NEVER */
};

void plan_init(struct plan *plan);
void plan_clear(struct plan *plan);
void plan_done(struct plan *plan);

/* Opens a new group, unless the newest is still empty; changes and preconditions go to the newest
 * one (one is opened by itself when there is none).  plan_close() drops the newest group when it
 * stayed empty: so each group that is packed has something in it. */
void plan_group(struct plan *plan);
void plan_close(struct plan *plan);

/* Adds a change to the newest group and returns it for filling in; valid until the next one is
 * added. */
struct plan_change *plan_create(struct plan *plan, Sk__Kind kind, const char *id);
struct plan_change *plan_update(struct plan *plan, Sk__Kind kind, const char *id);
struct plan_change *plan_remove(struct plan *plan, Sk__Kind kind, const char *id);
struct plan_change *plan_merge_status(struct plan *plan, const char *task_id,
                                      const Sk__TaskStatus *status);

/* The change's part 'index' becomes 'message'. */
void plan_set_part(struct plan_change *change, size_t index, const ProtobufCMessage *message);

/* "As this part was when I looked": its version in 'object'. */
void plan_require_unchanged(struct plan *plan, Sk__Kind kind, const struct object_head *object,
                            size_t part);
struct plan_precondition *plan_require(struct plan *plan, Sk__Kind kind, const char *id);

/* Look again at 'at' (ns, view time) if nothing happens first. */
void plan_wake(struct plan *plan, int64_t at);

bool plan_is_empty(const struct plan *plan);

/* The plan as the store takes it, wholly in 'arena': the plan may be cleared afterwards. */
Sk__CommitRequest *plan_pack(const struct plan *plan, struct arena *arena);
