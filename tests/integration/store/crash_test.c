/* kill -9 at any moment, under load: what was acknowledged is there, what was never asked for is
 * not, groups are whole, and a commit that is repeated is applied once.
 *
 * SKEP_CRASHES sets how often (20). */
#include "tests/unit/test.h"

#include <stdio.h>

#include "lib/base/random.h"
#include "lib/os/file.h"
#include "tests/integration/store/fixture.h"
#include "tests/integration/store/load.h"

static void look(struct load *load, struct fixture *fixture)
{
        struct arena arena = { 0 };

        load_check(load, fixture_read_all(fixture, SK__KIND__KIND_TASK, &arena));
        arena_done(&arena);
}

/* One life of the store, at whose end it is killed. */
static void live_once(struct load *load, struct fixture *fixture, struct random *random)
{
        fixture_start(fixture, NULL);
        look(load, fixture);
        load_repeat(load);
        look(load, fixture);
        load_start(load);
        load_turn(load, random_between(random, 1, 700));
        load->is_stopping = true;
        /* Now and then in peace, when all is on disk and the log is not needed. */
        if (random_below(random, 4) == 0)
                load_turn(load, 700);
        fixture_kill(fixture);
        load_wait(load);
}

static void nothing_acknowledged_is_lost_whenever_the_store_is_killed(void **state)
{
        struct fixture *fixture = *state;
        const char *crashes = getenv("SKEP_CRASHES");
        int n = crashes ? atoi(crashes) : 20;
        struct random random;
        struct load load;
        uint64_t seed;

        os_random(&seed, sizeof seed);
        printf("seed %llu\n", (unsigned long long)seed);
        random_init(&random, seed);
        load_init(&load, fixture->loop);
        load.clients[load.n_clients++] = fixture->client;
        for (int i = 0; i < n; i++)
                live_once(&load, fixture, &random);
        printf("commits acknowledged over %d crashes: %llu\n", n,
               (unsigned long long)load_count(&load));
        assert_true(load_count(&load) > (uint64_t)n);
        load_done(&load);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(
                        nothing_acknowledged_is_lost_whenever_the_store_is_killed, fixture_setup,
                        fixture_teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
