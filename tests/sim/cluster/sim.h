/* A whole cluster in one process: the real orchestrator, allocator, scheduler and task life, over a
 * store in one function, in virtual time, with faults drawn from a seed.
 *
 * Each loop has a mirror of its own that lags behind; plans are lost before or after they are
 * applied; loops are restarted; nodes crash, hang, come back and are drained; containers crash,
 * start slowly and stop slowly; people create, change and remove services.  check.c looks at every
 * commit.  After the faults everything must come to rest, and be right. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sim_options {
        uint64_t seed;
        size_t n_nodes, n_services, n_jobs, n_slots;
        int64_t faults_ns; /* how long there are faults and people */
        int64_t rest_ns;   /* how long it then has to come to rest */
        bool is_ailing;    /* health checks fail at times, and people ask for rebalances */
        bool shall_trace;  /* every commit to stdout */
};

struct sim_result {
        const char *failure; /* NULL: all is well; lives until the next run */
        uint64_t hash;       /* of everything that was committed, and when */
        int64_t failed_at;
        uint64_t n_events, n_commits, n_conflicts, n_lost_plans, n_node_faults, n_tasks;
        uint64_t n_unhealthy; /* containers that were stopped for it */
        uint64_t n_stopped;   /* updates that rest paused, or rolled back */
        uint64_t n_moved;     /* tasks, by rebalances */
};

struct sim_result sim_run(const struct sim_options *options);
