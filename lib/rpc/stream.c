/* Streams, from the caller's side. */
#include "lib/base/check.h"
#include "lib/rpc/bytes.h"
#include "lib/rpc/channel.h"

struct rpc_stream {
        struct outgoing outgoing;
        const struct rpc_stream_events *events; /* NULL: nobody listens any more */
        void *context;
        struct rpc_event opened, half_closed, finished;
        struct writer writer;
        struct reader reader;
        bool is_half_closing, is_half_closed;
        bool is_finished; /* the status came */
        bool is_in_handler;
        unsigned n_pending; /* of 'opened', 'half_closed', 'finished' */
};

static void start(struct rpc_stream *stream, const grpc_op *ops, size_t n, struct rpc_event *event)
{
        stream->n_pending++;
        rpc_queue_start(stream->outgoing.client->queue, stream->outgoing.call, ops, n, event);
}

static void stream_free(struct rpc_stream *stream)
{
        struct rpc_client *client = stream->outgoing.client;

        writer_done(&stream->writer);
        outgoing_done(&stream->outgoing);
        free(stream);
        client_settle(client);
}

static void half_close(struct rpc_stream *stream)
{
        grpc_op op = { .op = GRPC_OP_SEND_CLOSE_FROM_CLIENT };

        stream->is_half_closed = true;
        start(stream, &op, 1, &stream->half_closed);
}

/* Moves the stream on after anything happened; it may be gone afterwards. */
static void settle(struct rpc_stream *stream)
{
        struct writer *writer = &stream->writer;
        const struct rpc_stream_events *events;
        struct err err;

        if (stream->is_in_handler)
                return;
        if (stream->is_half_closing && !stream->is_half_closed && !stream->is_finished &&
            !writer->is_busy && !writer->n)
                half_close(stream);
        if (stream->n_pending || writer->is_busy || stream->reader.is_busy)
                return;
        events = TAKE(stream->events);
        if (events) {
                outgoing_status(&stream->outgoing, &err);
                stream->is_in_handler = true;
                stream->reader.is_ended = true;
                events->closed(stream->context, &err);
        }
        stream_free(stream);
}

static void happened_opened(struct rpc_event *event, bool is_ok)
{
        struct rpc_stream *stream = container_of(event, struct rpc_stream, opened);

        (void)is_ok;
        stream->n_pending--;
        settle(stream);
}

static void happened_half_closed(struct rpc_event *event, bool is_ok)
{
        struct rpc_stream *stream = container_of(event, struct rpc_stream, half_closed);

        (void)is_ok;
        stream->n_pending--;
        settle(stream);
}

static void happened_finished(struct rpc_event *event, bool is_ok)
{
        struct rpc_stream *stream = container_of(event, struct rpc_stream, finished);

        (void)is_ok;
        stream->n_pending--;
        stream->is_finished = true;
        writer_break(&stream->writer);
        settle(stream);
}

static void progressed_writing(struct writer *writer)
{
        struct rpc_stream *stream = container_of(writer, struct rpc_stream, writer);

        stream->is_in_handler = true;
        if (stream->events && stream->events->writable && writer_take_awaited(writer))
                stream->events->writable(stream->context);
        stream->is_in_handler = false;
        settle(stream);
}

/* A server that sends what cannot be understood is not listened to any longer. */
static void deliver(struct rpc_stream *stream, grpc_byte_buffer *bytes)
{
        struct rpc_queue *queue = stream->outgoing.client->queue;
        ProtobufCMessage *out;
        struct err err;

        if (bytes_unpack(rpc_queue_scratch(queue), stream->outgoing.method->output, bytes, &out,
                         &err) < 0)
                grpc_call_cancel_with_status(stream->outgoing.call, (grpc_status_code)-err.code,
                                             err.text, NULL);
        else if (stream->events->message)
                stream->events->message(stream->context, out);
        rpc_queue_clear_scratch(queue);
}

static void got_message(struct reader *reader, grpc_byte_buffer *bytes)
{
        struct rpc_stream *stream = container_of(reader, struct rpc_stream, reader);

        stream->is_in_handler = true;
        if (bytes && stream->events)
                deliver(stream, bytes);
        /* Nobody reads a cancelled stream on: the queue may be closing. */
        if (stream->events)
                reader_next(reader);
        stream->is_in_handler = false;
        settle(stream);
}

/* --- what callers do --- */

void rpc_stream_cancel(struct rpc_stream *stream)
{
        /* From here on nothing is started any more: what is under way ends by itself. */
        stream->events = NULL;
        stream->is_half_closed = true;
        stream->reader.is_ended = true;
        writer_break(&stream->writer);
        grpc_call_cancel(stream->outgoing.call, NULL);
        settle(stream);
}

static void abandon(struct outgoing *outgoing)
{
        struct rpc_stream *stream = container_of(outgoing, struct rpc_stream, outgoing);
        const struct rpc_stream_events *events = TAKE(stream->events);
        struct err err;

        if (events) {
                err_set(&err, ERR_CANCELLED, "the connection was given up");
                events->closed(stream->context, &err);
        }
        rpc_stream_cancel(stream);
}

bool rpc_stream_write(struct rpc_stream *stream, const ProtobufCMessage *message)
{
        CHECK(message->descriptor == stream->outgoing.method->input);
        CHECK(!stream->is_half_closing);
        return writer_add(&stream->writer, bytes_pack(message));
}

void rpc_stream_half_close(struct rpc_stream *stream)
{
        stream->is_half_closing = true;
        settle(stream);
}

void rpc_stream_pause_reading(struct rpc_stream *stream)
{
        stream->reader.is_paused = true;
}

void rpc_stream_resume_reading(struct rpc_stream *stream)
{
        stream->reader.is_paused = false;
        reader_next(&stream->reader);
}

static void open_stream(struct rpc_stream *stream)
{
        grpc_op ops[2] = { 0 };
        grpc_op status = outgoing_status_op(&stream->outgoing);

        ops[0] = outgoing_open_op(&stream->outgoing, 0);
        ops[1].op = GRPC_OP_RECV_INITIAL_METADATA;
        ops[1].data.recv_initial_metadata.recv_initial_metadata =
                &stream->outgoing.initial_metadata;
        start(stream, &status, 1, &stream->finished);
        start(stream, ops, COUNT_OF(ops), &stream->opened);
        stream->writer.is_opened = true;
        reader_next(&stream->reader);
}

struct rpc_stream *rpc_client_stream(struct rpc_client *client, const struct rpc_method_id *method,
                                     const ProtobufCMessage *in,
                                     const struct rpc_stream_events *events, void *context)
{
        struct rpc_stream *stream = mem_alloc(sizeof *stream);

        stream->outgoing.abandon = abandon;
        stream->events = events;
        stream->context = context;
        stream->opened.happened = happened_opened;
        stream->half_closed.happened = happened_half_closed;
        stream->finished.happened = happened_finished;
        outgoing_init(&stream->outgoing, client, method, 0);
        writer_init(&stream->writer, client->queue, stream->outgoing.call, progressed_writing);
        reader_init(&stream->reader, client->queue, stream->outgoing.call, got_message);
        open_stream(stream);
        if (in) {
                rpc_stream_write(stream, in);
                rpc_stream_half_close(stream);
        }
        return stream;
}
