/* A store inside this process: what it does when nothing happens, and that it is freed while the
 * loop turns on. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/check.h"
#include "lib/base/time.h"
#include "manager/store/store.h"
#include "tests/integration/store/fixture.h"
#include "tests/unit/test.h"

enum { MUCH = 3 << 20 }; /* more than what is written at once, without a delay */

static void ready(void *context)
{
        *(bool *)context = true;
}

static void failed(void *context, const struct err *err)
{
        (void)context;
        fail_msg("%s", err->text);
}

static struct store *open_store(const struct fixture *fixture)
{
        static char folder[96], bootstrap[96];
        static struct store_config config;
        bool is_ready = false;
        struct store_options options = { .loop = fixture->loop,
                                         .node_id = FIRST_NODE,
                                         .identity = fixture->identity,
                                         .config = &config,
                                         .ready = ready,
                                         .failed = failed,
                                         .context = &is_ready };
        struct store *store;

        snprintf(folder, sizeof folder, "%s/data", fixture->folder);
        snprintf(bootstrap, sizeof bootstrap, "%s/bootstrap", fixture->folder);
        config = (struct store_config){ .folder = folder,
                                        .bootstrap = bootstrap,
                                        .advertise = "",
                                        .raft_listen = "",
                                        .raft_advertise = "",
                                        .join = "",
                                        .heartbeat = 50 * NS_PER_MS,
                                        .queue_bytes = 64 << 20,
                                        .compact_entries = 10000,
                                        .keep_entries = 500 };
        CHECK(store_open(&options, &store, NULL) == 0);
        while (!is_ready)
                CHECK(loop_turn(fixture->loop, -1, NULL) == 0);
        return store;
}

static void free_store(const struct fixture *fixture, struct store *store)
{
        store_free(store);
        CHECK(loop_turn(fixture->loop, 0, NULL) == 0); /* Raft's news that was under way */
}

/* As if an entry of so many bytes was applied. */
static void pretend_applied(struct store *store, size_t bytes)
{
        state_advance(store->state, state_version(store->state) + 1, state_time(store->state));
        flush_applied(store, bytes);
}

/* Begins to write and, while the loop does not turn, has written. */
static void write_something(struct store *store)
{
        pretend_applied(store, MUCH);
        assert_non_null(store->flush.job);
        usleep(200000);
}

static void post_ran(struct loop_post *post)
{
        (void)post;
}

static void turn_for(struct loop *loop, int64_t ns)
{
        struct loop_post post = { .run = post_ran };
        int64_t until;

        loop_post(loop, &post);
        until = loop_now_boot(loop) + ns;
        do
                CHECK(loop_turn(loop, 10, NULL) == 0);
        while (loop_now_boot(loop) < until);
}

static void changes_that_came_while_others_were_written_do_not_disturb_the_end(void **state)
{
        struct fixture *fixture = *state;
        struct store *store = open_store(fixture);

        write_something(store);
        pretend_applied(store, MUCH);
        free_store(fixture, store);
}

static void nothing_of_a_freed_store_runs(void **state)
{
        struct fixture *fixture = *state;
        struct store *store = open_store(fixture);

        write_something(store);
        pretend_applied(store, 1);
        store_free(store);
        turn_for(fixture->loop, NS_PER_S);
}

static void a_membership_that_is_as_it_should_be_is_let_alone(void **state)
{
        struct fixture *fixture = *state;
        struct store *store = open_store(fixture);

        while (!store->membership_version)
                CHECK(loop_turn(fixture->loop, -1, NULL) == 0);
        assert_false(loop_timer_is_set(&store->members_timer));
        free_store(fixture, store);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
        const struct CMUnitTest tests[] = {
                TEST(changes_that_came_while_others_were_written_do_not_disturb_the_end),
                TEST(nothing_of_a_freed_store_runs),
                TEST(a_membership_that_is_as_it_should_be_is_let_alone),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
