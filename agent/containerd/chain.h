/* A sequence of asynchronous steps: calls to containerd, work on the pool, waiting.
 *
 * Each step ends by exactly one of chain_next(), chain_fail(), or what it handed to chain_call() or
 * chain_work(); that may be before the step returns.  The next step begins in a later turn of the
 * loop. */
#pragma once
#include <stdbool.h>

#include "lib/os/loop.h"
#include "lib/os/worker.h"
#include "lib/rpc/client.h"

typedef void chain_step(void *context);

/* Chains that wait for the same thing, in the order they came.  Zeroed: none. */
struct chain_queue {
        struct chain *first, *last;
};

struct chain {
        /* Set once. */
        struct loop *loop;
        struct worker_pool *pool;
        struct rpc_client *client;
        void *context;

        /* The chain's own. */
        chain_step *const *steps; /* NULL at the end */
        void (*ended)(void *context, const struct err *err);
        bool is_under_way, is_working, is_cancelled, has_failed;
        struct err err;
        struct loop_post post;
        bool is_posted;
        struct loop_timer timer;
        struct rpc_request *request;
        void (*answered)(void *context, const void *out, const struct err *err);
        struct rpc_stream *stream;
        struct loop_timer patience; /* with the stream */
        void (*message)(void *context, const void *out);
        int n_tries;
        struct chain_queue *queue; /* it waits in; NULL: in none */
        struct chain *before, *after;
        struct work work;
        int (*on_pool)(void *context, struct err *err);
        int work_result;
        struct err work_err;
        void (*idle)(void *context);
};

/* 'ended' comes later, never inside; the chain may then begin again. */
void chain_begin(struct chain *chain, chain_step *const *steps,
                 void (*ended)(void *context, const struct err *err));

void chain_next(struct chain *chain);
void chain_fail(struct chain *chain, const struct err *err);

/* Begins the step again after a short pause. */
void chain_again(struct chain *chain);

/* Begins the step again when the queue is woken: its first 'n', or all when there are fewer. */
void chain_wait(struct chain *chain, struct chain_queue *queue);
void chain_queue_wake(struct chain_queue *queue, size_t n);

/* Calls a method; 'answered' must end the step.  While containerd cannot be reached the step is
 * begun again, for half a minute. */
void chain_call(struct chain *chain, const struct rpc_method_id *method, const ProtobufCMessage *in,
                int64_t timeout_ns,
                void (*answered)(void *context, const void *out, const struct err *err));

/* The same for what must not be asked twice: containerd out of reach is an answer as any other.
 * One is Start of a program inside a container: when containerd dies meanwhile the shim gives up
 * and closes what the program's waiters wait on; started again under the same name, its end closes
 * that once more, at which the shim panics and takes the container with it (containerd 1.6,
 * pkg/process/exec.go). */
void chain_call_once(struct chain *chain, const struct rpc_method_id *method,
                     const ProtobufCMessage *in, int64_t timeout_ns,
                     void (*answered)(void *context, const void *out, const struct err *err));

/* Calls a method that answers with a stream, for what may be more than fits one message.  Its end
 * ends the step; begun again as with chain_call(), messages come from the first on. */
void chain_stream(struct chain *chain, const struct rpc_method_id *method,
                  const ProtobufCMessage *in, int64_t timeout_ns,
                  void (*message)(void *context, const void *out));

/* Runs 'on_pool' on a thread of the pool; its result ends the step. */
void chain_work(struct chain *chain, int (*on_pool)(void *context, struct err *err));

/* Ends it without 'ended'.  Work on the pool cannot be stopped: true when none is under way, else
 * 'idle' (may be NULL) comes when it ended. */
bool chain_cancel(struct chain *chain, void (*idle)(void *context));
