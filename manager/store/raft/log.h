/* What a server knows of its log without reading its disk: the terms of all entries, the
 * configurations in it, and the newest entries themselves. */
#pragma once
#include "lib/base/vec.h"
#include "manager/store/raft/raft.h"

struct log {
        uint64_t snapshot_index, snapshot_term; /* the log begins after this entry */
        uint64_t last;
        struct vec runs;           /* of struct term_run: where each term begins */
        struct vec configurations; /* of struct configuration, the snapshot's first */
        struct raft_entry **cache; /* a ring: entries last - n_cached + 1 .. last */
        size_t cache_head, n_cached, cache_capacity, cached_bytes;
};

struct term_run {
        uint64_t first, term;
};

struct configuration {
        uint64_t index; /* of the entry that made it */
        struct raft_members members;
};

void log_init(struct log *log, const struct raft_snapshot *snapshot);
void log_done(struct log *log);

/* The term of an entry, 0 when it is not in the log (and not the snapshot's). */
uint64_t log_term_at(const struct log *log, uint64_t index);
uint64_t log_last_term(const struct log *log);

/* The last index that is at most 'index' and whose term is at most 'term'. */
uint64_t log_last_at_most(const struct log *log, uint64_t index, uint64_t term);

const struct raft_members *log_members(const struct log *log); /* the newest, committed or not */
const struct configuration *log_configuration_at(const struct log *log, uint64_t index);

/* Appends; takes a reference.  The entry must be the next one and, if it changes members,
 * well-formed. */
void log_append(struct log *log, struct raft_entry *entry);
void log_truncate(struct log *log, uint64_t from);                     /* drops from there on */
void log_compact(struct log *log, uint64_t index);                     /* drops up to there */
void log_reset(struct log *log, const struct raft_snapshot *snapshot); /* drops all */

struct raft_entry *log_cached(const struct log *log, uint64_t index); /* NULL: not in memory */

/* Drops the oldest entries from memory, none above 'limit', until the rest fits. */
void log_evict(struct log *log, size_t max_bytes, uint64_t limit);

/* What an entry costs in memory and, about, on the wire. */
static inline size_t entry_cost(const struct raft_entry *entry)
{
        return sizeof *entry + entry->size;
}
