/* A client of lib/rpc that talks to the test. */
#include "tests/lib/fake_client.h"

#include <string.h>

#include "lib/base/vec.h"
#include "lib/message/message.h"
#include "tests/unit/test.h"

struct rpc_request {
        struct rpc_client *client;
        const char *method;
        const ProtobufCMessage *in;
        rpc_answered *answered;
        void *context;
};

struct rpc_stream {
        struct rpc_client *client;
        const char *method;
        const ProtobufCMessage *in;
        const struct rpc_stream_events *events;
        void *context;
};

struct rpc_client {
        struct arena arena;
        struct vec requests, streams; /* pointers */
};

struct rpc_client *fake_client_new(void)
{
        struct rpc_client *client = mem_alloc(sizeof *client);

        client->requests = VEC_OF(struct rpc_request *);
        client->streams = VEC_OF(struct rpc_stream *);
        return client;
}

static struct rpc_client *latest;

struct rpc_client *fake_client_latest(void)
{
        return latest;
}

int rpc_client_new(struct loop *loop, const struct rpc_client_options *options,
                   struct rpc_client **ret_client, struct err *err)
{
        (void)loop;
        (void)options;
        (void)err;
        *ret_client = latest = fake_client_new();
        return 0;
}

void rpc_client_free(struct rpc_client *client)
{
        if (!client)
                return;
        assert_int_equal(client->requests.n, 0);
        assert_int_equal(client->streams.n, 0);
        vec_done(&client->requests);
        vec_done(&client->streams);
        arena_done(&client->arena);
        free(client);
}

static void take_out(struct vec *pointers, const void *pointer)
{
        size_t i = 0;

        while (VEC_AT(pointers, void *, i) != pointer)
                i++;
        for (; i + 1 < pointers->n; i++)
                VEC_AT(pointers, void *, i) = VEC_AT(pointers, void *, i + 1);
        vec_pop(pointers, NULL);
}

/* --- unary --- */

struct rpc_request *rpc_client_call(struct rpc_client *client, const struct rpc_method_id *method,
                                    const ProtobufCMessage *in, int64_t timeout_ns,
                                    bool wait_for_ready, rpc_answered *answered, void *context)
{
        struct rpc_request *request = mem_alloc(sizeof *request);

        (void)timeout_ns;
        (void)wait_for_ready;
        *request = (struct rpc_request){ .client = client,
                                         .method = method->method,
                                         .in = message_copy(&client->arena, in),
                                         .answered = answered,
                                         .context = context };
        vec_push(&client->requests, &request);
        return request;
}

void rpc_request_cancel(struct rpc_request *request)
{
        take_out(&request->client->requests, request);
        free(request);
}

size_t fake_calls(const struct rpc_client *client)
{
        return client->requests.n;
}

const void *fake_call_in(const struct rpc_client *client, size_t i, const char *method)
{
        const struct rpc_request *request = VEC_AT(&client->requests, struct rpc_request *, i);

        assert_string_equal(request->method, method);
        return request->in;
}

static void end_call(struct rpc_client *client, size_t i, const void *out, const struct err *err)
{
        struct rpc_request *request = VEC_AT(&client->requests, struct rpc_request *, i);
        struct rpc_request ended = *request;

        rpc_request_cancel(request);
        ended.answered(ended.context, out, err);
}

void fake_answer(struct rpc_client *client, size_t i, const ProtobufCMessage *out)
{
        end_call(client, i, out, NULL);
}

void fake_fail(struct rpc_client *client, size_t i, int code)
{
        struct err err = { .code = code, .text = "as the test wants it" };

        end_call(client, i, NULL, &err);
}

/* --- streams --- */

struct rpc_stream *rpc_client_stream(struct rpc_client *client, const struct rpc_method_id *method,
                                     const ProtobufCMessage *in,
                                     const struct rpc_stream_events *events, void *context)
{
        struct rpc_stream *stream = mem_alloc(sizeof *stream);

        *stream = (struct rpc_stream){ .client = client,
                                       .method = method->method,
                                       .in = in ? message_copy(&client->arena, in) : NULL,
                                       .events = events,
                                       .context = context };
        vec_push(&client->streams, &stream);
        return stream;
}

void rpc_stream_cancel(struct rpc_stream *stream)
{
        take_out(&stream->client->streams, stream);
        free(stream);
}

size_t fake_streams(const struct rpc_client *client)
{
        return client->streams.n;
}

const void *fake_stream_in(const struct rpc_client *client, size_t i, const char *method)
{
        const struct rpc_stream *stream = VEC_AT(&client->streams, struct rpc_stream *, i);

        assert_string_equal(stream->method, method);
        return stream->in;
}

void fake_tell(struct rpc_client *client, size_t i, const ProtobufCMessage *out)
{
        struct rpc_stream *stream = VEC_AT(&client->streams, struct rpc_stream *, i);

        stream->events->message(stream->context, out);
}

void fake_close(struct rpc_client *client, size_t i, int code)
{
        struct rpc_stream *stream = VEC_AT(&client->streams, struct rpc_stream *, i);
        struct rpc_stream closed = *stream;
        struct err err = { .code = code, .text = "as the test wants it" };

        rpc_stream_cancel(stream);
        closed.events->closed(closed.context, &err);
}
