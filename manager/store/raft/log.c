/* The part of the log that is kept in memory. */
#include "manager/store/raft/log.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/check.h"
#include "lib/base/mem.h"

static struct term_run *run_at(const struct log *log, size_t i)
{
        return vec_at(&log->runs, i);
}

static struct configuration *configuration_at(const struct log *log, size_t i)
{
        return vec_at(&log->configurations, i);
}

void log_init(struct log *log, const struct raft_snapshot *snapshot)
{
        *log = (struct log){
                .runs = VEC_OF(struct term_run),
                .configurations = VEC_OF(struct configuration),
        };
        log_reset(log, snapshot);
}

void log_done(struct log *log)
{
        log_evict(log, 0, log->last);
        free(log->cache);
        vec_done(&log->runs);
        vec_done(&log->configurations);
}

/* The run that holds 'index', or -1. */
static ssize_t find_run(const struct log *log, uint64_t index)
{
        size_t low = 0, high = log->runs.n;

        while (low < high) {
                size_t middle = (low + high) / 2;

                if (run_at(log, middle)->first <= index)
                        low = middle + 1;
                else
                        high = middle;
        }
        return (ssize_t)low - 1;
}

uint64_t log_term_at(const struct log *log, uint64_t index)
{
        if (index == log->snapshot_index)
                return log->snapshot_term;
        if (index < log->snapshot_index || index > log->last)
                return 0;
        return run_at(log, (size_t)find_run(log, index))->term;
}

uint64_t log_last_term(const struct log *log)
{
        return log_term_at(log, log->last);
}

uint64_t log_last_at_most(const struct log *log, uint64_t index, uint64_t term)
{
        if (index > log->last)
                index = log->last;
        for (ssize_t i = find_run(log, index); i >= 0; i--) {
                if (run_at(log, (size_t)i)->term <= term)
                        return index;
                index = run_at(log, (size_t)i)->first - 1;
        }
        return index;
}

const struct raft_members *log_members(const struct log *log)
{
        return &configuration_at(log, log->configurations.n - 1)->members;
}

const struct configuration *log_configuration_at(const struct log *log, uint64_t index)
{
        size_t i = log->configurations.n - 1;

        while (i > 0 && configuration_at(log, i)->index > index)
                i--;
        return configuration_at(log, i);
}

static void cache_push(struct log *log, struct raft_entry *entry)
{
        if (log->n_cached == log->cache_capacity) {
                size_t capacity = log->cache_capacity ? log->cache_capacity * 2 : 64;
                struct raft_entry **cache = mem_alloc_array(capacity, sizeof *cache);

                for (size_t i = 0; i < log->n_cached; i++)
                        cache[i] = log->cache[(log->cache_head + i) & (log->cache_capacity - 1)];
                free(log->cache);
                log->cache = cache;
                log->cache_capacity = capacity;
                log->cache_head = 0;
        }
        log->cache[(log->cache_head + log->n_cached++) & (log->cache_capacity - 1)] =
                raft_entry_ref(entry);
        log->cached_bytes += entry_cost(entry);
}

static void cache_forget(struct log *log, size_t slot)
{
        struct raft_entry *entry = log->cache[slot & (log->cache_capacity - 1)];

        log->n_cached--;
        log->cached_bytes -= entry_cost(entry);
        raft_entry_unref(entry);
}

static void cache_pop_newest(struct log *log)
{
        cache_forget(log, log->cache_head + log->n_cached - 1);
}

static void cache_pop_oldest(struct log *log)
{
        cache_forget(log, log->cache_head++);
}

void log_append(struct log *log, struct raft_entry *entry)
{
        CHECK(entry->index == log->last + 1);
        CHECK(entry->term >= log_last_term(log));
        if (entry->term > log_last_term(log) || !log->runs.n)
                vec_push(&log->runs,
                         &(struct term_run){ .first = entry->index, .term = entry->term });
        if (entry->kind == RAFT_MEMBERS_ARE) {
                struct configuration *configuration = vec_add(&log->configurations);

                configuration->index = entry->index;
                CHECK(raft_entry_members(entry, &configuration->members, NULL, NULL, NULL) == 0);
        }
        cache_push(log, entry);
        log->last = entry->index;
}

void log_truncate(struct log *log, uint64_t from)
{
        CHECK(from > log->snapshot_index);
        while (log->last >= from) {
                if (log->n_cached)
                        cache_pop_newest(log);
                log->last--;
        }
        while (log->runs.n && run_at(log, log->runs.n - 1)->first >= from)
                vec_pop(&log->runs, NULL);
        while (configuration_at(log, log->configurations.n - 1)->index >= from)
                vec_pop(&log->configurations, NULL);
}

/* Removes the first 'n' elements. */
static void drop_front(struct vec *vec, size_t n)
{
        char *data = vec->data;

        if (!n)
                return;
        vec->n -= n;
        memmove(data, data + n * vec->element_size, vec->n * vec->element_size);
}

void log_compact(struct log *log, uint64_t index)
{
        size_t n_runs = 0, n_configurations = 0;

        CHECK(index > log->snapshot_index && index <= log->last);
        log->snapshot_term = log_term_at(log, index);
        log->snapshot_index = index;
        while (log->last - log->n_cached < index && log->n_cached)
                cache_pop_oldest(log);
        while (n_runs < log->runs.n &&
               (n_runs + 1 < log->runs.n ? run_at(log, n_runs + 1)->first - 1 : log->last) <= index)
                n_runs++;
        drop_front(&log->runs, n_runs);
        if (log->runs.n && run_at(log, 0)->first <= index)
                run_at(log, 0)->first = index + 1;
        while (n_configurations + 1 < log->configurations.n &&
               configuration_at(log, n_configurations + 1)->index <= index)
                n_configurations++;
        drop_front(&log->configurations, n_configurations);
}

void log_reset(struct log *log, const struct raft_snapshot *snapshot)
{
        struct configuration *configuration;

        while (log->n_cached)
                cache_pop_newest(log);
        vec_clear(&log->runs);
        vec_clear(&log->configurations);
        configuration = vec_add(&log->configurations);
        configuration->index = snapshot->index;
        configuration->members = snapshot->members;
        log->snapshot_index = log->last = snapshot->index;
        log->snapshot_term = snapshot->term;
}

struct raft_entry *log_cached(const struct log *log, uint64_t index)
{
        if (index > log->last || index + log->n_cached <= log->last)
                return NULL;
        return log->cache[(log->cache_head + log->n_cached - 1 - (log->last - index)) &
                          (log->cache_capacity - 1)];
}

void log_evict(struct log *log, size_t max_bytes, uint64_t limit)
{
        while (log->n_cached && log->cached_bytes > max_bytes &&
               log->last - log->n_cached + 1 <= limit)
                cache_pop_oldest(log);
}
