/* The Raft log, vote and snapshot on disk. */
#pragma once
#include "manager/store/disk.h"
#include "manager/store/raft/raft.h"

/* What was on disk: everything raft_new() wants but 'applied'.  On an empty disk all is zero. */
int log_restore(struct disk *disk, struct raft_restore *ret, struct err *err);

/* Gives the entries after the snapshot to raft_load().  ERR_DATA_LOSS: one is missing or damaged.
 */
int log_load(struct disk *disk, const struct raft_restore *restore, struct raft *raft,
             struct err *err);

/* Entries from 'first' to 'last', as many as max_bytes allows but at least one, each with a
 * reference for the caller; their number is returned, 0 when there is none from 'first' on.
 * ERR_NOT_FOUND: there are later ones, but 'first' was cut away. */
int log_read(struct disk *disk, uint64_t first, uint64_t last, size_t max_bytes,
             struct raft_entry **ret_entries, size_t n_max, struct err *err);

/* Adds the beginning of a cluster of one: a snapshot at index 0 that names this server as the only
 * voter. */
void log_begin(struct disk_batch *batch, uint64_t id);

/* Adds one write of Raft's to a batch; in order. */
void log_add(struct disk_batch *batch, const struct raft_write *write);
