/* Rolling updates of real containers that stop at once: from the request until all tasks are new
 * and run, on a swarm that runs in this process namespace.
 *
 *         update_bench skep|dockerd ADDRESS IMAGE ROUNDS MANY
 *
 * Prints "key: value unit" lines. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "lib/base/str.h"
#include "lib/base/time.h"
#include "tests/bench/start/cluster.h"

enum { ROUNDS_MAX = 100, FEW = 10, MANY_AT_ONCE = 20 };

static double s_since(const struct timespec *start)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (double)(now.tv_sec - start->tv_sec) +
               (double)(now.tv_nsec - start->tv_nsec) / (double)NS_PER_S;
}

static int compare(const void *a, const void *b)
{
        double x = *(const double *)a, y = *(const double *)b;

        return (x > y) - (x < y);
}

/* The middle one of all rounds. */
static int measure(struct cluster *cluster, const char *name, uint64_t n, int rounds,
                   struct cluster_update update, struct err *err)
{
        const char *order = update.start_first ? "start_first" : "stop_first";
        double s[ROUNDS_MAX];
        struct cluster_task task;

        TRY(cluster->ops->create(cluster, name, n, err));
        TRY(cluster->ops->wait(cluster, name, n, NULL, &task, err));
        for (int i = 0; i < rounds; i++) {
                struct timespec start;

                /* Updates are watched for a while: the next begins when that is over. */
                nanosleep(&(struct timespec){ .tv_sec = 6 }, NULL);
                clock_gettime(CLOCK_MONOTONIC, &start);
                update.round = (uint64_t)i + 1;
                TRY(cluster->ops->update(cluster, name, n, &update, err));
                TRY(cluster->ops->wait_round(cluster, name, n, update.round, err));
                s[i] = s_since(&start);
        }
        qsort(s, (size_t)rounds, sizeof *s, compare);
        printf("%s_update_%llu_at_%llu_%s_s: %.2f s\n", cluster->name, (unsigned long long)n,
               (unsigned long long)update.parallelism, order, s[rounds / 2]);
        printf("%s_update_%llu_at_%llu_%s_worst_s: %.2f s\n", cluster->name, (unsigned long long)n,
               (unsigned long long)update.parallelism, order, s[rounds - 1]);
        fflush(stdout);
        return cluster->ops->remove(cluster, name, err);
}

static int measure_all(struct cluster *cluster, int rounds, uint64_t many, struct err *err)
{
        struct cluster_update one = { .parallelism = 1 }, more = { .parallelism = MANY_AT_ONCE };

        TRY(measure(cluster, "stop-first", FEW, rounds, one, err));
        one.start_first = true;
        TRY(measure(cluster, "start-first", FEW, rounds, one, err));
        return measure(cluster, "many", many, 1, more, err);
}

int main(int argc, char **argv)
{
        struct cluster *cluster = NULL;
        struct err err;
        int failed;

        if (argc != 6 || atoi(argv[4]) < 1 || atoi(argv[4]) > ROUNDS_MAX) {
                fprintf(stderr, "update_bench skep|dockerd ADDRESS IMAGE ROUNDS MANY\n");
                return 1;
        }
        failed = str_equal(argv[1], "skep") ? cluster_skep_new(argv[2], argv[3], &cluster, &err)
                                            : cluster_docker_new(argv[2], argv[3], &cluster, &err);
        if (!failed)
                failed = measure_all(cluster, atoi(argv[4]), strtoull(argv[5], NULL, 10), &err);
        if (failed)
                fprintf(stderr, "%s: %s\n", argv[1], err.text);
        if (cluster)
                cluster->ops->free(cluster);
        return failed ? 1 : 0;
}
