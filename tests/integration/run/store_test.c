/* Mirror, committer and lease against a real store that is killed and started again. */
#include "tests/unit/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/time.h"
#include "lib/os/file.h"
#include "lib/run/committer.h"
#include "lib/run/lease.h"
#include "lib/run/mirror.h"
#include "tests/integration/store/fixture.h"

enum { BURST = 200 };

struct loops {
        struct fixture *store;
        struct mirror *mirror;
        struct committer *committer;
        struct lease *lease;
        uint64_t epoch, version; /* of the lease; 0: not held */
        uint64_t committed;      /* the version of the latest answer */
        int n_done, n_failed, code, n_fresh, n_restarts;
        bool is_refused[BURST]; /* of each task: its latest commit was refused */
};

struct creation {
        struct loops *loops;
        int i;
};

static void changed(void *context, const Sk__Event *const *events, size_t n_events, bool is_restart)
{
        struct loops *loops = context;

        (void)events;
        (void)n_events;
        loops->n_restarts += is_restart;
}

static void lease_changed(void *context, bool is_held, uint64_t epoch, uint64_t version)
{
        struct loops *loops = context;

        loops->epoch = is_held ? epoch : 0;
        loops->version = version;
        if (is_held)
                committer_set_epoch(loops->committer, epoch);
}

static int set_up(void **state)
{
        struct loops *loops = calloc(1, sizeof *loops);
        Sk__KindMask mask = SK__KIND_MASK__INIT;
        struct loop *loop;

        fixture_setup((void **)&loops->store);
        loop = loops->store->loop;
        fixture_start(loops->store, NULL);
        mask.kind = SK__KIND__KIND_TASK;
        mask.parts = 0xf;
        assert_int_equal(mirror_new(&(struct mirror_options){ .loop = loop,
                                                              .store = loops->store->client,
                                                              .kinds = &mask,
                                                              .n_kinds = 1,
                                                              .changed = changed,
                                                              .context = loops },
                                    &loops->mirror, NULL),
                         0);
        assert_int_equal(committer_new(&(struct committer_options){ .loop = loop,
                                                                    .store = loops->store->client,
                                                                    .loop_name = "orchestrator" },
                                       &loops->committer, NULL),
                         0);
        assert_int_equal(lease_new(&(struct lease_options){ .loop = loop,
                                                            .store = loops->store->client,
                                                            .loop_name = "orchestrator",
                                                            .node_id = "node1",
                                                            .changed = lease_changed,
                                                            .context = loops },
                                   &loops->lease, NULL),
                         0);
        *state = loops;
        return 0;
}

static int tear_down(void **state)
{
        struct loops *loops = *state;

        lease_free(loops->lease);
        committer_free(loops->committer);
        mirror_free(loops->mirror);
        fixture_teardown((void **)&loops->store);
        free(loops);
        return 0;
}

/* Turns the loop until 'value' is no less than 'least'; 20 s at most. */
static void wait_for(struct loops *loops, const void *value, int least)
{
        struct err err;
        int64_t until;

        loop_turn(loops->store->loop, 0, &err);
        until = loop_now_boot(loops->store->loop) + 20 * NS_PER_S;
        while (*(const int *)value < least) {
                assert_int_equal(loop_turn(loops->store->loop, 100, &err), 0);
                assert_true(loop_now_boot(loops->store->loop) < until);
        }
}

static void wait_for_lease(struct loops *loops)
{
        struct err err;

        for (int i = 0; i < 200 && !loops->epoch; i++)
                loop_turn(loops->store->loop, 100, &err);
        assert_true(loops->epoch > 0);
}

static void count(void *context)
{
        ++*(int *)context;
}

/* Waits until the mirror shows what was committed. */
static void wait_until_shown(struct loops *loops)
{
        int n = 0;
        struct mirror_wait wait = { .reached = count, .context = &n };

        mirror_wait(loops->mirror, &wait, loops->committed);
        wait_for(loops, &n, 1);
}

static void done(void *context, const struct commit_outcome *outcome)
{
        struct creation *creation = context;
        struct loops *loops = creation->loops;

        loops->n_done++;
        loops->n_failed += outcome->err != NULL;
        loops->is_refused[creation->i] = outcome->err != NULL;
        free(creation);
        loops->code = outcome->err ? outcome->err->code : 0;
        if (outcome->version > loops->committed)
                loops->committed = outcome->version;
}

static void create_task(struct loops *loops, int i)
{
        Sk__TaskDefinition definition = SK__TASK_DEFINITION__INIT;
        struct creation *creation = calloc(1, sizeof *creation);
        struct plan plan;
        char id[32];

        *creation = (struct creation){ .loops = loops, .i = i };
        snprintf(id, sizeof id, "task%021d", i);
        plan_init(&plan);
        definition.service_id = "service000000000000000000";
        definition.spec_id = "spec000000000000000000000";
        definition.slot = (uint64_t)i + 1;
        definition.generation = (uint64_t)i + 1;
        definition.desired_state = SK__TASK_STATE__TASK_RUNNING;
        plan_set_part(plan_create(&plan, SK__KIND__KIND_TASK, id), PART_TASK_definition,
                      &definition.base);
        committer_submit(loops->committer, &plan, NS_PER_MINUTE, done, creation);
        plan_done(&plan);
}

static size_t n_tasks(struct loops *loops)
{
        return view_count(mirror_view(loops->mirror), SK__KIND__KIND_TASK);
}

static void what_is_committed_shows_in_the_mirror(void **state)
{
        struct loops *loops = *state;

        wait_for_lease(loops);
        for (int i = 0; i < BURST; i++)
                create_task(loops, i);
        wait_for(loops, &loops->n_done, BURST);
        assert_int_equal(loops->n_failed, 0);
        wait_until_shown(loops);
        assert_int_equal(n_tasks(loops), BURST);
        assert_int_equal(view_count_service_tasks(mirror_view(loops->mirror),
                                                  "service000000000000000000"),
                         BURST);
}

static void fresh(void *context, const struct err *err)
{
        struct loops *loops = context;

        assert_null(err);
        loops->n_fresh++;
}

static void a_read_shows_what_was_committed_before_it(void **state)
{
        struct loops *loops = *state;
        struct mirror_read read = { .fresh = fresh, .context = loops };

        wait_for_lease(loops);
        create_task(loops, 1);
        wait_for(loops, &loops->n_done, 1);
        mirror_read(loops->mirror, &read);
        wait_for(loops, &loops->n_fresh, 1);
        assert_int_equal(n_tasks(loops), 1);
}

/* What came to the store again only after the lease had been granted anew is refused as a whole, as
 * any deposed loop's: nothing of it may show, and it can be said again. */
static void say_refused_ones_again(struct loops *loops)
{
        int n = loops->n_failed;

        if (!n)
                return;
        assert_int_equal(loops->code, ERR_PRECONDITION);
        assert_int_equal(n_tasks(loops), BURST - n);
        wait_for_lease(loops);
        loops->n_failed = loops->n_done = 0;
        for (int i = 0; i < BURST; i++)
                if (loops->is_refused[i])
                        create_task(loops, i);
        wait_for(loops, &loops->n_done, n);
        wait_until_shown(loops);
}

/* The store dies with commits under way and comes back: each is applied once, the mirror goes on
 * where it was. */
static void a_store_that_dies_and_comes_back_is_only_a_pause(void **state)
{
        struct loops *loops = *state;
        uint64_t first_epoch;

        wait_for_lease(loops);
        first_epoch = loops->epoch;
        create_task(loops, 0);
        wait_for(loops, &loops->n_done, 1);
        wait_until_shown(loops);
        fixture_kill(loops->store);
        fixture_start(loops->store, NULL);
        loops->epoch = 0;
        wait_for_lease(loops);
        assert_true(loops->epoch > first_epoch);
        for (int i = 1; i < BURST; i++)
                create_task(loops, i);
        loop_turn(loops->store->loop, 10, NULL);
        loops->epoch = 0;
        fixture_kill(loops->store);
        fixture_start(loops->store, NULL);
        wait_for(loops, &loops->n_done, BURST);
        wait_until_shown(loops);
        say_refused_ones_again(loops);
        assert_int_equal(loops->n_failed, 0);
        assert_int_equal(n_tasks(loops), BURST);
        /* The first snapshot; and one more each time the store died before its last version was
         * seen here. */
        assert_in_range(loops->n_restarts, 1, 3);
}

static void an_epoch_that_is_over_cannot_commit(void **state)
{
        struct loops *loops = *state;

        wait_for_lease(loops);
        committer_set_epoch(loops->committer, loops->epoch - 1);
        create_task(loops, 1);
        wait_for(loops, &loops->n_done, 1);
        assert_int_equal(loops->code, ERR_PRECONDITION);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(what_is_committed_shows_in_the_mirror),
                TEST(a_read_shows_what_was_committed_before_it),
                TEST(a_store_that_dies_and_comes_back_is_only_a_pause),
                TEST(an_epoch_that_is_over_cannot_commit),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
