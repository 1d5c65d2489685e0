/* The log goes from the leader to its followers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "lib/base/mem.h"
#include "lib/base/time.h"
#include "tests/unit/manager/store/raft/server.h"

DEFINE_CLEANUP(struct server, server_free)

static void an_entry_is_acknowledged_when_it_is_durable(void **state)
{
        _cleanup_(server_freep) struct server *server = server_new(VOTERS(1, 2, 3));

        (void)state;
        server_receive_append(server, (struct raft_message){ .from = 2, .term = 1 }, TERMS(1, 1));
        assert_int_equal(server_n_messages(server, RAFT_APPEND_REPLY), 0);
        server_persisted(server);
        assert_int_equal(server_message(server, 2)->match, 2);
}

static void a_repeated_append_is_acknowledged_again(void **state)
{
        _cleanup_(server_freep) struct server *server = server_new(VOTERS(1, 2, 3));

        (void)state;
        server_receive_append(server, (struct raft_message){ .from = 2, .term = 1 }, TERMS(1, 1));
        server_persisted(server);
        server_receive_append(server, (struct raft_message){ .from = 2, .term = 1 }, TERMS(1, 1));
        assert_int_equal(server->effects->write.id, 0);
        assert_int_equal(server_message(server, 2)->match, 2);
}

static void a_shorter_append_that_comes_late_drops_nothing(void **state)
{
        _cleanup_(server_freep) struct server *server = server_new(VOTERS(1, 2, 3));

        (void)state;
        server_receive_append(server, (struct raft_message){ .from = 2, .term = 1 },
                              TERMS(1, 1, 1));
        server_receive_append(server, (struct raft_message){ .from = 2, .term = 1 }, TERMS(1));
        assert_int_equal(server_status(server).last_index, 3);
}

static void a_conflict_drops_the_rest_of_the_log(void **state)
{
        _cleanup_(server_freep) struct server *server = server_new(VOTERS(1, 2, 3));

        (void)state;
        server_receive_append(server, (struct raft_message){ .from = 2, .term = 1 },
                              TERMS(1, 1, 1));
        server_persisted(server);
        server_receive_append(server,
                              (struct raft_message){
                                      .from = 3, .term = 2, .log_index = 1, .log_term = 1 },
                              TERMS(2));
        assert_int_equal(server->effects->write.truncate_from, 2);
        assert_int_equal(server_status(server).last_index, 2);
}

static void a_write_of_what_was_dropped_counts_for_nothing(void **state)
{
        _cleanup_(server_freep) struct server *server = server_new(VOTERS(1, 2, 3));

        (void)state;
        uint64_t old;

        server_receive_append(server, (struct raft_message){ .from = 2, .term = 1 },
                              TERMS(1, 1, 1));
        old = server->effects->write.id;
        server_receive_append(server,
                              (struct raft_message){
                                      .from = 3, .term = 2, .log_index = 1, .log_term = 1 },
                              TERMS(2, 2));
        server_step(server, (struct raft_event){ .kind = RAFT_PERSISTED, .persisted = old });
        assert_int_equal(server_status(server).persisted_index, 1);
}

static void a_gap_is_rejected_with_a_hint(void **state)
{
        _cleanup_(server_freep) struct server *server = server_new(VOTERS(1, 2, 3));

        (void)state;
        server_receive_append(server, (struct raft_message){ .from = 2, .term = 1 }, TERMS(1));
        server_persisted(server);
        server_receive_append(server,
                              (struct raft_message){
                                      .from = 2, .term = 1, .log_index = 7, .log_term = 1 },
                              TERMS(1));
        assert_true(server_message(server, 2)->reject);
        assert_int_equal(server_message(server, 2)->hint_index, 1);
}

static void a_hint_goes_back_a_whole_term(void **state)
{
        _cleanup_(server_freep) struct server *server = server_new(VOTERS(1, 2, 3));

        (void)state;
        server_receive_append(server, (struct raft_message){ .from = 2, .term = 3 },
                              TERMS(1, 3, 3, 3, 3));
        server_persisted(server);
        server_receive_append(server,
                              (struct raft_message){
                                      .from = 3, .term = 4, .log_index = 5, .log_term = 2 },
                              TERMS(4));
        server_persisted(server);
        assert_int_equal(server_message(server, 3)->hint_index, 1);
}

static void a_follower_commits_only_what_it_shares_with_the_leader(void **state)
{
        _cleanup_(server_freep) struct server *server = server_new(VOTERS(1, 2, 3));

        (void)state;
        server_receive_append(server, (struct raft_message){ .from = 2, .term = 1 },
                              TERMS(1, 1, 1));
        server_persisted(server);
        server_receive_append(
                server,
                (struct raft_message){
                        .from = 3, .term = 2, .log_index = 1, .log_term = 1, .commit = 3 },
                TERMS(0));
        assert_int_equal(server_status(server).commit_index, 1);
}

static void what_contradicts_a_commit_is_refused(void **state)
{
        _cleanup_(server_freep) struct server *server = server_new(VOTERS(1, 2, 3));

        (void)state;
        server_receive_append(server, (struct raft_message){ .from = 2, .term = 1, .commit = 2 },
                              TERMS(1, 1));
        server_receive_append(server,
                              (struct raft_message){
                                      .from = 3, .term = 2, .log_index = 1, .log_term = 1 },
                              TERMS(2));
        assert_int_equal(server->effects->refused, ERR_DATA_LOSS);
        assert_int_equal(server_status(server).last_index, 2);
}

static void a_majority_commits(void **state)
{
        _cleanup_(server_freep) struct server *server = server_new(VOTERS(1, 2, 3));

        (void)state;
        server_lead(server);
        server_persisted(server);
        assert_int_equal(server_status(server).commit_index, 0);
        server_receive(server,
                       (struct raft_message){
                               .kind = RAFT_APPEND_REPLY, .from = 3, .term = 1, .match = 1 });
        assert_int_equal(server->effects->apply_to, 1);
}

static void a_majority_may_commit_before_the_leaders_own_disk(void **state)
{
        _cleanup_(server_freep) struct server *server = server_new(VOTERS(1, 2, 3));

        (void)state;
        server_lead(server);
        server_receive(server,
                       (struct raft_message){
                               .kind = RAFT_APPEND_REPLY, .from = 2, .term = 1, .match = 1 });
        server_receive(server,
                       (struct raft_message){
                               .kind = RAFT_APPEND_REPLY, .from = 3, .term = 1, .match = 1 });
        assert_int_equal(server_status(server).commit_index, 1);
}

static void but_is_applied_after_it(void **state)
{
        _cleanup_(server_freep) struct server *server = server_new(VOTERS(1, 2, 3));

        (void)state;
        server_lead(server);
        server_receive(server,
                       (struct raft_message){
                               .kind = RAFT_APPEND_REPLY, .from = 2, .term = 1, .match = 1 });
        server_receive(server,
                       (struct raft_message){
                               .kind = RAFT_APPEND_REPLY, .from = 3, .term = 1, .match = 1 });
        assert_int_equal(server->effects->apply_to, 0);
}

static void an_entry_of_an_older_term_is_not_committed_by_counting(void **state)
{
        _cleanup_(server_freep) struct server *server = server_new(VOTERS(1, 2, 3));

        (void)state;
        server_receive_append(server, (struct raft_message){ .from = 2, .term = 1 }, TERMS(1));
        server_persisted(server);
        server_lead(server);
        server_receive(server,
                       (struct raft_message){
                               .kind = RAFT_APPEND_REPLY, .from = 3, .term = 2, .match = 1 });
        assert_int_equal(server_status(server).commit_index, 0);
        server_persisted(server);
        server_receive(server,
                       (struct raft_message){
                               .kind = RAFT_APPEND_REPLY, .from = 3, .term = 2, .match = 2 });
        assert_int_equal(server_status(server).commit_index, 2);
}

static void appends_stream_without_waiting_for_answers(void **state)
{
        _cleanup_(server_freep) struct server *server = server_new(VOTERS(1, 2, 3));

        (void)state;
        server_lead(server);
        server_commit_all(server);
        server_propose(server, 1, 10);
        assert_int_equal(server_message(server, 2)->log_index, 1);
        server_propose(server, 1, 10);
        assert_int_equal(server_message(server, 2)->log_index, 2);
}

static void a_follower_that_never_answered_is_asked_once(void **state)
{
        _cleanup_(server_freep) struct server *server = server_new(VOTERS(1, 2, 3));

        (void)state;
        server_lead(server);
        server_propose(server, 1, 10);
        assert_false(server_wrote_to(server, 3));
}

static void a_large_batch_goes_in_several_messages(void **state)
{
        _cleanup_(server_freep) struct server *server = server_new(VOTERS(1, 2, 3));

        (void)state;
        server_lead(server);
        server_commit_all(server);
        server_propose(server, 10, 100000);
        assert_true(server_n_messages(server, RAFT_APPEND) >= 4);
        assert_true(server_message(server, 2)->n_entries <= 2);
}

static void the_window_bounds_what_is_under_way(void **state)
{
        _cleanup_(server_freep) struct server *server = server_new(VOTERS(1, 2, 3));

        (void)state;
        server_lead(server);
        server_commit_all(server);
        server_propose(server, 40, 1 << 20);
        assert_true(server_n_messages(server, RAFT_APPEND) <= 9);
}

static void what_another_leader_dropped_is_under_way_no_more(void **state)
{
        _cleanup_(server_freep) struct server *server = server_new(VOTERS(1, 2, 3));

        (void)state;
        server_lead(server);
        server_commit_all(server);
        server_propose(server, 1, 63 << 20);
        server_receive_append(server,
                              (struct raft_message){
                                      .from = 3, .term = 2, .log_index = 1, .log_term = 1 },
                              TERMS(2));
        server_persisted(server);
        server_tick(server, NS_PER_S);
        server_lead(server);
        server_propose(server, 1, 2 << 20);
        assert_int_equal(server->effects->refused, ERR_OK);
}

static void a_rejection_is_answered_with_what_is_missing(void **state)
{
        _cleanup_(server_freep) struct server *server = server_new(VOTERS(1, 2, 3));

        (void)state;
        server_receive_append(server, (struct raft_message){ .from = 2, .term = 1 },
                              TERMS(1, 1, 1));
        server_persisted(server);
        server_lead(server);
        server_receive(server, (struct raft_message){ .kind = RAFT_APPEND_REPLY,
                                                      .from = 3,
                                                      .term = 2,
                                                      .log_index = 3,
                                                      .reject = true });
        assert_int_equal(server_message(server, 3)->log_index, 0);
        assert_int_equal(server_message(server, 3)->n_entries, 4);
}

static void a_hint_says_where_to_go_on(void **state)
{
        _cleanup_(server_freep) struct server *server = server_new(VOTERS(1, 2, 3));

        (void)state;
        server_receive_append(server, (struct raft_message){ .from = 2, .term = 1 },
                              TERMS(1, 1, 1));
        server_persisted(server);
        server_lead(server);
        server_receive(server, (struct raft_message){ .kind = RAFT_APPEND_REPLY,
                                                      .from = 3,
                                                      .term = 2,
                                                      .log_index = 3,
                                                      .hint_index = 2,
                                                      .hint_term = 1,
                                                      .reject = true });
        assert_int_equal(server_message(server, 3)->log_index, 2);
}

static void what_was_lost_is_sent_again_after_a_heartbeat(void **state)
{
        _cleanup_(server_freep) struct server *server = server_new(VOTERS(1, 2, 3));

        (void)state;
        server_lead(server);
        server_commit_all(server);
        server_propose(server, 1, 10);
        server_tick(server, 60 * NS_PER_MS);
        server_receive(server, (struct raft_message){ .kind = RAFT_HEARTBEAT_REPLY,
                                                      .from = 2,
                                                      .term = 1,
                                                      .log_index = 1,
                                                      .match = 1,
                                                      .stamp = server->now });
        assert_int_equal(server_message(server, 2)->log_index, 1);
        assert_int_equal(server_message(server, 2)->n_entries, 1);
}

static void who_restarted_in_the_same_term_is_told_what_is_committed(void **state)
{
        _cleanup_(server_freep) struct server *server = server_new(VOTERS(1, 2, 3));

        (void)state;
        server_lead(server);
        server_commit_all(server);
        server_tick(server, 60 * NS_PER_MS);
        server_receive(server, (struct raft_message){ .kind = RAFT_HEARTBEAT_REPLY,
                                                      .from = 2,
                                                      .term = 1,
                                                      .stamp = server->now });
        assert_int_equal(server_message(server, 2)->kind, RAFT_APPEND);
        assert_int_equal(server_message(server, 2)->log_index, 1);
        assert_int_equal(server_message(server, 2)->commit, 1);
}

static void what_left_memory_is_read_back(void **state)
{
        _cleanup_(server_freep) struct server *server = server_new(VOTERS(1, 2, 3));

        (void)state;
        struct raft_entry *entries[] = { an_entry(2, 1) };

        server_lead(server);
        server_commit_all(server);
        for (int i = 0; i < 3; i++) {
                server_propose(server, 1, 20 << 20);
                server_commit_all(server);
        }
        server_receive(server,
                       (struct raft_message){
                               .kind = RAFT_APPEND_REPLY, .from = 3, .term = 1, .match = 1 });
        assert_int_equal(server->effects->n_log_reads, 1);
        assert_int_equal(server->effects->log_reads[0].first, 2);
        server_step(server,
                    (struct raft_event){ .kind = RAFT_LOG_READ, .log_read = { 3, 2, entries, 1 } });
        assert_int_equal(server_message(server, 3)->n_entries, 1);
        raft_entry_unref(entries[0]);
}

static void what_was_compacted_comes_as_a_snapshot(void **state)
{
        _cleanup_(server_freep) struct server *server = server_new(VOTERS(1, 2, 3));

        (void)state;
        server_lead(server);
        server_propose(server, 5, 10);
        server_commit_all(server);
        server_step(server, (struct raft_event){ .kind = RAFT_COMPACT, .compact = { .index = 4 } });
        server_receive(server, (struct raft_message){ .kind = RAFT_APPEND_REPLY,
                                                      .from = 3,
                                                      .term = 1,
                                                      .reject = true,
                                                      .stamp = 1 });
        assert_int_equal(server->effects->n_snapshot_sends, 0);
        server_receive(server, (struct raft_message){ .kind = RAFT_APPEND_REPLY,
                                                      .from = 3,
                                                      .term = 1,
                                                      .match = 0,
                                                      .stamp = 1 });
        assert_int_equal(server->effects->n_snapshot_sends, 1);
}

static void after_a_snapshot_comes_what_follows_it(void **state)
{
        _cleanup_(server_freep) struct server *server = server_new(VOTERS(1, 2, 3));

        (void)state;
        server_lead(server);
        server_propose(server, 5, 10);
        server_commit_all(server);
        server_step(server, (struct raft_event){ .kind = RAFT_COMPACT, .compact = { .index = 4 } });
        server_receive(server,
                       (struct raft_message){
                               .kind = RAFT_APPEND_REPLY, .from = 3, .term = 1, .stamp = 1 });
        server_step(server, (struct raft_event){
                                    .kind = RAFT_SNAPSHOT_SENT,
                                    .snapshot_sent = { .peer = 3, .index = 4, .is_ok = true } });
        assert_int_equal(server_message(server, 3)->log_index, 4);
}

static void a_snapshot_replaces_the_log(void **state)
{
        _cleanup_(server_freep) struct server *server = server_new(VOTERS(1, 2, 3));

        (void)state;
        struct raft_snapshot snapshot = { .index = 9,
                                          .term = 1,
                                          .members = { .member = { { .id = 2 } }, .n = 1 } };

        server_receive_append(server, (struct raft_message){ .from = 2, .term = 1 }, TERMS(1, 1));
        server_persisted(server);
        server_step(server, (struct raft_event){ .kind = RAFT_SNAPSHOT_RECEIVED,
                                                 .snapshot_received = { 2, 1, &snapshot } });
        assert_int_equal(server->effects->write.install->index, 9);
        assert_int_equal(server->effects->apply_to, 0);
        server_persisted(server);
        assert_int_equal(server->effects->apply_to, 9);
        assert_int_equal(server_status(server).applied_index, 9);
        assert_int_equal(server_message(server, 2)->match, 9);
}

static void a_snapshot_of_what_is_known_is_refused(void **state)
{
        _cleanup_(server_freep) struct server *server = server_new(VOTERS(1, 2, 3));

        (void)state;
        struct raft_snapshot snapshot = { .index = 1, .term = 1 };

        server_receive_append(server, (struct raft_message){ .from = 2, .term = 1, .commit = 2 },
                              TERMS(1, 1));
        server_step(server, (struct raft_event){ .kind = RAFT_SNAPSHOT_RECEIVED,
                                                 .snapshot_received = { 2, 1, &snapshot } });
        assert_int_equal(server->effects->refused, ERR_EXISTS);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(an_entry_is_acknowledged_when_it_is_durable),
                cmocka_unit_test(a_repeated_append_is_acknowledged_again),
                cmocka_unit_test(a_shorter_append_that_comes_late_drops_nothing),
                cmocka_unit_test(a_conflict_drops_the_rest_of_the_log),
                cmocka_unit_test(a_write_of_what_was_dropped_counts_for_nothing),
                cmocka_unit_test(a_gap_is_rejected_with_a_hint),
                cmocka_unit_test(a_hint_goes_back_a_whole_term),
                cmocka_unit_test(a_follower_commits_only_what_it_shares_with_the_leader),
                cmocka_unit_test(what_contradicts_a_commit_is_refused),
                cmocka_unit_test(a_majority_commits),
                cmocka_unit_test(a_majority_may_commit_before_the_leaders_own_disk),
                cmocka_unit_test(but_is_applied_after_it),
                cmocka_unit_test(an_entry_of_an_older_term_is_not_committed_by_counting),
                cmocka_unit_test(appends_stream_without_waiting_for_answers),
                cmocka_unit_test(a_follower_that_never_answered_is_asked_once),
                cmocka_unit_test(a_large_batch_goes_in_several_messages),
                cmocka_unit_test(the_window_bounds_what_is_under_way),
                cmocka_unit_test(what_another_leader_dropped_is_under_way_no_more),
                cmocka_unit_test(a_rejection_is_answered_with_what_is_missing),
                cmocka_unit_test(a_hint_says_where_to_go_on),
                cmocka_unit_test(what_was_lost_is_sent_again_after_a_heartbeat),
                cmocka_unit_test(who_restarted_in_the_same_term_is_told_what_is_committed),
                cmocka_unit_test(what_left_memory_is_read_back),
                cmocka_unit_test(what_was_compacted_comes_as_a_snapshot),
                cmocka_unit_test(after_a_snapshot_comes_what_follows_it),
                cmocka_unit_test(a_snapshot_replaces_the_log),
                cmocka_unit_test(a_snapshot_of_what_is_known_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
