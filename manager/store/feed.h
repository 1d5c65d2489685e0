/* A watch, as a decision: what to tell this reader next.  A feed is a mark in the state's order, so
 * a slow reader costs nothing, and what it gets later is the latest of each object.
 *
 * A transaction mark (a message with a version) is given only at the very end of the order: there,
 * and only there, what was told is the state as of one version. */
#pragma once
#include "api/store.pb-c.h"
#include "manager/store/state.h"

enum { FEED_BYTES = 64 << 10, FEED_EVENTS = 1000 }; /* of one message, about */

struct feed {
        struct state_mark mark;
        bool has_kind[OBJECT_KINDS];
        uint32_t parts[OBJECT_KINDS]; /* bit per part to tell */
        uint64_t told;                /* by transaction marks; 0: none yet */
        uint64_t passed;              /* removals up to here are not of interest, or were told */
        uint64_t reached;             /* the version of what the mark passed last */
        size_t events_max;            /* of one message; FEED_EVENTS, or less for tests */
        bool restarts;                /* the next message says so */
};

/* Begins to read for a peer with these roles: parts it may not read are left out.  'feed' is
 * zeroed; feed_done() before the state goes.  ERR_INVALID: unknown kinds, or none. */
int feed_init(struct feed *feed, struct state *state, const Sk__WatchRequest *request,
              uint32_t roles, struct err *err);
void feed_done(struct feed *feed);

/* Reads from another state from now on: the reader is told to begin anew. */
void feed_restart(struct feed *feed, struct state *state);

/* Is there something to tell? */
bool feed_has_news(const struct feed *feed);

/* The next message; false when there is nothing to tell.  It lies in the arena and points into the
 * state: pack it before either changes. */
bool feed_next(struct feed *feed, struct arena *arena, Sk__WatchResponse *ret);

/* The parts of a kind that these roles may read, out of 'wanted'. */
uint32_t feed_readable(Sk__Kind kind, uint32_t wanted, uint32_t roles);
