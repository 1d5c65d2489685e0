/* The mirror: what it shows, when it calls back, how it goes on after interruptions. */
#include "tests/unit/test.h"

#include <stdlib.h>
#include <string.h>

#include "lib/run/mirror.h"
#include "tests/lib/fake_client.h"

struct fixture {
        struct loop *loop;
        struct rpc_client *store;
        struct mirror *mirror;
        size_t n_changes, n_events, n_restarts;
};

static void changed(void *context, const Sk__Event *const *events, size_t n_events, bool is_restart)
{
        struct fixture *fixture = context;

        for (size_t i = 0; i < n_events; i++)
                assert_non_null(events[i]->id);
        fixture->n_changes++;
        fixture->n_events += n_events;
        fixture->n_restarts += is_restart;
}

static int set_up(void **state)
{
        struct fixture *fixture = calloc(1, sizeof *fixture);
        Sk__KindMask mask = SK__KIND_MASK__INIT;
        struct err err;

        mask.kind = SK__KIND__KIND_NETWORK;
        mask.parts = 1;
        assert_int_equal(loop_new(&fixture->loop, &err), 0);
        fixture->store = fake_client_new();
        assert_int_equal(mirror_new(&(struct mirror_options){ .loop = fixture->loop,
                                                              .store = fixture->store,
                                                              .kinds = &mask,
                                                              .n_kinds = 1,
                                                              .changed = changed,
                                                              .context = fixture },
                                    &fixture->mirror, &err),
                         0);
        *state = fixture;
        return 0;
}

static int tear_down(void **state)
{
        struct fixture *fixture = *state;

        mirror_free(fixture->mirror);
        rpc_client_free(fixture->store);
        loop_free(fixture->loop);
        free(fixture);
        return 0;
}

/* One message: an optional object, an optional mark. */
static void tell(struct fixture *fixture, const char *id, uint64_t version, bool is_restart)
{
        Sk__WatchResponse news = SK__WATCH_RESPONSE__INIT;
        Sk__Event event = SK__EVENT__INIT, *events[] = { &event };

        event.op = SK__EVENT__OP__PUT;
        event.kind = SK__KIND__KIND_NETWORK;
        event.id = id;
        news.events = events;
        news.n_events = id != NULL;
        news.version = version;
        news.time_ns = (int64_t)version;
        news.restart = is_restart;
        fake_tell(fixture->store, 0, &news.base);
}

static void remove_net(struct fixture *fixture, const char *id, uint64_t version)
{
        Sk__WatchResponse news = SK__WATCH_RESPONSE__INIT;
        Sk__Event event = SK__EVENT__INIT, *events[] = { &event };

        event.op = SK__EVENT__OP__REMOVE;
        event.kind = SK__KIND__KIND_NETWORK;
        event.id = id;
        news.events = events;
        news.n_events = 1;
        news.version = version;
        fake_tell(fixture->store, 0, &news.base);
}

static bool shows(struct fixture *fixture, const char *id)
{
        return view_network(mirror_view(fixture->mirror), id) != NULL;
}

/* Lets timers fire until the mirror watches again. */
static void wait_for_stream(struct fixture *fixture)
{
        struct err err;

        for (int i = 0; i < 100 && !fake_streams(fixture->store); i++)
                assert_int_equal(loop_turn(fixture->loop, 100, &err), 0);
        assert_int_equal(fake_streams(fixture->store), 1);
}

static void it_asks_for_a_snapshot_of_what_is_wanted(void **state)
{
        struct fixture *fixture = *state;
        const Sk__WatchRequest *request = fake_stream_in(fixture->store, 0, "Watch");

        assert_int_equal(request->from_version, 0);
        assert_int_equal(request->n_kinds, 1);
        assert_int_equal(request->kinds[0]->kind, SK__KIND__KIND_NETWORK);
        assert_int_equal(request->kinds[0]->parts, 1);
        assert_false(mirror_is_complete(fixture->mirror));
}

static void half_a_snapshot_is_not_shown(void **state)
{
        struct fixture *fixture = *state;

        tell(fixture, "a", 0, true);
        assert_false(shows(fixture, "a"));
        assert_int_equal(fixture->n_changes, 0);
        tell(fixture, "b", 5, false);
        assert_true(shows(fixture, "a"));
        assert_true(shows(fixture, "b"));
        assert_true(mirror_is_complete(fixture->mirror));
        assert_int_equal(view_version(mirror_view(fixture->mirror)), 5);
        assert_int_equal(view_now(mirror_view(fixture->mirror)), 5);
        assert_int_equal(fixture->n_changes, 1);
        assert_int_equal(fixture->n_restarts, 1);
}

static void half_a_transaction_is_not_shown(void **state)
{
        struct fixture *fixture = *state;

        tell(fixture, NULL, 5, true);
        tell(fixture, "a", 0, false);
        assert_false(shows(fixture, "a"));
        tell(fixture, "b", 6, false);
        assert_true(shows(fixture, "a"));
        assert_int_equal(fixture->n_changes, 2);
        assert_int_equal(fixture->n_events, 2);
        remove_net(fixture, "a", 7);
        assert_false(shows(fixture, "a"));
}

static void an_interrupted_watch_is_resumed_after_what_is_shown(void **state)
{
        struct fixture *fixture = *state;
        const Sk__WatchRequest *request;

        tell(fixture, "a", 5, true);
        tell(fixture, "b", 0, false);
        fake_close(fixture->store, 0, ERR_UNAVAILABLE);
        assert_false(mirror_is_connected(fixture->mirror));
        wait_for_stream(fixture);
        request = fake_stream_in(fixture->store, 0, "Watch");
        assert_int_equal(request->from_version, 5);
        tell(fixture, "c", 6, false);
        assert_false(shows(fixture, "b"));
        assert_true(shows(fixture, "c"));
        assert_int_equal(fixture->n_restarts, 1);
}

static void until_a_restart_is_complete_the_old_content_is_shown(void **state)
{
        struct fixture *fixture = *state;

        tell(fixture, "a", 5, true);
        tell(fixture, "b", 0, true);
        assert_true(shows(fixture, "a"));
        assert_false(shows(fixture, "b"));
        tell(fixture, NULL, 9, false);
        assert_false(shows(fixture, "a"));
        assert_true(shows(fixture, "b"));
        assert_int_equal(fixture->n_restarts, 2);
}

static void a_snapshot_that_was_interrupted_starts_over(void **state)
{
        struct fixture *fixture = *state;
        const Sk__WatchRequest *request;

        tell(fixture, "a", 0, true);
        fake_close(fixture->store, 0, ERR_UNAVAILABLE);
        wait_for_stream(fixture);
        request = fake_stream_in(fixture->store, 0, "Watch");
        assert_int_equal(request->from_version, 0);
        tell(fixture, "b", 5, true);
        assert_false(shows(fixture, "a"));
        assert_true(shows(fixture, "b"));
}

static void news_that_cannot_be_applied_means_starting_over(void **state)
{
        struct fixture *fixture = *state;
        const Sk__WatchRequest *request;

        tell(fixture, "a", 5, true);
        tell(fixture, "", 6, false);
        assert_int_equal(fake_streams(fixture->store), 0);
        wait_for_stream(fixture);
        request = fake_stream_in(fixture->store, 0, "Watch");
        assert_int_equal(request->from_version, 0);
        assert_true(shows(fixture, "a"));
}

/* --- waits --- */

static void count(void *context)
{
        ++*(int *)context;
}

static void a_wait_is_called_when_its_version_shows(void **state)
{
        struct fixture *fixture = *state;
        int n = 0;
        struct mirror_wait early = { .reached = count, .context = &n };
        struct mirror_wait late = { .reached = count, .context = &n };
        struct mirror_wait cancelled = { .reached = count, .context = &n };

        mirror_wait(fixture->mirror, &late, 7);
        mirror_wait(fixture->mirror, &early, 5);
        mirror_wait(fixture->mirror, &cancelled, 5);
        mirror_wait_cancel(&cancelled);
        tell(fixture, NULL, 4, true);
        assert_int_equal(n, 0);
        tell(fixture, NULL, 5, false);
        assert_int_equal(n, 1);
        tell(fixture, NULL, 8, false);
        assert_int_equal(n, 2);
}

static void a_wait_for_what_shows_already_is_called_later_in_the_loop(void **state)
{
        struct fixture *fixture = *state;
        int n = 0;
        struct mirror_wait wait = { .reached = count, .context = &n };
        struct err err;

        tell(fixture, NULL, 5, true);
        mirror_wait(fixture->mirror, &wait, 5);
        assert_int_equal(n, 0);
        for (int i = 0; i < 3 && !n; i++)
                loop_turn(fixture->loop, 100, &err);
        assert_int_equal(n, 1);
}

/* --- reads --- */

struct reading {
        struct mirror_read read;
        int n_fresh, n_failed;
};

static void fresh(void *context, const struct err *err)
{
        struct reading *reading = context;

        reading->n_failed += err != NULL;
        reading->n_fresh += err == NULL;
}

static void start_read(struct fixture *fixture, struct reading *reading)
{
        *reading = (struct reading){ .read = { .fresh = fresh, .context = reading } };
        mirror_read(fixture->mirror, &reading->read);
}

static void answer_read_index(struct fixture *fixture, uint64_t version)
{
        Sk__ReadIndexResponse answer = SK__READ_INDEX_RESPONSE__INIT;

        fake_call_in(fixture->store, 0, "ReadIndex");
        answer.version = version;
        fake_answer(fixture->store, 0, &answer.base);
}

static void a_read_waits_until_the_view_reached_the_read_index(void **state)
{
        struct fixture *fixture = *state;
        struct reading reading;

        tell(fixture, NULL, 5, true);
        start_read(fixture, &reading);
        answer_read_index(fixture, 7);
        assert_int_equal(reading.n_fresh, 0);
        tell(fixture, NULL, 7, false);
        assert_int_equal(reading.n_fresh, 1);
}

static void reads_that_come_while_an_index_is_on_its_way_share_the_next(void **state)
{
        struct fixture *fixture = *state;
        struct reading first, second, third;

        tell(fixture, NULL, 5, true);
        start_read(fixture, &first);
        start_read(fixture, &second);
        start_read(fixture, &third);
        assert_int_equal(fake_calls(fixture->store), 1);
        answer_read_index(fixture, 6);
        assert_int_equal(fake_calls(fixture->store), 1);
        tell(fixture, NULL, 6, false);
        assert_int_equal(first.n_fresh + second.n_fresh + third.n_fresh, 1);
        answer_read_index(fixture, 6);
        assert_int_equal(fake_calls(fixture->store), 0);
        tell(fixture, NULL, 7, false);
        assert_int_equal(second.n_fresh + third.n_fresh, 2);
}

static void reads_fail_when_the_store_cannot_be_asked(void **state)
{
        struct fixture *fixture = *state;
        struct reading reading;

        start_read(fixture, &reading);
        fake_fail(fixture->store, 0, ERR_UNKNOWN);
        assert_int_equal(reading.n_failed, 1);
}

/* Another leader will be there in a moment. */
static void a_store_that_is_unavailable_is_asked_again(void **state)
{
        struct fixture *fixture = *state;
        struct reading first, second;

        tell(fixture, NULL, 5, true);
        start_read(fixture, &first);
        fake_fail(fixture->store, 0, ERR_UNAVAILABLE);
        assert_int_equal(fake_calls(fixture->store), 0);
        start_read(fixture, &second);
        assert_int_equal(fake_calls(fixture->store), 0);
        while (!fake_calls(fixture->store))
                assert_int_equal(loop_turn(fixture->loop, 100, NULL), 0);
        answer_read_index(fixture, 5);
        tell(fixture, NULL, 6, false);
        assert_int_equal(first.n_fresh + second.n_fresh, 2);
        assert_int_equal(first.n_failed + second.n_failed, 0);
}

static void a_cancelled_read_is_not_called(void **state)
{
        struct fixture *fixture = *state;
        struct reading asked, next, waiting;

        tell(fixture, NULL, 5, true);
        start_read(fixture, &waiting);
        answer_read_index(fixture, 9);
        start_read(fixture, &asked);
        start_read(fixture, &next);
        mirror_read_cancel(fixture->mirror, &asked.read);
        mirror_read_cancel(fixture->mirror, &next.read);
        mirror_read_cancel(fixture->mirror, &waiting.read);
        answer_read_index(fixture, 5);
        assert_int_equal(fake_calls(fixture->store), 0);
        tell(fixture, NULL, 9, false);
        assert_int_equal(asked.n_fresh + next.n_fresh + waiting.n_fresh, 0);
}

/* A caller that asks again at once when it failed. */
static void ask_again(void *context, const struct err *err)
{
        struct fixture *fixture = context;
        static struct mirror_read again;
        static int n;

        if (!err || n++ > 3)
                return;
        again = (struct mirror_read){ .fresh = ask_again, .context = fixture };
        mirror_read(fixture->mirror, &again);
}

static void a_read_asked_for_while_others_fail_gets_an_index_of_its_own(void **state)
{
        struct fixture *fixture = *state;
        struct mirror_read read = { .fresh = ask_again, .context = fixture };
        struct reading other;

        mirror_read(fixture->mirror, &read);
        start_read(fixture, &other);
        fake_fail(fixture->store, 0, ERR_UNKNOWN);
        assert_int_equal(fake_calls(fixture->store), 1);
        assert_int_equal(other.n_failed, 0);
        answer_read_index(fixture, 5);
        tell(fixture, NULL, 5, true);
        assert_int_equal(other.n_fresh, 1);
}

static void metrics_tell_what_is_shown(void **state)
{
        struct fixture *fixture = *state;
        struct str str = { 0 };

        tell(fixture, "a", 5, true);
        mirror_metrics(fixture->mirror, &str);
        assert_non_null(strstr(str.text, "skep_mirror_version 5\n"));
        assert_non_null(strstr(str.text, "skep_mirror_objects{kind=\"network\"} 1\n"));
        str_done(&str);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(it_asks_for_a_snapshot_of_what_is_wanted),
                TEST(half_a_snapshot_is_not_shown),
                TEST(half_a_transaction_is_not_shown),
                TEST(an_interrupted_watch_is_resumed_after_what_is_shown),
                TEST(until_a_restart_is_complete_the_old_content_is_shown),
                TEST(a_snapshot_that_was_interrupted_starts_over),
                TEST(news_that_cannot_be_applied_means_starting_over),
                TEST(a_wait_is_called_when_its_version_shows),
                TEST(a_wait_for_what_shows_already_is_called_later_in_the_loop),
                TEST(a_read_waits_until_the_view_reached_the_read_index),
                TEST(reads_that_come_while_an_index_is_on_its_way_share_the_next),
                TEST(reads_fail_when_the_store_cannot_be_asked),
                TEST(a_store_that_is_unavailable_is_asked_again),
                TEST(a_cancelled_read_is_not_called),
                TEST(a_read_asked_for_while_others_fail_gets_an_index_of_its_own),
                TEST(metrics_tell_what_is_shown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
