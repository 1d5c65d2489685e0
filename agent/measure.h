/* What tasks take, told to managers every second: the node dials back a stream per request. */
#pragma once
#include "agent/executor.h"
#include "lib/os/loop.h"
#include "lib/os/worker.h"
#include "lib/rpc/client.h"

struct measures;

struct measures_options {
        struct loop *loop;
        struct worker_pool *workers; /* NULL: nothing is measured */
        struct executor *executor;
        const char *node_id; /* borrowed */
};

struct measures *measures_new(const struct measures_options *options);
void measures_free(struct measures *measures); /* accepts NULL */

void measures_begin(struct measures *measures, struct rpc_client *client, const char *request_id,
                    const Sk__UsageRequest *request);
void measures_cancel(struct measures *measures, const char *request_id);
