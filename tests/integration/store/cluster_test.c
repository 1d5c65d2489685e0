/* Several stores: one leads, all have the same; killing any of them loses nothing; who was away too
 * long for the log is sent a snapshot. */
#include "tests/unit/test.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/check.h"
#include "lib/base/random.h"
#include "lib/base/time.h"
#include "lib/message/message.h"
#include "tests/integration/store/fixture.h"
#include "tests/integration/store/load.h"

enum { STORES = 3, KILLS = 6 };

struct cluster {
        struct fixture *stores[STORES];
        struct load load;
};

static const char *const arguments[] = { "--compact-after", "200", "--compact-keep", "10", NULL };

static Sk__GetStoreStatusResponse *status(struct fixture *store, struct arena *arena)
{
        Sk__GetStoreStatusRequest request = SK__GET_STORE_STATUS_REQUEST__INIT;
        ProtobufCMessage *out;

        CHECK(fixture_call(store, RPC_METHOD(store, GetStoreStatus), &request.base, arena, &out) ==
              0);
        return (Sk__GetStoreStatusResponse *)out;
}

/* The number of voters that a store knows of. */
static size_t count_voters(struct fixture *store)
{
        const Sk__ReadResponse *all;
        struct arena arena = { 0 };
        ProtobufCMessage *message;
        size_t n = 0;

        all = fixture_read_all(store, SK__KIND__KIND_CLUSTER, &arena);
        for (size_t i = 0; all->n_objects && i < all->objects[0]->n_parts; i++) {
                const Sk__Part *part = all->objects[0]->parts[i];
                const Sk__ClusterMembership *membership;

                if (part->index != 3)
                        continue;
                CHECK(message_unpack(&arena, &sk__cluster_membership__descriptor, part->data.data,
                                     part->data.len, &message, NULL) == 0);
                membership = (const Sk__ClusterMembership *)message;
                for (size_t j = 0; j < membership->n_members; j++)
                        n += !membership->members[j]->learner;
        }
        arena_done(&arena);
        return n;
}

static void wait_for_voters(struct cluster *cluster, size_t n)
{
        for (int i = 0; count_voters(cluster->stores[0]) != n; i++) {
                assert_true(i < 200);
                load_turn(&cluster->load, 100);
        }
}

static struct fixture *leader(struct cluster *cluster)
{
        for (int tries = 0; tries < 200; tries++) {
                for (size_t i = 0; i < STORES; i++) {
                        struct arena arena = { 0 };
                        bool leads = cluster->stores[i]->pid &&
                                     status(cluster->stores[i], &arena)->is_leader;

                        arena_done(&arena);
                        if (leads)
                                return cluster->stores[i];
                }
                load_turn(&cluster->load, 50);
        }
        fail_msg("nobody leads");
        return NULL;
}

static int setup(void **state)
{
        struct cluster *cluster = mem_alloc(sizeof *cluster);
        static const char *const nodes[STORES] = { "node1", "node2", "node3" };
        void *first;

        fixture_setup(&first);
        cluster->stores[0] = first;
        load_init(&cluster->load, cluster->stores[0]->loop);
        cluster->load.retries = true;
        fixture_start(cluster->stores[0], arguments);
        for (size_t i = 1; i < STORES; i++) {
                cluster->stores[i] = fixture_join(cluster->stores[0], nodes[i]);
                fixture_start(cluster->stores[i], arguments);
        }
        for (size_t i = 0; i < STORES; i++)
                cluster->load.clients[cluster->load.n_clients++] = cluster->stores[i]->client;
        *state = cluster;
        return 0;
}

static int teardown(void **state)
{
        struct cluster *cluster = *state;
        void *first = cluster->stores[0];

        for (size_t i = 1; i < STORES; i++)
                fixture_leave(cluster->stores[i]);
        load_done(&cluster->load);
        fixture_teardown(&first);
        free(cluster);
        return 0;
}

/* Every store says the same, and it is what was acknowledged. */
static void look(struct cluster *cluster)
{
        for (size_t i = 0; i < STORES; i++) {
                struct arena arena = { 0 };

                load_check(&cluster->load,
                           fixture_read_all(cluster->stores[i], SK__KIND__KIND_TASK, &arena));
                arena_done(&arena);
        }
}

static void a_cluster_grows_and_every_store_takes_commits(void **state)
{
        struct cluster *cluster = *state;

        wait_for_voters(cluster, STORES);
        load_start(&cluster->load);
        load_turn(&cluster->load, 1000);
        cluster->load.is_stopping = true;
        load_wait(&cluster->load);
        assert_true(load_count(&cluster->load) > WRITERS);
        look(cluster);
        load_repeat(&cluster->load);
}

static void killing_the_leader_loses_nothing(void **state)
{
        struct cluster *cluster = *state;

        wait_for_voters(cluster, STORES);
        load_start(&cluster->load);
        for (int i = 0; i < KILLS; i++) {
                struct fixture *victim = leader(cluster);

                load_turn(&cluster->load, 300);
                cluster->load.longest_gap = 0;
                fixture_kill(victim);
                load_turn(&cluster->load, 2500);
                printf("longest time without an answer: %lld ms\n",
                       (long long)(cluster->load.longest_gap / NS_PER_MS));
                fixture_start(victim, arguments);
                load_turn(&cluster->load, 500);
        }
        cluster->load.is_stopping = true;
        load_wait(&cluster->load);
        look(cluster);
        load_repeat(&cluster->load);
        look(cluster);
        printf("commits: %llu\n", (unsigned long long)load_count(&cluster->load));
}

static void who_was_away_too_long_gets_a_snapshot(void **state)
{
        struct cluster *cluster = *state;
        struct fixture *away;
        struct arena arena = { 0 };
        uint64_t before;

        wait_for_voters(cluster, STORES);
        away = cluster->stores[leader(cluster) == cluster->stores[2] ? 1 : 2];
        before = status(away, &arena)->applied_index;
        fixture_kill(away);
        load_start(&cluster->load);
        while (status(leader(cluster), &arena)->first_index <= before + 100)
                load_turn(&cluster->load, 200);
        fixture_start(away, arguments);
        load_turn(&cluster->load, 2000);
        cluster->load.is_stopping = true;
        load_wait(&cluster->load);
        look(cluster);
        assert_true(status(away, &arena)->first_index > before);
        fixture_kill(away);
        fixture_start(away, arguments);
        look(cluster);
        arena_done(&arena);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                TEST(a_cluster_grows_and_every_store_takes_commits),
                TEST(killing_the_leader_loses_nothing),
                TEST(who_was_away_too_long_gets_a_snapshot),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
