/* The insides of a node's images; private to this folder. */
#pragma once
#include "agent/containerd/images.h"
#include "agent/containerd/pull.h"

struct images {
        struct loop *loop;
        struct worker_pool *pool;
        struct rpc_client *client;
        struct pulls *pulls;
        char *address, *spool_folder;
};
