/* How long a start takes: from prepare (the image is here) to running, and how much of that is
 * containerd's.
 *
 * Run by executor_test.sh with this program as its argument. */
#include "tests/integration/executor/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "lib/base/check.h"
#include "lib/base/time.h"

enum { N = 60 };

static int64_t clock_now(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return now.tv_sec * NS_PER_S + now.tv_nsec;
}

static int compare(const void *a, const void *b)
{
        int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

        return (x > y) - (x < y);
}

static void print(const char *what, int64_t *ns)
{
        qsort(ns, N, sizeof *ns, compare);
        printf("%-10s p50 %6.1f  p95 %6.1f  p99 %6.1f ms\n", what, (double)ns[N / 2] / NS_PER_MS,
               (double)ns[N * 95 / 100] / NS_PER_MS, (double)ns[N * 99 / 100] / NS_PER_MS);
}

int main(void)
{
        int64_t open[N], prepare[N], start[N], stop[N], gone[N], at;
        struct bench *bench;
        void *state;

        CHECK(bench_start(&state) == 0);
        bench = state;
        bench_start_agent(bench);
        for (int i = 0; i < N; i++) {
                at = clock_now();
                bench_make(bench, "exec sleep 1000");
                open[i] = clock_now() - at;
                at = clock_now();
                bench_do(bench, bench->executor->ops->prepare);
                prepare[i] = clock_now() - at;
                at = clock_now();
                bench_do(bench, bench->executor->ops->start);
                start[i] = clock_now() - at;
                at = clock_now();
                bench_do(bench, bench->executor->ops->terminate);
                stop[i] = clock_now() - at;
                at = clock_now();
                bench_do(bench, bench->executor->ops->remove);
                gone[i] = clock_now() - at;
                bench->executor->ops->close(bench->task);
                bench->task = NULL;
        }
        print("open", open);
        print("prepare", prepare);
        print("start", start);
        print("terminate", stop);
        print("remove", gone);
        bench_stop_agent(bench);
        bench_stop(&state);
        return 0;
}
