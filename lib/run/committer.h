/* Plans on their way to the store.
 *
 * Groups of many callers share Commit calls: what is submitted in one turn of the loop goes
 * together, up to 'pipeline' calls are in flight, and meanwhile the next one gathers.  A call whose
 * answer was lost is made again under the same request id, so each group is applied at most once;
 * it ends when it was answered, or when nobody waits for it any more.  A call that the store
 * refused for what it holds is taken apart, so that only the guilty plan fails. */
#pragma once
#include "lib/base/str.h"
#include "lib/rpc/client.h"
#include "lib/state/plan.h"

struct committer;

struct committer_options {
        struct loop *loop;
        struct rpc_client *store; /* borrowed */
        const char *loop_name;    /* "scheduler"; NULL: commits carry no epoch (skep-api) */
        unsigned pipeline;        /* 0: 4 */
        size_t waiting_bytes_max; /* 0: 64 MiB; beyond it submissions end with ERR_EXHAUSTED */
};

int committer_new(const struct committer_options *options, struct committer **ret_committer,
                  struct err *err);
void committer_free(
        struct committer *committer); /* accepts NULL; open submissions end with ERR_CANCELLED */

/* The epoch that goes with every plan submitted from now on. */
void committer_set_epoch(struct committer *committer, uint64_t epoch);

/* How one submitted plan ended: per group a code and, for conflicts, the version to wait for. */
struct commit_outcome {
        uint64_t version; /* a mirror that has reached it shows what was accepted */
        size_t n_groups;
        const Sk__GroupResult *const *results; /* one per group; NULL: all accepted */
        /* Not NULL: nothing is known to be accepted.  ERR_DEADLINE, ERR_UNAVAILABLE: it may yet
         * have been; ERR_PRECONDITION: the epoch is over; ERR_EXHAUSTED: too much waits. */
        const struct err *err;
};

/* Packs and queues; 'done' is called once, on the loop, never inside this call.  'timeout_ns'
 * counts from now; 0 or TIME_NEVER: none.  Returns a handle that is only good for commit_forget(),
 * until 'done' was called. */
struct commit_submission;
struct commit_submission *committer_submit(
        struct committer *committer, const struct plan *plan, int64_t timeout_ns,
        void (*done)(void *context, const struct commit_outcome *outcome), void *context);

/* 'done' is not called any more; what was submitted may still be applied. */
void commit_forget(struct commit_submission *submission);

/* Adds Prometheus text: calls, groups, retries, what waits. */
void committer_metrics(const struct committer *committer, struct str *str);
