/* Private to the simulator: what its files share. */
#pragma once
#include "agent/task.h"
#include "lib/base/heap.h"
#include "lib/base/id.h"
#include "lib/base/map.h"
#include "lib/base/random.h"
#include "lib/base/time.h"
#include "lib/state/schedule.h"
#include "manager/scheduler/scheduler.h"
#include "tests/lib/build_objects.h"
#include "tests/sim/cluster/sim.h"

enum { SIM_LOOPS = 3, SIM_NODES_MOST = 64 };

struct sim;

/* What a commit made known; shared by the mirrors that still have to be told. */
struct news {
        struct arena arena;
        struct applied applied;
        uint64_t version;
        int64_t now;
        size_t n_readers;
};

struct sim_loop {
        struct sim *sim;
        const struct reconciler *reconciler;
        struct schedule schedule;
        struct scheduler_config config;
        struct view *mirror;
        uint64_t epoch;       /* plans and news of earlier ones are void */
        int64_t delivered_at; /* when the last news arrives: they keep their order */
        bool is_step_due;
        const struct plan *plan;
};

/* A task as its agent knows it. */
struct sim_task {
        char id[ID_SIZE];
        struct sim_node *node;
        struct task life;
        uint64_t n_verbs; /* the verb under way; ends of earlier ones are void */
        bool has_report, is_running, is_job;
        Sk__HealthStatus__State readiness; /* NONE: it is not asked */
        int64_t started_at_ns;
};

struct sim_node {
        struct sim *sim;
        size_t number;
        const char *id, *name;
        bool is_alive, is_reachable;
        uint64_t boots; /* what was under way before the last crash is void */
        int64_t changed_at, skew_ns;
        struct map tasks; /* struct sim_task, by id */
        bool is_sync_due, is_report_due;
};

/* What was last seen of a task, kept for good. */
struct seen_task {
        char id[ID_SIZE];
        Sk__TaskState state, desired;
        int64_t failed_at, told_to_stop_at;
        bool is_gone;
};

struct sim {
        const struct sim_options *options;
        struct random random;
        struct world world; /* the truth */
        struct heap queue;
        uint64_t n_queued;
        int64_t begun, faults_end, last_commit;
        struct sim_loop loops[SIM_LOOPS];
        struct sim_node nodes[SIM_NODES_MOST];
        struct map seen;        /* struct seen_task, by id */
        struct map seen_jobs;   /* struct seen_job, by service id */
        struct map start_first; /* services that ever started first, by id */
        struct arena arena;     /* what lives as long as the simulation */
        struct vec all_news;    /* struct news * */
        struct sim_result result;
        char failure[512];
};

/* --- sim.c --- */

/* Calls fire(sim, context, number) after 'delay_ns'. */
void sim_after(struct sim *sim, int64_t delay_ns, void (*fire)(struct sim *, void *, uint64_t),
               void *context, uint64_t number);
bool sim_has_faults(const struct sim *sim);
bool sim_one_in(struct sim *sim, uint64_t n);
int64_t sim_between(struct sim *sim, int64_t least_ms, int64_t most_ms); /* in ns */
/* The first one counts. */
void sim_fail(struct sim *sim, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* --- store.c --- */

/* Applies the plan to the truth, checks, and tells the mirrors and agents.  The caller is a reader,
 * too: news_unref(). */
struct news *sim_commit(struct sim *sim, const struct plan *plan);
/* Brings a fresh mirror up to the truth. */
struct view *sim_mirror_new(struct sim *sim);

/* --- loops.c --- */

void loop_init(struct sim *sim, struct sim_loop *loop, const struct reconciler *reconciler);
void loop_done(struct sim_loop *loop);
void loop_news(struct sim_loop *loop, struct news *news);
/* As after a failover: a fresh mirror, nothing remembered. */
void loop_restart(struct sim_loop *loop);
void news_unref(struct news *news);

/* --- agents.c --- */

void node_init(struct sim *sim, struct sim_node *node, size_t number);
void node_done(struct sim_node *node);
void node_crash(struct sim_node *node);
void node_cut(struct sim_node *node);
/* Comes back, whatever was wrong. */
void node_return(struct sim_node *node);
/* The truth about one of its tasks changed. */
void node_news(struct sim *sim, const char *node_id);
struct sim_node *node_find(struct sim *sim, const char *id);

/* --- person.c --- */

void person_begin(struct sim *sim);
void person_finish(struct sim *sim); /* every node is active and back */
/* All services are rebalanced. */
void person_rebalance(struct sim *sim, void *context, uint64_t number);
/* A node (the context) is drained for good. */
void person_drain(struct sim *sim, void *context, uint64_t number);

/* --- check.c --- */

void check_plan(struct sim *sim, const struct plan *plan, const struct applied *applied);
bool task_ended_by_itself(Sk__TaskState state);
void check_started(struct sim *sim, const struct sim_task *task);
/* What is on the node fits it, in all that was asked for (NULL: in everything). */
void check_node(struct sim *sim, const Sk__Node *node, const Sk__Resources *asked);
void check_rest(struct sim *sim);

/* --- check_steps.c --- */

/* How stale the view of a loop may be. */
#define CHECK_LAG (6 * NS_PER_S)

/* A task was made, or told to stop, for the reason that it says. */
void check_told(struct sim *sim, const Sk__Task *task);
/* No more tasks of the service are in change than it allows. */
void check_steps(struct sim *sim, const Sk__Service *service);
/* Was the task made from a spec as good as the one wanted now? */
bool is_current(struct sim *sim, const Sk__Service *service, const Sk__Task *task);
/* Are only its canaries to be updated? */
bool has_canaries(struct sim *sim, const Sk__Service *service);

/* --- check_job.c --- */

/* What was told of a job by this event. */
void check_job(struct sim *sim, const Sk__Service *service);
/* A task of a job was made or told something. */
void check_job_task(struct sim *sim, const Sk__Task *task);
void check_job_rest(struct sim *sim, const Sk__Service *service);
bool is_job_spec(const Sk__ServiceSpec *spec);
