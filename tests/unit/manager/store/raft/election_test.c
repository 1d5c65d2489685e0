/* Who leads: pre-votes, votes, loyalty, transfer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "lib/base/mem.h"
#include "lib/base/time.h"
#include "tests/unit/manager/store/raft/server.h"

DEFINE_CLEANUP(struct server, server_free)

static void it_asks_before_it_runs(void **state)
{
        _cleanup_(server_freep) struct server *server = server_new(VOTERS(1, 2, 3));

        (void)state;
        server_tick(server, NS_PER_S);
        assert_int_equal(server_n_messages(server, RAFT_PRE_VOTE), 2);
        assert_int_equal(server_message(server, 2)->term, 1);
        assert_int_equal(server_status(server).term, 0);
}

static void it_runs_when_a_majority_would_vote(void **state)
{
        _cleanup_(server_freep) struct server *server = server_new(VOTERS(1, 2, 3));

        (void)state;
        server_tick(server, NS_PER_S);
        server_receive(server,
                       (struct raft_message){ .kind = RAFT_PRE_VOTE_REPLY, .from = 3, .term = 1 });
        assert_int_equal(server->effects->role, RAFT_CANDIDATE);
        assert_true(server->effects->write.has_vote);
}

static void no_vote_is_asked_for_before_the_own_one_is_durable(void **state)
{
        _cleanup_(server_freep) struct server *server = server_new(VOTERS(1, 2, 3));

        (void)state;
        server_tick(server, NS_PER_S);
        server_receive(server,
                       (struct raft_message){ .kind = RAFT_PRE_VOTE_REPLY, .from = 3, .term = 1 });
        assert_int_equal(server->effects->n_messages, 0);
        server_persisted(server);
        assert_int_equal(server_n_messages(server, RAFT_VOTE), 2);
}

static void votes_of_a_majority_make_a_leader(void **state)
{
        _cleanup_(server_freep) struct server *server = server_new(VOTERS(1, 2, 3));

        (void)state;
        server_lead(server);
        assert_int_equal(server->effects->leader, ME);
        assert_int_equal(server->effects->write.entries[0]->kind, RAFT_NOOP);
        assert_int_equal(server_n_messages(server, RAFT_APPEND), 2);
}

static void votes_of_strangers_do_not_count(void **state)
{
        _cleanup_(server_freep) struct server *server = server_new(VOTERS(1, 2, 3));

        (void)state;
        server_tick(server, NS_PER_S);
        server_receive(server,
                       (struct raft_message){ .kind = RAFT_PRE_VOTE_REPLY, .from = 9, .term = 1 });
        assert_int_equal(server->effects->role, RAFT_PRE_CANDIDATE);
}

static void a_vote_leaves_when_it_is_durable(void **state)
{
        _cleanup_(server_freep) struct server *server = server_new(VOTERS(1, 2, 3));

        (void)state;
        server_tick(server, NS_PER_S);
        server_receive(server, (struct raft_message){ .kind = RAFT_VOTE, .from = 2, .term = 5 });
        assert_int_equal(server->effects->n_messages, 0);
        assert_int_equal(server->effects->write.vote, 2);
        server_persisted(server);
        assert_false(server_message(server, 2)->reject);
}

static void one_term_one_vote(void **state)
{
        _cleanup_(server_freep) struct server *server = server_new(VOTERS(1, 2, 3));

        (void)state;
        server_tick(server, NS_PER_S);
        server_receive(server, (struct raft_message){ .kind = RAFT_VOTE, .from = 2, .term = 5 });
        server_persisted(server);
        server_receive(server, (struct raft_message){ .kind = RAFT_VOTE, .from = 3, .term = 5 });
        assert_true(server_message(server, 3)->reject);
}

static void a_shorter_log_gets_no_vote(void **state)
{
        _cleanup_(server_freep) struct server *server = server_new(VOTERS(1, 2, 3));

        (void)state;
        server_receive_append(server, (struct raft_message){ .from = 2, .term = 1 }, TERMS(1, 1));
        server_persisted(server);
        server_tick(server, NS_PER_S);
        server_receive(server, (struct raft_message){ .kind = RAFT_VOTE,
                                                      .from = 3,
                                                      .term = 5,
                                                      .log_index = 1,
                                                      .log_term = 1 });
        server_persisted(server);
        assert_true(server_message(server, 3)->reject);
}

static void an_older_last_term_gets_no_vote_however_long_the_log(void **state)
{
        _cleanup_(server_freep) struct server *server = server_new(VOTERS(1, 2, 3));

        (void)state;
        server_receive_append(server, (struct raft_message){ .from = 2, .term = 2 }, TERMS(2));
        server_persisted(server);
        server_tick(server, NS_PER_S);
        server_receive(server, (struct raft_message){ .kind = RAFT_VOTE,
                                                      .from = 3,
                                                      .term = 5,
                                                      .log_index = 9,
                                                      .log_term = 1 });
        server_persisted(server);
        assert_true(server_message(server, 3)->reject);
}

static void who_hears_a_leader_votes_for_nobody_else(void **state)
{
        _cleanup_(server_freep) struct server *server = server_new(VOTERS(1, 2, 3));

        (void)state;
        server_receive_append(server, (struct raft_message){ .from = 2, .term = 1 }, TERMS(1));
        server_persisted(server);
        server_receive(server, (struct raft_message){ .kind = RAFT_VOTE,
                                                      .from = 3,
                                                      .term = 5,
                                                      .log_index = 9,
                                                      .log_term = 1 });
        assert_int_equal(server->effects->n_messages, 0);
        assert_int_equal(server_status(server).term, 1);
}

static void unless_the_leader_wants_it(void **state)
{
        _cleanup_(server_freep) struct server *server = server_new(VOTERS(1, 2, 3));

        (void)state;
        server_receive_append(server, (struct raft_message){ .from = 2, .term = 1 }, TERMS(1));
        server_persisted(server);
        server_receive(server, (struct raft_message){ .kind = RAFT_VOTE,
                                                      .from = 3,
                                                      .term = 5,
                                                      .log_index = 9,
                                                      .log_term = 1,
                                                      .is_transfer = true });
        assert_int_equal(server->effects->write.vote, 3);
}

static void who_just_started_may_have_promised_loyalty(void **state)
{
        _cleanup_(server_freep) struct server *server = server_new(VOTERS(1, 2, 3));

        (void)state;
        server_receive(server, (struct raft_message){ .kind = RAFT_VOTE,
                                                      .from = 3,
                                                      .term = 5,
                                                      .log_index = 9,
                                                      .log_term = 1 });
        assert_int_equal(server->effects->n_messages, 0);
        assert_int_equal(server_status(server).term, 0);
}

static void a_leader_without_a_majority_leads_no_more(void **state)
{
        _cleanup_(server_freep) struct server *server = server_new(VOTERS(1, 2, 3));

        (void)state;
        server_lead(server);
        server_tick(server, NS_PER_S);
        assert_int_equal(server->effects->role, RAFT_FOLLOWER);
        assert_int_equal(server->effects->leader, 0);
}

static void a_leader_that_is_answered_stays(void **state)
{
        _cleanup_(server_freep) struct server *server = server_new(VOTERS(1, 2, 3));

        (void)state;
        server_lead(server);
        server_commit_all(server);
        server_tick(server, 200 * NS_PER_MS);
        assert_int_equal(server->effects->role, RAFT_LEADER);
}

static void a_newer_term_deposes_a_leader(void **state)
{
        _cleanup_(server_freep) struct server *server = server_new(VOTERS(1, 2, 3));

        (void)state;
        server_lead(server);
        server_receive(server,
                       (struct raft_message){
                               .kind = RAFT_APPEND_REPLY, .from = 3, .term = 7, .reject = true });
        assert_int_equal(server->effects->role, RAFT_FOLLOWER);
        assert_int_equal(server->effects->write.term, 7);
}

static void a_leader_of_an_older_term_learns_of_the_newer_one(void **state)
{
        _cleanup_(server_freep) struct server *server = server_new(VOTERS(1, 2, 3));

        (void)state;
        server_tick(server, NS_PER_S);
        server_receive(server, (struct raft_message){ .kind = RAFT_VOTE, .from = 2, .term = 5 });
        server_persisted(server);
        server_receive(server,
                       (struct raft_message){ .kind = RAFT_HEARTBEAT, .from = 3, .term = 4 });
        assert_int_equal(server_message(server, 3)->kind, RAFT_APPEND_REPLY);
        assert_true(server_message(server, 3)->reject);
        assert_int_equal(server_message(server, 3)->term, 5);
}

static void a_deposed_leader_gives_others_time_to_run(void **state)
{
        _cleanup_(server_freep) struct server *server = server_new(VOTERS(1, 2, 3));

        (void)state;
        server_lead(server);
        for (int i = 0; i < 20; i++) {
                server_tick(server, 60 * NS_PER_MS);
                server_receive(server, (struct raft_message){ .kind = RAFT_HEARTBEAT_REPLY,
                                                              .from = 2,
                                                              .term = 1,
                                                              .stamp = server->now });
        }
        assert_int_equal(server->effects->role, RAFT_LEADER);
        server_receive(server,
                       (struct raft_message){
                               .kind = RAFT_APPEND_REPLY, .from = 3, .term = 7, .reject = true });
        server_persisted(server);
        server_tick(server, NS_PER_MS);
        assert_int_equal(server->effects->role, RAFT_FOLLOWER);
}

static void leadership_goes_to_who_has_everything(void **state)
{
        _cleanup_(server_freep) struct server *server = server_new(VOTERS(1, 2, 3));

        (void)state;
        server_lead(server);
        server_step(server, (struct raft_event){ .kind = RAFT_TRANSFER, .transfer = { .to = 2 } });
        assert_int_equal(server_n_messages(server, RAFT_TIMEOUT_NOW), 0);
        server_persisted(server);
        server_receive(server,
                       (struct raft_message){
                               .kind = RAFT_APPEND_REPLY, .from = 2, .term = 1, .match = 1 });
        assert_int_equal(server_n_messages(server, RAFT_TIMEOUT_NOW), 1);
}

static void nothing_is_accepted_while_leadership_goes_over(void **state)
{
        _cleanup_(server_freep) struct server *server = server_new(VOTERS(1, 2, 3));

        (void)state;
        server_lead(server);
        server_step(server, (struct raft_event){ .kind = RAFT_TRANSFER, .transfer = { .to = 2 } });
        server_propose(server, 1, 10);
        assert_int_equal(server->effects->refused, ERR_UNAVAILABLE);
}

static void a_follower_told_to_run_does_so_at_once(void **state)
{
        _cleanup_(server_freep) struct server *server = server_new(VOTERS(1, 2, 3));

        (void)state;
        server_receive_append(server, (struct raft_message){ .from = 2, .term = 1 }, TERMS(1));
        server_persisted(server);
        server_receive(server,
                       (struct raft_message){ .kind = RAFT_TIMEOUT_NOW, .from = 2, .term = 1 });
        assert_int_equal(server->effects->role, RAFT_CANDIDATE);
        server_persisted(server);
        assert_true(server_message(server, 3)->is_transfer);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(it_asks_before_it_runs),
                cmocka_unit_test(it_runs_when_a_majority_would_vote),
                cmocka_unit_test(no_vote_is_asked_for_before_the_own_one_is_durable),
                cmocka_unit_test(votes_of_a_majority_make_a_leader),
                cmocka_unit_test(votes_of_strangers_do_not_count),
                cmocka_unit_test(a_vote_leaves_when_it_is_durable),
                cmocka_unit_test(one_term_one_vote),
                cmocka_unit_test(a_shorter_log_gets_no_vote),
                cmocka_unit_test(an_older_last_term_gets_no_vote_however_long_the_log),
                cmocka_unit_test(who_hears_a_leader_votes_for_nobody_else),
                cmocka_unit_test(unless_the_leader_wants_it),
                cmocka_unit_test(who_just_started_may_have_promised_loyalty),
                cmocka_unit_test(a_leader_without_a_majority_leads_no_more),
                cmocka_unit_test(a_leader_that_is_answered_stays),
                cmocka_unit_test(a_newer_term_deposes_a_leader),
                cmocka_unit_test(a_leader_of_an_older_term_learns_of_the_newer_one),
                cmocka_unit_test(a_deposed_leader_gives_others_time_to_run),
                cmocka_unit_test(leadership_goes_to_who_has_everything),
                cmocka_unit_test(nothing_is_accepted_while_leadership_goes_over),
                cmocka_unit_test(a_follower_told_to_run_does_so_at_once),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
