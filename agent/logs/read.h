/* Reads a container's log back: the last lines, since a time, and on as more comes.
 *
 *         reader = log_reader_new(loop, pool, folder, options, &events, context);
 *         log_reader_more(reader);      // one batch comes as 'lines'; ask again when it was sent
 *
 * Works on files alone: it needs no container, no agent that wrote them, and sees rotation.  Memory
 * is one batch. */
#pragma once
#include "agent/logs/record.h"
#include "api/dispatcher.pb-c.h"
#include "lib/os/loop.h"
#include "lib/os/worker.h"

struct log_reader;

struct log_reader_events {
        /* The answer to log_reader_more(): at least one line, at most some 64 KiB of them; borrowed
         * until more is asked for. */
        void (*lines)(void *context, const struct log_line *lines, size_t n);
        /* No more will come: everything was read and nothing is followed, the container has ended,
         * or (with 'err') reading failed. */
        void (*ended)(void *context, const struct err *err);
};

/* 'options' are copied: neither stdout nor stderr means both; 'tail' counts whole lines, negative
 * is all. */
struct log_reader *log_reader_new(struct loop *loop, struct worker_pool *pool, const char *folder,
                                  const Sk__LogOptions *options,
                                  const struct log_reader_events *events, void *context);

/* Asks for the next batch; one may be asked for at a time. */
void log_reader_more(struct log_reader *reader);

/* What goes along with all its lines, once there were any and if it was asked for; "" nothing. */
const char *log_reader_details(const struct log_reader *reader);

/* No callback comes any more.  Accepts NULL. */
void log_reader_free(struct log_reader *reader);
