/* Who is late: a pure table of deadlines.  Times are the caller's, in ns of a clock that never goes
 * back. */
#pragma once
#include <stdint.h>

#include "lib/base/heap.h"
#include "lib/base/map.h"
#include "lib/base/time.h"

/* A node is late when nothing was heard of it for this many periods, as in docker. */
enum { HEARTBEAT_GRACE = 3 };

struct heartbeats {
        struct map nodes; /* id -> struct heartbeat */
        struct heap deadlines;
};

void heartbeats_init(struct heartbeats *heartbeats);
void heartbeats_done(struct heartbeats *heartbeats);

/* The node lives; it is late unless heard again within 'allowance_ns'.  Never brings a deadline
 * forward. */
void heartbeats_heard(struct heartbeats *heartbeats, const char *node_id, int64_t now,
                      int64_t allowance_ns);

/* As heard, but only for a node that is not in the table: one that should be alive, and gets time
 * to show it. */
void heartbeats_expect(struct heartbeats *heartbeats, const char *node_id, int64_t now,
                       int64_t allowance_ns);

/* No node in the table is late before that: nobody could be heard for a while. */
void heartbeats_postpone(struct heartbeats *heartbeats, int64_t until);

void heartbeats_forget(struct heartbeats *heartbeats, const char *node_id);
bool heartbeats_has(const struct heartbeats *heartbeats, const char *node_id);

/* Takes one late node out of the table and copies its id; false when none is late. */
bool heartbeats_take_late(struct heartbeats *heartbeats, int64_t now, char ret_node_id[static 64]);

/* When the next one will be late; TIME_NEVER when the table is empty. */
int64_t heartbeats_next(const struct heartbeats *heartbeats);

/* How often an agent shall be heard: the more agents, the less often, so that heartbeats cost a
 * manager at most about 1,000 messages a second, from once a second up to 'setting_ns' (the
 * cluster's, 5 s by default; 0: that default; too short a one is not obeyed, whoever wrote it). */
int64_t heartbeat_period(size_t n_sessions, int64_t setting_ns);

/* How long it may take until 'n_nodes' that lost their dispatcher at once are heard of by another:
 * they notice, dial, and take turns at the handshakes, which cost a manager some 10 ms each. */
int64_t heartbeat_moving(size_t n_nodes);
