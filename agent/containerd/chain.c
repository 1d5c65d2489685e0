/* Sequences of asynchronous steps. */
#include "agent/containerd/chain.h"

#include <stddef.h>

#include "lib/base/check.h"
#include "lib/base/time.h"

static const int64_t pause_ns = 50 * NS_PER_MS;

enum { TRIES_MOST = 600 };

static void begin_step(void *context)
{
        struct chain *chain = context;

        chain->answered = NULL;
        (*chain->steps)(chain->context);
}

static void go_on(struct loop_post *post)
{
        struct chain *chain = container_of(post, struct chain, post);

        chain->is_posted = false;
        if (!chain->has_failed && *chain->steps) {
                begin_step(chain);
                return;
        }
        chain->is_under_way = false;
        chain->ended(chain->context, chain->has_failed ? &chain->err : NULL);
}

static void post(struct chain *chain)
{
        CHECK(chain->is_under_way && !chain->is_posted);
        chain->is_posted = true;
        chain->post.run = go_on;
        loop_post(chain->loop, &chain->post);
}

void chain_begin(struct chain *chain, chain_step *const *steps,
                 void (*ended)(void *context, const struct err *err))
{
        CHECK(!chain->is_under_way && !chain->is_working);
        chain->steps = steps;
        chain->ended = ended;
        chain->is_under_way = true;
        chain->is_cancelled = chain->has_failed = false;
        chain->n_tries = 0;
        chain->timer = (struct loop_timer){ .fire = begin_step, .context = chain };
        post(chain);
}

void chain_next(struct chain *chain)
{
        chain->steps++;
        chain->n_tries = 0;
        post(chain);
}

void chain_fail(struct chain *chain, const struct err *err)
{
        chain->err = *err;
        chain->has_failed = true;
        post(chain);
}

void chain_again(struct chain *chain)
{
        loop_timer_set(chain->loop, &chain->timer, pause_ns / 5);
}

void chain_wait(struct chain *chain, struct chain_queue *queue)
{
        CHECK(chain->is_under_way && !chain->queue);
        chain->queue = queue;
        chain->before = queue->last;
        *(queue->last ? &queue->last->after : &queue->first) = chain;
        queue->last = chain;
}

static void leave_queue(struct chain *chain)
{
        struct chain_queue *queue = TAKE(chain->queue);

        *(chain->before ? &chain->before->after : &queue->first) = chain->after;
        *(chain->after ? &chain->after->before : &queue->last) = chain->before;
        chain->before = chain->after = NULL;
}

void chain_queue_wake(struct chain_queue *queue, size_t n)
{
        while (queue->first && n-- > 0) {
                struct chain *chain = queue->first;

                leave_queue(chain);
                post(chain);
        }
}

static void answered(void *context, const void *out, const struct err *err)
{
        struct chain *chain = context;

        chain->request = NULL;
        if (err && err->code == ERR_UNAVAILABLE && chain->n_tries++ < TRIES_MOST)
                loop_timer_set(chain->loop, &chain->timer, pause_ns);
        else
                chain->answered(chain->context, out, err);
}

void chain_call(struct chain *chain, const struct rpc_method_id *method, const ProtobufCMessage *in,
                int64_t timeout_ns,
                void (*on_answer)(void *context, const void *out, const struct err *err))
{
        chain->answered = on_answer;
        chain->request =
                rpc_client_call(chain->client, method, in, timeout_ns, false, answered, chain);
}

static void answered_once(void *context, const void *out, const struct err *err)
{
        struct chain *chain = context;

        chain->request = NULL;
        chain->answered(chain->context, out, err);
}

void chain_call_once(struct chain *chain, const struct rpc_method_id *method,
                     const ProtobufCMessage *in, int64_t timeout_ns,
                     void (*on_answer)(void *context, const void *out, const struct err *err))
{
        chain->answered = on_answer;
        chain->request =
                rpc_client_call(chain->client, method, in, timeout_ns, false, answered_once, chain);
}

/* --- streams --- */

static void message_came(void *context, const void *out)
{
        struct chain *chain = context;

        chain->message(chain->context, out);
}

static void stream_closed(void *context, const struct err *err)
{
        struct chain *chain = context;

        chain->stream = NULL;
        loop_timer_cancel(&chain->patience);
        if (!err || !err->code)
                chain_next(chain);
        else if (err->code == ERR_UNAVAILABLE && chain->n_tries++ < TRIES_MOST)
                loop_timer_set(chain->loop, &chain->timer, pause_ns);
        else
                chain_fail(chain, err);
}

static void stream_is_late(void *context)
{
        struct chain *chain = context;
        struct err err;

        rpc_stream_cancel(TAKE(chain->stream));
        err_set(&err, ERR_DEADLINE, "containerd did not answer in time");
        chain_fail(chain, &err);
}

void chain_stream(struct chain *chain, const struct rpc_method_id *method,
                  const ProtobufCMessage *in, int64_t timeout_ns,
                  void (*message)(void *context, const void *out))
{
        static const struct rpc_stream_events events = { .message = message_came,
                                                         .closed = stream_closed };

        chain->message = message;
        chain->patience = (struct loop_timer){ .fire = stream_is_late, .context = chain };
        loop_timer_set(chain->loop, &chain->patience, timeout_ns);
        chain->stream = rpc_client_stream(chain->client, method, in, &events, chain);
}

/* --- work --- */

static void work(struct work *at)
{
        struct chain *chain = container_of(at, struct chain, work);

        chain->work_result = chain->on_pool(chain->context, &chain->work_err);
}

static void work_done(struct work *at)
{
        struct chain *chain = container_of(at, struct chain, work);

        chain->is_working = false;
        if (chain->is_cancelled) {
                if (chain->idle)
                        chain->idle(chain->context);
                return;
        }
        if (!at->was_run) {
                chain->work_result = err_set(&chain->work_err, ERR_CANCELLED, "the agent stops");
                return;
        }
        if (chain->work_result < 0)
                chain_fail(chain, &chain->work_err);
        else
                chain_next(chain);
}

void chain_work(struct chain *chain, int (*on_pool)(void *context, struct err *err))
{
        chain->on_pool = on_pool;
        chain->is_working = true;
        chain->work = (struct work){ .work = work, .done = work_done };
        worker_submit(chain->pool, &chain->work);
}

bool chain_cancel(struct chain *chain, void (*idle)(void *context))
{
        if (chain->is_under_way) {
                loop_timer_cancel(&chain->timer);
                if (chain->request)
                        rpc_request_cancel(chain->request);
                chain->request = NULL;
                if (chain->stream) {
                        rpc_stream_cancel(TAKE(chain->stream));
                        loop_timer_cancel(&chain->patience);
                }
                if (chain->is_posted)
                        loop_post_cancel(chain->loop, &chain->post);
                chain->is_posted = false;
                if (chain->queue)
                        leave_queue(chain);
                chain->is_under_way = false;
                chain->is_cancelled = true;
        }
        chain->idle = idle;
        return !chain->is_working;
}
