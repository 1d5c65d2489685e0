/* Who belongs to the cluster. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "lib/base/mem.h"
#include "lib/base/time.h"
#include "tests/unit/manager/store/raft/server.h"

DEFINE_CLEANUP(struct server, server_free)

static const struct raft_effects *change(struct server *server, enum raft_change what, uint64_t id)
{
        return server_step(server, (struct raft_event){ .kind = RAFT_CHANGE_MEMBERS,
                                                        .change = { .what = what, .id = id } });
}

static const struct raft_member *member(const struct server *server, uint64_t id)
{
        static struct raft_status status;

        status = server_status(server);
        return raft_members_find(&status.members, id);
}

static void hear_from(struct server *server, uint64_t from)
{
        struct raft_status status = server_status(server);

        server_receive(server, (struct raft_message){ .kind = RAFT_APPEND_REPLY,
                                                      .from = from,
                                                      .term = status.term,
                                                      .match = status.last_index,
                                                      .stamp = server->now });
}

static void no_change_before_the_first_commit_of_a_term(void **state)
{
        _cleanup_(server_freep) struct server *server = server_new(VOTERS(1, 2, 3));

        (void)state;
        server_lead(server);
        change(server, RAFT_ADD_LEARNER, 4);
        assert_int_equal(server->effects->refused, ERR_UNAVAILABLE);
}

static void a_newcomer_learns_first(void **state)
{
        _cleanup_(server_freep) struct server *server = server_new(VOTERS(1, 2, 3));

        (void)state;
        server_lead(server);
        server_commit_all(server);
        change(server, RAFT_ADD_LEARNER, 4);
        assert_int_equal(server->effects->refused, ERR_OK);
        assert_true(member(server, 4)->is_learner);
        assert_true(server_wrote_to(server, 4));
}

static void a_change_starts_nobody_from_scratch(void **state)
{
        _cleanup_(server_freep) struct server *server = server_new(VOTERS(1, 2, 3));

        (void)state;
        server_lead(server);
        server_commit_all(server);
        change(server, RAFT_ADD_LEARNER, 4);
        server_propose(server, 1, 10);
        assert_int_equal(server_message(server, 2)->log_index, 2);
}

static void an_id_may_have_all_its_bytes(void **state)
{
        _cleanup_(server_freep) struct server *server = server_new(VOTERS(1, 2, 3));

        (void)state;
        server_lead(server);
        server_commit_all(server);
        change(server, RAFT_ADD_LEARNER, UINT64_C(0x0807060504030201));
        assert_non_null(member(server, UINT64_C(0x0807060504030201)));
}

static void one_change_at_a_time(void **state)
{
        _cleanup_(server_freep) struct server *server = server_new(VOTERS(1, 2, 3));

        (void)state;
        server_lead(server);
        server_commit_all(server);
        change(server, RAFT_ADD_LEARNER, 4);
        change(server, RAFT_ADD_LEARNER, 5);
        assert_int_equal(server->effects->refused, ERR_UNAVAILABLE);
}

static void a_learner_that_lags_is_not_promoted(void **state)
{
        _cleanup_(server_freep) struct server *server = server_new(VOTERS(1, 2, 3));

        (void)state;
        server_lead(server);
        server_commit_all(server);
        change(server, RAFT_ADD_LEARNER, 4);
        server_commit_all(server);
        change(server, RAFT_PROMOTE, 4);
        assert_int_equal(server->effects->refused, ERR_PRECONDITION);
}

static void one_that_caught_up_is(void **state)
{
        _cleanup_(server_freep) struct server *server = server_new(VOTERS(1, 2, 3));

        (void)state;
        server_lead(server);
        server_commit_all(server);
        change(server, RAFT_ADD_LEARNER, 4);
        server_commit_all(server);
        hear_from(server, 4);
        change(server, RAFT_PROMOTE, 4);
        assert_int_equal(server->effects->refused, ERR_OK);
}

static void a_learner_does_not_count(void **state)
{
        _cleanup_(server_freep) struct server *server = server_new(VOTERS(1, 2, 3));

        (void)state;
        server_lead(server);
        server_commit_all(server);
        change(server, RAFT_ADD_LEARNER, 4);
        server_persisted(server);
        hear_from(server, 4);
        assert_int_equal(server_status(server).commit_index, 1);
}

static void a_change_that_would_cost_the_majority_is_refused(void **state)
{
        _cleanup_(server_freep) struct server *server = server_new(VOTERS(1, 2, 3));

        (void)state;
        server_lead(server);
        server_commit_all(server);
        change(server, RAFT_REMOVE, 2);
        assert_int_equal(server->effects->refused, ERR_PRECONDITION);
}

static void a_dead_server_can_be_removed(void **state)
{
        _cleanup_(server_freep) struct server *server = server_new(VOTERS(1, 2, 3));

        (void)state;
        server_lead(server);
        server_commit_all(server);
        change(server, RAFT_REMOVE, 3);
        assert_int_equal(server->effects->refused, ERR_OK);
}

static void the_last_voter_stays(void **state)
{
        _cleanup_(server_freep) struct server *server = server_new(VOTERS(1));

        (void)state;
        server_tick(server, 0);
        server_persisted(server);
        server_persisted(server);
        change(server, RAFT_REMOVE, 1);
        assert_int_equal(server->effects->refused, ERR_PRECONDITION);
}

static void a_removed_leader_hands_over_when_it_is_committed(void **state)
{
        _cleanup_(server_freep) struct server *server = server_new(VOTERS(1, 2, 3));

        (void)state;
        server_lead(server);
        server_commit_all(server);
        hear_from(server, 3);
        change(server, RAFT_REMOVE, ME);
        assert_int_equal(server->effects->role, RAFT_LEADER);
        hear_from(server, 2);
        assert_int_equal(server->effects->role, RAFT_LEADER);
        hear_from(server, 3);
        assert_int_equal(server->effects->role, RAFT_FOLLOWER);
        assert_int_equal(server_n_messages(server, RAFT_TIMEOUT_NOW), 1);
        assert_int_equal(server->effects->leader, 0);
}

static void a_dropped_change_never_was(void **state)
{
        _cleanup_(server_freep) struct server *server = server_new(VOTERS(1, 2, 3));

        (void)state;
        server_lead(server);
        server_commit_all(server);
        change(server, RAFT_ADD_LEARNER, 4);
        server_receive_append(server,
                              (struct raft_message){
                                      .from = 3, .term = 2, .log_index = 1, .log_term = 1 },
                              TERMS(2));
        assert_null(member(server, 4));
}

static void what_the_shell_gave_with_a_change_is_in_the_entry(void **state)
{
        _cleanup_(server_freep) struct server *server = server_new(VOTERS(1, 2, 3));

        (void)state;
        struct raft_members members;
        const uint8_t *context;
        size_t size;

        server_lead(server);
        server_commit_all(server);
        server_step(server, (struct raft_event){ .kind = RAFT_CHANGE_MEMBERS,
                                                 .change = { RAFT_ADD_LEARNER, 4,
                                                             (const uint8_t *)"address", 7 } });
        assert_int_equal(raft_entry_members(server->effects->write.entries[0], &members, &context,
                                            &size, NULL),
                         0);
        assert_int_equal(members.n, 4);
        assert_int_equal(size, 7);
        assert_memory_equal(context, "address", 7);
}

/* {1, 2} and then {1}: the second may not be committed, and server 2 lead still. */
static void who_is_alone_by_a_change_under_way_waits_like_others(void **state)
{
        static const uint8_t alone[] = { 1, 1, ME, 0, 0, 0, 0, 0, 0, 0, 0 };
        struct raft_restore restore = { .term = 1 };
        struct raft_entry *change_entry = raft_entry_new(RAFT_MEMBERS_ARE, sizeof alone);
        struct raft_entry *log[] = { an_entry(1, 1), change_entry };
        _cleanup_(server_freep) struct server *server = NULL;

        (void)state;
        memcpy(change_entry->data, alone, sizeof alone);
        change_entry->index = 2;
        change_entry->term = 1;
        restore.snapshot.members =
                (struct raft_members){ .member = { { .id = 1 }, { .id = 2 } }, .n = 2 };
        server = server_restored(&restore, log, 2);
        server_tick(server, 0);
        assert_int_equal(server->effects->role, RAFT_FOLLOWER);
        server_tick(server, NS_PER_S);
        assert_int_equal(server->effects->role, RAFT_CANDIDATE);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(who_is_alone_by_a_change_under_way_waits_like_others),
                cmocka_unit_test(no_change_before_the_first_commit_of_a_term),
                cmocka_unit_test(a_newcomer_learns_first),
                cmocka_unit_test(a_change_starts_nobody_from_scratch),
                cmocka_unit_test(an_id_may_have_all_its_bytes),
                cmocka_unit_test(one_change_at_a_time),
                cmocka_unit_test(a_learner_that_lags_is_not_promoted),
                cmocka_unit_test(one_that_caught_up_is),
                cmocka_unit_test(a_learner_does_not_count),
                cmocka_unit_test(a_change_that_would_cost_the_majority_is_refused),
                cmocka_unit_test(a_dead_server_can_be_removed),
                cmocka_unit_test(the_last_voter_stays),
                cmocka_unit_test(a_removed_leader_hands_over_when_it_is_committed),
                cmocka_unit_test(a_dropped_change_never_was),
                cmocka_unit_test(what_the_shell_gave_with_a_change_is_in_the_entry),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
