/* One look at a container: a program run inside it, or a question over its network.  Private to
 * agent/executor_containerd*.c. */
#pragma once
#include "agent/executor_containerd_task.h"

struct probe;

/* How it ended. */
struct probe_end {
        bool is_void; /* containerd was away, say: it tells nothing of the container */
        struct health_result result;
        const char *output; /* borrowed */
        size_t output_size;
};

struct probe_request {
        struct executor_task *task;
        const char *name; /* of its FIFOs and its process */
        const struct oci_health *settings;
        const char *process; /* JSON; NULL: no program */
        /* Later, once; the probe is gone when it returns. */
        void (*ended)(void *context, const struct probe_end *end);
        void *context;
};

/* The request and what it points to are borrowed until the end. */
struct probe *probe_begin(const struct probe_request *request);
void probe_cancel(struct probe *probe); /* 'ended' does not come */

/* --- for the kinds of probes --- */

struct probe {
        const struct probe_request *request;
        void (*cancel)(struct probe *probe); /* stops what is under way, and frees */
        int64_t started_ns;
};

void probe_init(struct probe *probe, const struct probe_request *request,
                void (*cancel)(struct probe *probe));

/* Tells; then the kind frees the probe. */
void probe_tell(struct probe *probe, struct probe_end *end);

struct probe *probe_begin_program(const struct probe_request *request);
struct probe *probe_begin_network(const struct probe_request *request);

/* "Health check exceeded timeout (1s): <output>" */
void probe_add_timeout(const struct probe *probe, struct str *ret);
