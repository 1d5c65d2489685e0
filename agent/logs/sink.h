/* Takes what a container writes into its two FIFOs and keeps it in files.
 *
 * Reading, cutting into lines and writing happen on the worker pool, one piece of work at a time
 * per container; while it is under way nothing more is read, so memory is bounded (about 100 KiB)
 * and a container that writes faster than the disk waits.  The FIFOs stay when the agent goes: the
 * container then blocks on a full pipe until the next agent reads on.  */
#pragma once
#include "agent/logs/format.h"
#include "agent/logs/record.h"
#include "lib/base/str.h"
#include "lib/os/loop.h"
#include "lib/os/worker.h"

struct log_sink;

struct log_sink_options {
        const char *folder;   /* of the files; see agent/logs/files.h */
        const char *fifos[2]; /* by enum log_stream; NULL: the container has no such stream */
        int64_t size_max;     /* of one file; 0: no limit */
        int64_t n_files_max;  /* at least 1 */
        bool discard;         /* read and forget */
        /* Lines go to a log server in this form instead of into files; it becomes the sink's. NULL:
         * into files. */
        struct log_format *format;
        struct worker_pool *resolvers; /* for asking the server's name */
        size_t n_kept_max; /* so much of the beginning of what was read is kept in memory */
        /* On the loop: a write failed; lines are lost.  Once per run of failures. */
        void (*failed)(void *context, const struct err *err);
        /* On the loop: what log_sink_dropped() and log_sink_error() say changed; NULL: unwanted. */
        void (*trouble)(void *context);
        void *context;
};

/* Opens the FIFOs (they must exist) and begins to read.  With a log server: when it takes no more
 * the container waits as it does for the disk, unless the service chose to lose lines then; once
 * the container has ended, the server has five seconds for what waits. */
int log_sink_new(struct loop *loop, struct worker_pool *pool,
                 const struct log_sink_options *options, struct log_sink **ret_sink,
                 struct err *err);

/* The container has ended: what is still in the pipes is kept, then 'done' comes, once.  A process
 * that the container left behind cannot hold this up. */
void log_sink_finish(struct log_sink *sink, void (*done)(void *context), void *context);

/* Lines that a log server did not take in time, and why it is not reached ("" when it is). */
uint64_t log_sink_dropped(const struct log_sink *sink);
const char *log_sink_error(const struct log_sink *sink);

/* After 'done': what was kept, of both streams as it came.  Valid until it is freed. */
const struct str *log_sink_kept(const struct log_sink *sink);

/* Descriptors that keep what is in the FIFOs while they are open, dup()ed elsewhere; how many. */
size_t log_sink_fds(const struct log_sink *sink, int ret[static 2]);

/* Stops reading; the container may go on.  No callback comes any more.  Accepts NULL. */
void log_sink_free(struct log_sink *sink);
