/* The completion queue of a loop and the thread that polls it. */
#include "lib/rpc/queue.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>

#include "lib/base/check.h"
#include "lib/rpc/environment.h"

enum {
        BATCH_MAX = 128,           /* events drained before the loop is woken */
        RUN_MAX = 512,             /* events handled before the rest of the loop has its turn */
        SCRATCH_KEPT = 512 * 1024, /* memory that is not given back after a message */
};

struct rpc_queue {
        struct loop *loop;
        grpc_completion_queue *cq;
        pthread_t poller;
        unsigned n_users;

        /* What the loop wrote before it started an operation, the poller sees: gRPC sees to that,
         * but only this says so to those who read or check this program alone. */
        atomic_ulong n_started;

        _Atomic(struct rpc_event *) arrived; /* from the poller; newest first */
        struct loop_post arrived_post;       /* posted by whoever finds 'arrived' empty */

        struct rpc_event *ready, **ready_end; /* the loop's; oldest first */
        struct loop_post ready_post;
        bool is_ready_posted, is_running;

        struct arena scratch;
};

/* --- the poller's side --- */

/* Puts a chain, newest first, before what has arrived. */
static void hand_to_loop(struct rpc_queue *queue, struct rpc_event *newest,
                         struct rpc_event *oldest)
{
        struct rpc_event *before = atomic_load(&queue->arrived);

        do
                oldest->next = before;
        while (!atomic_compare_exchange_weak(&queue->arrived, &before, newest));
        if (!before)
                loop_post(queue->loop, &queue->arrived_post);
}

static void *poll_queue(void *context)
{
        struct rpc_queue *queue = context;
        struct rpc_event *newest, *oldest, *event;
        grpc_event got;

        do {
                newest = oldest = NULL;
                got = grpc_completion_queue_next(queue->cq, gpr_inf_future(GPR_CLOCK_MONOTONIC),
                                                 NULL);
                for (int n = 1; got.type == GRPC_OP_COMPLETE; n++) {
                        CHECK(atomic_load_explicit(&queue->n_started, memory_order_acquire));
                        event = got.tag;
                        event->is_ok = got.success;
                        event->next = newest;
                        newest = event;
                        if (!oldest)
                                oldest = event;
                        if (n == BATCH_MAX)
                                break;
                        got = grpc_completion_queue_next(queue->cq,
                                                         gpr_inf_past(GPR_CLOCK_MONOTONIC), NULL);
                }
                if (newest)
                        hand_to_loop(queue, newest, oldest);
        } while (got.type != GRPC_QUEUE_SHUTDOWN);
        return NULL;
}

/* --- the loop's side --- */

static void add_ready(struct rpc_queue *queue, struct rpc_event *event)
{
        event->next = NULL;
        *queue->ready_end = event;
        queue->ready_end = &event->next;
        if (queue->is_running || queue->is_ready_posted)
                return;
        queue->is_ready_posted = true;
        loop_post(queue->loop, &queue->ready_post);
}

static void take_arrived(struct rpc_queue *queue)
{
        struct rpc_event *newest = atomic_exchange(&queue->arrived, NULL), *oldest = NULL, *next;

        for (; newest; newest = next) {
                next = newest->next;
                newest->next = oldest;
                oldest = newest;
        }
        for (; oldest; oldest = next) {
                next = oldest->next;
                add_ready(queue, oldest);
        }
}

static bool run_one(struct rpc_queue *queue)
{
        struct rpc_event *event = queue->ready;

        if (!event)
                return false;
        queue->ready = event->next;
        if (!queue->ready)
                queue->ready_end = &queue->ready;
        event->happened(event, event->is_ok);
        return true;
}

static void close_queue(struct rpc_queue *queue);

static void run_ready(struct rpc_queue *queue)
{
        int n = 0;

        queue->is_running = true;
        while (n < RUN_MAX && run_one(queue))
                n++;
        queue->is_running = false;
        if (!queue->n_users) {
                close_queue(queue);
        } else if (queue->ready && !queue->is_ready_posted) {
                queue->is_ready_posted = true;
                loop_post(queue->loop, &queue->ready_post);
        }
}

static void run_arrived_post(struct loop_post *post)
{
        struct rpc_queue *queue = container_of(post, struct rpc_queue, arrived_post);

        /* Already running them below: no need for the other post. */
        queue->is_running = true;
        take_arrived(queue);
        run_ready(queue);
}

static void run_ready_post(struct loop_post *post)
{
        struct rpc_queue *queue = container_of(post, struct rpc_queue, ready_post);

        queue->is_ready_posted = false;
        run_ready(queue);
}

/* What completes at once on this thread stays here, by gRPC's thread-local cache of one event. */
void rpc_queue_hand_over(struct rpc_queue *queue)
{
        atomic_fetch_add_explicit(&queue->n_started, 1, memory_order_release);
        grpc_completion_queue_thread_local_cache_init(queue->cq);
}

void rpc_queue_collect(struct rpc_queue *queue)
{
        struct rpc_event *completed;
        void *tag;
        int is_ok;

        if (!grpc_completion_queue_thread_local_cache_flush(queue->cq, &tag, &is_ok))
                return;
        completed = tag;
        completed->is_ok = is_ok;
        add_ready(queue, completed);
}

void rpc_queue_start(struct rpc_queue *queue, grpc_call *call, const grpc_op *ops, size_t n_ops,
                     struct rpc_event *event)
{
        grpc_call_error error;

        rpc_queue_hand_over(queue);
        error = grpc_call_start_batch(call, ops, n_ops, event, NULL);
        CHECK(error == GRPC_CALL_OK);
        rpc_queue_collect(queue);
}

struct loop *rpc_queue_loop(struct rpc_queue *queue)
{
        return queue->loop;
}

grpc_completion_queue *rpc_queue_cq(struct rpc_queue *queue)
{
        return queue->cq;
}

struct arena *rpc_queue_scratch(struct rpc_queue *queue)
{
        return &queue->scratch;
}

void rpc_queue_clear_scratch(struct rpc_queue *queue)
{
        if (queue->scratch.used_bytes > SCRATCH_KEPT)
                arena_done(&queue->scratch);
        else
                arena_clear(&queue->scratch);
}

/* --- life --- */

/* Signals belong to the loop's thread. */
static int start_poller(struct rpc_queue *queue)
{
        sigset_t all, before;
        int error;

        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        rpc_environment_init();
        queue->cq = grpc_completion_queue_create_for_next(NULL);
        error = pthread_create(&queue->poller, NULL, poll_queue, queue);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        return error;
}

static void free_queue(struct rpc_queue *queue)
{
        grpc_completion_queue_destroy(queue->cq);
        rpc_environment_done();
        arena_done(&queue->scratch);
        free(queue);
}

static void close_queue(struct rpc_queue *queue)
{
        *loop_companion(queue->loop) = NULL;
        grpc_completion_queue_shutdown(queue->cq);
        CHECK(pthread_join(queue->poller, NULL) == 0);
        queue->is_running = true;
        take_arrived(queue);
        while (run_one(queue))
                ;
        loop_post_cancel(queue->loop, &queue->arrived_post);
        loop_post_cancel(queue->loop, &queue->ready_post);
        free_queue(queue);
}

int rpc_queue_join(struct loop *loop, struct rpc_queue **ret_queue, struct err *err)
{
        struct rpc_queue *queue = *loop_companion(loop);
        int error;

        if (!queue) {
                queue = mem_alloc(sizeof *queue);
                queue->loop = loop;
                queue->ready_end = &queue->ready;
                queue->arrived_post.run = run_arrived_post;
                queue->ready_post.run = run_ready_post;
                error = start_poller(queue);
                if (error) {
                        grpc_completion_queue_shutdown(queue->cq);
                        free_queue(queue);
                        return err_set(err, ERR_UNAVAILABLE, "start a thread for gRPC: %s",
                                       strerror(error));
                }
                *loop_companion(loop) = queue;
        }
        queue->n_users++;
        *ret_queue = queue;
        return 0;
}

void rpc_queue_leave(struct rpc_queue *queue)
{
        CHECK(queue->n_users > 0);
        /* When a handler leaves, the queue is closed once it has returned. */
        if (--queue->n_users == 0 && !queue->is_running)
                close_queue(queue);
}
