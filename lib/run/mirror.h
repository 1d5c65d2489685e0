/* The store's news turned into a view: Watch, resumed by itself after every interruption. */
#pragma once
#include "lib/rpc/client.h"
#include "lib/state/view.h"

struct mirror;

struct mirror_options {
        struct loop *loop;
        struct rpc_client *store;  /* borrowed */
        const Sk__KindMask *kinds; /* copied */
        size_t n_kinds;
        /* After each batch of news was applied up to a transaction mark.  'events' are what came,
         * in order (borrowed); after a restart 'is_restart' is true and everything has to be looked
         * at again. */
        void (*changed)(void *context, const Sk__Event *const *events, size_t n_events,
                        bool is_restart);
        void *context;
};

int mirror_new(const struct mirror_options *options, struct mirror **ret_mirror, struct err *err);
void mirror_free(struct mirror *mirror);

/* Never NULL; empty before the first snapshot. */
struct view *mirror_view(struct mirror *mirror);
bool mirror_is_complete(const struct mirror *mirror); /* has there been a first snapshot? */

/* Calls back (on the loop, never inside this call) once the view shows 'version'.  Embed the wait;
 * it may be cancelled. */
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
 * index is on its way share the next one.  'err' is not NULL when the store could not be asked. */
struct mirror_read {
        void (*fresh)(void *context, const struct err *err);
        void *context;
        struct mirror_read *next;
        struct mirror_wait wait;
};
void mirror_read(struct mirror *mirror, struct mirror_read *read);
void mirror_read_cancel(struct mirror *mirror, struct mirror_read *read);
