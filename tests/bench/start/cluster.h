/* What is measured: a swarm that runs real containers, Skep's or Docker's. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/err.h"

/* A task that runs and shall. */
struct cluster_task {
        char id[64];
        int64_t pid; /* of its container */
};

/* How a service is updated; its tasks are made anew each time 'round' changes. */
struct cluster_update {
        uint64_t round, parallelism;
        bool start_first;
};

struct cluster;
struct cluster_ops {
        /* A service of so many replicas, restarted without a delay, stopped by SIGKILL. */
        int (*create)(struct cluster *cluster, const char *name, uint64_t n_replicas,
                      struct err *err);
        int (*scale)(struct cluster *cluster, const char *name, uint64_t n_replicas,
                     struct err *err);
        /* The service of so many replicas again, as new tasks. */
        int (*update)(struct cluster *cluster, const char *name, uint64_t n_replicas,
                      const struct cluster_update *update, struct err *err);
        /* Until so many tasks of that round run. */
        int (*wait_round)(struct cluster *cluster, const char *name, uint64_t n, uint64_t round,
                          struct err *err);
        int (*remove)(struct cluster *cluster, const char *name, struct err *err);
        /* Until n tasks run, one of which is not 'other_than' (NULL: any); that one is returned. */
        int (*wait)(struct cluster *cluster, const char *name, uint64_t n, const char *other_than,
                    struct cluster_task *ret, struct err *err);
        void (*free)(struct cluster *cluster);
};

enum { CLUSTER_PATIENCE_S = 180 };

struct cluster {
        const struct cluster_ops *ops;
        const char *name; /* what its figures are called after */
        const char *image;
};

/* 'image' outlives it. */
int cluster_skep_new(const char *address, const char *image, struct cluster **ret_cluster,
                     struct err *err);
int cluster_docker_new(const char *socket_path, const char *image, struct cluster **ret_cluster,
                       struct err *err);
