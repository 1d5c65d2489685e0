/* What is measured: a swarm that runs real containers, Skep's or Docker's. */
#pragma once
#include <stdint.h>

#include "lib/base/err.h"

/* A service's tasks that run and shall. */
struct cluster_tasks {
        uint64_t n_running, n_all; /* n_all: also those that are over or not there yet */
        char a_task[64];           /* one that runs */
        int64_t a_pid;             /* of its container */
};

struct cluster;
struct cluster_ops {
        /* A service of so many replicas, restarted without a delay, stopped by SIGKILL. */
        int (*create)(struct cluster *cluster, const char *name, uint64_t n_replicas,
                      struct err *err);
        int (*scale)(struct cluster *cluster, const char *name, uint64_t n_replicas,
                     struct err *err);
        int (*remove)(struct cluster *cluster, const char *name, struct err *err);
        int (*look)(struct cluster *cluster, const char *name, struct cluster_tasks *ret,
                    struct err *err);
        void (*free)(struct cluster *cluster);
};

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
