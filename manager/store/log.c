/* The log: one record per entry, under its index, and two small ones beside it. */
#include "manager/store/log.h"

#include <string.h>

#include "lib/base/check.h"
#include "lib/base/mem.h"

static const char vote_key[] = "vote", snapshot_key[] = "snapshot";

enum { INDEX_SIZE = 8, ENTRY_HEAD = 8 + 1 };

/* --- numbers --- */

static void put_u64(struct str *str, uint64_t value)
{
        for (int shift = 56; shift >= 0; shift -= 8)
                str_add_char(str, (char)(value >> shift));
}

static uint64_t get_u64(const void *data)
{
        const uint8_t *bytes = data;
        uint64_t value = 0;

        for (int i = 0; i < 8; i++)
                value = value << 8 | bytes[i];
        return value;
}

static void index_key(uint64_t index, uint8_t key[static INDEX_SIZE])
{
        for (int i = 0; i < INDEX_SIZE; i++)
                key[i] = (uint8_t)(index >> (56 - 8 * i));
}

/* --- the small records --- */

static void pack_snapshot(const struct raft_snapshot *snapshot, struct str *ret)
{
        put_u64(ret, snapshot->index);
        put_u64(ret, snapshot->term);
        for (size_t i = 0; i < snapshot->members.n; i++) {
                put_u64(ret, snapshot->members.member[i].id);
                str_add_char(ret, (char)snapshot->members.member[i].is_learner);
        }
}

static int unpack_snapshot(const struct str *value, struct raft_snapshot *ret, struct err *err)
{
        size_t n = value->length < 16 ? 0 : (value->length - 16) / 9;

        if (value->length != 16 + n * 9 || n > RAFT_MEMBERS_MAX)
                return err_set(err, ERR_DATA_LOSS, "the record of the snapshot is malformed");
        ret->index = get_u64(value->text);
        ret->term = get_u64(value->text + 8);
        ret->members.n = n;
        for (size_t i = 0; i < n; i++) {
                ret->members.member[i].id = get_u64(value->text + 16 + i * 9);
                ret->members.member[i].is_learner = value->text[16 + i * 9 + 8];
        }
        return 0;
}

static int get_small(struct disk *disk, const char *key, struct str *ret, struct err *err)
{
        int r = disk_get(disk, DISK_META, key, strlen(key), ret, err);

        if (r == ERR_NOT_FOUND)
                str_clear(ret);
        return r == ERR_NOT_FOUND ? 0 : r;
}

int log_restore(struct disk *disk, struct raft_restore *ret, struct err *err)
{
        _cleanup_(str_done) struct str vote = { 0 }, snapshot = { 0 };

        *ret = (struct raft_restore){ 0 };
        TRY(get_small(disk, vote_key, &vote, err));
        TRY(get_small(disk, snapshot_key, &snapshot, err));
        if (vote.length && vote.length != 16)
                return err_set(err, ERR_DATA_LOSS, "the record of the vote is malformed");
        if (vote.length) {
                ret->term = get_u64(vote.text);
                ret->vote = get_u64(vote.text + 8);
        }
        return snapshot.length ? unpack_snapshot(&snapshot, &ret->snapshot, err) : 0;
}

/* --- entries --- */

static void pack_entry(const struct raft_entry *entry, struct str *ret)
{
        put_u64(ret, entry->term);
        str_add_char(ret, (char)entry->kind);
        str_add_bytes(ret, entry->data, entry->size);
}

static int unpack_entry(const uint8_t *key, size_t key_size, const uint8_t *value, size_t size,
                        struct raft_entry **ret, struct err *err)
{
        struct raft_entry *entry;

        if (key_size != INDEX_SIZE || size < ENTRY_HEAD || value[8] >= RAFT_ENTRY_KINDS)
                return err_set(err, ERR_DATA_LOSS, "a log entry is malformed");
        entry = raft_entry_new((enum raft_entry_kind)value[8], size - ENTRY_HEAD);
        entry->index = get_u64(key);
        entry->term = get_u64(value);
        memcpy(entry->data, value + ENTRY_HEAD, size - ENTRY_HEAD);
        *ret = entry;
        return 0;
}

static int load_entry(void *context, const uint8_t *key, size_t key_size, const uint8_t *value,
                      size_t size, struct err *err)
{
        struct raft_entry *entry;
        int r;

        TRY(unpack_entry(key, key_size, value, size, &entry, err));
        r = raft_load(context, entry, err);
        raft_entry_unref(entry);
        return r;
}

int log_load(struct disk *disk, const struct raft_restore *restore, struct raft *raft,
             struct err *err)
{
        uint8_t key[INDEX_SIZE];

        index_key(restore->snapshot.index + 1, key);
        return disk_each(disk, DISK_LOG, key, sizeof key, load_entry, raft, err);
}

struct reading {
        struct raft_entry **entries;
        size_t n, n_max, bytes, max_bytes;
        uint64_t next, last;
};

static int read_entry(void *context, const uint8_t *key, size_t key_size, const uint8_t *value,
                      size_t size, struct err *err)
{
        struct reading *reading = context;

        if (reading->n && reading->bytes + size > reading->max_bytes)
                return 1;
        TRY(unpack_entry(key, key_size, value, size, &reading->entries[reading->n], err));
        if (!reading->n && reading->entries[0]->index > reading->next) {
                raft_entry_unref(reading->entries[0]);
                return err_set(err, ERR_NOT_FOUND, "the log begins later");
        }
        reading->bytes += size;
        if (reading->entries[reading->n++]->index != reading->next++)
                return err_set(err, ERR_DATA_LOSS, "a log entry is missing");
        return reading->n == reading->n_max || reading->next > reading->last;
}

int log_read(struct disk *disk, uint64_t first, uint64_t last, size_t max_bytes,
             struct raft_entry **ret_entries, size_t n_max, struct err *err)
{
        struct reading reading = { .entries = ret_entries,
                                   .n_max = n_max,
                                   .max_bytes = max_bytes,
                                   .next = first,
                                   .last = last };
        uint8_t key[INDEX_SIZE];
        int r;

        index_key(first, key);
        r = disk_each(disk, DISK_LOG, key, sizeof key, read_entry, &reading, err);
        if (r >= 0)
                return (int)reading.n;
        for (size_t i = 0; i < reading.n; i++)
                raft_entry_unref(ret_entries[i]);
        return r;
}

/* --- writing --- */

static void remove_from(struct disk_batch *batch, uint64_t first, uint64_t end)
{
        uint8_t from[INDEX_SIZE], to[INDEX_SIZE];

        index_key(first, from);
        index_key(end, to);
        disk_batch_remove_range(batch, DISK_LOG, from, to, INDEX_SIZE);
}

static void put_snapshot(struct disk_batch *batch, const struct raft_snapshot *snapshot)
{
        struct str value = { 0 };

        pack_snapshot(snapshot, &value);
        disk_batch_put(batch, DISK_META, snapshot_key, strlen(snapshot_key), value.text,
                       value.length);
        str_done(&value);
}

void log_begin(struct disk_batch *batch, uint64_t id)
{
        struct raft_snapshot snapshot = { .members = { .member = { { .id = id } }, .n = 1 } };

        put_snapshot(batch, &snapshot);
}

static void put_vote(struct disk_batch *batch, uint64_t term, uint64_t vote)
{
        struct str value = { 0 };

        put_u64(&value, term);
        put_u64(&value, vote);
        disk_batch_put(batch, DISK_META, vote_key, strlen(vote_key), value.text, value.length);
        str_done(&value);
}

void log_add(struct disk_batch *batch, const struct raft_write *write)
{
        struct str value = { 0 };
        uint8_t key[INDEX_SIZE];

        if (write->has_vote)
                put_vote(batch, write->term, write->vote);
        if (write->install) {
                put_snapshot(batch, write->install);
                remove_from(batch, 0, UINT64_MAX);
        }
        if (write->truncate_from)
                remove_from(batch, write->truncate_from, UINT64_MAX);
        for (size_t i = 0; i < write->n_entries; i++) {
                str_clear(&value);
                pack_entry(write->entries[i], &value);
                index_key(write->entries[i]->index, key);
                disk_batch_put(batch, DISK_LOG, key, sizeof key, value.text, value.length);
        }
        if (write->compact) {
                put_snapshot(batch, write->compact);
                remove_from(batch, 0, write->compact->index + 1);
        }
        str_done(&value);
}
