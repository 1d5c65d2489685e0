/* Several stores: one leads, all have the same; killing any of them loses nothing; who was away too
 * long for the log is sent a snapshot. */
#include "tests/unit/test.h"

#include <stdio.h>
#include <string.h>

#include "api/raft.h"
#include "lib/base/check.h"
#include "lib/base/random.h"
#include "lib/base/time.h"
#include "lib/message/message.h"
#include "tests/integration/store/fixture.h"
#include "tests/integration/store/load.h"
#include "tests/lib/identity/identity.h"

enum { STORES = 3, KILLS = 6 };

static const char *const nodes[STORES] = { FIRST_NODE, "node200000000000000000000",
                                           "node300000000000000000000" };

struct cluster {
        struct fixture *stores[STORES];
        struct load load;
};

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
        void *first;

        fixture_setup(&first);
        cluster->stores[0] = first;
        load_init(&cluster->load, cluster->stores[0]->loop);
        cluster->load.retries = true;
        fixture_start(cluster->stores[0], NULL);
        for (size_t i = 1; i < STORES; i++) {
                cluster->stores[i] = fixture_join(cluster->stores[0], nodes[i]);
                fixture_start(cluster->stores[i], NULL);
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

/* A client of the first store that speaks as skep-ca. */
static struct rpc_client *connect_ca(struct cluster *cluster, struct rpc_identity **ret_identity)
{
        struct fixture *first = cluster->stores[0];
        struct rpc_client_options options = { .server_daemon = "store", .address = first->address };
        struct rpc_client *client;
        char id[128];

        snprintf(id, sizeof id, "%s/id", first->folder);
        test_identity_make(id, "cluster1", FIRST_NODE, "swarm-manager", "ca");
        CHECK(rpc_identity_open(id, "ca", ret_identity, NULL) == 0);
        options.identity = *ret_identity;
        CHECK(rpc_client_new(first->loop, &options, &client, NULL) == 0);
        return client;
}

/* The node's object says that it is to be a worker. */
static void demote(struct cluster *cluster, const char *node)
{
        struct arena arena = { 0 };
        Sk__NodeSpec spec = SK__NODE_SPEC__INIT;
        Sk__Part part = SK__PART__INIT, *parts[] = { &part };
        Sk__Change change = SK__CHANGE__INIT, *changes[] = { &change };
        Sk__Group group = SK__GROUP__INIT, *groups[] = { &group };
        Sk__CommitRequest request = SK__COMMIT_REQUEST__INIT;
        struct fixture as_ca = *cluster->stores[0];
        struct rpc_identity *identity;

        spec.desired_role = SK__NODE_ROLE__NODE_ROLE_WORKER;
        message_pack(&arena, &spec.base, &part.data.data, &part.data.len);
        change.op = SK__CHANGE__OP__CREATE;
        change.kind = SK__KIND__KIND_NODE;
        change.id = (char *)node;
        change.parts = parts;
        change.n_parts = 1;
        group.changes = changes;
        group.n_changes = 1;
        request.groups = groups;
        request.n_groups = 1;
        as_ca.client = connect_ca(cluster, &identity);
        assert_int_equal(fixture_call(&as_ca, RPC_METHOD(store, Commit), &request.base, &arena,
                                      NULL),
                         0);
        rpc_client_free(as_ca.client);
        rpc_identity_free(identity);
        arena_done(&arena);
}

static void a_demoted_node_leaves_and_the_rest_goes_on(void **state)
{
        struct cluster *cluster = *state;
        size_t demoted = 0;

        wait_for_voters(cluster, STORES);
        while (cluster->stores[demoted] != leader(cluster))
                demoted++;
        demote(cluster, nodes[demoted]);
        /* The one that was demoted has no say any more, and may not know. */
        for (size_t i = 0; i < STORES; i++)
                cluster->load.clients[i] = cluster->stores[(demoted + 1) % STORES]->client;
        for (int i = 0; count_voters(cluster->stores[(demoted + 1) % STORES]) != STORES - 1; i++) {
                assert_true(i < 200);
                load_turn(&cluster->load, 100);
        }
        fixture_kill(cluster->stores[demoted]);
        load_start(&cluster->load);
        load_turn(&cluster->load, 500);
        cluster->load.is_stopping = true;
        load_wait(&cluster->load);
        assert_true(load_count(&cluster->load) > WRITERS);
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
                fixture_start(victim, NULL);
                load_turn(&cluster->load, 500);
        }
        cluster->load.is_stopping = true;
        load_wait(&cluster->load);
        look(cluster);
        load_repeat(&cluster->load);
        look(cluster);
        printf("commits: %llu\n", (unsigned long long)load_count(&cluster->load));
}

static void a_new_cluster_can_be_forced_from_what_one_store_has(void **state)
{
        static const char *const force[] = { "--force-new-cluster", NULL };
        struct cluster *cluster = *state;
        struct fixture *survivor = cluster->stores[1];
        struct arena arena = { 0 };

        wait_for_voters(cluster, STORES);
        load_start(&cluster->load);
        load_turn(&cluster->load, 500);
        cluster->load.is_stopping = true;
        load_wait(&cluster->load);
        look(cluster);
        for (size_t i = 0; i < STORES; i++)
                fixture_kill(cluster->stores[i]);
        fixture_start(survivor, force);
        load_check(&cluster->load, fixture_read_all(survivor, SK__KIND__KIND_TASK, &arena));
        for (int i = 0; count_voters(survivor) != 1; i++) {
                assert_true(i < 100);
                load_turn(&cluster->load, 100);
        }
        fixture_kill(survivor);
        fixture_start(survivor, NULL);
        cluster->load.clients[0] = cluster->load.clients[2] = survivor->client;
        load_repeat(&cluster->load);
        load_start(&cluster->load);
        load_turn(&cluster->load, 300);
        cluster->load.is_stopping = true;
        load_wait(&cluster->load);
        load_check(&cluster->load, fixture_read_all(survivor, SK__KIND__KIND_TASK, &arena));
        arena_done(&arena);
}

/* Has a store added that never runs. */
static void add_ghost(struct cluster *cluster)
{
        struct fixture *ghost = fixture_join(cluster->stores[0], "node900000000000000000000");
        struct rpc_client_options options = { .server_daemon = "store" };
        Sk__AddMemberRequest request = SK__ADD_MEMBER_REQUEST__INIT;
        struct arena arena = { 0 };
        char id[128];

        rpc_client_free(ghost->client);
        rpc_identity_free(ghost->identity);
        snprintf(id, sizeof id, "%s/id", ghost->folder);
        CHECK(rpc_identity_open(id, "store", &ghost->identity, NULL) == 0);
        options.identity = ghost->identity;
        options.address = leader(cluster)->address;
        CHECK(rpc_client_new(ghost->loop, &options, &ghost->client, NULL) == 0);
        request.address = ghost->address;
        request.raft_address = ghost->raft_address;
        CHECK(fixture_call(ghost, RPC_METHOD(store_peer, AddMember), &request.base, &arena, NULL) ==
              0);
        fixture_leave(ghost);
        arena_done(&arena);
}

static void a_newcomer_that_died_holds_up_nobody(void **state)
{
        struct cluster *cluster = *state;
        struct fixture *fourth;

        wait_for_voters(cluster, STORES);
        add_ghost(cluster);
        fourth = fixture_join(cluster->stores[0], "node400000000000000000000");
        snprintf(fourth->join, sizeof fourth->join, "%s", leader(cluster)->address);
        fixture_start(fourth, NULL);
        wait_for_voters(cluster, STORES + 1);
        fixture_leave(fourth);
}

static uint64_t newest_acknowledged(const struct load *load)
{
        uint64_t newest = 0;

        for (size_t i = 0; i < WRITERS; i++)
                if (newest < load->writers[i].acknowledged_version)
                        newest = load->writers[i].acknowledged_version;
        return newest;
}

struct watcher {
        bool is_told, restarts;
};

static void watcher_told(void *context, const void *out)
{
        const Sk__WatchResponse *news = out;
        struct watcher *watcher = context;

        if (!watcher->is_told)
                watcher->restarts = news->restart;
        watcher->is_told = true;
}

static void watcher_closed(void *context, const struct err *err)
{
        (void)context;
        fail_msg("%s", err->text);
}

/* Is who knows everything up to this version told to begin anew? */
static bool must_begin_anew(struct cluster *cluster, struct fixture *store, uint64_t version)
{
        static const struct rpc_stream_events events = { .message = watcher_told,
                                                         .closed = watcher_closed };
        Sk__WatchRequest request = SK__WATCH_REQUEST__INIT;
        Sk__KindMask mask = SK__KIND_MASK__INIT, *masks[] = { &mask };
        struct watcher watcher = { 0 };
        struct rpc_stream *stream;

        mask.kind = SK__KIND__KIND_TASK;
        mask.parts = 15;
        request.kinds = masks;
        request.n_kinds = 1;
        request.from_version = version;
        stream = rpc_client_stream(store->client, RPC_METHOD(store, Watch), &request.base, &events,
                                   &watcher);
        for (int i = 0; !watcher.is_told; i++) {
                assert_true(i < 100);
                load_turn(&cluster->load, 100);
        }
        rpc_stream_cancel(stream);
        return watcher.restarts;
}

/* Of what the survivor missed there are versions and epochs in many hands. */
static void a_forced_cluster_gives_no_version_twice(void **state)
{
        static const char *const force[] = { "--force-new-cluster", NULL };
        struct cluster *cluster = *state;
        struct fixture *survivor = cluster->stores[1];
        struct arena arena = { 0 };
        uint64_t lost;

        wait_for_voters(cluster, STORES);
        look(cluster);
        fixture_kill(survivor);
        cluster->load.clients[1] = cluster->stores[0]->client;
        load_start(&cluster->load);
        load_turn(&cluster->load, 500);
        cluster->load.is_stopping = true;
        load_wait(&cluster->load);
        lost = newest_acknowledged(&cluster->load);
        assert_true(lost);
        for (size_t i = 0; i < STORES; i++)
                fixture_kill(cluster->stores[i]);
        fixture_start(survivor, force);
        assert_int_equal(fixture_read_all(survivor, SK__KIND__KIND_TASK, &arena)->n_objects, 0);
        assert_true(status(survivor, &arena)->applied_index > lost);
        assert_true(must_begin_anew(cluster, survivor, lost));
        fixture_kill(survivor);
        fixture_start(survivor, NULL);
        assert_true(status(survivor, &arena)->applied_index > lost);
        assert_true(must_begin_anew(cluster, survivor, lost));
        arena_done(&arena);
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
        /* As the cluster's settings say, long before it is by default. */
        assert_true(status(leader(cluster), &arena)->applied_index < before + 10000);
        fixture_start(away, NULL);
        load_turn(&cluster->load, 2000);
        cluster->load.is_stopping = true;
        load_wait(&cluster->load);
        look(cluster);
        assert_true(status(away, &arena)->first_index > before);
        fixture_kill(away);
        fixture_start(away, NULL);
        look(cluster);
        arena_done(&arena);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                TEST(a_cluster_grows_and_every_store_takes_commits),
                TEST(killing_the_leader_loses_nothing),
                TEST(a_demoted_node_leaves_and_the_rest_goes_on),
                TEST(a_newcomer_that_died_holds_up_nobody),
                TEST(who_was_away_too_long_gets_a_snapshot),
                TEST(a_new_cluster_can_be_forced_from_what_one_store_has),
                TEST(a_forced_cluster_gives_no_version_twice),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
