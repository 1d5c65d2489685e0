/* The two directions of a stream, the same for server calls and client streams.
 *
 * gRPC takes one outgoing message and one read at a time.  The writer queues what waits, bounded;
 * the reader asks for the next message when the last one was dealt with, unless it is paused: what
 * is not read fills the flow-control window, and the peer waits.
 *
 * Both belong to an owner, who counts them as busy and is told by a callback when something
 * happened; the owner may free them only when neither is busy. */
#pragma once
#include "lib/rpc/queue.h"

/* From here on writers are asked to wait, and from LOW on to go on. */
enum { WRITER_HIGH_WATER = 256 * 1024, WRITER_LOW_WATER = 64 * 1024 };

/* A writer that does not wait when it is asked to loses its stream at this. */
enum { WRITER_BYTES_MAX = 128 * 1024 * 1024 };

struct writer {
        struct rpc_queue *queue;
        grpc_call *call; /* NULL: takes everything and sends nothing */
        void (*progressed)(struct writer *writer);

        bool is_opened;  /* initial metadata has been sent */
        bool is_broken;  /* the peer is gone, or too much waited: nothing will be sent any more */
        bool is_awaited; /* somebody was told to wait */
        bool is_busy;
        struct rpc_event sent;
        size_t sending_bytes;
        grpc_byte_buffer **waiting; /* a ring: n of them from 'first' on */
        size_t first, n, capacity;
        size_t n_bytes; /* sending and waiting */
};

void writer_init(struct writer *writer, struct rpc_queue *queue, grpc_call *call,
                 void (*progressed)(struct writer *writer));

/* Drops what waits; not to be called while it is busy. */
void writer_done(struct writer *writer);

/* Takes over 'bytes'.  False: wait until writer_is_writable(), which 'progressed' is the moment to
 * ask. */
bool writer_add(struct writer *writer, grpc_byte_buffer *bytes);

/* Drops what waits and takes nothing more. */
void writer_break(struct writer *writer);

bool writer_is_writable(const struct writer *writer);

/* True once after there is room again for somebody who was told to wait. */
bool writer_take_awaited(struct writer *writer);

struct reader {
        struct rpc_queue *queue;
        grpc_call *call;
        /* A message, borrowed until it returns; NULL: there will be no more. */
        void (*got)(struct reader *reader, grpc_byte_buffer *message);

        bool is_busy, is_paused, is_ended;
        bool is_cut_off; /* the end came by an error, not because the peer had no more to say */
        struct rpc_event received;
        grpc_byte_buffer *message;
};

void reader_init(struct reader *reader, struct rpc_queue *queue, grpc_call *call,
                 void (*got)(struct reader *reader, grpc_byte_buffer *message));

/* Asks for the next message, unless paused, ended, or already asking. */
void reader_next(struct reader *reader);
