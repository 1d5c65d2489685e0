/* What 'skep info' tells. */
#include "cli/info.h"

#include <string.h>

#include "lib/base/version.h"
#include "tests/unit/cli/objects.h"
#include "tests/unit/test.h"

static Sk__GetNodeInfoResponse *some_node(struct arena *arena)
{
        Sk__GetNodeInfoResponse *node =
                MAKE(arena, Sk__GetNodeInfoResponse, SK__GET_NODE_INFO_RESPONSE__INIT);

        node->state = "inactive";
        node->version = "0.1.0";
        node->runtime = "containerd 1.6.20";
        node->state_folder = "/var/lib/skep";
        node->description = a_worker(arena)->description;
        node->containers_total = 3;
        node->containers_running = 2;
        return node;
}

static void a_node_in_no_swarm_says_inactive(void **state)
{
        _cleanup_(arena_done) struct arena arena = { 0 };
        _cleanup_(str_done) struct str out = { 0 };

        (void)state;
        info_render(&out, some_node(&arena), NULL);
        assert_string_equal(str_text(&out),
                            "Client:\n Version:    " SKEP_VERSION "\n\nServer:\n Containers: 3\n"
                            "  Running: 2\n  Stopped: 1\n Images: 0\n Server Version: 0.1.0\n"
                            " Swarm: inactive\n Runtime: containerd 1.6.20\n Kernel Version: \n"
                            " Operating System: \n OSType: linux\n Architecture: x86_64\n"
                            " CPUs: 2\n Total Memory: 23.54GiB\n Name: n2\n"
                            " Skep Root Dir: /var/lib/skep\n");
}

static void a_manager_tells_of_its_cluster(void **state)
{
        _cleanup_(arena_done) struct arena arena = { 0 };
        _cleanup_(str_done) struct str out = { 0 };
        Sk__GetNodeInfoResponse *node = some_node(&arena);
        Sk__GetInfoResponse *info = MAKE(&arena, Sk__GetInfoResponse, SK__GET_INFO_RESPONSE__INIT);
        Sk__ManagerAddress *manager = MAKE(&arena, Sk__ManagerAddress, SK__MANAGER_ADDRESS__INIT);

        (void)state;
        node->state = "active";
        node->node_id = "oyz0areg5bvzfvhymjjthws5x";
        node->role = SK__NODE_ROLE__NODE_ROLE_MANAGER;
        node->address = "10.77.0.1";
        info->cluster = MAKE(&arena, Sk__Cluster, SK__CLUSTER__INIT);
        info->cluster->id = "ikj971jdkqz1u9o6c3fhda8gf";
        info->managers_total = info->nodes_total = 1;
        manager->address = "10.77.0.1:2377";
        info->managers = &manager;
        info->n_managers = 1;
        info_render(&out, node, info);
        assert_non_null(strstr(str_text(&out),
                               " Swarm: active\n  NodeID: oyz0areg5bvzfvhymjjthws5x\n"
                               "  Is Manager: true\n  ClusterID: ikj971jdkqz1u9o6c3fhda8gf\n"
                               "  Managers: 1\n  Nodes: 1\n  Services: 0\n  Tasks Running: 0\n"
                               "  Node Address: 10.77.0.1\n  Manager Addresses:\n"
                               "   10.77.0.1:2377\n"));
}

static void daemons_are_told_of_while_they_matter(void **state)
{
        _cleanup_(arena_done) struct arena arena = { 0 };
        _cleanup_(str_done) struct str out = { 0 };
        Sk__GetNodeInfoResponse *node = some_node(&arena);
        Sk__DaemonState *mesh = MAKE(&arena, Sk__DaemonState, SK__DAEMON_STATE__INIT);
        Sk__DaemonState *api = MAKE(&arena, Sk__DaemonState, SK__DAEMON_STATE__INIT);
        Sk__DaemonState *daemons[] = { api, mesh };

        (void)state;
        node->daemons = daemons;
        node->n_daemons = 2;
        mesh->name = "mesh";
        mesh->is_running = true;
        mesh->n_restarts = 1;
        api->name = "api";
        api->n_restarts = 2;
        info_render(&out, node, NULL); /* it left its swarm */
        assert_non_null(strstr(str_text(&out), " Daemons:\n  mesh: running, restarted once\n"));
        assert_null(strstr(str_text(&out), "api:"));
        node->node_id = "oyz0areg5bvzfvhymjjthws5x";
        str_clear(&out);
        info_render(&out, node, NULL);
        assert_non_null(strstr(str_text(&out), "  api: stopped, restarted 2 times\n"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_node_in_no_swarm_says_inactive),
                cmocka_unit_test(a_manager_tells_of_its_cluster),
                cmocka_unit_test(daemons_are_told_of_while_they_matter),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
