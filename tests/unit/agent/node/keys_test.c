/* A node's keys and certificates. */
#include "agent/node/keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/base/check.h"
#include "lib/base/time.h"
#include "lib/os/file.h"
#include "lib/trust/trust.h"
#include "tests/unit/test.h"

#define MANAGER SK__NODE_ROLE__NODE_ROLE_MANAGER
#define WORKER SK__NODE_ROLE__NODE_ROLE_WORKER

enum { DAEMONS_MAX = 16 };

struct scene {
        char folder[64];
        struct arena arena;
        struct str root, root_key;
        Sk__DaemonCsr **csrs;
        Sk__DaemonCertificate *certificates[DAEMONS_MAX];
        size_t n;
        struct err err;
};

static int setup(void **state)
{
        struct scene *scene = mem_alloc(sizeof *scene);

        strcpy(scene->folder, "/tmp/skep-keys-XXXXXX");
        CHECK(mkdtemp(scene->folder));
        CHECK(trust_make_root(&scene->root, &scene->root_key, NULL) == 0);
        *state = scene;
        return 0;
}

static int teardown(void **state)
{
        struct scene *scene = *state;

        file_remove_tree(scene->folder, NULL);
        arena_done(&scene->arena);
        str_done(&scene->root);
        str_done(&scene->root_key);
        free(scene);
        return 0;
}

static void ask(struct scene *scene, Sk__NodeRole role)
{
        assert_int_equal(keys_request(scene->folder, role, &scene->arena, &scene->csrs, &scene->n,
                                      &scene->err),
                         0);
}

/* As the CA would. */
static void sign_all(struct scene *scene)
{
        const struct trust_issuer issuer = { str_text(&scene->root), str_text(&scene->root_key) };
        struct trust_subject subject = { .node_id = "node",
                                         .cluster_id = "cluster",
                                         .unit = "swarm-worker",
                                         .now_ns = (int64_t)time(NULL) * NS_PER_S,
                                         .lifetime_ns = NS_PER_HOUR };

        for (size_t i = 0; i < scene->n; i++) {
                _cleanup_(str_done) struct str pem = { 0 };

                subject.daemon = scene->csrs[i]->daemon;
                CHECK(trust_sign(&issuer, scene->csrs[i]->csr_pem, &subject, &pem, NULL) == 0);
                scene->certificates[i] = arena_alloc(&scene->arena, sizeof(Sk__DaemonCertificate));
                sk__daemon_certificate__init(scene->certificates[i]);
                scene->certificates[i]->daemon = scene->csrs[i]->daemon;
                scene->certificates[i]->certificate_pem =
                        arena_strdup(&scene->arena, str_text(&pem));
        }
}

static int store(struct scene *scene, Sk__NodeRole role)
{
        return keys_store(scene->folder, role, scene->certificates, scene->n,
                          str_text(&scene->root), &scene->err);
}

static bool has(const struct scene *scene, const char *name)
{
        char path[128];

        snprintf(path, sizeof path, "%s/%s", scene->folder, name);
        return file_exists(path);
}

static void each_daemon_of_the_role_has_a_key_and_a_certificate(void **state)
{
        struct scene *scene = *state;

        ask(scene, WORKER);
        assert_int_equal(scene->n, 2);
        assert_string_equal(scene->csrs[0]->daemon, "agent");
        sign_all(scene);
        assert_int_equal(store(scene, WORKER), 0);
        assert_true(has(scene, "agent.key") && has(scene, "agent.crt") && has(scene, "mesh.crt") &&
                    has(scene, "root.crt"));
        assert_false(has(scene, "store.key"));
}

static void a_key_stays_when_its_certificate_is_renewed(void **state)
{
        struct scene *scene = *state;
        struct str before = { 0 }, after = { 0 };
        char path[128];

        snprintf(path, sizeof path, "%s/agent.key", scene->folder);
        ask(scene, WORKER);
        assert_int_equal(file_read(path, 8192, &before, NULL), 0);
        ask(scene, MANAGER);
        assert_int_equal(scene->n, 10);
        assert_int_equal(file_read(path, 8192, &after, NULL), 0);
        assert_string_equal(str_text(&before), str_text(&after));
        str_done(&before);
        str_done(&after);
}

static void what_is_not_for_the_key_or_not_by_the_root_is_refused(void **state)
{
        struct scene *scene = *state;
        const char *good;

        ask(scene, WORKER);
        sign_all(scene);
        good = scene->certificates[1]->certificate_pem;
        scene->certificates[1]->certificate_pem = scene->certificates[0]->certificate_pem;
        assert_int_equal(store(scene, WORKER), ERR_INVALID);
        scene->certificates[1]->certificate_pem = "no certificate";
        assert_int_equal(store(scene, WORKER), ERR_INVALID);
        scene->certificates[1]->certificate_pem = good;
        str_clear(&scene->root);
        str_clear(&scene->root_key);
        CHECK(trust_make_root(&scene->root, &scene->root_key, NULL) == 0);
        assert_int_equal(store(scene, WORKER), ERR_INVALID);
        scene->n = 1;
        assert_int_equal(store(scene, WORKER), ERR_INVALID);
        assert_false(has(scene, "agent.crt"));
}

static void a_worker_keeps_nothing_of_a_manager(void **state)
{
        struct scene *scene = *state;

        ask(scene, MANAGER);
        sign_all(scene);
        assert_int_equal(store(scene, MANAGER), 0);
        assert_true(has(scene, "store.key") && has(scene, "join.crt"));
        assert_int_equal(keys_forget_manager(scene->folder, &scene->err), 0);
        assert_int_equal(keys_forget_manager(scene->folder, &scene->err), 0);
        for (const char *const *name = keys_daemons(MANAGER) + 2; *name; name++) {
                char path[64];

                snprintf(path, sizeof path, "%s.key", *name);
                assert_false(has(scene, path));
                snprintf(path, sizeof path, "%s.crt", *name);
                assert_false(has(scene, path));
        }
        assert_true(has(scene, "agent.key") && has(scene, "mesh.crt"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(each_daemon_of_the_role_has_a_key_and_a_certificate),
                TEST(a_key_stays_when_its_certificate_is_renewed),
                TEST(what_is_not_for_the_key_or_not_by_the_root_is_refused),
                TEST(a_worker_keeps_nothing_of_a_manager),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
