/* The committer: what shares a call, what is made again, how everybody is told. */
#include "tests/unit/test.h"

#include <stdlib.h>
#include <string.h>

#include "api/store.pb-c.h"
#include "lib/base/time.h"
#include "lib/run/committer.h"
#include "tests/lib/fake_client.h"

struct fixture {
        struct loop *loop;
        struct rpc_client *store;
        struct committer *committer;
        struct plan plan;
};

/* What a caller was told. */
struct told {
        int n, code;
        uint64_t version;
        size_t n_groups;
        int codes[4];
};

static void done(void *context, const struct commit_outcome *outcome)
{
        struct told *told = context;

        told->n++;
        told->code = outcome->err ? outcome->err->code : 0;
        told->version = outcome->version;
        told->n_groups = outcome->n_groups;
        for (size_t i = 0; outcome->results && i < outcome->n_groups; i++)
                told->codes[i] = outcome->results[i]->code;
}

static int set_up(void **state)
{
        struct fixture *fixture = calloc(1, sizeof *fixture);
        struct err err;

        assert_int_equal(loop_new(&fixture->loop, &err), 0);
        fixture->store = fake_client_new();
        assert_int_equal(committer_new(&(struct committer_options){ .loop = fixture->loop,
                                                                    .store = fixture->store,
                                                                    .loop_name = "test",
                                                                    .pipeline = 2,
                                                                    .waiting_bytes_max = 1000 },
                                       &fixture->committer, &err),
                         0);
        plan_init(&fixture->plan);
        *state = fixture;
        return 0;
}

static int tear_down(void **state)
{
        struct fixture *fixture = *state;

        committer_free(fixture->committer);
        plan_done(&fixture->plan);
        rpc_client_free(fixture->store);
        loop_free(fixture->loop);
        free(fixture);
        return 0;
}

/* Submits a plan of groups, each of which removes a task of this id. */
static struct commit_submission *submit(struct fixture *fixture, const char *id, size_t n_groups,
                                        int64_t timeout_ns, struct told *told)
{
        struct commit_submission *submission;

        *told = (struct told){ 0 };
        for (size_t i = 0; i < n_groups; i++) {
                plan_group(&fixture->plan);
                plan_remove(&fixture->plan, SK__KIND__KIND_TASK, id);
        }
        submission = committer_submit(fixture->committer, &fixture->plan, timeout_ns, done, told);
        plan_clear(&fixture->plan);
        return submission;
}

static void turn(struct fixture *fixture)
{
        struct err err;

        for (int i = 0; i < 3; i++)
                assert_int_equal(loop_turn(fixture->loop, 1, &err), 0);
}

static const Sk__CommitRequest *request(struct fixture *fixture, size_t i)
{
        return fake_call_in(fixture->store, i, "Commit");
}

static void answer(struct fixture *fixture, size_t i, uint64_t version)
{
        Sk__CommitResponse response = SK__COMMIT_RESPONSE__INIT;

        response.version = version;
        fake_answer(fixture->store, i, &response.base);
}

/* Lets timers fire until a call is made. */
static void wait_for_call(struct fixture *fixture)
{
        struct err err;

        for (int i = 0; i < 100 && !fake_calls(fixture->store); i++)
                assert_int_equal(loop_turn(fixture->loop, 100, &err), 0);
        assert_int_equal(fake_calls(fixture->store), 1);
}

static void what_is_submitted_in_a_turn_shares_a_call(void **state)
{
        struct fixture *fixture = *state;
        struct told a, b;

        submit(fixture, "a", 1, 0, &a);
        submit(fixture, "b", 2, 0, &b);
        assert_int_equal(fake_calls(fixture->store), 0);
        turn(fixture);
        assert_int_equal(fake_calls(fixture->store), 1);
        assert_int_equal(request(fixture, 0)->n_groups, 3);
        assert_string_equal(request(fixture, 0)->loop, "test");
        assert_int_equal(strlen(request(fixture, 0)->request_id), 25);
        answer(fixture, 0, 7);
        assert_int_equal(a.n + b.n, 2);
        assert_int_equal(a.version, 7);
        assert_int_equal(b.n_groups, 2);
}

static void each_caller_is_told_of_its_own_groups(void **state)
{
        struct fixture *fixture = *state;
        Sk__CommitResponse response = SK__COMMIT_RESPONSE__INIT;
        Sk__GroupResult results[3], *pointers[3];
        struct told a, b;

        submit(fixture, "a", 1, 0, &a);
        submit(fixture, "b", 2, 0, &b);
        turn(fixture);
        for (int i = 0; i < 3; i++) {
                sk__group_result__init(&results[i]);
                results[i].code = i;
                pointers[i] = &results[i];
        }
        response.n_results = 3;
        response.results = pointers;
        fake_answer(fixture->store, 0, &response.base);
        assert_int_equal(a.codes[0], 0);
        assert_int_equal(b.codes[0], 1);
        assert_int_equal(b.codes[1], 2);
}

static void beyond_the_pipeline_plans_gather(void **state)
{
        struct fixture *fixture = *state;
        struct told told[4];

        for (int i = 0; i < 4; i++) {
                submit(fixture, "a", 1, 0, &told[i]);
                turn(fixture);
        }
        assert_int_equal(fake_calls(fixture->store), 2);
        answer(fixture, 1, 1);
        turn(fixture);
        assert_int_equal(fake_calls(fixture->store), 2);
        assert_int_equal(request(fixture, 1)->n_groups, 2);
        answer(fixture, 0, 2);
        answer(fixture, 0, 3);
        for (int i = 0; i < 4; i++)
                assert_int_equal(told[i].n, 1);
}

static void a_lost_answer_is_asked_for_again_under_the_same_id(void **state)
{
        struct fixture *fixture = *state;
        char id[32];
        struct told told;

        submit(fixture, "a", 1, 0, &told);
        turn(fixture);
        strcpy(id, request(fixture, 0)->request_id);
        fake_fail(fixture->store, 0, ERR_UNAVAILABLE);
        assert_int_equal(told.n, 0);
        wait_for_call(fixture);
        assert_string_equal(request(fixture, 0)->request_id, id);
        assert_int_equal(request(fixture, 0)->n_groups, 1);
        answer(fixture, 0, 9);
        assert_int_equal(told.n, 1);
        assert_int_equal(told.version, 9);
}

static void a_refused_call_is_not_made_again(void **state)
{
        struct fixture *fixture = *state;
        struct told told;

        submit(fixture, "a", 1, 0, &told);
        turn(fixture);
        fake_fail(fixture->store, 0, ERR_PRECONDITION);
        assert_int_equal(told.n, 1);
        assert_int_equal(told.code, ERR_PRECONDITION);
        assert_int_equal(fake_calls(fixture->store), 0);
}

static void a_bad_plan_does_not_take_its_neighbours_with_it(void **state)
{
        struct fixture *fixture = *state;
        struct told a, bad, c, later;

        submit(fixture, "a", 1, 0, &a);
        submit(fixture, "bad", 1, 0, &bad);
        submit(fixture, "c", 1, 0, &c);
        turn(fixture);
        submit(fixture, "later", 1, 0, &later);
        fake_fail(fixture->store, 0, ERR_INVALID);
        assert_int_equal(a.n + bad.n + c.n, 0);
        turn(fixture);
        assert_int_equal(fake_calls(fixture->store), 2);
        assert_string_equal(request(fixture, 0)->groups[0]->changes[0]->id, "a");
        assert_int_equal(request(fixture, 1)->n_groups, 1);
        fake_fail(fixture->store, 1, ERR_INVALID);
        answer(fixture, 0, 3);
        turn(fixture);
        answer(fixture, 0, 4);
        answer(fixture, 0, 5);
        assert_int_equal(a.version, 3);
        assert_int_equal(bad.code, ERR_INVALID);
        assert_int_equal(c.version, 4);
        assert_int_equal(later.version, 5);
}

static void whose_time_is_over_is_told_and_the_others_wait_on(void **state)
{
        struct fixture *fixture = *state;
        struct told late, patient;

        submit(fixture, "a", 1, 1, &late);
        submit(fixture, "b", 1, NS_PER_HOUR, &patient);
        turn(fixture);
        fake_fail(fixture->store, 0, ERR_UNAVAILABLE);
        assert_int_equal(late.n, 1);
        assert_int_equal(late.code, ERR_DEADLINE);
        assert_int_equal(patient.n, 0);
        wait_for_call(fixture);
        assert_int_equal(request(fixture, 0)->n_groups, 2);
        answer(fixture, 0, 9);
        assert_int_equal(late.n, 1);
        assert_int_equal(patient.version, 9);
}

static void when_nobody_waits_any_more_the_call_ends(void **state)
{
        struct fixture *fixture = *state;
        struct told late, forgotten;

        submit(fixture, "a", 1, 1, &late);
        commit_forget(submit(fixture, "b", 1, 0, &forgotten));
        turn(fixture);
        fake_fail(fixture->store, 0, ERR_UNAVAILABLE);
        assert_int_equal(late.n, 1);
        assert_int_equal(forgotten.n, 0);
        for (int i = 0; i < 3; i++)
                turn(fixture);
        assert_int_equal(fake_calls(fixture->store), 0);
}

static void a_forgotten_plan_is_committed_but_nobody_is_told(void **state)
{
        struct fixture *fixture = *state;
        struct told told;

        commit_forget(submit(fixture, "a", 1, 0, &told));
        turn(fixture);
        answer(fixture, 0, 9);
        assert_int_equal(told.n, 0);
}

static void plans_of_another_epoch_are_not_mixed_in(void **state)
{
        struct fixture *fixture = *state;
        struct told a, b;

        committer_set_epoch(fixture->committer, 3);
        submit(fixture, "a", 1, 0, &a);
        committer_set_epoch(fixture->committer, 4);
        submit(fixture, "b", 1, 0, &b);
        turn(fixture);
        assert_int_equal(fake_calls(fixture->store), 2);
        assert_int_equal(request(fixture, 0)->epoch, 3);
        assert_int_equal(request(fixture, 1)->epoch, 4);
        answer(fixture, 0, 1);
        answer(fixture, 0, 2);
}

static void too_much_waiting_is_refused(void **state)
{
        struct fixture *fixture = *state;
        struct told fits, too_much, later;

        submit(fixture, "a", 60, 0, &fits);
        submit(fixture, "b", 200, 0, &too_much);
        assert_int_equal(too_much.n, 0);
        turn(fixture);
        assert_int_equal(too_much.code, ERR_EXHAUSTED);
        answer(fixture, 0, 5);
        assert_int_equal(fits.version, 5);
        submit(fixture, "c", 60, 0, &later);
        turn(fixture);
        answer(fixture, 0, 6);
        assert_int_equal(later.version, 6);
}

static void an_answer_for_other_groups_is_an_error(void **state)
{
        struct fixture *fixture = *state;
        Sk__CommitResponse response = SK__COMMIT_RESPONSE__INIT;
        Sk__GroupResult result = SK__GROUP_RESULT__INIT, *pointer = &result;
        struct told told;

        submit(fixture, "a", 2, 0, &told);
        turn(fixture);
        response.n_results = 1;
        response.results = &pointer;
        fake_answer(fixture->store, 0, &response.base);
        assert_int_equal(told.code, ERR_INTERNAL);
}

static void stopping_tells_everybody(void **state)
{
        struct fixture *fixture = *state;
        struct told under_way, waiting;

        submit(fixture, "a", 1, 0, &under_way);
        turn(fixture);
        submit(fixture, "b", 1, 0, &waiting);
        committer_free(fixture->committer);
        fixture->committer = NULL;
        assert_int_equal(under_way.code, ERR_CANCELLED);
        assert_int_equal(waiting.code, ERR_CANCELLED);
}

/* The store takes 50,000 changes at once; bytes alone would let more of them together. */
static void small_changes_share_a_call_up_to_a_number(void **state)
{
        static struct told told[3];
        struct fixture *fixture = *state;

        committer_free(fixture->committer);
        assert_int_equal(committer_new(&(struct committer_options){ .loop = fixture->loop,
                                                                    .store = fixture->store },
                                       &fixture->committer, NULL),
                         0);
        for (size_t i = 0; i < 3; i++) {
                for (size_t j = 0; j < 20000; j++)
                        plan_remove(&fixture->plan, SK__KIND__KIND_TASK, "a");
                submit(fixture, "b", 0, 0, &told[i]);
        }
        turn(fixture);
        assert_int_equal(fake_calls(fixture->store), 3);
        for (size_t i = 0; i < 3; i++)
                assert_int_equal(request(fixture, i)->n_groups, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(what_is_submitted_in_a_turn_shares_a_call),
                TEST(each_caller_is_told_of_its_own_groups),
                TEST(beyond_the_pipeline_plans_gather),
                TEST(a_lost_answer_is_asked_for_again_under_the_same_id),
                TEST(a_refused_call_is_not_made_again),
                TEST(a_bad_plan_does_not_take_its_neighbours_with_it),
                TEST(whose_time_is_over_is_told_and_the_others_wait_on),
                TEST(when_nobody_waits_any_more_the_call_ends),
                TEST(a_forgotten_plan_is_committed_but_nobody_is_told),
                TEST(plans_of_another_epoch_are_not_mixed_in),
                TEST(too_much_waiting_is_refused),
                TEST(an_answer_for_other_groups_is_an_error),
                TEST(stopping_tells_everybody),
                TEST(small_changes_share_a_call_up_to_a_number),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
