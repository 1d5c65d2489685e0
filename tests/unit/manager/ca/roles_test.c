/* What a person asks of a node's role becomes so. */
#include "manager/ca/roles.h"

#include <stdlib.h>
#include <string.h>

#include "api/objects.h"
#include "tests/lib/build_objects.h"
#include "tests/unit/test.h"

static int setup(void **state)
{
        struct world *world = mem_alloc(sizeof *world);

        world_init(world);
        a_cluster(world);
        *state = world;
        return 0;
}

static int teardown(void **state)
{
        world_done(*state);
        free(*state);
        return 0;
}

static const char *node_with(struct world *world, const char *name, Sk__NodeRole role,
                             Sk__NodeRole wanted)
{
        Sk__NodeIdentity identity = SK__NODE_IDENTITY__INIT;
        Sk__NodeSpec spec = SK__NODE_SPEC__INIT;
        const char *id = a_node(world, name)->id;

        spec.desired_role = wanted;
        identity.role = role;
        identity.certificate_pem = "its certificate";
        a_part(world, SK__KIND__KIND_NODE, id, name, PART_NODE_spec, &spec.base);
        a_part(world, SK__KIND__KIND_NODE, id, name, PART_NODE_identity, &identity.base);
        return id;
}

static void members_are(struct world *world, const char *node_id)
{
        Sk__ClusterMembership membership = SK__CLUSTER_MEMBERSHIP__INIT;
        Sk__ClusterMembership__Member member = SK__CLUSTER_MEMBERSHIP__MEMBER__INIT;
        Sk__ClusterMembership__Member *members[] = { &member };

        member.node_id = node_id;
        membership.members = members;
        membership.n_members = 1;
        a_part(world, SK__KIND__KIND_CLUSTER, view_cluster(world->view)->id, "default",
               PART_CLUSTER_membership, &membership.base);
}

static Sk__NodeRole role_after(struct world *world, const char *id)
{
        struct plan plan;

        plan_init(&plan);
        ca_roles.decide(world->view, id, NULL, 100, &plan);
        if (plan.n_changes)
                world_apply(world, &plan);
        plan_done(&plan);
        assert_string_equal(view_node(world->view, id)->identity->certificate_pem,
                            "its certificate");
        return view_node(world->view, id)->identity->role;
}

#define MANAGER SK__NODE_ROLE__NODE_ROLE_MANAGER
#define WORKER SK__NODE_ROLE__NODE_ROLE_WORKER

static void a_worker_that_shall_be_a_manager_is_one(void **state)
{
        assert_int_equal(role_after(*state, node_with(*state, "n1", WORKER, MANAGER)), MANAGER);
}

static void a_manager_is_a_worker_once_it_has_left_the_membership(void **state)
{
        const char *id = node_with(*state, "n1", MANAGER, WORKER);

        members_are(*state, id);
        assert_int_equal(role_after(*state, id), MANAGER);
        members_are(*state, "another");
        assert_int_equal(role_after(*state, id), WORKER);
}

static void who_is_what_it_shall_be_stays_so(void **state)
{
        struct world *world = *state;
        const char *id = node_with(world, "n1", MANAGER, MANAGER);
        uint64_t version = world->version;

        assert_int_equal(role_after(world, id), MANAGER);
        assert_int_equal(world->version, version);
        ca_roles.decide(world->view, "nobody", NULL, 100, &(struct plan){ 0 });
}

/* The membership says nothing of which node it was. */
static void a_change_of_the_cluster_touches_all_that_are_not_settled(void **state)
{
        struct world *world = *state;
        struct reconcile_keys keys = { 0 };
        Sk__Event event = SK__EVENT__INIT;
        char key[RECONCILE_KEY_SIZE];

        node_with(world, "n1", MANAGER, MANAGER);
        node_with(world, "n2", MANAGER, WORKER);
        event.kind = SK__KIND__KIND_CLUSTER;
        ca_roles.touch(world->view, &event, NULL, &keys);
        assert_true(reconcile_keys_take(&keys, key));
        assert_string_equal(key, an_id(world, "n2"));
        assert_false(reconcile_keys_take(&keys, key));
        reconcile_keys_done(&keys);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(a_worker_that_shall_be_a_manager_is_one),
                TEST(a_manager_is_a_worker_once_it_has_left_the_membership),
                TEST(who_is_what_it_shall_be_stays_so),
                TEST(a_change_of_the_cluster_touches_all_that_are_not_settled),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
