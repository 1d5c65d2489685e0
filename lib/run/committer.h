/* Plans on their way to the store.  Groups of many callers share Commit calls: while one is under
 * way the next gathers; up to 'pipeline' are in flight.  A lost answer is asked for again under the
 * same request id, so each group is applied at most once. */
#pragma once
#include "lib/rpc/client.h"
#include "lib/state/plan.h"

struct committer;

struct committer_options {
        struct loop *loop;
        struct rpc_client *store; /* borrowed */
        const char *loop_name;    /* "scheduler"; NULL: commits carry no epoch (skep-api) */
        unsigned pipeline;        /* 0: 4 */
};

int committer_new(const struct committer_options *options, struct committer **ret_committer,
                  struct err *err);
void committer_free(struct committer *committer); /* open submissions end with ERR_CANCELLED */

/* The epoch that goes with every commit from now on (run/lease.h keeps it right). */
void committer_set_epoch(struct committer *committer, uint64_t epoch);

/* How one submitted plan ended: per group a code and, for conflicts, the version to wait for. */
struct commit_outcome {
        uint64_t version; /* a mirror that has reached it shows what was accepted */
        size_t n_groups;
        const Sk__GroupResult *const *results; /* one per group; NULL: all accepted */
        const struct err *
                err; /* not NULL: nothing is known to be accepted (fenced, store gone, too large) */
};

/* Packs and queues; 'done' is called once on the loop.  Returns a handle only for cancelling the
 * callback. */
struct commit_submission;
struct commit_submission *committer_submit(
        struct committer *committer, const struct plan *plan, int64_t deadline_ns,
        void (*done)(void *context, const struct commit_outcome *outcome), void *context);
void commit_forget(struct commit_submission *submission);
