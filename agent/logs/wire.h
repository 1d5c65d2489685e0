/* The way of frames (agent/logs/format.h) to a log server: connects, sends, and connects again for
 * as long as it takes.  What waits is bounded. */
#pragma once
#include "lib/base/str.h"
#include "lib/logging/config.h"
#include "lib/os/loop.h"
#include "lib/os/worker.h"

struct log_wire;

struct log_wire_options {
        struct loop *loop;
        /* For asking names: a pool where waiting hurts nobody else. */
        struct worker_pool *pool;
        const struct log_config *config; /* borrowed */
        int64_t connect_patience_ns;     /* with the handshake; 0: 10 s */
        int64_t steady_ns;               /* a connection that lasts so long reaches it; 0: 5 s */
        /* After log_wire_put() said no: it takes more now. */
        void (*writable)(void *context);
        /* It is not reached any more, is reached again, or drops frames for the first time.  NULL:
         * nobody wants to know. */
        void (*trouble)(void *context);
        void *context;
};

struct log_wire *log_wire_new(const struct log_wire_options *options);
void log_wire_free(struct log_wire *wire); /* accepts NULL; what waits is lost */

/* Takes whole frames; an empty one counts as dropped.  A blocking one takes all of them and says no
 * when enough waits for now; one that does not block drops what does not fit into its buffer. */
bool log_wire_put(struct log_wire *wire, const struct str *frames);

/* Frames that were dropped. */
uint64_t log_wire_dropped(const struct log_wire *wire);
/* Why the server is not reached; "" when it is, or was not tried yet. */
const char *log_wire_error(const struct log_wire *wire);

/* Calls back, later, when nothing waits any more or 'patience_ns' is over; what waits then is
 * dropped. */
void log_wire_finish(struct log_wire *wire, int64_t patience_ns, void (*done)(void *context),
                     void *context);
