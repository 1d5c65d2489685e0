/* gRPC's events, brought to a loop.
 *
 * Each loop has one completion queue and one poller thread, shared by all its clients and servers.
 * The poller also does gRPC's reading; what completes is drained into a batch that wakes the loop
 * once.  An operation that completes while it is started never leaves the loop's thread.
 *
 * Handlers run on the loop, one after the other, never inside rpc_queue_start(). */
#pragma once
#include <grpc/grpc.h>
#include <stdbool.h>

#include "lib/base/mem.h"
#include "lib/os/loop.h"

struct rpc_queue;

/* What an operation's completion calls; embed it, set 'happened', keep it until that was called. */
struct rpc_event {
        void (*happened)(struct rpc_event *event, bool is_ok);
        struct rpc_event *next;
        bool is_ok;
};

/* Joins the loop's queue, made for the first who comes. */
int rpc_queue_join(struct loop *loop, struct rpc_queue **ret_queue, struct err *err);

/* The last to leave stops the poller, waits for what is under way, and runs its handlers; those may
 * start nothing.  So whoever leaves has cancelled all of its own before. */
void rpc_queue_leave(struct rpc_queue *queue);

struct loop *rpc_queue_loop(struct rpc_queue *queue);
grpc_completion_queue *rpc_queue_cq(struct rpc_queue *queue);

/* Starts a batch of a call; 'event' happens exactly once. */
void rpc_queue_start(struct rpc_queue *queue, grpc_call *call, const grpc_op *ops, size_t n_ops,
                     struct rpc_event *event);

/* Go around any other operation whose tag is an rpc_event. */
void rpc_queue_hand_over(struct rpc_queue *queue);
void rpc_queue_collect(struct rpc_queue *queue);

/* Memory for one message while its handler runs; rpc_queue_clear_scratch() afterwards. */
struct arena *rpc_queue_scratch(struct rpc_queue *queue);
void rpc_queue_clear_scratch(struct rpc_queue *queue);
