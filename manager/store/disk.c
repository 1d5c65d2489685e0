/* The disk: RocksDB's C interface. */
#include "manager/store/disk.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <rocksdb/c.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/check.h"
#include "lib/base/mem.h"
#include "lib/os/file.h"
#include "lib/os/os_error.h"
#include "manager/store/seal.h"

struct disk {
        rocksdb_t *db;
        rocksdb_options_t *options;
        rocksdb_block_based_table_options_t *table;
        rocksdb_cache_t *cache;
        rocksdb_readoptions_t *reading;
        rocksdb_writeoptions_t *synced, *unsynced;
        rocksdb_column_family_handle_t *families[DISK_FAMILIES];
        uint8_t key[SEAL_KEY_SIZE];
        struct seal_nonces nonces, outer_nonces; /* of the key, of the key-encryption key */
        atomic_uint_fast64_t n_syncs;
};

struct disk_batch {
        struct disk *disk;
        rocksdb_writebatch_t *batch;
        struct seal *seal;
        struct str sealed;
};

DEFINE_CLEANUP(struct disk, disk_free)
DEFINE_CLEANUP(struct seal, seal_free)

static const char *const family_names[] = { "default", "log", "state", "meta" };
static const char data_key_name[] = "data-key";

/* --- memory --- */

enum {
        CACHE_BYTES = 4 << 20,
        WRITE_BUFFER_BYTES = 8 << 20, /* of a family */
        ALL_WRITE_BUFFER_BYTES = 16 << 20,
        WAL_BYTES = 64 << 20,
        FILES = 64,
        TOLERATE_TORN_TAIL = 0, /* damage anywhere else in the write-ahead log is an error */
};

static void make_options(struct disk *disk)
{
        disk->cache = rocksdb_cache_create_lru(CACHE_BYTES);
        disk->table = rocksdb_block_based_options_create();
        rocksdb_block_based_options_set_block_cache(disk->table, disk->cache);
        rocksdb_block_based_options_set_cache_index_and_filter_blocks(disk->table, 1);
        disk->options = rocksdb_options_create();
        rocksdb_options_set_block_based_table_factory(disk->options, disk->table);
        rocksdb_options_set_create_if_missing(disk->options, 1);
        rocksdb_options_set_create_missing_column_families(disk->options, 1);
        rocksdb_options_set_paranoid_checks(disk->options, 1);
        rocksdb_options_set_wal_recovery_mode(disk->options, TOLERATE_TORN_TAIL);
        rocksdb_options_set_write_buffer_size(disk->options, WRITE_BUFFER_BYTES);
        rocksdb_options_set_db_write_buffer_size(disk->options, ALL_WRITE_BUFFER_BYTES);
        rocksdb_options_set_max_total_wal_size(disk->options, WAL_BYTES);
        rocksdb_options_set_max_open_files(disk->options, FILES);
        rocksdb_options_set_keep_log_file_num(disk->options, 2);
        rocksdb_options_set_max_log_file_size(disk->options, 1 << 20);
        rocksdb_options_set_stats_dump_period_sec(disk->options, 0);
        /* Sealed bytes do not compress. */
        rocksdb_options_set_compression(disk->options, rocksdb_no_compression);
        disk->reading = rocksdb_readoptions_create();
        rocksdb_readoptions_set_verify_checksums(disk->reading, 1);
        rocksdb_readoptions_set_fill_cache(disk->reading, 0);
        disk->synced = rocksdb_writeoptions_create();
        rocksdb_writeoptions_set_sync(disk->synced, 1);
        disk->unsynced = rocksdb_writeoptions_create();
}

/* --- errors --- */

/* Takes RocksDB's message over.  Damage is what it calls corruption; the rest is the disk being
 * full, slow, read-only or gone. */
static int disk_error(char *message, const char *doing, struct err *err)
{
        bool is_damage = strstr(message, "Corruption") != NULL;

        err_set(err, is_damage ? ERR_DATA_LOSS : ERR_UNAVAILABLE, "%s: %s", doing, message);
        rocksdb_free(message);
        return is_damage ? ERR_DATA_LOSS : ERR_UNAVAILABLE;
}

/* Where a record lies, as its seal has it. */
static size_t place_of(enum disk_family family, const void *key, size_t key_size,
                       uint8_t place[static 1 + DISK_KEY_MAX])
{
        CHECK(key_size <= DISK_KEY_MAX);
        place[0] = (uint8_t)family;
        memcpy(place + 1, key, key_size);
        return 1 + key_size;
}

static int unseal(struct seal *seal, enum disk_family family, const void *key, size_t key_size,
                  const void *sealed, size_t size, struct str *ret, struct err *err)
{
        uint8_t place[1 + DISK_KEY_MAX];
        struct str hex = { 0 };
        int r = key_size <= DISK_KEY_MAX
                        ? seal_open(seal, place, place_of(family, key, key_size, place), sealed,
                                    size, ret, err)
                        : err_set(err, ERR_DATA_LOSS, "a key is too long");

        if (r == 0)
                return 0;
        for (size_t i = 0; i < key_size && i < DISK_KEY_MAX; i++)
                str_addf(&hex, "%02x", ((const uint8_t *)key)[i]);
        err_prefix(err, "%s/%s", family_names[family + 1], str_text(&hex));
        str_done(&hex);
        return r;
}

/* --- keys --- */

static int read_key_file(const char *path, uint8_t key[static SEAL_KEY_SIZE], struct err *err)
{
        _cleanup_(str_done) struct str text = { 0 };
        int r = file_read(path, 4096, &text, err);

        if (r == 0 && text.length != SEAL_KEY_SIZE)
                r = err_set(err, ERR_DATA_LOSS, "'%s' does not hold a key", path);
        if (r == 0)
                memcpy(key, text.text, SEAL_KEY_SIZE);
        if (text.text)
                OPENSSL_cleanse(text.text, text.length);
        return r;
}

static bool has_file(const char *folder, const char *name)
{
        _cleanup_(str_done) struct str path = { 0 };

        str_addf(&path, "%s/%s", folder, name);
        return file_exists(path.text);
}

/* The key-encryption key is made under another name, which becomes its own when the data key is on
 * disk: so it can be told whether the first start came to its end. */
static bool is_unfinished(const char *folder)
{
        return !has_file(folder, "kek") && has_file(folder, "kek.new");
}

static int open_outer(struct disk *disk, const char *folder, bool is_new, struct seal **ret,
                      struct err *err)
{
        _cleanup_(str_done) struct str path = { 0 };
        uint8_t key[SEAL_KEY_SIZE];
        int r;

        str_addf(&path, "%s/%s", folder, !is_new || has_file(folder, "kek") ? "kek" : "kek.new");
        if (!is_new || file_exists(path.text)) {
                r = read_key_file(path.text, key, err);
        } else {
                os_random(key, sizeof key);
                r = file_write_atomic(path.text, key, sizeof key, 0600, err);
        }
        if (r == 0)
                *ret = seal_new(key, &disk->outer_nonces);
        OPENSSL_cleanse(key, sizeof key);
        return r;
}

/* Whether the new name survives power loss does not matter: then this is done again. */
static int finish(const char *folder, struct err *err)
{
        _cleanup_(str_done) struct str path = { 0 }, unfinished = { 0 };

        str_addf(&path, "%s/kek", folder);
        str_addf(&unfinished, "%s/kek.new", folder);
        if (rename(unfinished.text, path.text) < 0)
                return os_error(err, errno, "rename '%s'", unfinished.text);
        return 0;
}

static int put_data_key(struct disk *disk, struct seal *outer, struct err *err)
{
        uint8_t place[1 + DISK_KEY_MAX];
        size_t place_size = place_of(DISK_META, data_key_name, sizeof data_key_name, place);
        struct str sealed = { 0 };
        char *message = NULL;

        os_random(disk->key, sizeof disk->key);
        seal_close(outer, place, place_size, disk->key, sizeof disk->key, &sealed);
        rocksdb_put_cf(disk->db, disk->synced, disk->families[DISK_META], data_key_name,
                       sizeof data_key_name, sealed.text, sealed.length, &message);
        str_done(&sealed);
        return message ? disk_error(message, "write the data key", err) : 0;
}

static int get_data_key(struct disk *disk, struct seal *outer, bool is_new, struct err *err)
{
        uint8_t place[1 + DISK_KEY_MAX];
        size_t place_size = place_of(DISK_META, data_key_name, sizeof data_key_name, place), size;
        _cleanup_(str_done) struct str key = { 0 };
        char *message = NULL, *sealed;
        int r;

        sealed = rocksdb_get_cf(disk->db, disk->reading, disk->families[DISK_META], data_key_name,
                                sizeof data_key_name, &size, &message);
        if (message)
                return disk_error(message, "read the data key", err);
        if (!sealed && is_new)
                return put_data_key(disk, outer, err);
        if (!sealed)
                return err_set(err, ERR_DATA_LOSS, "the data key is missing");
        r = seal_open(outer, place, place_size, sealed, size, &key, err);
        rocksdb_free(sealed);
        if (r < 0 || key.length != SEAL_KEY_SIZE)
                return err_set(err, ERR_DATA_LOSS,
                               "the data key does not open: 'kek' is not this folder's, or one "
                               "of them is damaged");
        memcpy(disk->key, key.text, SEAL_KEY_SIZE);
        OPENSSL_cleanse(key.text, key.length);
        return 0;
}

/* --- life --- */

static int open_database(struct disk *disk, const char *path, struct err *err)
{
        const rocksdb_options_t *options[COUNT_OF(family_names)];
        rocksdb_column_family_handle_t *handles[COUNT_OF(family_names)];
        char *message = NULL;

        for (size_t i = 0; i < COUNT_OF(family_names); i++)
                options[i] = disk->options;
        disk->db = rocksdb_open_column_families(disk->options, path, COUNT_OF(family_names),
                                                family_names, options, handles, &message);
        if (message)
                return disk_error(message, "open the database", err);
        rocksdb_column_family_handle_destroy(handles[0]);
        memcpy(disk->families, handles + 1, sizeof disk->families);
        return 0;
}

int disk_open(const char *folder, struct disk **ret_disk, bool *ret_is_new, struct err *err)
{
        _cleanup_(disk_freep) struct disk *disk = mem_alloc(sizeof *disk);
        _cleanup_(seal_freep) struct seal *outer = NULL;
        _cleanup_(str_done) struct str path = { 0 };
        bool is_new;

        TRY(file_make_folders(folder, 0700, err));
        str_addf(&path, "%s/db", folder);
        is_new = !has_file(folder, "db/CURRENT") || is_unfinished(folder);
        seal_nonces_init(&disk->nonces);
        seal_nonces_init(&disk->outer_nonces);
        make_options(disk);
        TRY(open_outer(disk, folder, is_new, &outer, err));
        TRY(open_database(disk, path.text, err));
        TRY(get_data_key(disk, outer, is_new, err));
        if (is_unfinished(folder))
                TRY(finish(folder, err));
        *ret_disk = TAKE(disk);
        *ret_is_new = is_new;
        return 0;
}

void disk_free(struct disk *disk)
{
        if (!disk)
                return;
        for (size_t i = 0; i < DISK_FAMILIES; i++)
                if (disk->families[i])
                        rocksdb_column_family_handle_destroy(disk->families[i]);
        if (disk->db)
                rocksdb_close(disk->db);
        rocksdb_writeoptions_destroy(disk->unsynced);
        rocksdb_writeoptions_destroy(disk->synced);
        rocksdb_readoptions_destroy(disk->reading);
        rocksdb_options_destroy(disk->options);
        rocksdb_block_based_options_destroy(disk->table);
        rocksdb_cache_destroy(disk->cache);
        OPENSSL_cleanse(disk->key, sizeof disk->key);
        free(disk);
}

/* --- reading --- */

int disk_get(struct disk *disk, enum disk_family family, const void *key, size_t key_size,
             struct str *ret_value, struct err *err)
{
        _cleanup_(seal_freep) struct seal *seal = seal_new(disk->key, &disk->nonces);
        char *message = NULL, *sealed;
        size_t size;
        int r;

        sealed = rocksdb_get_cf(disk->db, disk->reading, disk->families[family], key, key_size,
                                &size, &message);
        if (message)
                return disk_error(message, "read a record", err);
        if (!sealed)
                return err_set(err, ERR_NOT_FOUND, "no such record");
        r = unseal(seal, family, key, key_size, sealed, size, ret_value, err);
        rocksdb_free(sealed);
        return r;
}

static int visit(struct seal *seal, enum disk_family family, rocksdb_iterator_t *at,
                 struct str *value, disk_visit *each, void *context, struct err *err)
{
        size_t key_size, size;
        const char *key = rocksdb_iter_key(at, &key_size);
        const char *sealed = rocksdb_iter_value(at, &size);

        if (family == DISK_META && key_size == sizeof data_key_name &&
            memcmp(key, data_key_name, key_size) == 0)
                return 0;
        TRY(unseal(seal, family, key, key_size, sealed, size, value, err));
        return each(context, (const uint8_t *)key, key_size, (const uint8_t *)str_text(value),
                    value->length, err);
}

int disk_each(struct disk *disk, enum disk_family family, const void *first, size_t first_size,
              disk_visit *each, void *context, struct err *err)
{
        rocksdb_iterator_t *at =
                rocksdb_create_iterator_cf(disk->db, disk->reading, disk->families[family]);
        _cleanup_(seal_freep) struct seal *seal = seal_new(disk->key, &disk->nonces);
        struct str value = { 0 };
        char *message = NULL;
        int r = 0;

        if (first)
                rocksdb_iter_seek(at, first, first_size);
        else
                rocksdb_iter_seek_to_first(at);
        for (; r == 0 && rocksdb_iter_valid(at); rocksdb_iter_next(at))
                r = visit(seal, family, at, &value, each, context, err);
        rocksdb_iter_get_error(at, &message);
        rocksdb_iter_destroy(at);
        str_done(&value);
        return message ? disk_error(message, "read records", err) : r;
}

/* --- writing --- */

struct disk_batch *disk_batch_new(struct disk *disk)
{
        struct disk_batch *batch = mem_alloc(sizeof *batch);

        batch->disk = disk;
        batch->batch = rocksdb_writebatch_create();
        batch->seal = seal_new(disk->key, &disk->nonces);
        return batch;
}

void disk_batch_free(struct disk_batch *batch)
{
        if (!batch)
                return;
        rocksdb_writebatch_destroy(batch->batch);
        seal_free(batch->seal);
        str_done(&batch->sealed);
        free(batch);
}

void disk_batch_put(struct disk_batch *batch, enum disk_family family, const void *key,
                    size_t key_size, const void *value, size_t size)
{
        uint8_t place[1 + DISK_KEY_MAX];

        str_clear(&batch->sealed);
        seal_close(batch->seal, place, place_of(family, key, key_size, place), value, size,
                   &batch->sealed);
        rocksdb_writebatch_put_cf(batch->batch, batch->disk->families[family], key, key_size,
                                  batch->sealed.text, batch->sealed.length);
}

void disk_batch_remove(struct disk_batch *batch, enum disk_family family, const void *key,
                       size_t key_size)
{
        rocksdb_writebatch_delete_cf(batch->batch, batch->disk->families[family], key, key_size);
}

void disk_batch_remove_range(struct disk_batch *batch, enum disk_family family, const void *first,
                             const void *end, size_t key_size)
{
        rocksdb_writebatch_delete_range_cf(batch->batch, batch->disk->families[family], first,
                                           key_size, end, key_size);
}

int disk_batch_write(struct disk_batch *batch, bool is_synced, struct err *err)
{
        struct disk *disk = batch->disk;
        char *message = NULL;

        rocksdb_write(disk->db, is_synced ? disk->synced : disk->unsynced, batch->batch, &message);
        rocksdb_writebatch_clear(batch->batch);
        if (message)
                return disk_error(message, "write to the disk", err);
        if (is_synced)
                atomic_fetch_add_explicit(&disk->n_syncs, 1, memory_order_relaxed);
        return 0;
}

uint64_t disk_count_syncs(const struct disk *disk)
{
        return atomic_load_explicit(&disk->n_syncs, memory_order_relaxed);
}
