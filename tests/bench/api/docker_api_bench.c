/* The same as api_bench, of dockerd in swarm mode: a thread and a connection per client.
 *
 *         docker_api_bench SOCKET SECONDS */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "lib/base/time.h"
#include "tests/bench/lib/docker/docker.h"

enum { CLIENTS_MAX = 64, LISTED = 2000 };

struct bench {
        const char *socket_path;
        int64_t until_ns;
        int round;
        unsigned n_most;
        atomic_uint n_named, n_done, n_failed;
};

static int64_t now_ns(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return now.tv_sec * NS_PER_S + now.tv_nsec;
}

static void *client_run(void *context)
{
        struct bench *bench = context;
        struct docker *docker = NULL;
        struct err err;
        unsigned number;
        char spec[256];

        if (docker_new(bench->socket_path, &docker, &err) < 0)
                return NULL;
        while (now_ns() < bench->until_ns &&
               (number = atomic_fetch_add(&bench->n_named, 1)) < bench->n_most) {
                snprintf(spec, sizeof spec,
                         "{\"Name\":\"s%d-%u\",\"TaskTemplate\":{\"ContainerSpec\":"
                         "{\"Image\":\"busybox:latest\"}},"
                         "\"Mode\":{\"Replicated\":{\"Replicas\":0}}}",
                         bench->round, number);
                if (docker_call(docker, "POST", "/services/create", spec, NULL, &err) == 0)
                        bench->n_done++;
                else if (bench->n_failed++ == 0)
                        fprintf(stderr, "create failed: %s\n", err.text);
        }
        docker_free(docker);
        return NULL;
}

static double create(struct bench *bench, int n_clients, int64_t seconds, unsigned n_most)
{
        pthread_t threads[CLIENTS_MAX];
        int64_t started = now_ns();

        bench->until_ns = started + seconds * NS_PER_S;
        bench->n_most = n_most;
        bench->round++;
        bench->n_named = bench->n_done = bench->n_failed = 0;
        for (int i = 0; i < n_clients; i++)
                if (pthread_create(&threads[i], NULL, client_run, bench) != 0)
                        abort();
        for (int i = 0; i < n_clients; i++)
                pthread_join(threads[i], NULL);
        return (double)bench->n_done * 1e9 / (double)(now_ns() - started);
}

static int run(struct bench *bench, int64_t seconds, struct err *err)
{
        static const int shapes[] = { 1, 16, 64 };
        struct docker *docker;
        json_t *services;

        create(bench, CLIENTS_MAX, 30, LISTED);
        TRY(docker_new(bench->socket_path, &docker, err));
        for (int i = 0; i < 3; i++) {
                int64_t started = now_ns();

                TRY(docker_call(docker, "GET", "/services", NULL, &services, err));
                printf("dockerd_listed_services: %zu\ndockerd_list_ms: %.1f ms\n",
                       json_array_size(services), (double)(now_ns() - started) / 1e6);
                json_decref(services);
        }
        docker_free(docker);
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
                double rate = create(bench, shapes[i], seconds, UINT32_MAX);

                printf("dockerd_creates_per_second_%d: %.0f /s\n", shapes[i], rate);
                fflush(stdout);
        }
        return 0;
}

int main(int argc, char **argv)
{
        struct bench bench = { 0 };
        struct err err;

        if (argc != 3) {
                fprintf(stderr, "docker_api_bench SOCKET SECONDS\n");
                return 1;
        }
        bench.socket_path = argv[1];
        if (run(&bench, atoi(argv[2]), &err) < 0) {
                fprintf(stderr, "%s\n", err.text);
                return 1;
        }
        return 0;
}
