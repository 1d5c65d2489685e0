/* The one loop of a daemon: descriptors, timers, signals, and work posted by other threads.
 *
 * All state of a daemon belongs to the thread that runs its loop; every callback below runs there,
 * one at a time, and never inside another one.  Only loop_post() may be called from other threads.
 * A callback must not block. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/base/heap.h"

struct loop;

int loop_new(struct loop **ret_loop, struct err *err);

/* Accepts NULL.  Posted work that did not run is dropped; timers and watches must have been taken
 * off before. */
void loop_free(struct loop *loop);

/* Runs until loop_stop(), which may have been called before. */
int loop_run(struct loop *loop, struct err *err);
void loop_stop(struct loop *loop);

/* Handles what is due now and waits at most 'timeout_ms' for something to do (-1: as long as it
 * takes).  For tests. */
int loop_turn(struct loop *loop, int timeout_ms, struct err *err);

/* --- time --- */

/* CLOCK_REALTIME in ns, read once per turn. */
int64_t loop_now(const struct loop *loop);
/* CLOCK_BOOTTIME in ns, read once per turn: what timers and leases count in. */
int64_t loop_now_boot(const struct loop *loop);

/* A timer; embed it.  A zeroed one with 'fire' and 'context' set is ready for use. */
struct loop_timer {
        void (*fire)(void *context);
        void *context;
        struct heap_node node;
        int64_t at_boot_ns;
        uint64_t order;
        struct loop *loop;
};

/* Fires once, 'delay_ns' from the clock's now, in a later turn when set by a timer; setting it
 * again moves it.  Due timers fire in the order of their times, equal times in the order they were
 * set.  Descriptors and posts come first in a turn, so that after a stall what arrived meanwhile is
 * seen before a timeout is believed.  Cancelling a timer that is not set is a no-op. */
void loop_timer_set(struct loop *loop, struct loop_timer *timer, int64_t delay_ns);
void loop_timer_cancel(struct loop_timer *timer);
bool loop_timer_is_set(const struct loop_timer *timer);

/* --- descriptors --- */

/* Watches a descriptor; embed it.  EPOLLHUP and EPOLLERR are always told, whatever was asked for.
 * The fd stays the owner's: remove before closing it. Removing (and freeing) a watch inside any
 * callback is safe. */
struct loop_watch {
        void (*ready)(void *context, uint32_t epoll_events);
        void *context;
        int fd;
        struct loop *loop; /* NULL: not added */
};

int loop_watch_add(struct loop *loop, struct loop_watch *watch, uint32_t epoll_events,
                   struct err *err);
int loop_watch_change(struct loop_watch *watch, uint32_t epoll_events, struct err *err);
void loop_watch_remove(struct loop_watch *watch); /* no-op when it is not added */

/* --- signals --- */

/* Blocks 'signal' for the process and calls back on the loop instead; the last callback set for a
 * signal counts.  Call before threads are made.  The signal stays blocked after loop_free. */
int loop_signal(struct loop *loop, int signal, void (*caught)(void *context, int signal),
                void *context, struct err *err);

/* --- other threads --- */

/* Work for the loop thread; embed it.  It must stay alive until it ran. */
struct loop_post {
        void (*run)(struct loop_post *post);
        struct loop_post *next;
};

/* Runs 'post' on the loop soon, in the order posted.  From any thread; wakes the loop only when it
 * sleeps. */
void loop_post(struct loop *loop, struct loop_post *post);

/* On the loop thread: takes back what was posted and did not run yet; no-op when it is not there.
 */
void loop_post_cancel(struct loop *loop, struct loop_post *post);

/* Runs on the loop after every turn in which anything happened (used to flush batches).  At most 8
 * hooks. */
void loop_after_turn(struct loop *loop, void (*hook)(void *context), void *context);
/* Takes a hook back; no-op when it is not there.  Not from within a hook. */
void loop_after_turn_cancel(struct loop *loop, void (*hook)(void *context), void *context);

/* Is a callback of this loop running?  What must turn the loop itself to finish asks first. */
bool loop_is_in_turn(const struct loop *loop);

/* A place for the one thing that all users of a loop share (lib/rpc's queue, so that clients and
 * servers have one poller thread between them).  NULL at first; whoever puts something there also
 * takes it away before loop_free(). */
void **loop_companion(struct loop *loop);
