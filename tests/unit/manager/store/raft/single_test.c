/* A cluster of one server: elected at once, commits what its own disk has. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "lib/base/mem.h"
#include "lib/base/time.h"
#include "tests/unit/manager/store/raft/server.h"

DEFINE_CLEANUP(struct server, server_free)

static struct server *a_leader(void)
{
        struct server *server = server_new(VOTERS(ME));

        server_tick(server, 0);
        server_persisted(server); /* its vote */
        server_persisted(server); /* its no-op */
        server_applied(server);
        return server;
}

static void a_lone_server_runs_in_its_first_step(void **state)
{
        _cleanup_(server_freep) struct server *server = server_new(VOTERS(ME));

        (void)state;
        server_tick(server, 0);
        assert_true(server->effects->write.has_vote);
        assert_int_equal(server->effects->write.term, 1);
        assert_int_equal(server->effects->write.vote, ME);
}

static void it_leads_when_its_vote_is_durable(void **state)
{
        _cleanup_(server_freep) struct server *server = server_new(VOTERS(ME));

        (void)state;
        server_tick(server, 0);
        assert_int_equal(server->effects->role, RAFT_CANDIDATE);
        server_persisted(server);
        assert_int_equal(server->effects->role, RAFT_LEADER);
        assert_int_equal(server->effects->write.n_entries, 1);
        assert_int_equal(server->effects->write.entries[0]->kind, RAFT_NOOP);
}

static void it_is_ready_when_its_noop_is_applied(void **state)
{
        _cleanup_(server_freep) struct server *server = a_leader();

        (void)state;
        assert_true(server->effects->is_ready);
        assert_true(server->effects->role_changed);
}

static void an_entry_is_committed_when_it_is_durable(void **state)
{
        _cleanup_(server_freep) struct server *server = a_leader();

        (void)state;
        server_propose(server, 3, 100);
        assert_int_equal(server->effects->proposed_index, 2);
        assert_int_equal(server->effects->write.n_entries, 3);
        assert_int_equal(server->effects->apply_to, 1);
        server_persisted(server);
        assert_int_equal(server->effects->apply_to, 4);
}

static void one_report_covers_all_writes_before(void **state)
{
        _cleanup_(server_freep) struct server *server = a_leader();

        (void)state;
        server_propose(server, 1, 100);
        server_propose(server, 1, 100);
        server_propose(server, 1, 100);
        server_persisted(server);
        assert_int_equal(server->effects->apply_to, 4);
}

static void a_read_is_served_at_once(void **state)
{
        _cleanup_(server_freep) struct server *server = a_leader();

        (void)state;
        server_step(server, (struct raft_event){ .kind = RAFT_READ, .read = { .id = 9 } });
        assert_int_equal(server->effects->n_reads, 1);
        assert_true(server->effects->reads[0].is_ok);
}

static void a_read_waits_until_what_is_committed_is_applied(void **state)
{
        _cleanup_(server_freep) struct server *server = a_leader();

        (void)state;
        server_propose(server, 1, 100);
        server_persisted(server);
        server_step(server, (struct raft_event){ .kind = RAFT_READ, .read = { .id = 9 } });
        assert_int_equal(server->effects->n_reads, 0);
        server_applied(server);
        assert_int_equal(server->effects->n_reads, 1);
}

static void alone_it_needs_no_timer(void **state)
{
        _cleanup_(server_freep) struct server *server = a_leader();

        (void)state;
        assert_true(server->effects->deadline == TIME_NEVER);
}

static void too_much_under_way_is_refused(void **state)
{
        _cleanup_(server_freep) struct server *server = a_leader();

        (void)state;
        server_propose(server, 1, 63 << 20);
        server_propose(server, 1, 2 << 20);
        assert_int_equal(server->effects->refused, ERR_EXHAUSTED);
        assert_int_equal(server->effects->write.id, 0);
}

static void what_is_committed_makes_room(void **state)
{
        _cleanup_(server_freep) struct server *server = a_leader();

        (void)state;
        server_propose(server, 1, 63 << 20);
        server_persisted(server);
        server_propose(server, 1, 2 << 20);
        assert_int_equal(server->effects->refused, ERR_OK);
}

static void committed_entries_leave_memory(void **state)
{
        _cleanup_(server_freep) struct server *server = a_leader();

        (void)state;
        server_propose(server, 1, 20 << 20);
        server_propose(server, 1, 20 << 20);
        assert_non_null(raft_entry_at(server->raft, 2));
        server_persisted(server);
        assert_null(raft_entry_at(server->raft, 2));
        assert_non_null(raft_entry_at(server->raft, 3));
}

static void compacting_names_the_snapshot(void **state)
{
        _cleanup_(server_freep) struct server *server = a_leader();
        const struct raft_snapshot *compact;

        (void)state;
        server_propose(server, 9, 10);
        server_persisted(server);
        server_applied(server);
        server_step(server, (struct raft_event){ .kind = RAFT_COMPACT, .compact = { .index = 6 } });
        compact = server->effects->write.compact;
        assert_non_null(compact);
        assert_int_equal(compact->index, 6);
        assert_int_equal(compact->term, 1);
        assert_int_equal(compact->members.member[0].id, ME);
        assert_int_equal(server_status(server).first_index, 7);
}

static void what_is_not_applied_cannot_be_compacted(void **state)
{
        _cleanup_(server_freep) struct server *server = a_leader();

        (void)state;
        server_propose(server, 1, 10);
        server_persisted(server);
        server_step(server, (struct raft_event){ .kind = RAFT_COMPACT, .compact = { .index = 2 } });
        assert_int_equal(server->effects->refused, ERR_INVALID);
}

static void a_restarted_server_goes_on_where_it_was(void **state)
{
        struct raft_restore restore = { .term = 5, .vote = ME, .applied = 2 };
        struct raft_entry *log[] = { an_entry(1, 1), an_entry(2, 3), an_entry(3, 5) };
        _cleanup_(server_freep) struct server *server = NULL;

        (void)state;
        restore.snapshot.members = (struct raft_members){ .member = { { .id = ME } }, .n = 1 };
        server = server_restored(&restore, log, 3);
        server_tick(server, 0);
        assert_int_equal(server->effects->write.term, 6);
        assert_int_equal(server->effects->apply_to, 2);
        server_persisted(server);
        server_persisted(server);
        assert_int_equal(server->effects->apply_to, 4);
}

static void a_gap_in_the_log_is_found_at_start(void **state)
{
        struct raft_config config = raft_config_default();
        struct raft_restore restore = { .term = 5 };
        struct raft_entry *entry = an_entry(2, 1);
        struct raft *raft;
        struct err err;

        (void)state;
        config.id = ME;
        assert_int_equal(raft_new(&config, &restore, &raft, &err), 0);
        assert_int_equal(raft_load(raft, entry, &err), ERR_DATA_LOSS);
        raft_free(raft);
        raft_entry_unref(entry);
}

static void a_log_that_ends_before_the_state_is_found_at_start(void **state)
{
        struct raft_config config = raft_config_default();
        struct raft_restore restore = { .term = 5, .applied = 1 };
        struct raft *raft;
        struct err err;

        (void)state;
        config.id = ME;
        assert_int_equal(raft_new(&config, &restore, &raft, &err), 0);
        assert_int_equal(raft_start(raft, 0, &err), ERR_DATA_LOSS);
        raft_free(raft);
}

static void a_server_that_is_no_member_keeps_quiet(void **state)
{
        _cleanup_(server_freep) struct server *server = server_new(VOTERS(0));

        (void)state;
        server_tick(server, 10 * NS_PER_S);
        assert_int_equal(server->effects->role, RAFT_FOLLOWER);
        assert_int_equal(server->effects->write.id, 0);
        assert_true(server->effects->deadline == TIME_NEVER);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_lone_server_runs_in_its_first_step),
                cmocka_unit_test(it_leads_when_its_vote_is_durable),
                cmocka_unit_test(it_is_ready_when_its_noop_is_applied),
                cmocka_unit_test(an_entry_is_committed_when_it_is_durable),
                cmocka_unit_test(one_report_covers_all_writes_before),
                cmocka_unit_test(a_read_is_served_at_once),
                cmocka_unit_test(a_read_waits_until_what_is_committed_is_applied),
                cmocka_unit_test(alone_it_needs_no_timer),
                cmocka_unit_test(too_much_under_way_is_refused),
                cmocka_unit_test(what_is_committed_makes_room),
                cmocka_unit_test(committed_entries_leave_memory),
                cmocka_unit_test(compacting_names_the_snapshot),
                cmocka_unit_test(what_is_not_applied_cannot_be_compacted),
                cmocka_unit_test(a_restarted_server_goes_on_where_it_was),
                cmocka_unit_test(a_gap_in_the_log_is_found_at_start),
                cmocka_unit_test(a_log_that_ends_before_the_state_is_found_at_start),
                cmocka_unit_test(a_server_that_is_no_member_keeps_quiet),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
