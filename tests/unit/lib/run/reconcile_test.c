/* The loop that reconcilers run in: lease, news, plans, failures. */
#include "tests/unit/test.h"

#include <stdlib.h>
#include <string.h>

#include "api/store.pb-c.h"
#include "lib/base/time.h"
#include "lib/run/reconcile.h"
#include "tests/lib/fake_client.h"

/* --- in place of the daemon --- */

static struct {
        struct daemon daemon;
        int n_ready;
        void (*stop)(void *context);
        void *stop_context;
        daemon_adds *metrics, *dump;
} fake;

void daemon_ready(struct daemon *daemon)
{
        (void)daemon;
        fake.n_ready++;
}

void daemon_add_metrics(struct daemon *daemon, daemon_adds *metrics, void *context)
{
        (void)daemon;
        (void)context;
        fake.metrics = metrics;
}

void daemon_add_dump(struct daemon *daemon, daemon_adds *dump, void *context)
{
        (void)daemon;
        (void)context;
        fake.dump = dump;
}

void daemon_at_stop(struct daemon *daemon, void (*stop)(void *context), void *context)
{
        (void)daemon;
        fake.stop = stop;
        fake.stop_context = context;
}

const char *rpc_identity_node_id(const struct rpc_identity *identity)
{
        (void)identity;
        return "node";
}

/* --- a reconciler that removes whatever network it is asked about, and sleeps when told so --- */

struct script {
        struct rpc_client *store; /* the one reconcile made */
        int64_t wake_at;
        bool removes;
        int n_decisions;
};

static void touch(const struct view *view, const Sk__Event *event, const void *config,
                  struct reconcile_keys *keys)
{
        struct view_cursor cursor = { 0 };
        const struct object_head *object;

        (void)config;
        if (event)
                reconcile_keys_add(keys, "%s", event->id);
        while (!event && (object = view_each(view, SK__KIND__KIND_NETWORK, &cursor)))
                reconcile_keys_add(keys, "%s", object->id);
}

static void decide(const struct view *view, const char *key, const void *config, size_t limit,
                   struct plan *plan)
{
        struct script *script = (struct script *)config;

        (void)limit;
        script->n_decisions++;
        if (script->removes && view_network(view, key))
                plan_remove(plan, SK__KIND__KIND_NETWORK, key);
        plan_wake(plan, script->wake_at);
}

static int set_up(void **state)
{
        static Sk__KindMask mask = SK__KIND_MASK__INIT;
        static struct reconciler reconciler = { .name = "test", .touch = touch, .decide = decide };
        struct script *script = calloc(1, sizeof *script);
        struct err err;

        mask.kind = SK__KIND__KIND_NETWORK;
        mask.parts = 1;
        reconciler.kinds = &mask;
        reconciler.n_kinds = 1;
        script->wake_at = TIME_NEVER;
        script->removes = true;
        memset(&fake, 0, sizeof fake);
        assert_int_equal(loop_new(&fake.daemon.loop, &err), 0);
        assert_int_equal(reconcile_start(&fake.daemon, "unix:/store", &reconciler, script, &err),
                         0);
        script->store = fake_client_latest();
        *state = script;
        return 0;
}

static int tear_down(void **state)
{
        fake.stop(fake.stop_context);
        loop_free(fake.daemon.loop);
        free(*state);
        return 0;
}

/* The streams are opened in this order. */
enum { WATCH, LEASE };

static void tell_network(struct script *script, const char *id, uint64_t version)
{
        Sk__WatchResponse news = SK__WATCH_RESPONSE__INIT;
        Sk__Event event = SK__EVENT__INIT, *events[] = { &event };

        event.op = SK__EVENT__OP__PUT;
        event.kind = SK__KIND__KIND_NETWORK;
        event.id = id;
        news.events = events;
        news.n_events = 1;
        news.version = version;
        fake_tell(script->store, WATCH, &news.base);
}

static void tell_lease(struct script *script, bool is_held, uint64_t epoch, uint64_t version)
{
        Sk__LeaseState lease = SK__LEASE_STATE__INIT;

        lease.is_held = is_held;
        lease.epoch = epoch;
        lease.version = version;
        fake_tell(script->store, LEASE, &lease.base);
}

static void turn(void)
{
        struct err err;

        for (int i = 0; i < 5; i++)
                assert_int_equal(loop_turn(fake.daemon.loop, 1, &err), 0);
}

static void wait_for_call(struct script *script)
{
        struct err err;

        for (int i = 0; i < 100 && !fake_calls(script->store); i++)
                assert_int_equal(loop_turn(fake.daemon.loop, 50, &err), 0);
        assert_int_equal(fake_calls(script->store), 1);
}

static const Sk__CommitRequest *request(struct script *script)
{
        return fake_call_in(script->store, 0, "Commit");
}

static void answer(struct script *script, uint64_t version)
{
        Sk__CommitResponse response = SK__COMMIT_RESPONSE__INIT;

        response.version = version;
        fake_answer(script->store, 0, &response.base);
}

/* As most tests begin: the lease is held and network "a" was decided upon. */
static void act(struct script *script)
{
        tell_network(script, "a", 5);
        tell_lease(script, true, 3, 5);
        turn();
}

static void it_is_ready_with_the_first_snapshot(void **state)
{
        struct script *script = *state;

        assert_int_equal(fake.n_ready, 0);
        tell_network(script, "a", 5);
        assert_int_equal(fake.n_ready, 1);
}

static void without_the_lease_nothing_is_decided(void **state)
{
        struct script *script = *state;

        tell_network(script, "a", 5);
        tell_network(script, "b", 6);
        turn();
        assert_int_equal(script->n_decisions, 0);
}

static void with_the_lease_everything_is_decided_and_committed(void **state)
{
        struct script *script = *state;

        act(script);
        assert_int_equal(script->n_decisions, 1);
        assert_int_equal(request(script)->epoch, 3);
        assert_string_equal(request(script)->loop, "test");
        assert_string_equal(request(script)->groups[0]->changes[0]->id, "a");
}

static void it_does_not_act_before_the_view_shows_what_was_before_the_lease(void **state)
{
        struct script *script = *state;

        tell_network(script, "a", 5);
        tell_lease(script, true, 3, 7);
        turn();
        assert_int_equal(script->n_decisions, 0);
        tell_network(script, "b", 7);
        turn();
        assert_int_equal(script->n_decisions, 2);
}

static void one_plan_is_under_way_at_a_time_and_the_next_waits_until_it_shows(void **state)
{
        struct script *script = *state;

        act(script);
        tell_network(script, "b", 6);
        turn();
        assert_int_equal(script->n_decisions, 1);
        answer(script, 8);
        turn();
        assert_int_equal(script->n_decisions, 1);
        tell_network(script, "c", 8);
        turn();
        assert_int_equal(script->n_decisions, 3);
}

static void a_refused_key_is_decided_again_when_the_reason_shows(void **state)
{
        struct script *script = *state;
        Sk__CommitResponse response = SK__COMMIT_RESPONSE__INIT;
        Sk__GroupResult result = SK__GROUP_RESULT__INIT, *pointer = &result;

        act(script);
        result.code = -ERR_CONFLICT;
        result.wait_version = 9;
        response.version = 6;
        response.n_results = 1;
        response.results = &pointer;
        fake_answer(script->store, 0, &response.base);
        tell_network(script, "b", 8);
        turn();
        assert_int_equal(script->n_decisions, 2);
        answer(script, 8);
        tell_network(script, "c", 9);
        turn();
        assert_int_equal(script->n_decisions, 4);
}

static void wait_for_streams(struct script *script, size_t n)
{
        struct err err;

        for (int i = 0; i < 100 && fake_streams(script->store) != n; i++)
                assert_int_equal(loop_turn(fake.daemon.loop, 50, &err), 0);
        assert_int_equal(fake_streams(script->store), n);
}

static void a_failed_plan_is_decided_again_under_a_new_lease(void **state)
{
        struct script *script = *state;

        act(script);
        fake_fail(script->store, 0, ERR_PRECONDITION);
        tell_network(script, "b", 6);
        turn();
        assert_int_equal(script->n_decisions, 1);
        wait_for_streams(script, LEASE); /* it was given back */
        wait_for_streams(script, LEASE + 1);
        tell_lease(script, true, 7, 6);
        wait_for_call(script);
        assert_int_equal(script->n_decisions, 3);
        assert_int_equal(request(script)->epoch, 7);
}

static void a_lost_lease_stops_deciding_and_a_new_one_touches_everything(void **state)
{
        struct script *script = *state;

        act(script);
        answer(script, 5);
        tell_lease(script, false, 0, 0);
        tell_network(script, "b", 6);
        turn();
        assert_int_equal(script->n_decisions, 1);
        tell_lease(script, true, 9, 6);
        turn();
        assert_int_equal(script->n_decisions, 3);
        assert_int_equal(request(script)->epoch, 9);
}

static void the_lease_ends_with_its_stream_and_is_asked_for_again(void **state)
{
        struct script *script = *state;
        const Sk__AcquireLeaseRequest *asked;
        struct err err;

        act(script);
        answer(script, 5);
        fake_close(script->store, LEASE, ERR_UNAVAILABLE);
        tell_network(script, "b", 6);
        turn();
        assert_int_equal(script->n_decisions, 1);
        for (int i = 0; i < 100 && fake_streams(script->store) < 2; i++)
                loop_turn(fake.daemon.loop, 50, &err);
        asked = fake_stream_in(script->store, LEASE, "AcquireLease");
        assert_string_equal(asked->loop, "test");
        assert_memory_equal(asked->holder, "node/", 5);
}

static void a_sleeping_key_is_decided_when_its_time_has_come(void **state)
{
        struct script *script = *state;
        struct err err;

        script->removes = false;
        script->wake_at = loop_now(fake.daemon.loop) + 30 * NS_PER_MS;
        act(script);
        assert_int_equal(script->n_decisions, 1);
        script->wake_at = TIME_NEVER;
        for (int i = 0; i < 20 && script->n_decisions == 1; i++)
                loop_turn(fake.daemon.loop, 50, &err);
        assert_int_equal(script->n_decisions, 2);
}

static void metrics_tell_how_it_goes(void **state)
{
        struct script *script = *state;
        struct str str = { 0 };

        act(script);
        fake.metrics(fake.stop_context, &str);
        assert_non_null(strstr(str.text, "skep_loop_acting 1\n"));
        assert_non_null(strstr(str.text, "skep_loop_decisions_total 1\n"));
        assert_non_null(strstr(str.text, "skep_commit_calls_total 1\n"));
        str_done(&str);
}

static void its_state_tells_what_it_waits_for(void **state)
{
        struct script *script = *state;
        struct str str = { 0 };

        act(script);
        fake.dump(fake.stop_context, &str);
        assert_string_equal(str.text, "loop: test, acting\n"
                                      "view: version 5, connected\n"
                                      "plan: 1 groups, 1 changes on their way\n"
                                      "keys touched: 0\n"
                                      "keys that wait: 0\n");
        str_done(&str);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(it_is_ready_with_the_first_snapshot),
                TEST(without_the_lease_nothing_is_decided),
                TEST(with_the_lease_everything_is_decided_and_committed),
                TEST(it_does_not_act_before_the_view_shows_what_was_before_the_lease),
                TEST(one_plan_is_under_way_at_a_time_and_the_next_waits_until_it_shows),
                TEST(a_refused_key_is_decided_again_when_the_reason_shows),
                TEST(a_failed_plan_is_decided_again_under_a_new_lease),
                TEST(a_lost_lease_stops_deciding_and_a_new_one_touches_everything),
                TEST(the_lease_ends_with_its_stream_and_is_asked_for_again),
                TEST(a_sleeping_key_is_decided_when_its_time_has_come),
                TEST(metrics_tell_how_it_goes),
                TEST(its_state_tells_what_it_waits_for),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
