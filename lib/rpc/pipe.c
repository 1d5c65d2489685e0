/* Writing and reading streams, one operation at a time. */
#include "lib/rpc/pipe.h"

#include <string.h>

#include "lib/base/check.h"
#include "lib/rpc/bytes.h"

/* --- writer --- */

static void writer_next(struct writer *writer);

static void ring_push(struct writer *writer, grpc_byte_buffer *bytes)
{
        size_t capacity = writer->capacity ? 2 * writer->capacity : 8;
        grpc_byte_buffer **grown;

        if (writer->n == writer->capacity) {
                grown = mem_alloc_array(capacity, sizeof *grown);
                for (size_t i = 0; i < writer->n; i++)
                        grown[i] = writer->waiting[(writer->first + i) % writer->capacity];
                free(writer->waiting);
                writer->waiting = grown;
                writer->capacity = capacity;
                writer->first = 0;
        }
        writer->waiting[(writer->first + writer->n++) % writer->capacity] = bytes;
}

static grpc_byte_buffer *ring_shift(struct writer *writer)
{
        grpc_byte_buffer *bytes = writer->waiting[writer->first];

        writer->first = (writer->first + 1) % writer->capacity;
        writer->n--;
        return bytes;
}

static void happened_sent(struct rpc_event *event, bool is_ok)
{
        struct writer *writer = container_of(event, struct writer, sent);

        writer->is_busy = false;
        writer->n_bytes -= writer->sending_bytes;
        if (!is_ok)
                writer_break(writer);
        if (writer->n)
                writer_next(writer);
        writer->progressed(writer);
}

/* The hint lets gRPC gather messages into one write.  It would wait for ever for more in the batch
 * with the initial metadata, or behind the last message. */
static void writer_next(struct writer *writer)
{
        grpc_byte_buffer *bytes = ring_shift(writer);
        grpc_op ops[2] = { 0 };
        size_t n_ops = 0;

        writer->sending_bytes = bytes_size(bytes);
        if (!writer->is_opened)
                ops[n_ops++].op = GRPC_OP_SEND_INITIAL_METADATA;
        else if (writer->n)
                ops[n_ops].flags = GRPC_WRITE_BUFFER_HINT;
        ops[n_ops].op = GRPC_OP_SEND_MESSAGE;
        ops[n_ops++].data.send_message.send_message = bytes;
        writer->is_opened = true;
        writer->is_busy = true;
        rpc_queue_start(writer->queue, writer->call, ops, n_ops, &writer->sent);
        grpc_byte_buffer_destroy(bytes); /* emptied: its slices are gRPC's now */
}

void writer_init(struct writer *writer, struct rpc_queue *queue, grpc_call *call,
                 void (*progressed)(struct writer *writer))
{
        *writer = (struct writer){
                .queue = queue,
                .call = call,
                .progressed = progressed,
                .sent.happened = happened_sent,
        };
}

void writer_break(struct writer *writer)
{
        writer->is_broken = true;
        while (writer->n) {
                grpc_byte_buffer *bytes = ring_shift(writer);

                writer->n_bytes -= bytes_size(bytes);
                grpc_byte_buffer_destroy(bytes);
        }
}

void writer_done(struct writer *writer)
{
        CHECK(!writer->is_busy);
        writer_break(writer);
        free(TAKE(writer->waiting));
        writer->capacity = 0;
}

bool writer_add(struct writer *writer, grpc_byte_buffer *bytes)
{
        if (writer->is_broken) {
                grpc_byte_buffer_destroy(bytes);
                return true;
        }
        writer->n_bytes += bytes_size(bytes);
        ring_push(writer, bytes);
        if (writer->n_bytes > WRITER_BYTES_MAX) {
                writer_break(writer);
                if (writer->call)
                        grpc_call_cancel_with_status(writer->call, GRPC_STATUS_RESOURCE_EXHAUSTED,
                                                     "the reader is too slow for what is written",
                                                     NULL);
        } else if (!writer->is_busy) {
                writer_next(writer);
        }
        if (!writer_is_writable(writer))
                writer->is_awaited = true;
        return !writer->is_awaited;
}

bool writer_is_writable(const struct writer *writer)
{
        return writer->n_bytes <= WRITER_HIGH_WATER;
}

bool writer_take_awaited(struct writer *writer)
{
        if (!writer->is_awaited || writer->is_broken || writer->n_bytes > WRITER_LOW_WATER)
                return false;
        writer->is_awaited = false;
        return true;
}

/* --- reader --- */

static void happened_received(struct rpc_event *event, bool is_ok)
{
        struct reader *reader = container_of(event, struct reader, received);
        grpc_byte_buffer *message = TAKE(reader->message);

        reader->is_busy = false;
        reader->is_ended |= !is_ok || !message;
        reader->is_cut_off = reader->is_ended && grpc_call_failed_before_recv_message(reader->call);
        reader->got(reader, reader->is_ended ? NULL : message);
        grpc_byte_buffer_destroy(message);
}

void reader_init(struct reader *reader, struct rpc_queue *queue, grpc_call *call,
                 void (*got)(struct reader *reader, grpc_byte_buffer *message))
{
        *reader = (struct reader){
                .queue = queue,
                .call = call,
                .got = got,
                .received.happened = happened_received,
        };
}

void reader_next(struct reader *reader)
{
        grpc_op op = {
                .op = GRPC_OP_RECV_MESSAGE,
                .data.recv_message.recv_message = &reader->message,
        };

        if (reader->is_busy || reader->is_paused || reader->is_ended)
                return;
        reader->is_busy = true;
        rpc_queue_start(reader->queue, reader->call, &op, 1, &reader->received);
}
