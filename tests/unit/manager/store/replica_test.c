/* The replica of a cluster of one, on a real disk and with Raft's thread. */
#include "tests/unit/test.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/base/check.h"
#include "lib/base/mem.h"
#include "lib/os/file.h"
#include "manager/store/log.h"
#include "manager/store/replica.h"

enum { ENTRIES = 40, ENTRY_BYTES = 1 << 20 };

struct fixture {
        char folder[64];
        struct loop *loop;
        struct disk *disk;
        struct replica *replica;
        bool is_leader;
        size_t n_accepted, n_given;
        uint64_t given; /* the last index */
};

static void proposed(void *context, void *ticket, uint64_t index, uint64_t term,
                     const struct err *err)
{
        struct fixture *f = context;

        (void)ticket;
        (void)index;
        (void)term;
        assert_null(err);
        f->n_accepted++;
}

static void apply(void *context, const struct raft_entry *entry)
{
        struct fixture *f = context;

        assert_int_equal(entry->index, f->given + 1);
        f->given = entry->index;
        f->n_given += entry->kind == RAFT_COMMAND;
}

static void role_changed(void *context, const struct replica_role *role)
{
        struct fixture *f = context;

        f->is_leader = role->is_leader;
}

static void snapshot_named(void *context, void *ticket, const struct raft_snapshot *snapshot)
{
        (void)context;
        (void)ticket;
        (void)snapshot;
}

static void batch_done(void *context)
{
        (void)context;
}

static void failed(void *context, const struct err *err)
{
        (void)context;
        fail_msg("%s", err->text);
}

static const struct replica_events events = {
        .proposed = proposed,
        .apply = apply,
        .snapshot_named = snapshot_named,
        .role = role_changed,
        .batch_done = batch_done,
        .failed = failed,
};

static int setup(void **state)
{
        struct fixture *f = mem_alloc(sizeof *f);
        struct replica_options options = {
                .listen = "", .id = 7, .seed = 1, .events = &events, .context = f
        };
        struct disk_batch *batch;
        bool is_new;

        snprintf(f->folder, sizeof f->folder, "/tmp/skep-replica-test-XXXXXX");
        CHECK(mkdtemp(f->folder));
        CHECK(loop_new(&f->loop, NULL) == 0);
        CHECK(disk_open(f->folder, &f->disk, &is_new, NULL) == 0);
        batch = disk_batch_new(f->disk);
        log_begin(batch, options.id);
        CHECK(disk_batch_write(batch, true, NULL) == 0);
        disk_batch_free(batch);
        options.loop = f->loop;
        options.disk = f->disk;
        CHECK(replica_new(&options, &f->replica, NULL) == 0);
        *state = f;
        return 0;
}

static int teardown(void **state)
{
        struct fixture *f = *state;

        replica_free(f->replica);
        CHECK(loop_turn(f->loop, 0, NULL) == 0); /* news that was under way names the replica */
        loop_free(f->loop);
        disk_free(f->disk);
        file_remove_tree(f->folder, NULL);
        free(f);
        return 0;
}

static void turn(struct fixture *f)
{
        CHECK(loop_turn(f->loop, -1, NULL) == 0);
}

static void wait_for_commit(struct fixture *f, uint64_t index)
{
        while (replica_role(f->replica)->commit_index < index) {
                /* News tell of it; there is some for whatever is asked and needs no applying. */
                replica_name_snapshot(f->replica, 0, NULL);
                turn(f);
        }
}

/* A store that is slow to apply, or does not come to it, is not buried. */
static void a_store_is_given_no_more_than_it_can_apply(void **state)
{
        struct fixture *f = *state;

        while (!f->is_leader)
                turn(f);
        for (size_t i = 0; i < ENTRIES; i++)
                replica_propose(f->replica, raft_entry_new(RAFT_COMMAND, ENTRY_BYTES), NULL);
        while (f->n_accepted < ENTRIES)
                turn(f);
        wait_for_commit(f, ENTRIES + 1);
        assert_in_range(f->n_given, 1, ENTRIES / 4);
        while (f->n_given < ENTRIES) {
                replica_applied(f->replica, f->given);
                turn(f);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(a_store_is_given_no_more_than_it_can_apply, setup,
                                                teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
