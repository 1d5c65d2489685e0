/* The echo service. */
#include "tests/lib/echo/echo.h"

#include <time.h>

#include "api/roles.h"
#include "lib/base/check.h"
#include "lib/base/str.h"
#include "lib/base/time.h"
#include "lib/os/loop.h"

#define ECHO_METHODS(X)                                                        \
        X(Say, say, EchoRequest, EchoResponse, UNARY, ROLE_ANYONE)             \
        X(Later, later, EchoRequest, EchoResponse, UNARY, ROLE_ANYONE)         \
        X(Count, count, EchoRequest, EchoResponse, SERVER_STREAM, ROLE_ANYONE) \
        X(Sum, sum, EchoRequest, EchoResponse, CLIENT_STREAM, ROLE_ANYONE)     \
        X(Chat, chat, EchoRequest, EchoResponse, BIDI_STREAM, ROLE_ANYONE)     \
        X(Secret, secret, EchoRequest, EchoResponse, UNARY, ROLE_STORE)

ECHO_METHODS(RPC_PROTOTYPE)

ECHO_METHODS(RPC_SHIM)

static const struct rpc_method methods[] = { ECHO_METHODS(RPC_ROW) };
const struct rpc_service echo_service = { &sk__echo__descriptor, methods, COUNT_OF(methods) };

static bool refuse(struct rpc_call *call, const Sk__EchoRequest *in)
{
        struct err err;

        if (!in->fail_with)
                return false;
        err_set(&err, -in->fail_with, "as you wished");
        rpc_fail(call, &err);
        return true;
}

static int64_t left_ms(const struct rpc_call *call)
{
        struct timespec now;

        if (rpc_call_deadline(call) == TIME_NEVER)
                return -1;
        clock_gettime(CLOCK_REALTIME, &now);
        return (rpc_call_deadline(call) - now.tv_sec * NS_PER_S - now.tv_nsec) / NS_PER_MS;
}

static Sk__EchoResponse answer_to(struct rpc_call *call, const Sk__EchoRequest *in)
{
        const struct rpc_peer *peer = rpc_call_peer(call);
        Sk__EchoResponse out = SK__ECHO_RESPONSE__INIT;

        out.text = in->text;
        out.number = in->number;
        out.payload = in->payload;
        out.caller = peer->roles & ROLE_LOCAL ? "local" : peer->daemon;
        return out;
}

void say(void *context, struct rpc_call *call, const Sk__EchoRequest *in)
{
        Sk__EchoResponse out = answer_to(call, in);

        (void)context;
        if (refuse(call, in))
                return;
        if (in->text[0]) {
                out.request_id = rpc_call_id(call);
                out.left_ms = left_ms(call);
        }
        rpc_reply(call, &out.base);
}

void secret(void *context, struct rpc_call *call, const Sk__EchoRequest *in)
{
        say(context, call, in);
}

/* --- a call that takes its time --- */

struct delayed {
        struct echo *echo;
        struct rpc_call *call;
        struct loop_timer timer;
        uint64_t number;
};

static void delayed_fire(void *context)
{
        struct delayed *delayed = context;
        Sk__EchoResponse out = SK__ECHO_RESPONSE__INIT;

        out.number = delayed->number;
        rpc_reply(delayed->call, &out.base);
}

static void delayed_closed(void *context, struct rpc_call *call)
{
        struct delayed *delayed = context;

        (void)call;
        delayed->echo->n_open--;
        delayed->echo->n_cancelled += loop_timer_is_set(&delayed->timer);
        loop_timer_cancel(&delayed->timer);
        free(delayed);
}

void later(void *context, struct rpc_call *call, const Sk__EchoRequest *in)
{
        static const struct rpc_call_events events = { .closed = delayed_closed };
        struct delayed *delayed = mem_alloc(sizeof *delayed);

        delayed->echo = context;
        delayed->echo->n_open++;
        delayed->call = call;
        delayed->number = in->number;
        delayed->timer.fire = delayed_fire;
        delayed->timer.context = delayed;
        rpc_call_on(call, &events, delayed);
        loop_timer_set(delayed->echo->loop, &delayed->timer, 10 * NS_PER_MS);
}

/* --- streams --- */

struct counting {
        struct echo *echo;
        uint64_t next, end;
        ProtobufCBinaryData payload; /* in the call's arena, as the request is */
        bool is_finished;
};

static void count_on(void *context, struct rpc_call *call)
{
        struct counting *counting = context;
        Sk__EchoResponse out = SK__ECHO_RESPONSE__INIT;
        bool may_go_on = true;

        out.payload = counting->payload;
        while (may_go_on && counting->next < counting->end) {
                out.number = counting->next++;
                may_go_on = rpc_call_write(call, &out.base);
        }
        if (counting->next == counting->end) {
                counting->is_finished = true;
                rpc_call_finish(call);
        }
}

static void count_closed(void *context, struct rpc_call *call)
{
        struct counting *counting = context;

        (void)call;
        counting->echo->n_open--;
        counting->echo->n_cancelled += !counting->is_finished;
        free(counting);
}

void count(void *context, struct rpc_call *call, const Sk__EchoRequest *in)
{
        static const struct rpc_call_events events = {
                .writable = count_on,
                .closed = count_closed,
        };
        struct counting *counting;

        if (refuse(call, in))
                return;
        counting = mem_alloc(sizeof *counting);
        counting->echo = context;
        counting->echo->n_open++;
        counting->end = in->number;
        counting->payload = in->payload;
        rpc_call_on(call, &events, counting);
        count_on(counting, call);
}

struct summing {
        uint64_t sum, n;
};

static void sum_message(void *context, struct rpc_call *call, const void *in)
{
        struct summing *summing = context;

        (void)call;
        summing->sum += ((const Sk__EchoRequest *)in)->number;
        summing->n++;
}

static void sum_half_closed(void *context, struct rpc_call *call)
{
        struct summing *summing = context;
        Sk__EchoResponse out = SK__ECHO_RESPONSE__INIT;

        out.number = summing->sum;
        rpc_reply(call, &out.base);
}

void sum(void *context, struct rpc_call *call, const Sk__EchoRequest *in)
{
        static const struct rpc_call_events events = {
                .message = sum_message,
                .half_closed = sum_half_closed,
        };

        (void)context;
        (void)in;
        rpc_call_on(call, &events, arena_alloc(rpc_call_arena(call), sizeof(struct summing)));
}

struct chatting {
        struct echo *echo;
        struct rpc_call *call;
        struct chatting *next;
        bool is_answered;
};

static void answer_all(const struct echo *echo, const Sk__EchoResponse *out)
{
        for (const struct chatting *other = echo->chats; other; other = other->next)
                if (!other->is_answered)
                        rpc_call_write(other->call, &out->base);
}

static void chat_message(void *context, struct rpc_call *call, const void *in)
{
        struct chatting *chatting = context;
        Sk__EchoResponse out = answer_to(call, in);

        if (refuse(call, in))
                chatting->is_answered = true;
        else if (str_equal(out.text, "all"))
                answer_all(chatting->echo, &out);
        else if (!rpc_call_write(call, &out.base))
                rpc_call_pause_reading(call);
}

static void chat_writable(void *context, struct rpc_call *call)
{
        (void)context;
        rpc_call_resume_reading(call);
}

static void chat_half_closed(void *context, struct rpc_call *call)
{
        struct chatting *chatting = context;

        chatting->is_answered = true;
        rpc_call_finish(call);
}

static void chat_closed(void *context, struct rpc_call *call)
{
        struct chatting *chatting = context, **place = &chatting->echo->chats;

        (void)call;
        while (*place != chatting)
                place = &(*place)->next;
        *place = chatting->next;
        chatting->echo->n_open--;
        chatting->echo->n_cancelled += !chatting->is_answered;
        free(chatting);
}

void chat(void *context, struct rpc_call *call, const Sk__EchoRequest *in)
{
        static const struct rpc_call_events events = {
                .message = chat_message,
                .half_closed = chat_half_closed,
                .writable = chat_writable,
                .closed = chat_closed,
        };
        struct chatting *chatting = mem_alloc(sizeof *chatting);

        (void)in;
        chatting->echo = context;
        chatting->echo->n_open++;
        chatting->call = call;
        chatting->next = chatting->echo->chats;
        chatting->echo->chats = chatting;
        rpc_call_on(call, &events, chatting);
}
