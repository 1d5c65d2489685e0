/* An executor that runs nothing: for tests, for the cluster simulator and for simulated agents.
 * Everything it does takes the time and ends the way its options and seed say.  What "runs" lives
 * in the executor, so it outlives handles as containers outlive an agent. */
#pragma once
#include "agent/executor.h"
#include "lib/os/loop.h"

struct executor_fake_options {
        struct loop *loop;
        const char *hostname; /* copied; NULL: "fake" */
        uint64_t seed;
        int64_t prepare_ns, start_ns, shutdown_ns; /* how long these take; 0: until the next turn */
        int64_t lives_ns; /* containers exit by themselves after up to twice that; 0: never */
        int exit_code;    /* of those */
        unsigned rejected_permille, failed_permille; /* prepares that reject, starts that fail */
        int64_t flaps_ns; /* those that run become ready, and unready again, each after up to that;
                             0: they are asked nothing */
        int64_t nano_cpus, memory_bytes; /* described; 0: 4 CPUs, 8 GiB */
};

struct executor *executor_fake_new(const struct executor_fake_options *options);

/* The task's container exits now; false when none runs. */
bool executor_fake_exit(struct executor *executor, const char *task_id, int exit_code);

/* How many containers there are, running or not. */
size_t executor_fake_count(const struct executor *executor);

/* The next 'n' opens fail, although they find what runs. */
void executor_fake_fail_opens(struct executor *executor, unsigned n);

/* How many handles are open. */
size_t executor_fake_count_handles(const struct executor *executor);
