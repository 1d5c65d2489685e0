/* Who may have which certificate. */
#include "manager/ca/ca.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/check.h"
#include "lib/base/time.h"
#include "tests/lib/build_objects.h"
#include "tests/unit/test.h"

struct scene {
        struct world world;
        struct str root, key;
        char worker_token[TRUST_TOKEN_SIZE], manager_token[TRUST_TOKEN_SIZE],
                foreign_token[TRUST_TOKEN_SIZE];
        Sk__DaemonCsr csrs[CA_CSRS_MAX + 1], *csr_list[CA_CSRS_MAX + 1];
        struct err err;
};

static const char *const manager_daemons[] = { "agent", "store", "api", "ca", "mesh" };

static int setup(void **state)
{
        struct scene *scene = mem_alloc(sizeof *scene);
        Sk__ClusterTrust trust = SK__CLUSTER_TRUST__INIT;
        Sk__ClusterKeys keys = SK__CLUSTER_KEYS__INIT;
        struct str other_root = { 0 }, other_key = { 0 };
        const Sk__Cluster *cluster;

        world_init(&scene->world);
        cluster = a_cluster(&scene->world);
        assert_int_equal(trust_make_root(&scene->root, &scene->key, &scene->err), 0);
        assert_int_equal(trust_make_root(&other_root, &other_key, &scene->err), 0);
        trust_make_token(str_text(&scene->root), scene->worker_token, &scene->err);
        trust_make_token(str_text(&scene->root), scene->manager_token, &scene->err);
        trust_make_token(str_text(&other_root), scene->foreign_token, &scene->err);
        str_done(&other_root);
        str_done(&other_key);
        trust.root_certificate_pem = str_text(&scene->root);
        trust.worker_token = scene->worker_token;
        trust.manager_token = scene->manager_token;
        keys.root_key_pem = str_text(&scene->key);
        a_part(&scene->world, SK__KIND__KIND_CLUSTER, cluster->id, "default", 1, &trust.base);
        a_part(&scene->world, SK__KIND__KIND_CLUSTER, cluster->id, "default", 2, &keys.base);
        for (size_t i = 0; i < COUNT_OF(scene->csrs); i++) {
                sk__daemon_csr__init(&scene->csrs[i]);
                scene->csrs[i].daemon = manager_daemons[i % COUNT_OF(manager_daemons)];
                scene->csrs[i].csr_pem = "csr";
                scene->csr_list[i] = &scene->csrs[i];
        }
        *state = scene;
        return 0;
}

static int teardown(void **state)
{
        struct scene *scene = *state;

        str_done(&scene->root);
        str_done(&scene->key);
        world_done(&scene->world);
        free(scene);
        return 0;
}

static int judge_join(struct scene *scene, const char *token, size_t n_csrs, struct ca_grant *ret)
{
        Sk__JoinClusterRequest in = SK__JOIN_CLUSTER_REQUEST__INIT;

        in.token = token;
        in.csrs = scene->csr_list;
        in.n_csrs = n_csrs;
        return ca_judge_join(scene->world.view, &in, "fresh", ret, &scene->err);
}

static void the_token_decides_the_role(void **state)
{
        struct scene *scene = *state;
        struct ca_grant grant;

        assert_int_equal(judge_join(scene, scene->manager_token, 5, &grant), 0);
        assert_int_equal(grant.role, SK__NODE_ROLE__NODE_ROLE_MANAGER);
        assert_string_equal(grant.node_id, "fresh");
        assert_int_equal(judge_join(scene, scene->worker_token, 1, &grant), 0);
        assert_int_equal(grant.role, SK__NODE_ROLE__NODE_ROLE_WORKER);
}

static void no_certificate_outlives_a_root(void **state)
{
        struct scene *scene = *state;
        Sk__ClusterSpec spec = SK__CLUSTER_SPEC__INIT;
        struct ca_grant grant;

        assert_int_equal(judge_join(scene, scene->worker_token, 1, &grant), 0);
        assert_int_equal(grant.lifetime_ns, TRUST_NODE_DAYS * NS_PER_DAY);
        spec.certificate_expiry_ns = INT64_MAX;
        a_part(&scene->world, SK__KIND__KIND_CLUSTER, view_cluster(scene->world.view)->id,
               "default", 0, &spec.base);
        assert_int_equal(judge_join(scene, scene->worker_token, 1, &grant), 0);
        assert_int_equal(grant.lifetime_ns, TRUST_ROOT_DAYS * NS_PER_DAY);
}

static void a_worker_gets_no_managers_certificate(void **state)
{
        struct scene *scene = *state;
        struct ca_grant grant;

        assert_int_equal(judge_join(scene, scene->worker_token, 2, &grant), ERR_DENIED);
        assert_non_null(strstr(scene->err.text, "store"));
}

static void tokens_that_are_not_ours_are_refused(void **state)
{
        struct scene *scene = *state;
        struct ca_grant grant;

        assert_true(judge_join(scene, "", 1, &grant) < 0);
        assert_true(judge_join(scene, "nonsense", 1, &grant) < 0);
        assert_true(judge_join(scene, scene->foreign_token, 1, &grant) < 0);
}

static void requests_are_bounded_and_each_daemons_once(void **state)
{
        struct scene *scene = *state;
        struct ca_grant grant;

        assert_int_equal(judge_join(scene, scene->manager_token, 0, &grant), ERR_INVALID);
        assert_int_equal(judge_join(scene, scene->manager_token, 6, &grant), ERR_INVALID);
        assert_int_equal(judge_join(scene, scene->manager_token, CA_CSRS_MAX + 1, &grant),
                         ERR_INVALID);
        scene->csrs[0].daemon = "mesh";
        assert_int_equal(judge_join(scene, scene->manager_token, 1, &grant), ERR_INVALID);
        scene->csrs[0].daemon = "root";
        assert_int_equal(judge_join(scene, scene->manager_token, 1, &grant), ERR_DENIED);
}

static void certificates_live_as_long_as_the_cluster_says(void **state)
{
        struct scene *scene = *state;
        Sk__ClusterSpec spec = SK__CLUSTER_SPEC__INIT;
        struct ca_grant grant;

        spec.certificate_expiry_ns = 0;
        a_part(&scene->world, SK__KIND__KIND_CLUSTER, an_id(&scene->world, "cluster"), "default", 0,
               &spec.base);
        assert_int_equal(judge_join(scene, scene->worker_token, 1, &grant), 0);
        assert_int_equal(grant.lifetime_ns, TRUST_NODE_DAYS * NS_PER_DAY);
        spec.certificate_expiry_ns = 2 * NS_PER_HOUR;
        a_part(&scene->world, SK__KIND__KIND_CLUSTER, an_id(&scene->world, "cluster"), "default", 0,
               &spec.base);
        assert_int_equal(judge_join(scene, scene->worker_token, 1, &grant), 0);
        assert_int_equal(grant.lifetime_ns, 2 * NS_PER_HOUR);
}

static int judge_renewal(struct scene *scene, const char *node, size_t n_csrs, struct ca_grant *ret)
{
        Sk__RenewCertificatesRequest in = SK__RENEW_CERTIFICATES_REQUEST__INIT;

        in.csrs = scene->csr_list;
        in.n_csrs = n_csrs;
        return ca_judge_renewal(scene->world.view, an_id(&scene->world, node), &in, ret,
                                &scene->err);
}

static void has_role(struct scene *scene, const char *node, Sk__NodeRole role)
{
        Sk__NodeIdentity identity = SK__NODE_IDENTITY__INIT;

        identity.role = role;
        a_part(&scene->world, SK__KIND__KIND_NODE, an_id(&scene->world, node), node,
               PART_NODE_IDENTITY, &identity.base);
}

static void a_renewal_has_the_role_that_the_store_knows(void **state)
{
        struct scene *scene = *state;
        struct ca_grant grant;

        a_node(&scene->world, "n1");
        has_role(scene, "n1", SK__NODE_ROLE__NODE_ROLE_WORKER);
        assert_int_equal(judge_renewal(scene, "n1", 1, &grant), 0);
        assert_int_equal(grant.role, SK__NODE_ROLE__NODE_ROLE_WORKER);
        assert_int_equal(judge_renewal(scene, "n1", 2, &grant), ERR_DENIED);
        has_role(scene, "n1", SK__NODE_ROLE__NODE_ROLE_MANAGER);
        assert_int_equal(judge_renewal(scene, "n1", 2, &grant), 0);
}

static void a_removed_node_gets_no_new_certificate(void **state)
{
        struct scene *scene = *state;
        struct ca_grant grant;

        assert_int_equal(judge_renewal(scene, "n1", 1, &grant), ERR_DENIED);
}

static void rotating_one_token_leaves_the_other(void **state)
{
        struct scene *scene = *state;
        const Sk__Cluster *cluster;
        struct plan plan;

        plan_init(&plan);
        assert_int_equal(ca_plan_rotation(&plan, scene->world.view, SK__NODE_ROLE__NODE_ROLE_WORKER,
                                          "new", &scene->err),
                         0);
        world_apply(&scene->world, &plan);
        plan_done(&plan);
        cluster = view_cluster(scene->world.view);
        assert_string_equal(cluster->trust->worker_token, "new");
        assert_string_equal(cluster->trust->manager_token, scene->manager_token);
}

static void an_unknown_availability_is_refused(void **state)
{
        struct scene *scene = *state;
        Sk__JoinClusterRequest in = SK__JOIN_CLUSTER_REQUEST__INIT;
        struct ca_grant grant;
        struct plan plan;

        plan_init(&plan);
        assert_int_equal(judge_join(scene, scene->worker_token, 1, &grant), 0);
        in.hostname = "host1";
        in.availability = "sometimes";
        assert_int_equal(ca_plan_join(&plan, &grant, &in, "", &scene->err), ERR_INVALID);
        plan_done(&plan);
}

static void without_its_key_the_ca_asks_for_patience(void **state)
{
        struct scene *scene = *state;
        Sk__ClusterKeys keys = SK__CLUSTER_KEYS__INIT;
        struct ca_grant grant;

        a_part(&scene->world, SK__KIND__KIND_CLUSTER, an_id(&scene->world, "cluster"), "default", 2,
               &keys.base);
        assert_int_equal(judge_join(scene, scene->worker_token, 1, &grant), ERR_UNAVAILABLE);
}

static void a_node_that_changed_meanwhile_is_not_renewed(void **state)
{
        struct scene *scene = *state;
        const char *id = a_node(&scene->world, "n1")->id;
        Sk__NodeIdentity identity = SK__NODE_IDENTITY__INIT;
        struct ca_grant grant = { .role = SK__NODE_ROLE__NODE_ROLE_MANAGER };
        struct plan plan;

        plan_init(&plan);
        identity.role = SK__NODE_ROLE__NODE_ROLE_WORKER;
        a_part(&scene->world, SK__KIND__KIND_NODE, id, "n1", PART_NODE_IDENTITY, &identity.base);
        snprintf(grant.node_id, sizeof grant.node_id, "%s", id);
        assert_int_equal(ca_plan_renewal(&plan, scene->world.view, &grant, "", &scene->err),
                         ERR_CONFLICT);
        strcpy(grant.node_id, "gone");
        assert_int_equal(ca_plan_renewal(&plan, scene->world.view, &grant, "", &scene->err),
                         ERR_CONFLICT);
        assert_int_equal(plan.n_changes, 0);
        plan_done(&plan);
}

int main(void)
{
#define SCENE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
        const struct CMUnitTest tests[] = {
                SCENE(the_token_decides_the_role),
                SCENE(no_certificate_outlives_a_root),
                SCENE(a_worker_gets_no_managers_certificate),
                SCENE(tokens_that_are_not_ours_are_refused),
                SCENE(requests_are_bounded_and_each_daemons_once),
                SCENE(certificates_live_as_long_as_the_cluster_says),
                SCENE(a_renewal_has_the_role_that_the_store_knows),
                SCENE(a_removed_node_gets_no_new_certificate),
                SCENE(rotating_one_token_leaves_the_other),
                SCENE(an_unknown_availability_is_refused),
                SCENE(without_its_key_the_ca_asks_for_patience),
                SCENE(a_node_that_changed_meanwhile_is_not_renewed),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
