/* A simulated disk: writes are carried out one after the other, each as a whole. */
#include <string.h>

#include "lib/base/check.h"
#include "lib/base/mem.h"
#include "tests/sim/raft/sim.h"

static struct raft_entry **slot(const struct disk *disk, size_t i)
{
        return vec_at(&disk->log, i);
}

void disk_init(struct disk *disk, const struct raft_members *members)
{
        *disk = (struct disk){ .log = VEC_OF(struct raft_entry *), .snapshot.members = *members };
}

static void forget_from(struct disk *disk, size_t i)
{
        for (size_t at = i; at < disk->log.n; at++)
                raft_entry_unref(*slot(disk, at));
        if (disk->log.n > i)
                disk->log.n = i;
}

void disk_done(struct disk *disk)
{
        forget_from(disk, 0);
        vec_done(&disk->log);
}

void disk_copy(struct disk *to, const struct disk *from)
{
        struct vec log = to->log;

        forget_from(to, 0);
        log.n = 0;
        *to = *from;
        to->log = log;
        for (size_t i = 0; i < from->log.n; i++)
                vec_push(&to->log, &(struct raft_entry *){ raft_entry_ref(*slot(from, i)) });
}

uint64_t disk_last(const struct disk *disk)
{
        return disk->snapshot.index + disk->log.n;
}

struct raft_entry *disk_entry(const struct disk *disk, uint64_t index)
{
        if (index <= disk->snapshot.index || index > disk_last(disk))
                return NULL;
        return *slot(disk, index - disk->snapshot.index - 1);
}

uint64_t disk_term_at(const struct disk *disk, uint64_t index)
{
        const struct raft_entry *entry = disk_entry(disk, index);

        if (index == disk->snapshot.index)
                return disk->snapshot.term;
        return entry ? entry->term : 0;
}

static void compact(struct disk *disk, const struct raft_snapshot *snapshot)
{
        size_t n = snapshot->index - disk->snapshot.index;
        struct raft_entry **entries = disk->log.data;

        CHECK(snapshot->index > disk->snapshot.index && n <= disk->log.n);
        CHECK(disk->state.applied >= snapshot->index); /* or the state would have a hole */
        for (size_t i = 0; i < n; i++)
                raft_entry_unref(entries[i]);
        memmove(entries, entries + n, (disk->log.n - n) * sizeof *entries);
        disk->log.n -= n;
        disk->snapshot = *snapshot;
}

void disk_carry_out(struct disk *disk, const struct disk_write *write)
{
        if (write->has_vote) {
                disk->term = write->term;
                disk->vote = write->vote;
        }
        if (write->has_install) {
                forget_from(disk, 0);
                disk->snapshot = write->snapshot;
                disk->state = write->state;
        }
        if (write->truncate_from) {
                CHECK(write->truncate_from > disk->snapshot.index);
                forget_from(disk, write->truncate_from - disk->snapshot.index - 1);
        }
        for (size_t i = 0; i < write->entries.n; i++) {
                struct raft_entry *entry = VEC_AT(&write->entries, struct raft_entry *, i);

                CHECK(entry->index == disk_last(disk) + 1);
                vec_push(&disk->log, &(struct raft_entry *){ raft_entry_ref(entry) });
        }
        if (write->has_compact)
                compact(disk, &write->snapshot);
}

struct disk_write *disk_write_new(const struct raft_write *write, const struct state *installed)
{
        struct disk_write *copy = mem_alloc(sizeof *copy);

        copy->id = write->id;
        copy->has_vote = write->has_vote;
        copy->term = write->term;
        copy->vote = write->vote;
        copy->truncate_from = write->truncate_from;
        copy->has_install = write->install;
        copy->has_compact = write->compact;
        if (write->install) {
                copy->snapshot = *write->install;
                copy->state = *installed;
                CHECK(installed->applied == write->install->index);
        }
        if (write->compact)
                copy->snapshot = *write->compact;
        copy->entries = VEC_OF(struct raft_entry *);
        for (size_t i = 0; i < write->n_entries; i++)
                vec_push(&copy->entries,
                         &(struct raft_entry *){ raft_entry_ref(write->entries[i]) });
        return copy;
}

void disk_write_free(struct disk_write *write)
{
        for (size_t i = 0; i < write->entries.n; i++)
                raft_entry_unref(VEC_AT(&write->entries, struct raft_entry *, i));
        vec_done(&write->entries);
        free(write);
}
