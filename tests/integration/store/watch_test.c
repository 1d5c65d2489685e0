/* Watches, leases and reads on a real store: a reader that is cut off at any time ends with the
 * same picture, and whoever was deposed cannot write. */
#include "tests/unit/test.h"

#include <string.h>

#include "lib/base/check.h"
#include "lib/base/id.h"
#include "lib/base/random.h"
#include "lib/base/time.h"
#include "lib/message/message.h"
#include "tests/integration/store/fixture.h"

enum { TASKS = 64, ROUNDS = 40, FLOODS = 4, ASKS = 30, RUSH = 200 };

/* What is known of each task: the version of its definition; 0: it does not exist. */
struct picture {
        uint64_t versions[TASKS];
};

struct reader {
        struct fixture *fixture;
        struct rpc_stream *stream;
        struct picture seen, marked;
        uint64_t version;
        int64_t gather_ns;
        unsigned n_messages;
};

static void id_of(size_t i, char id[static ID_SIZE])
{
        id_from_bits((const uint64_t[]){ 3, i }, id);
}

static size_t index_of(const char *id)
{
        char other[ID_SIZE];

        for (size_t i = 0; i < TASKS; i++) {
                id_of(i, other);
                if (strcmp(id, other) == 0)
                        return i;
        }
        fail_msg("unknown id %s", id);
        return 0;
}

/* --- the reader --- */

static void draw(struct picture *picture, const Sk__Event *event)
{
        uint64_t *version = &picture->versions[index_of(event->id)];

        *version = event->op == SK__EVENT__OP__REMOVE ? 0 : event->meta->versions[0];
}

static void news(void *context, const void *out)
{
        const Sk__WatchResponse *response = out;
        struct reader *reader = context;

        reader->n_messages++;
        if (response->restart)
                reader->seen = (struct picture){ 0 };
        for (size_t i = 0; i < response->n_events; i++)
                draw(&reader->seen, response->events[i]);
        if (!response->version)
                return;
        reader->version = response->version;
        reader->marked = reader->seen;
}

static void closed(void *context, const struct err *err)
{
        struct reader *reader = context;

        (void)err;
        reader->stream = NULL;
}

static const struct rpc_stream_events reader_events = { .message = news, .closed = closed };

static void reader_open(struct reader *reader)
{
        Sk__WatchRequest request = SK__WATCH_REQUEST__INIT;
        Sk__KindMask mask = SK__KIND_MASK__INIT, *masks[] = { &mask };

        mask.kind = SK__KIND__KIND_TASK;
        mask.parts = 1;
        request.kinds = masks;
        request.n_kinds = 1;
        request.from_version = reader->version;
        request.gather_ns = reader->gather_ns;
        reader->seen = reader->marked;
        reader->stream = rpc_client_stream(reader->fixture->client, RPC_METHOD(store, Watch),
                                           &request.base, &reader_events, reader);
}

static void reader_close(struct reader *reader)
{
        if (reader->stream)
                rpc_stream_cancel(TAKE(reader->stream));
}

static void reader_catch_up(struct reader *reader, uint64_t version)
{
        while (reader->version < version) {
                if (!reader->stream)
                        reader_open(reader);
                CHECK(loop_turn(reader->fixture->loop, 100, NULL) == 0);
        }
}

/* --- the writer --- */

static uint64_t commit_some(struct fixture *f, struct random *random, struct picture *picture)
{
        struct arena arena = { 0 };
        Sk__CommitRequest request = SK__COMMIT_REQUEST__INIT;
        Sk__Group group = SK__GROUP__INIT, *groups[] = { &group };
        Sk__Change change = SK__CHANGE__INIT, *changes[] = { &change };
        Sk__Part part = SK__PART__INIT, *parts[] = { &part };
        size_t i = random_below(random, TASKS);
        bool removes = picture->versions[i] && random_below(random, 4) == 0;
        ProtobufCMessage *out;
        char id[ID_SIZE];
        uint64_t version;

        id_of(i, id);
        change.op = removes                ? SK__CHANGE__OP__REMOVE
                    : picture->versions[i] ? SK__CHANGE__OP__UPDATE
                                           : SK__CHANGE__OP__CREATE;
        change.kind = SK__KIND__KIND_TASK;
        change.id = id;
        change.parts = parts;
        change.n_parts = removes ? 0 : 1;
        group.changes = changes;
        group.n_changes = 1;
        request.groups = groups;
        request.n_groups = 1;
        CHECK(fixture_call(f, RPC_METHOD(store, Commit), &request.base, &arena, &out) == 0);
        version = ((Sk__CommitResponse *)out)->version;
        picture->versions[i] = removes ? 0 : version;
        arena_done(&arena);
        return version;
}

/* A burst is told change by change, the rush that follows together; nothing of it is lost. */
static void a_reader_that_gathers_gets_a_rush_in_few_messages(void **state)
{
        struct reader reader = { .fixture = *state, .gather_ns = 50 * NS_PER_MS };
        struct picture truth = { 0 };
        struct random random;
        uint64_t version = 0;

        random_init(&random, 9);
        fixture_start(reader.fixture, NULL);
        version = commit_some(reader.fixture, &random, &truth);
        reader_catch_up(&reader, version);
        reader.n_messages = 0;
        for (int i = 0; i < RUSH; i++)
                version = commit_some(reader.fixture, &random, &truth);
        reader_catch_up(&reader, version);
        assert_memory_equal(&reader.marked, &truth, sizeof truth);
        assert_in_range(reader.n_messages, 2, RUSH / 2);
        reader_close(&reader);
}

static void a_reader_that_is_cut_off_ends_with_the_same_picture(void **state)
{
        struct reader reader = { .fixture = *state };
        struct picture truth = { 0 };
        struct random random;
        uint64_t version = 0;

        random_init(&random, 1);
        fixture_start(reader.fixture, NULL);
        for (size_t i = 0; i < ROUNDS; i++) {
                for (uint64_t n = random_below(&random, 50) + 1; n; n--)
                        version = commit_some(reader.fixture, &random, &truth);
                if (random_below(&random, 8) == 0) {
                        fixture_kill(reader.fixture);
                        fixture_start(reader.fixture, NULL);
                }
                reader_catch_up(&reader, version);
                assert_memory_equal(&reader.marked, &truth, sizeof truth);
                if (random_below(&random, 2))
                        reader_close(&reader);
        }
        reader_close(&reader);
}

/* --- leases --- */

struct holder {
        struct rpc_stream *stream;
        bool is_held;
        uint64_t epoch;
        unsigned n_news;
        int code; /* with which it was closed */
};

static void lease_news(void *context, const void *out)
{
        const Sk__LeaseState *lease = out;
        struct holder *holder = context;

        holder->n_news++;
        holder->is_held = lease->is_held;
        holder->epoch = lease->epoch;
}

static void lease_closed(void *context, const struct err *err)
{
        struct holder *holder = context;

        holder->stream = NULL;
        holder->code = err->code;
}

static const struct rpc_stream_events holder_events = { .message = lease_news,
                                                        .closed = lease_closed };

static void ask(struct fixture *f, struct holder *holder, const char *name)
{
        Sk__AcquireLeaseRequest request = SK__ACQUIRE_LEASE_REQUEST__INIT;

        request.loop = (char *)"orchestrator";
        request.holder = (char *)name;
        holder->stream = rpc_client_stream(f->client, RPC_METHOD(store, AcquireLease),
                                           &request.base, &holder_events, holder);
}

static void acquire(struct fixture *f, struct holder *holder, const char *name)
{
        while (!holder->is_held) {
                if (!holder->stream)
                        ask(f, holder, name);
                CHECK(loop_turn(f->loop, 100, NULL) == 0);
        }
}

static int commit_with(struct fixture *f, uint64_t epoch)
{
        struct arena arena = { 0 };
        Sk__CommitRequest request = SK__COMMIT_REQUEST__INIT;
        int r;

        request.loop = (char *)"orchestrator";
        request.epoch = epoch;
        r = fixture_call(f, RPC_METHOD(store, Commit), &request.base, &arena, NULL);
        arena_done(&arena);
        return r;
}

static void the_newest_who_asks_holds_the_lease(void **state)
{
        struct fixture *f = *state;
        struct holder first = { 0 }, second = { 0 };
        uint64_t epoch;

        fixture_start(f, NULL);
        acquire(f, &first, "first");
        epoch = first.epoch;
        assert_int_equal(commit_with(f, epoch), 0);
        acquire(f, &second, "second");
        assert_int_equal(commit_with(f, epoch), ERR_PRECONDITION);
        assert_int_equal(commit_with(f, second.epoch), 0);
        while (first.is_held)
                CHECK(loop_turn(f->loop, 100, NULL) == 0);
        rpc_stream_cancel(second.stream);
        while (!first.is_held)
                CHECK(loop_turn(f->loop, 100, NULL) == 0);
        assert_int_equal(commit_with(f, first.epoch), 0);
        rpc_stream_cancel(first.stream);
}

/* The first grant makes the lease's object, and both are under way before there is one. */
static void one_of_two_who_ask_at_once_holds_the_lease(void **state)
{
        struct fixture *f = *state;
        struct holder first = { 0 }, second = { 0 };

        fixture_start(f, NULL);
        assert_int_equal(commit_with(f, 1), ERR_PRECONDITION);
        ask(f, &first, "first");
        ask(f, &second, "second");
        for (int i = 0; i < 100 && !second.is_held; i++)
                CHECK(loop_turn(f->loop, 100, NULL) == 0);
        assert_true(second.is_held);
        assert_int_equal(commit_with(f, second.epoch), 0);
        rpc_stream_cancel(first.stream);
        rpc_stream_cancel(second.stream);
}

/* Commits of which the smallest queue holds one. */
struct flood {
        struct fixture *fixture;
        unsigned n_under_way;
        bool is_over;
};

static void flood_on(struct flood *flood);

static void flood_answered(void *context, const void *out, const struct err *err)
{
        struct flood *flood = context;

        (void)out;
        (void)err;
        flood->n_under_way--;
        if (!flood->is_over)
                flood_on(flood);
}

static void flood_on(struct flood *flood)
{
        static char text[(1 << 20) - 100]; /* leaves no room for a grant */
        struct arena arena = { 0 };
        Sk__TaskDefinition definition = SK__TASK_DEFINITION__INIT;
        Sk__CommitRequest request = SK__COMMIT_REQUEST__INIT;
        Sk__Group group = SK__GROUP__INIT, *groups[] = { &group };
        Sk__Change change = SK__CHANGE__INIT, *changes[] = { &change };
        Sk__Part part = SK__PART__INIT, *parts[] = { &part };
        char id[ID_SIZE];

        id_of(0, id);
        memset(text, 'x', sizeof text - 1);
        definition.service_id = text;
        message_pack(&arena, &definition.base, &part.data.data, &part.data.len);
        change.op = SK__CHANGE__OP__CREATE;
        change.kind = SK__KIND__KIND_TASK;
        change.id = id;
        change.parts = parts;
        change.n_parts = 1;
        group.changes = changes;
        group.n_changes = 1;
        request.groups = groups;
        request.n_groups = 1;
        flood->n_under_way++;
        rpc_client_call(flood->fixture->client, RPC_METHOD(store, Commit), &request.base,
                        20 * NS_PER_S, false, flood_answered, flood);
        arena_done(&arena);
}

static void whoever_asks_for_a_lease_is_answered_when_the_queue_is_full(void **state)
{
        static const char *const arguments[] = { "--queue", "1m", NULL };
        struct flood flood = { .fixture = *state };
        struct fixture *f = *state;
        unsigned n_refused = 0;

        fixture_start(f, arguments);
        assert_int_equal(commit_with(f, 1), ERR_PRECONDITION);
        while (flood.n_under_way < FLOODS)
                flood_on(&flood);
        for (size_t asked = 0; asked < ASKS || (!n_refused && asked < 20 * ASKS); asked++) {
                struct holder holder = { 0 };

                ask(f, &holder, "holder");
                for (int i = 0; i < 2000 && holder.stream && !holder.is_held; i++)
                        CHECK(loop_turn(f->loop, 10, NULL) == 0);
                assert_true(holder.is_held || holder.code == ERR_EXHAUSTED);
                n_refused += !holder.is_held;
                if (holder.stream)
                        rpc_stream_cancel(holder.stream);
        }
        assert_true(n_refused);
        flood.is_over = true;
        while (flood.n_under_way)
                CHECK(loop_turn(f->loop, 100, NULL) == 0);
}

static void a_lease_is_granted_anew_after_a_restart(void **state)
{
        struct fixture *f = *state;
        struct holder holder = { 0 };
        uint64_t epoch;

        fixture_start(f, NULL);
        acquire(f, &holder, "holder");
        epoch = holder.epoch;
        fixture_kill(f);
        fixture_start(f, NULL);
        holder.is_held = false;
        while (holder.stream)
                CHECK(loop_turn(f->loop, 100, NULL) == 0);
        acquire(f, &holder, "holder");
        assert_true(holder.epoch > epoch);
        assert_int_equal(commit_with(f, epoch), ERR_PRECONDITION);
        assert_int_equal(commit_with(f, holder.epoch), 0);
        rpc_stream_cancel(holder.stream);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
        const struct CMUnitTest tests[] = {
                TEST(a_reader_that_gathers_gets_a_rush_in_few_messages),
                TEST(a_reader_that_is_cut_off_ends_with_the_same_picture),
                TEST(the_newest_who_asks_holds_the_lease),
                TEST(one_of_two_who_ask_at_once_holds_the_lease),
                TEST(whoever_asks_for_a_lease_is_answered_when_the_queue_is_full),
                TEST(a_lease_is_granted_anew_after_a_restart),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
