/* Runs simulated clusters, one per seed:  raft_sim [--seed N] [--seeds N] [--seconds N] [--failures
 * N]
 *           [--trace]
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/check.h"
#include "tests/sim/raft/sim.h"

static struct sim sim; /* too large for the stack */

struct totals {
        uint64_t steps, elections, reads, appends, installs, log_reads, changes, crashes;
};

static bool run_seed(const struct sim_options *options, struct totals *totals, uint64_t *ret_trace)
{
        bool is_ok = sim_run(&sim, options);

        if (!is_ok)
                printf("seed %" PRIu64 " fails after %.3f ms: %s\n", options->seed,
                       (double)sim.now / 1e6, sim.failure);
        totals->steps += sim.n_steps;
        totals->elections += sim.n_elections;
        totals->reads += sim.n_reads;
        totals->appends += sim.n_appends;
        totals->installs += sim.n_installs;
        totals->log_reads += sim.n_log_reads;
        totals->changes += sim.n_changes;
        totals->crashes += sim.n_crashes;
        *ret_trace = sim.trace;
        sim_done(&sim);
        return is_ok;
}

static uint64_t number_after(int argc, char **argv, const char *name, uint64_t otherwise)
{
        for (int i = 1; i + 1 < argc; i++)
                if (!strcmp(argv[i], name))
                        return strtoull(argv[i + 1], NULL, 10);
        return otherwise;
}

int main(int argc, char **argv)
{
        uint64_t first = number_after(argc, argv, "--seed", 1),
                 n = number_after(argc, argv, "--seeds", 1);
        struct sim_options options = {
                .duration = (int64_t)number_after(argc, argv, "--seconds", 15) * NS_PER_S
        };
        struct totals totals = { 0 };
        uint64_t n_failed = 0, n_enough = number_after(argc, argv, "--failures", 20), trace, again;

        setvbuf(stdout, NULL, _IOLBF, 0); /* a failure is seen at once, also through a pipe */
        for (int i = 1; i < argc; i++)
                options.is_traced |= !strcmp(argv[i], "--trace");
        for (options.seed = first; options.seed < first + n && n_failed < n_enough;
             options.seed++) {
                bool is_ok = run_seed(&options, &totals, &trace);

                n_failed += !is_ok;
                if (options.seed >= first + 3 || options.is_traced)
                        continue;
                run_seed(&options, &totals, &again);
                if (trace != again) {
                        printf("seed %" PRIu64 ": two runs differ\n", options.seed);
                        n_failed++;
                }
        }
        printf("%" PRIu64 " seeds, %" PRIu64 " failed: %" PRIu64 " steps, %" PRIu64
               " elections, %" PRIu64 " appends, %" PRIu64 " reads, %" PRIu64
               " snapshots installed, %" PRIu64 " log reads, %" PRIu64
               " member changes asked, %" PRIu64 " crashes\n",
               options.seed - first, n_failed, totals.steps, totals.elections, totals.appends,
               totals.reads, totals.installs, totals.log_reads, totals.changes, totals.crashes);
        return n_failed ? 1 : 0;
}
