/* A pool for work that blocks: signing, RocksDB reads, HTTP.  Work goes there by value and its
 * result comes back as an event of the loop. */
#pragma once
#include "lib/os/loop.h"

struct worker_pool;

/* One piece of work; embed it in a struct that holds inputs and results.  'work' runs on a pool
 * thread and touches only that struct; 'done' runs on the loop afterwards, exactly once (also when
 * the pool is shut down before 'work' ran: then 'was_run' is false). */
struct work {
        void (*work)(struct work *work);
        void (*done)(struct work *work);
        bool was_run;
        struct work *next;
};

int worker_pool_new(struct loop *loop, int n_threads, struct worker_pool **ret_pool,
                    struct err *err);

/* Accepts NULL.  Waits for the work that runs now; queued work is not run.  All 'done' callbacks
 * are called before it returns; they may submit no more.  Not from within one. */
void worker_pool_free(struct worker_pool *pool);

/* From the loop thread.  Work begins in the order submitted; with several threads it may end in
 * another. */
void worker_submit(struct worker_pool *pool, struct work *work);
