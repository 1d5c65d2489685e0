/* The state's way to the disk: a reader of the order like any watcher, so what changed several
 * times since the last write is written once.  The log is what survives; this only keeps it short.
 */
#include "lib/base/check.h"
#include "lib/base/time.h"
#include "manager/store/peers.h"
#include "manager/store/store.h"

enum {
        FLUSH_DELAY_MS = 500,    /* after the first change */
        FLUSH_BYTES = 2 << 20,   /* or after this much of log */
        BEHIND_BYTES = 64 << 20, /* take no more while the disk lags by this much */
        COMPACT_ENTRIES = 10000,
        KEEP_ENTRIES = 500,
        COMPACT_BYTES = 64 << 20, /* cut the log when it grew by this, however few its entries */
        REMOVALS_MAX = 100000,    /* kept in memory for watchers that resume */
};

/* One object as it is to be written; 'data' NULL: to be removed. */
struct flush_item {
        struct flush_item *next;
        uint8_t key[LOAD_KEY_SIZE];
        uint8_t *data;
        size_t size;
};

struct flush_job {
        struct work work;
        struct store *store;
        struct disk_batch *batch;
        struct arena arena;
        struct flush_item *first, **end;
        uint64_t index;
        int result;
        struct err err;
};

static void flush_start(struct store *store);

/* --- on the worker --- */

static void job_write(struct work *work)
{
        struct flush_job *job = container_of(work, struct flush_job, work);

        for (const struct flush_item *item = job->first; item; item = item->next) {
                if (item->data)
                        disk_batch_put(job->batch, DISK_STATE, item->key, sizeof item->key,
                                       item->data, item->size);
                else
                        disk_batch_remove(job->batch, DISK_STATE, item->key, sizeof item->key);
        }
        job->result = disk_batch_write(job->batch, false, &job->err);
}

/* --- on the loop --- */

static void job_free(struct flush_job *job)
{
        disk_batch_free(job->batch);
        arena_done(&job->arena);
        free(job);
}

/* As this store was told to; else as the cluster's settings say. */
static void read_compaction(const struct store *store, uint64_t *ret_gather, uint64_t *ret_keep)
{
        _cleanup_(arena_done) struct arena arena = { 0 };
        const Sk__ClusterSpec *spec =
                (const Sk__ClusterSpec *)store_cluster_part(store, PART_CLUSTER_spec,
                                                            &sk__cluster_spec__descriptor, &arena);

        *ret_gather = (uint64_t)store->options.config->compact_entries;
        if (!*ret_gather)
                *ret_gather = spec ? spec->snapshot_interval : 0;
        if (!*ret_gather)
                *ret_gather = COMPACT_ENTRIES;
        *ret_keep = (uint64_t)store->options.config->keep_entries;
        if (!*ret_keep)
                *ret_keep = spec ? spec->log_entries_for_slow_followers : 0;
        if (!*ret_keep)
                *ret_keep = KEEP_ENTRIES;
}

/* The log before what is on disk may go, but for some entries that a slow follower can use. */
static void compact(struct store *store)
{
        uint64_t first = replica_role(store->replica)->first_index, index = store->flush.index;
        uint64_t gather, keep;

        read_compaction(store, &gather, &keep);
        if (index < first || index - first < keep)
                return;
        if (index - first - keep < gather && store->flush.log_bytes < COMPACT_BYTES)
                return;
        store->flush.log_bytes = 0;
        replica_compact(store->replica, index - keep);
}

static void job_done(struct work *work)
{
        struct flush_job *job = container_of(work, struct flush_job, work);
        struct store *store = job->store;

        /* Without a pool the store stops, and there is no next time. */
        store->flush.job = NULL;
        if (store->flush.pool)
                snapshot_flushed(store);
        if (job->work.was_run && job->result < 0)
                store->options.failed(store->options.context, &job->err);
        else if (job->work.was_run && store->flush.pool && store->replica) {
                store->flush.index = job->index;
                store->counters.flushes++;
                state_forget(store->state, REMOVALS_MAX, job->index);
                compact(store);
                if (store->flush.index != state_version(store->state))
                        flush_applied(store, 0);
        }
        job_free(job);
}

static void add_item(struct flush_job *job, const struct record *record)
{
        struct flush_item *item = arena_alloc(&job->arena, sizeof *item);

        load_object_key(record, item->key);
        if (!record->is_removed)
                record_pack(record, &job->arena, &item->data, &item->size);
        *job->end = item;
        job->end = &item->next;
}

static void add_answers(struct store *store, struct flush_job *job)
{
        struct answers *answers = state_answers(store->state);

        for (; store->flush.n_answers < answers->last; store->flush.n_answers++) {
                const struct answer *answer = answers_at(answers, store->flush.n_answers + 1);

                if (answer)
                        load_put_answer(job->batch, answer);
        }
}

static void flush_start(struct store *store)
{
        struct flush_job *job;
        const struct record *record;

        if (store->flush.job || store->installing ||
            store->flush.index == state_version(store->state))
                return;
        job = store->flush.job = mem_alloc(sizeof *job);
        job->store = store;
        job->batch = disk_batch_new(store->disk);
        job->work.work = job_write;
        job->work.done = job_done;
        job->end = &job->first;
        while ((record = state_mark_next(&store->flush.mark)))
                add_item(job, record);
        add_answers(store, job);
        job->index = state_version(store->state);
        load_put_applied(job->batch, job->index, state_time(store->state),
                         state_count_all(store->state));
        store->flush.bytes = 0;
        loop_timer_cancel(&store->flush.timer);
        worker_submit(store->flush.pool, &job->work);
}

static void timer_fired(void *context)
{
        flush_start(context);
}

void flush_applied(struct store *store, size_t bytes)
{
        store->flush.bytes += bytes;
        store->flush.log_bytes += bytes;
        if (store->flush.bytes >= FLUSH_BYTES)
                flush_start(store);
        else if (!loop_timer_is_set(&store->flush.timer))
                loop_timer_set(store->loop, &store->flush.timer, FLUSH_DELAY_MS * NS_PER_MS);
}

bool flush_is_behind(const struct store *store)
{
        return store->flush.bytes > BEHIND_BYTES;
}

/* --- life --- */

void flush_begin(struct store *store)
{
        store->flush.bytes = 0;
        store->flush.index = state_version(store->state);
        store->flush.n_answers = state_answers(store->state)->last;
        state_mark_after(store->state, &store->flush.mark, store->flush.index);
}

int flush_open(struct store *store, struct err *err)
{
        store->flush.timer.fire = timer_fired;
        store->flush.timer.context = store;
        flush_begin(store);
        return worker_pool_new(store->loop, 1, &store->flush.pool, err);
}

void flush_done(struct store *store)
{
        loop_timer_cancel(&store->flush.timer);
        worker_pool_free(TAKE(store->flush.pool));
        state_mark_remove(&store->flush.mark);
}
