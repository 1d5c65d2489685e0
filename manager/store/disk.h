/* The store's disk: RocksDB behind seals.
 *
 * Column families: 'log' holds the Raft log by index, 'state' each object by kind and id, 'meta'
 * the rest.  Every value is sealed (seal.h) with the node's data key; that key lies in 'meta',
 * sealed with a key-encryption key of its own, which is a file that only the store can read.
 *
 * All families share one write-ahead log, so what was written later never survives without what was
 * written earlier: an unsynced write needs no sync of its own when a synced one follows. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/base/str.h"

enum disk_family { DISK_LOG, DISK_STATE, DISK_META, DISK_FAMILIES };

enum { DISK_KEY_MAX = 128 };

struct disk;

/* Opens the folder, making it when it is empty.  *ret_is_new: there was nothing before.  A torn
 * last write is dropped: it was never acknowledged.  ERR_DATA_LOSS: damage, or the key file is not
 * the one this folder was made with; the store must not serve from it.  ERR_UNAVAILABLE: the folder
 * cannot be used. */
int disk_open(const char *folder, struct disk **ret_disk, bool *ret_is_new, struct err *err);
void disk_free(struct disk *disk); /* NULL is fine; batches go first */

/* Reading may be done from any thread. */

/* The value at a key.  ERR_NOT_FOUND; ERR_DATA_LOSS names the key. */
int disk_get(struct disk *disk, enum disk_family family, const void *key, size_t key_size,
             struct str *ret_value, struct err *err);

/* Calls 'each' for the keys from 'first' on (NULL: from the beginning), ascending, until it fails
 * or returns a positive number; that result is returned. */
typedef int disk_visit(void *context, const uint8_t *key, size_t key_size, const uint8_t *value,
                       size_t size, struct err *err);
int disk_each(struct disk *disk, enum disk_family family, const void *first, size_t first_size,
              disk_visit *each, void *context, struct err *err);

/* Changes that are made as one.  Each batch belongs to one thread. */
struct disk_batch;

struct disk_batch *disk_batch_new(struct disk *disk);
void disk_batch_free(struct disk_batch *batch); /* NULL is fine */
void disk_batch_put(struct disk_batch *batch, enum disk_family family, const void *key,
                    size_t key_size, const void *value, size_t size);
void disk_batch_remove(struct disk_batch *batch, enum disk_family family, const void *key,
                       size_t key_size);
/* All keys from 'first' up to but without 'end'. */
void disk_batch_remove_range(struct disk_batch *batch, enum disk_family family, const void *first,
                             const void *end, size_t key_size);

/* Writes and empties the batch.  Synced: it survives power loss once this returns. */
int disk_batch_write(struct disk_batch *batch, bool is_synced, struct err *err);

/* How many synced writes there were; from any thread. */
uint64_t disk_count_syncs(const struct disk *disk);
