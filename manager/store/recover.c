/* Recovery from a lost majority: the whole log counts, and this store becomes the only voter.  What
 * was acknowledged is in it if it is on this disk; the others must never come back as they were. */
#include "lib/base/check.h"
#include "lib/os/log.h"
#include "manager/store/log.h"
#include "manager/store/store.h"

enum { READ_BYTES = 4 << 20, READ_ENTRIES = 1024 };

/* More than the others can have had that is not here. */
static const uint64_t LOST_MAX = UINT64_C(1) << 32;

static void apply(struct store *store, const struct raft_entry *entry)
{
        struct applied *results;
        size_t n;

        if (entry->index <= state_version(store->state))
                return;
        if (entry->kind == RAFT_COMMAND)
                apply_entry(store->state, entry->index, entry->data, entry->size, &store->arena,
                            &results, &n);
        else
                state_advance(store->state, entry->index, state_time(store->state));
        arena_clear(&store->arena);
}

/* Applies what the log holds; the snapshot becomes its last entry. */
static int apply_log(struct store *store, struct raft_snapshot *snapshot, struct err *err)
{
        struct raft_entry *entries[READ_ENTRIES];
        int n;

        do {
                n = log_read(store->disk, snapshot->index + 1, UINT64_MAX, READ_BYTES, entries,
                             READ_ENTRIES, err);
                if (n == ERR_NOT_FOUND)
                        return err_set(err, ERR_DATA_LOSS, "log entry %llu is missing",
                                       (unsigned long long)snapshot->index + 1);
                TRY(n);
                for (int i = 0; i < n; i++) {
                        apply(store, entries[i]);
                        snapshot->index = entries[i]->index;
                        snapshot->term = entries[i]->term;
                        raft_entry_unref(entries[i]);
                }
        } while (n);
        return 0;
}

/* Whoever was told of what is lost knows versions, and loops hold epochs, that must never name
 * anything else: so this history goes on far behind them, and every reader begins anew. */
static void leave_room(struct store *store, struct raft_snapshot *snapshot)
{
        snapshot->index += LOST_MAX;
        state_forget(store->state, 0, UINT64_MAX);
        state_loaded(store->state, snapshot->index, state_time(store->state));
}

int recover(struct store *store, struct err *err)
{
        struct raft_restore restore;
        struct disk_batch *batch;
        int r;

        TRY(log_restore(store->disk, &restore, err));
        TRY(apply_log(store, &restore.snapshot, err));
        if (!restore.snapshot.index)
                return err_set(err, ERR_PRECONDITION, "there is no cluster to make a new one of");
        leave_room(store, &restore.snapshot);
        restore.snapshot.members =
                (struct raft_members){ .member = { { .id = store->id } }, .n = 1 };
        batch = disk_batch_new(store->disk);
        log_add(batch, &(struct raft_write){ .install = &restore.snapshot });
        load_replace(batch, store->state);
        r = disk_batch_write(batch, true, err);
        disk_batch_free(batch);
        if (r == 0)
                LOG(WARN, "a new cluster of this store alone",
                    INT("version", (int64_t)restore.snapshot.index));
        return r;
}
