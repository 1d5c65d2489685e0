/* The store's news turned into a view: Watch, resumed by itself after every interruption.
 *
 * The view changes only up to a transaction mark at a time, so whoever looks between two turns
 * never sees half of a transaction, or half of a snapshot: news is gathered until its mark has
 * come; a snapshot is built aside and then takes the view's place. */
#pragma once
#include "lib/base/str.h"
#include "lib/base/time.h"
#include "lib/rpc/client.h"
#include "lib/state/view.h"

/* For who only acts on what is: in a rush news comes this far apart (mirror_options.gather_ns). */
#define MIRROR_GATHER_NS (2 * NS_PER_MS)

struct mirror;

struct mirror_options {
        struct loop *loop;
        struct rpc_client *store;  /* borrowed */
        const Sk__KindMask *kinds; /* copied */
        size_t n_kinds;
        /* News in a rush may come together, so far apart; 0: each at once (as read by what answers
         * people).  See WatchRequest. */
        int64_t gather_ns;
        /* After each batch of news was applied up to a transaction mark; may be NULL.  'events' are
         * what came, in order (borrowed); after a restart (and for the first snapshot) 'is_restart'
         * is true, there are no events, and everything has to be looked at again. */
        void (*changed)(void *context, const Sk__Event *const *events, size_t n_events,
                        bool is_restart);
        void *context;
};

int mirror_new(const struct mirror_options *options, struct mirror **ret_mirror, struct err *err);
void mirror_free(struct mirror *mirror); /* accepts NULL; waits and reads that are still open are
                                            never called back */

/* Always the same pointer; empty before the first snapshot. */
struct view *mirror_view(struct mirror *mirror);
bool mirror_is_complete(const struct mirror *mirror);  /* has there been a first snapshot? */
bool mirror_is_connected(const struct mirror *mirror); /* is news coming in? */

/* Adds Prometheus text: version, objects by kind, restarts, interruptions. */
void mirror_metrics(const struct mirror *mirror, struct str *str);

/* Calls back (on the loop, never inside this call) once the view shows 'version'.  Embed the wait;
 * it may be cancelled, also when it was called back already.  The waits due at once are called in
 * the order of their versions, after 'changed'. */
struct mirror_wait {
        void (*reached)(void *context);
        void *context;
        uint64_t version;
        struct mirror *mirror;
        struct heap_node node;
};
void mirror_wait(struct mirror *mirror, struct mirror_wait *wait, uint64_t version);
void mirror_wait_cancel(struct mirror_wait *wait);

/* Linearizable: calls back once the view is no older than this call.  Calls that come while a read
 * index is on its way share the next one.  A store that is ERR_UNAVAILABLE (its leader just died)
 * is asked again for five seconds; 'err' is what it said last. */
struct mirror_read {
        void (*fresh)(void *context, const struct err *err);
        void *context;
        struct mirror_read *next;
        struct mirror_wait wait;
};
void mirror_read(struct mirror *mirror, struct mirror_read *read);
void mirror_read_cancel(struct mirror *mirror, struct mirror_read *read);
