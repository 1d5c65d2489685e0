/* Private to the orchestrator: what its files share.
 *
 * A key's decision is one group.  Each task that is told something must still be defined as it was;
 * tasks are created under a new generation, which makes any two decisions that create tasks of a
 * service exclude each other. */
#pragma once
#include "lib/base/time.h"
#include "lib/placement/placement.h"
#include "lib/state/plan.h"
#include "lib/state/task_life.h"

enum { RANGE_SLOTS = 1000 };

/* A new task that does not run after this has failed, unless the service says otherwise. */
#define PROGRESS_DEADLINE_DEFAULT (10 * NS_PER_MINUTE)

/* A decision about one service under way. */
struct work {
        const struct view *view;
        struct plan *plan;
        size_t limit; /* the plan is full at so many changes */
        const Sk__Service *service;
        const Sk__ServiceSpecRevision *revision; /* the one wanted */
        const Sk__ServiceSpec *spec;             /* revision->spec, with a task spec in it */
        const struct placement_need *need;       /* of revision */
        bool is_global, is_job;
        const Sk__JobStatus__Run *run; /* of a job: whose tasks are looked at */
        bool has_group;
        Sk__ServiceProgress *progress; /* as it shall be; NULL while it stays as it is */
        bool has_generation;           /* progress->generation is for the tasks created now */
        size_t n_new;                  /* slots filled with the present spec */
        size_t n_like_older;           /* filled beside canaries with another, or to be */
};

/* False when the service cannot be worked on: it, or its spec, is not there. */
bool work_begin(struct work *work, const struct view *view, const char *service_id, size_t limit,
                struct plan *plan);

/* Has the plan grown enough?  Then the key is looked at again at once. */
bool work_is_full(struct work *work);

/* The service's progress, to be written. */
Sk__ServiceProgress *work_progress(struct work *work);

/* What a task is to reach: RUNNING, or COMPLETE for a job's. */
Sk__TaskState work_goal(const struct work *work);
/* 'node_id' is "" for a replicated service, 'slot' 0 for a global one.  'like' is a task whose spec
 * is taken; NULL: the present one, or of a job the run's.  What is returned may still be changed.
 */
Sk__TaskDefinition *work_create(struct work *work, uint64_t slot, const char *node_id,
                                const Sk__Task *like, Sk__TaskState desired, const char *reason);
/* No-op when that much is desired already. */
void work_desire(struct work *work, const Sk__Task *task, Sk__TaskState desired,
                 const char *reason);
void work_remove(struct work *work, const Sk__Task *task, const char *reason);

/* The spec a task was made from; the service's present one when that is gone. */
const Sk__ServiceSpec *work_spec_of(const struct work *work, const Sk__Task *task);
/* Does the node meet the constraints of the present spec, or of a job's run? */
bool work_constraints_hold(const struct work *work, const Sk__Node *node);
/* Was the task made from a spec whose tasks are not as good as those of the present one, at least
 * where it is? */
bool work_is_dirty(const struct work *work, const Sk__Task *task);
/* How the service is to be updated, or rolled back; NULL: with the defaults. */
const Sk__UpdateConfig *work_update_config(const struct work *work);
/* How the update to the present revision stands; NULL: there is none. */
const Sk__UpdateStatus *work_update_status(const struct work *work);
/* How many slots get the present spec until the update is promoted; 0: all. */
uint64_t work_canaries(const struct work *work);
/* What a task that replaces 'older' for other reasons than an update is to be like: NULL, the
 * present spec, unless that is being tried out and 'older' is no canary. */
const Sk__Task *work_like(const struct work *work, const Sk__Task *older);
/* Were the two made from specs that make different tasks? */
bool tasks_differ(const struct work *work, const Sk__Task *a, const Sk__Task *b);

/* --- slot.c: what the tasks of one slot say --- */

enum slot_state {
        SLOT_EMPTY,  /* nothing is wanted here: a task may be created */
        SLOT_ALIVE,  /* the newest task is wanted, and can be */
        SLOT_BROKEN, /* the newest task is over or must leave its node, and another is to follow */
        SLOT_FINISHED, /* so, but the restart policy lets the slot rest */
};

struct slot {
        enum slot_state state;
        uint64_t number;        /* of a replicated service */
        const char *node_id;    /* of a global one; else "" */
        const Sk__Task *newest; /* NULL: there never was a task */
        const char *why;        /* not NULL: the newest task is wanted, and this is wrong with it */
};

struct slot slot_of(const struct work *work, uint64_t number, const char *node_id,
                    const Sk__Task *newest);
struct slot slot_look(const struct work *work, uint64_t number, const char *node_id);

/* The next older task of the slot, of a job in the same iteration; NULL. */
const Sk__Task *slot_older(const struct work *work, const Sk__Task *task);
/* Why the task cannot go on; NULL when it can. */
const char *slot_why_broken(const struct work *work, const Sk__Task *task);
/* Did it complete, fail or get rejected, rather than being told to stop? */
bool slot_ended_by_itself(const Sk__Task *task);
/* May the service have a task on the node, made from the spec of 'like' (NULL: the present one)? */
bool node_may_bear(const struct work *work, const Sk__Node *node, const Sk__Task *like);
/* Will nothing more be heard of the task: over, never placed, or its node is gone or down? */
bool slot_task_is_lost(const struct view *view, const Sk__Task *task);
/* Is it alive on a drained node, which it is to leave when its turn comes? */
bool slot_is_leaving(const struct work *work, const struct slot *slot);

/* Has it a task of the present spec, be it one that goes on until its successor, of whatever spec,
 * runs? */
bool slot_has_present_spec(const struct work *work, const struct slot *slot);

/* --- fill.c: what empty slots are filled with --- */

struct filling {
        const Sk__Task *others; /* what is beside the canaries; NULL: nothing */
        uint64_t n_canaries;    /* so many are missing */
};

struct filling fill_begin(const struct work *work, const struct slot *slots, size_t n_slots,
                          const Sk__Task *others);
/* What is to fill a slot that had 'newest' (NULL: none), as fill() takes it. */
const Sk__Task *fill_like(const struct work *work, const struct filling *filling,
                          const Sk__Task *newest);
void fill(struct work *work, uint64_t slot, const char *node_id, const Sk__Task *newest,
          const Sk__Task *like, const char *reason);

/* --- restart.c: may it run again, and when --- */

bool restart_may(const struct work *work, const Sk__Task *task);
/* When a task created at 'created_at', whose slot held 'older' before, may start. */
int64_t restart_start_at(const struct work *work, const Sk__Task *older, int64_t created_at,
                         bool is_update);
/* How long after its creation the task may start for the sake of the one before it in its slot. */
int64_t restart_delay_before(const struct work *work, const Sk__Task *task);
/* READY when it has to wait for what the slot held, else the goal. */
Sk__TaskState restart_desired(const struct work *work, const Sk__Task *older, bool is_update);
/* How many tasks of the slot have to be kept so that attempts can be counted. */
uint64_t restart_history_wanted(const struct work *work, const Sk__Task *newest);

/* The life of the tasks in one slot: replace what broke, start what waited, stop what was replaced,
 * forget. */
void slot_live(struct work *work, const struct slot *slot);

/* --- the other questions --- */

void replicated_decide(struct work *work);
void replicated_decide_range(struct work *work, uint64_t range);
void global_decide(struct work *work);
void global_decide_node(struct work *work, const char *node_id);
void job_decide(struct work *work);
/* A task is created after these: none of them may have completed meanwhile, for what has completed
 * is never run again. */
void job_require_incomplete(struct work *work, const Sk__Task *newest);
/* May a global service, or job, begin something like 'like' (NULL: of the present spec) there? */
bool global_takes_new(const struct work *work, const Sk__Node *node, const Sk__Task *like);
/* Which of these slots (those that stay) are to be replaced next. */
void update_decide(struct work *work, const struct slot *slots, size_t n_slots);
/* A task of the present spec, made since its update began, that ended soon after its start or does
 * not get there; NULL. */
const Sk__Task *failure_in_slot(const struct work *work, const Sk__UpdateConfig *config,
                                const struct slot *slot);
/* Has its task, of whatever spec, not come up within the deadline since it was created? */
bool failure_is_late(const struct work *work, const Sk__UpdateConfig *config,
                     const struct slot *slot);
enum failure_verdict { FAILURE_NONE, FAILURE_PAUSES, FAILURE_ROLLS_BACK };
/* Pauses or rolls back when too many failed. */
enum failure_verdict failure_decide(struct work *work, const Sk__UpdateConfig *config,
                                    const struct slot *slots, size_t n_slots);
/* Of slots at rest, the one whose task is to move next because it would be placed elsewhere today;
 * writes down how far that got.  NULL: none, or not before others are up ('may_move' is false). */
const struct slot *rebalance_next(struct work *work, const struct slot *slots, size_t n_slots,
                                  bool may_move);
void reap_slot(struct work *work, const Sk__Task *newest);
void reap_orphans(const struct view *view, const char *service_id, size_t limit, struct plan *plan);
void reap_specs(const struct view *view, size_t limit, struct plan *plan);
/* Makes room for waiting tasks at the expense of less important ones. */
void preempt_decide(const struct view *view, size_t limit, struct plan *plan);
void enforce_node(const struct view *view, const char *node_id, size_t limit, struct plan *plan);

/* A change of a task outside of any work. */
void plan_desire(struct plan *plan, const Sk__Task *task, Sk__TaskState desired,
                 const char *reason);
