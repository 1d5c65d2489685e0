/* Simulations of whole clusters.
 *
 *         sim_test                     the fixed seeds, and that a seed gives the same run twice
 *         sim_test SEED [trace]        one seed
 *         sim_test SEED - COUNT        as many seeds from there on */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/time.h"
#include "tests/sim/cluster/sim.h"

enum { SEEDS = 20, JOB_SEEDS = 12, AILING_SEEDS = 12 };

/* From this seed on worlds are mostly of jobs. */
#define JOBS_FROM UINT64_C(1000000)

/* And from this one on health checks fail at times, and people ask for rebalances. */
#define AILING_FROM UINT64_C(2000000)

static bool is_of_jobs(uint64_t seed)
{
        return seed >= JOBS_FROM && seed < AILING_FROM;
}

static struct sim_options options_of(uint64_t seed, bool shall_trace)
{
        return (struct sim_options){
                .seed = seed,
                .n_nodes = 3 + seed % 8,
                .n_services = is_of_jobs(seed) ? 1 : 2 + seed % 5,
                .n_jobs = is_of_jobs(seed) ? 2 + seed % 5 : 0,
                .n_slots = 1 + seed % 7,
                .faults_ns = 20 * NS_PER_MINUTE,
                .rest_ns = 5 * NS_PER_HOUR,
                .is_ailing = seed >= AILING_FROM,
                .shall_trace = shall_trace,
        };
}

static bool run(uint64_t seed, bool shall_trace, uint64_t *ret_hash)
{
        struct sim_options options = options_of(seed, shall_trace);
        struct sim_result result = sim_run(&options);

        printf("seed %" PRIu64 ": %s; %" PRIu64 " events, %" PRIu64 " commits, %" PRIu64
               " conflicts, %" PRIu64 " lost plans, %" PRIu64 " node faults, %" PRIu64
               " tasks, %" PRIu64 " unhealthy, %" PRIu64 " stopped, %" PRIu64
               " moved, hash %016" PRIx64 "\n",
               seed, result.failure ? result.failure : "well", result.n_events, result.n_commits,
               result.n_conflicts, result.n_lost_plans, result.n_node_faults, result.n_tasks,
               result.n_unhealthy, result.n_stopped, result.n_moved, result.hash);
        if (result.failure)
                printf("  failed at %.3f s; replay: sim_test %" PRIu64 " trace\n",
                       (double)result.failed_at / 1e9, seed);
        *ret_hash = result.hash;
        return !result.failure;
}

int main(int argc, char **argv)
{
        uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 10) : 1, hash, again;
        uint64_t n = argc > 3 ? strtoull(argv[3], NULL, 10) : argc > 1 ? 1 : SEEDS;
        bool shall_trace = argc == 3 && !strcmp(argv[2], "trace"), is_well = true;

        for (uint64_t seed = first; seed < first + n; seed++)
                is_well &= run(seed, shall_trace, &hash);
        if (argc == 1) {
                for (uint64_t seed = 0; seed < JOB_SEEDS; seed++)
                        is_well &= run(JOBS_FROM + seed, shall_trace, &hash);
                for (uint64_t seed = 0; seed < AILING_SEEDS; seed++)
                        is_well &= run(AILING_FROM + seed, shall_trace, &hash);
                is_well &= run(first, false, &hash);
                is_well &= run(first, false, &again);
                if (hash != again) {
                        printf("the same seed gave another run\n");
                        is_well = false;
                }
        }
        return !is_well;
}
