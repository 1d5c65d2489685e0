/* A node dies: how long until what ran there runs elsewhere?  A real manager, simulated agents; no
 * word of goodbye is heard. */
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/time.h"
#include "tests/integration/session/ask.h"
#include "tests/integration/session/pipeline.h"

enum { ROUNDS = 7, REPLICAS = 9 };

static int compare(const void *a, const void *b)
{
        double x = *(const double *)a, y = *(const double *)b;

        return (x > y) - (x < y);
}

/* Seconds from the death of a node with some tasks of the service to as many more that run. */
static double measure(struct pipeline *f, unsigned round)
{
        size_t i = round % PIPELINE_NODES, n_lost;
        struct agent_info info;
        int64_t start;

        agent_get_info(f->agents[i], &info);
        n_lost = info.n_running;
        start = loop_now_boot(f->loop);
        agent_free(TAKE(f->agents[i]));
        pipeline_until_there_are(f, REPLICAS + n_lost, SK__TASK_STATE__TASK_RUNNING);
        return (double)(loop_now_boot(f->loop) - start) / 1e9;
}

int main(void)
{
        double seconds[ROUNDS];
        struct pipeline *f;
        void *state;

        for (unsigned round = 0; round < ROUNDS; round++) {
                pipeline_setup(&state);
                f = state;
                ask_create_service(&f->manager, "web", REPLICAS);
                pipeline_until_there_are(f, REPLICAS, SK__TASK_STATE__TASK_RUNNING);
                seconds[round] = measure(f, round);
                pipeline_teardown(&state);
        }
        qsort(seconds, ROUNDS, sizeof *seconds, compare);
        printf("node_dead_to_replaced_p50: %.2f s\n", seconds[ROUNDS / 2]);
        printf("node_dead_to_replaced_max: %.2f s\n", seconds[ROUNDS - 1]);
        return 0;
}
