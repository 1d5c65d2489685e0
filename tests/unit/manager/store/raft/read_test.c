/* Linearizable reads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "lib/base/mem.h"
#include "lib/base/time.h"
#include "tests/unit/manager/store/raft/server.h"

DEFINE_CLEANUP(struct server, server_free)

static const struct raft_effects *ask(struct server *server)
{
        return server_step(server, (struct raft_event){ .kind = RAFT_READ, .read = { .id = 77 } });
}

static void a_new_leader_serves_no_read_before_its_first_commit(void **state)
{
        _cleanup_(server_freep) struct server *server = server_new(VOTERS(1, 2, 3));

        (void)state;
        server_lead(server);
        server_receive(server, (struct raft_message){ .kind = RAFT_HEARTBEAT_REPLY,
                                                      .from = 2,
                                                      .term = 1,
                                                      .stamp = server->now });
        ask(server);
        assert_int_equal(server->effects->n_reads, 0);
        server_commit_all(server);
        assert_int_equal(server->effects->n_reads, 1);
}

static void a_leader_with_a_lease_answers_alone(void **state)
{
        _cleanup_(server_freep) struct server *server = server_new(VOTERS(1, 2, 3));

        (void)state;
        server_lead(server);
        server_commit_all(server);
        ask(server);
        assert_int_equal(server->effects->n_reads, 1);
}

static void without_it_a_majority_is_asked(void **state)
{
        _cleanup_(server_freep) struct server *server = server_without_lease(VOTERS(1, 2, 3));

        (void)state;
        server_lead(server);
        server_commit_all(server);
        ask(server);
        assert_int_equal(server->effects->n_reads, 0);
        assert_int_equal(server_n_messages(server, RAFT_HEARTBEAT), 2);
        server_receive(server, (struct raft_message){ .kind = RAFT_HEARTBEAT_REPLY,
                                                      .from = 3,
                                                      .term = 1,
                                                      .stamp = server->now });
        assert_int_equal(server->effects->n_reads, 1);
}

static void an_answer_to_an_older_heartbeat_confirms_nothing(void **state)
{
        _cleanup_(server_freep) struct server *server = server_without_lease(VOTERS(1, 2, 3));

        (void)state;
        int64_t before;

        server_lead(server);
        server_commit_all(server);
        before = server->now;
        ask(server);
        server_receive(server, (struct raft_message){ .kind = RAFT_HEARTBEAT_REPLY,
                                                      .from = 3,
                                                      .term = 1,
                                                      .stamp = before });
        assert_int_equal(server->effects->n_reads, 0);
}

static void who_was_told_to_run_voids_the_lease(void **state)
{
        _cleanup_(server_freep) struct server *server = server_new(VOTERS(1, 2, 3));

        (void)state;
        server_lead(server);
        server_commit_all(server);
        server_step(server, (struct raft_event){ .kind = RAFT_TRANSFER, .transfer = { .to = 2 } });
        ask(server);
        assert_int_equal(server->effects->n_reads, 0);
}

static void a_follower_asks_its_leader(void **state)
{
        _cleanup_(server_freep) struct server *server = server_new(VOTERS(1, 2, 3));

        (void)state;
        server_receive_append(server, (struct raft_message){ .from = 2, .term = 1 }, TERMS(1));
        server_persisted(server);
        ask(server);
        assert_int_equal(server_message(server, 2)->kind, RAFT_READ_INDEX);
}

static void and_serves_when_it_has_applied_what_the_leader_says(void **state)
{
        _cleanup_(server_freep) struct server *server = server_new(VOTERS(1, 2, 3));

        (void)state;
        struct raft_message reply = {
                .kind = RAFT_READ_INDEX_REPLY, .from = 2, .term = 1, .read_index = 1
        };

        server_receive_append(server, (struct raft_message){ .from = 2, .term = 1, .commit = 1 },
                              TERMS(1));
        server_persisted(server);
        ask(server);
        reply.read_id = server_message(server, 2)->read_id;
        server_receive(server, reply);
        assert_int_equal(server->effects->n_reads, 0);
        server_applied(server);
        assert_true(server->effects->reads[0].is_ok);
}

static void a_read_fails_when_its_leader_is_gone(void **state)
{
        _cleanup_(server_freep) struct server *server = server_new(VOTERS(1, 2, 3));

        (void)state;
        server_receive_append(server, (struct raft_message){ .from = 2, .term = 1 }, TERMS(1));
        server_persisted(server);
        ask(server);
        server_tick(server, NS_PER_S);
        assert_false(server->effects->reads[0].is_ok);
}

static void a_read_without_a_leader_fails_at_once(void **state)
{
        _cleanup_(server_freep) struct server *server = server_new(VOTERS(1, 2, 3));

        (void)state;
        ask(server);
        assert_int_equal(server->effects->n_reads, 1);
        assert_false(server->effects->reads[0].is_ok);
}

static void many_reads_share_one_round(void **state)
{
        _cleanup_(server_freep) struct server *server = server_without_lease(VOTERS(1, 2, 3));

        (void)state;
        server_lead(server);
        server_commit_all(server);
        ask(server);
        ask(server);
        assert_int_equal(server_n_messages(server, RAFT_HEARTBEAT), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_new_leader_serves_no_read_before_its_first_commit),
                cmocka_unit_test(a_leader_with_a_lease_answers_alone),
                cmocka_unit_test(without_it_a_majority_is_asked),
                cmocka_unit_test(an_answer_to_an_older_heartbeat_confirms_nothing),
                cmocka_unit_test(who_was_told_to_run_voids_the_lease),
                cmocka_unit_test(a_follower_asks_its_leader),
                cmocka_unit_test(and_serves_when_it_has_applied_what_the_leader_says),
                cmocka_unit_test(a_read_fails_when_its_leader_is_gone),
                cmocka_unit_test(a_read_without_a_leader_fails_at_once),
                cmocka_unit_test(many_reads_share_one_round),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
