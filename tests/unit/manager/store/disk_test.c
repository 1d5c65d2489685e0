/* The disk, on real RocksDB in a folder of its own. */
#include "tests/unit/test.h"

#include <poll.h>
#include <rocksdb/c.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>

#include "lib/base/check.h"
#include "lib/base/mem.h"
#include "lib/os/file.h"
#include "manager/store/log.h"
#include "manager/store/seal.h"

enum { KILLS = 40 /* a millisecond later each */, NONCE = 12 };

struct fixture {
        char folder[64];
        struct disk *disk;
        struct disk_batch *batch;
        struct err err;
        bool is_new;
};

static void reopen(struct fixture *f)
{
        disk_batch_free(f->batch);
        disk_free(f->disk);
        f->disk = NULL;
        f->batch = NULL;
        if (disk_open(f->folder, &f->disk, &f->is_new, &f->err) == 0)
                f->batch = disk_batch_new(f->disk);
}

static int setup(void **state)
{
        struct fixture *f = mem_alloc(sizeof *f);

        snprintf(f->folder, sizeof f->folder, "/tmp/skep-disk-test-XXXXXX");
        CHECK(mkdtemp(f->folder));
        reopen(f);
        *state = f;
        return 0;
}

static int teardown(void **state)
{
        struct fixture *f = *state;

        disk_batch_free(f->batch);
        disk_free(f->disk);
        file_remove_tree(f->folder, NULL);
        free(f);
        return 0;
}

static void write_batch(struct fixture *f)
{
        assert_int_equal(disk_batch_write(f->batch, true, &f->err), 0);
}

static int get(struct fixture *f, const char *key)
{
        struct str value = { 0 };
        int r = disk_get(f->disk, DISK_STATE, key, strlen(key), &value, &f->err);

        str_done(&value);
        return r;
}

static void a_record_survives_a_restart(void **state)
{
        struct fixture *f = *state;
        struct str value = { 0 };

        assert_true(f->is_new);
        disk_batch_put(f->batch, DISK_STATE, "key", 3, "value", 5);
        write_batch(f);
        reopen(f);
        assert_false(f->is_new);
        assert_int_equal(disk_get(f->disk, DISK_STATE, "key", 3, &value, &f->err), 0);
        assert_string_equal(value.text, "value");
        str_done(&value);
}

static void families_are_apart_and_removed_records_are_gone(void **state)
{
        struct fixture *f = *state;

        disk_batch_put(f->batch, DISK_META, "a", 1, "", 0);
        disk_batch_put(f->batch, DISK_STATE, "b", 1, "", 0);
        write_batch(f);
        assert_int_equal(get(f, "a"), ERR_NOT_FOUND);
        assert_int_equal(get(f, "b"), 0);
        disk_batch_remove(f->batch, DISK_STATE, "b", 1);
        write_batch(f);
        assert_int_equal(get(f, "b"), ERR_NOT_FOUND);
}

/* The nonce that the record at a key of 'state' was sealed with; the disk is closed. */
static void read_nonce(const struct fixture *f, const char *key, uint8_t ret[static NONCE])
{
        static const char *const names[] = { "default", "log", "state", "meta" };
        rocksdb_options_t *options = rocksdb_options_create();
        const rocksdb_options_t *of_each[] = { options, options, options, options };
        rocksdb_column_family_handle_t *families[COUNT_OF(names)];
        rocksdb_readoptions_t *reading = rocksdb_readoptions_create();
        char path[128], *message = NULL, *sealed;
        rocksdb_t *db;
        size_t size;

        snprintf(path, sizeof path, "%s/db", f->folder);
        db = rocksdb_open_column_families(options, path, COUNT_OF(names), names, of_each, families,
                                          &message);
        CHECK(!message);
        sealed = rocksdb_get_cf(db, reading, families[2], key, strlen(key), &size, &message);
        CHECK(!message && sealed && size > NONCE);
        memcpy(ret, sealed, NONCE);
        rocksdb_free(sealed);
        for (size_t i = 0; i < COUNT_OF(names); i++)
                rocksdb_column_family_handle_destroy(families[i]);
        rocksdb_close(db);
        rocksdb_readoptions_destroy(reading);
        rocksdb_options_destroy(options);
}

/* Prefixes of six bytes, drawn for each of many batches, would be the same before long. */
static void batches_share_one_prefix_of_nonces(void **state)
{
        struct fixture *f = *state;
        uint8_t first[NONCE], second[NONCE];

        disk_batch_put(f->batch, DISK_STATE, "a", 1, "", 0);
        write_batch(f);
        disk_batch_free(f->batch);
        f->batch = disk_batch_new(f->disk);
        disk_batch_put(f->batch, DISK_STATE, "b", 1, "", 0);
        write_batch(f);
        disk_batch_free(TAKE(f->batch));
        disk_free(TAKE(f->disk));
        read_nonce(f, "a", first);
        read_nonce(f, "b", second);
        assert_memory_equal(first, second, SEAL_PREFIX_SIZE);
        assert_memory_not_equal(first, second, NONCE);
}

static void another_folders_key_file_is_refused(void **state)
{
        struct fixture *f = *state;
        char path[128];

        snprintf(path, sizeof path, "%s/kek", f->folder);
        assert_int_equal(file_write_atomic(path, "another key of 32 bytes.........", 32, 0600,
                                           NULL),
                         0);
        reopen(f);
        assert_null(f->disk);
        assert_int_equal(f->err.code, ERR_DATA_LOSS);
}

static void a_missing_key_file_is_not_made_anew(void **state)
{
        struct fixture *f = *state;
        char path[128];

        snprintf(path, sizeof path, "%s/kek", f->folder);
        unlink(path);
        reopen(f);
        assert_null(f->disk);
        assert_false(file_exists(path));
}

/* What this program does when it is started so, to be killed. */
static int open_once(const char *folder)
{
        struct disk *disk;
        struct err err;
        bool is_new;

        if (disk_open(folder, &disk, &is_new, &err) < 0)
                return EXIT_FAILURE;
        disk_free(disk);
        return EXIT_SUCCESS;
}

static void open_and_kill(const char *folder, int after_ms)
{
        char *const argv[] = { (char *)"disk_test", (char *)"open", (char *)folder, NULL };
        struct pollfd end = { .events = POLLIN };
        pid_t pid;

        assert_int_equal(posix_spawn(&pid, "/proc/self/exe", NULL, NULL, argv, environ), 0);
        end.fd = pidfd_open(pid, 0);
        assert_true(end.fd >= 0);
        poll(&end, 1, after_ms);
        kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        close(end.fd);
}

static void a_first_start_that_was_killed_is_begun_again(void **state)
{
        struct fixture *f = *state;

        for (int ms = 0; ms < KILLS; ms++) {
                disk_batch_free(TAKE(f->batch));
                disk_free(TAKE(f->disk));
                assert_int_equal(file_remove_tree(f->folder, NULL), 0);
                open_and_kill(f->folder, ms);
                reopen(f);
                assert_non_null(f->disk);
                disk_batch_put(f->batch, DISK_STATE, "key", 3, "value", 5);
                write_batch(f);
                reopen(f);
                assert_int_equal(get(f, "key"), 0);
                assert_false(f->is_new);
        }
}

/* --- the log --- */

static void add_entry(struct fixture *f, uint64_t index, uint64_t term, const char *text)
{
        struct raft_entry *entry = raft_entry_new(RAFT_COMMAND, strlen(text));

        entry->index = index;
        entry->term = term;
        memcpy(entry->data, text, strlen(text));
        log_add(f->batch, &(struct raft_write){ .id = index, .entries = &entry, .n_entries = 1 });
        raft_entry_unref(entry);
}

static int read_log(struct fixture *f, uint64_t first, uint64_t last, size_t bytes,
                    struct raft_entry **entries)
{
        return log_read(f->disk, first, last, bytes, entries, 10, &f->err);
}

static void entries_come_back_as_they_were(void **state)
{
        struct fixture *f = *state;
        struct raft_entry *entries[10];

        for (uint64_t i = 1; i <= 3; i++)
                add_entry(f, i, 7, "text");
        write_batch(f);
        reopen(f);
        assert_int_equal(read_log(f, 2, 3, 1000, entries), 2);
        assert_int_equal(entries[0]->index, 2);
        assert_int_equal(entries[0]->term, 7);
        assert_int_equal(entries[0]->size, 4);
        assert_memory_equal(entries[0]->data, "text", 4);
        for (size_t i = 0; i < 2; i++)
                raft_entry_unref(entries[i]);
}

static void a_large_entry_is_read_alone(void **state)
{
        struct fixture *f = *state;
        struct raft_entry *entries[10];

        for (uint64_t i = 1; i <= 3; i++)
                add_entry(f, i, 7, "text");
        write_batch(f);
        assert_int_equal(read_log(f, 1, 3, 1, entries), 1);
        raft_entry_unref(entries[0]);
}

static void a_missing_entry_is_noticed(void **state)
{
        struct fixture *f = *state;
        struct raft_entry *entries[10];

        add_entry(f, 1, 7, "text");
        add_entry(f, 3, 7, "text");
        write_batch(f);
        assert_int_equal(read_log(f, 1, 3, 1000, entries), ERR_DATA_LOSS);
}

/* Or a follower would be sent a snapshot for every damage, and a log that is cut would be one. */
static void what_was_cut_away_is_not_damage(void **state)
{
        struct fixture *f = *state;
        struct raft_entry *entries[10];

        add_entry(f, 3, 7, "text");
        write_batch(f);
        assert_int_equal(read_log(f, 1, 3, 1000, entries), ERR_NOT_FOUND);
        assert_int_equal(read_log(f, 4, 9, 1000, entries), 0);
}

static void truncating_and_compacting_cut_both_ends(void **state)
{
        struct fixture *f = *state;
        struct raft_snapshot snapshot = { .index = 2,
                                          .term = 7,
                                          .members = { .n = 1, .member = { { .id = 5 } } } };
        struct raft_entry *entries[10];
        struct raft_restore restore;

        for (uint64_t i = 1; i <= 5; i++)
                add_entry(f, i, 7, "text");
        log_add(f->batch, &(struct raft_write){ .id = 6, .truncate_from = 5 });
        log_add(f->batch, &(struct raft_write){ .id = 7, .compact = &snapshot });
        log_add(f->batch, &(struct raft_write){ .id = 8, .has_vote = true, .term = 9, .vote = 5 });
        write_batch(f);
        assert_int_equal(read_log(f, 3, 10, 1000, entries), 2);
        for (size_t i = 0; i < 2; i++)
                raft_entry_unref(entries[i]);
        assert_int_equal(log_restore(f->disk, &restore, &f->err), 0);
        assert_int_equal(restore.snapshot.index, 2);
        assert_int_equal(restore.snapshot.members.member[0].id, 5);
        assert_int_equal(restore.term, 9);
        assert_int_equal(restore.vote, 5);
}

int main(int argc, char **argv)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                TEST(a_record_survives_a_restart),
                TEST(families_are_apart_and_removed_records_are_gone),
                TEST(batches_share_one_prefix_of_nonces),
                TEST(another_folders_key_file_is_refused),
                TEST(a_missing_key_file_is_not_made_anew),
                TEST(a_first_start_that_was_killed_is_begun_again),
                TEST(entries_come_back_as_they_were),
                TEST(a_large_entry_is_read_alone),
                TEST(a_missing_entry_is_noticed),
                TEST(what_was_cut_away_is_not_damage),
                TEST(truncating_and_compacting_cut_both_ends),
        };

        if (argc == 3)
                return open_once(argv[2]);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
