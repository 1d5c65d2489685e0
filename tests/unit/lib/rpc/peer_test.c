/* What a certificate says of its holder, and which certificates are refused. */
#include "tests/unit/test.h"

#include <stdio.h>
#include <string.h>

#include "api/roles.h"
#include "lib/base/check.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/os/file.h"
#include "lib/rpc/peers.h"
#include "lib/rpc/tls.h"
#include "tests/lib/identity/identity.h"

static int setup(void **state)
{
        char folder[] = "/tmp/skep-peer-XXXXXX";

        CHECK(mkdtemp(folder));
        *state = str_copy(folder);
        return 0;
}

static int teardown(void **state)
{
        file_remove_tree(*state, NULL);
        free(*state);
        return 0;
}

struct holder {
        const char *cluster, *node, *unit, *daemon;
};

static int read_peer(void **state, const struct holder *holder, struct rpc_peer *ret,
                     struct err *err)
{
        _cleanup_(str_done) struct str pem = { 0 };
        char path[128];

        test_identity_make(*state, holder->cluster, holder->node, holder->unit, holder->daemon);
        snprintf(path, sizeof path, "%s/%s.crt", (char *)*state,
                 holder->daemon[0] ? holder->daemon : "admin");
        CHECK(file_read(path, RPC_PEM_SIZE_MAX, &pem, NULL) == 0);
        return rpc_peer_from_pem(pem.text, pem.length, ret, err);
}

static void a_daemon_is_known_by_its_names(void **state)
{
        struct rpc_peer peer;

        assert_int_equal(read_peer(state,
                                   &(struct holder){ "c1", "n1", "swarm-manager", "scheduler" },
                                   &peer, NULL),
                         0);
        assert_string_equal(peer.cluster_id, "c1");
        assert_string_equal(peer.node_id, "n1");
        assert_string_equal(peer.daemon, "scheduler");
        assert_true(peer.is_manager);
        assert_int_equal(peer.roles, ROLE_SCHEDULER);
}

static void every_daemon_has_its_role(void **state)
{
        static const struct {
                const char *daemon;
                uint32_t role;
        } rows[] = {
#define ROW(bit, constant, daemon) { daemon, constant },
                API_ROLES(ROW)
#undef ROW
        };
        struct rpc_peer peer;

        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                assert_int_equal(read_peer(state,
                                           &(struct holder){ "c1", "n1", "swarm-manager",
                                                             rows[i].daemon },
                                           &peer, NULL),
                                 0);
                assert_int_equal(peer.roles, rows[i].role);
        }
}

static void a_workers_agent_is_an_agent(void **state)
{
        struct rpc_peer peer;

        assert_int_equal(read_peer(state, &(struct holder){ "c1", "n1", "swarm-worker", "agent" },
                                   &peer, NULL),
                         0);
        assert_false(peer.is_manager);
        assert_int_equal(peer.roles, ROLE_AGENT);
}

static void a_worker_cannot_be_the_store(void **state)
{
        struct rpc_peer peer;
        struct err err;

        assert_int_equal(read_peer(state, &(struct holder){ "c1", "n1", "swarm-worker", "store" },
                                   &peer, &err),
                         ERR_UNAUTHENTICATED);
        assert_string_equal(err.text, "the certificate is for 'store', which only managers run");
}

static void a_person_is_an_admin(void **state)
{
        struct rpc_peer peer;

        assert_int_equal(read_peer(state, &(struct holder){ "c1", "anna", "swarm-admin", "" },
                                   &peer, NULL),
                         0);
        assert_int_equal(peer.roles, ROLE_ADMIN);
        assert_string_equal(peer.daemon, "");
}

static void a_node_without_a_daemon_has_no_role(void **state)
{
        struct rpc_peer peer;

        assert_int_equal(read_peer(state, &(struct holder){ "c1", "n1", "swarm-manager", "" },
                                   &peer, NULL),
                         0);
        assert_int_equal(peer.roles, 0);
}

static void an_unknown_daemon_is_refused(void **state)
{
        struct rpc_peer peer;

        assert_int_equal(read_peer(state, &(struct holder){ "c1", "n1", "swarm-manager", "root" },
                                   &peer, NULL),
                         ERR_UNAUTHENTICATED);
}

static void an_unknown_unit_is_refused(void **state)
{
        struct rpc_peer peer;
        struct err err;

        assert_int_equal(read_peer(state, &(struct holder){ "c1", "n1", "swarm-king", "agent" },
                                   &peer, &err),
                         ERR_UNAUTHENTICATED);
        assert_non_null(strstr(err.text, "'swarm-king'"));
}

static void names_that_need_quoting_are_refused(void **state)
{
        struct rpc_peer peer;

        assert_int_equal(read_peer(state, &(struct holder){ "c1", "n 1", "swarm-manager", "" },
                                   &peer, NULL),
                         ERR_UNAUTHENTICATED);
        assert_int_equal(read_peer(state, &(struct holder){ "c/1", "n1", "swarm-manager", "" },
                                   &peer, NULL),
                         ERR_UNAUTHENTICATED);
}

static void names_that_are_too_long_are_refused(void **state)
{
        static const char sixty_four[] =
                "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
        struct rpc_peer peer;

        assert_int_equal(read_peer(state, &(struct holder){ "c1", sixty_four, "swarm-manager", "" },
                                   &peer, NULL),
                         ERR_UNAUTHENTICATED);
}

static void a_root_is_no_peer(void **state)
{
        _cleanup_(str_done) struct str pem = { 0 };
        struct rpc_peer peer;
        char path[128];

        test_identity_make_root(*state, "c1");
        snprintf(path, sizeof path, "%s/root.crt", (char *)*state);
        CHECK(file_read(path, RPC_PEM_SIZE_MAX, &pem, NULL) == 0);
        assert_int_equal(rpc_peer_from_pem(pem.text, pem.length, &peer, NULL), ERR_UNAUTHENTICATED);
}

static void what_is_no_certificate_is_refused(void **state)
{
        struct rpc_peer peer = { .roles = 42 };

        (void)state;
        assert_int_equal(rpc_peer_from_pem("", 0, &peer, NULL), ERR_UNAUTHENTICATED);
        assert_int_equal(rpc_peer_from_pem("hello", 5, &peer, NULL), ERR_UNAUTHENTICATED);
        assert_int_equal(peer.roles, 42);
}

static void an_address_is_told_without_escapes(void **state)
{
        static const char *const told[][2] = {
                { "ipv4:10.0.0.3:40312", "ipv4:10.0.0.3:40312" },
                { "ipv6:%5B::1%5D:40312", "ipv6:[::1]:40312" },
                { "ipv6:%5Bfe80::1%25eth0%5D:1", "ipv6:[fe80::1%eth0]:1" },
                { "ipv6:%5", "ipv6:%5" },
                { "ipv6:%00%zz%", "ipv6:%00%zz%" },
                { "unix:%5B", "unix:%5B" },
                { "unix:0123456789012345678901", "unix:01234567890123" },
        };
        char address[20 + 2];

        (void)state;
        for (size_t i = 0; i < COUNT_OF(told); i++) {
                peer_address(told[i][0], address, i + 1 < COUNT_OF(told) ? sizeof address : 20);
                assert_string_equal(address, told[i][1]);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_daemon_is_known_by_its_names),
                cmocka_unit_test(every_daemon_has_its_role),
                cmocka_unit_test(a_workers_agent_is_an_agent),
                cmocka_unit_test(a_worker_cannot_be_the_store),
                cmocka_unit_test(a_person_is_an_admin),
                cmocka_unit_test(a_node_without_a_daemon_has_no_role),
                cmocka_unit_test(an_unknown_daemon_is_refused),
                cmocka_unit_test(an_unknown_unit_is_refused),
                cmocka_unit_test(names_that_need_quoting_are_refused),
                cmocka_unit_test(names_that_are_too_long_are_refused),
                cmocka_unit_test(a_root_is_no_peer),
                cmocka_unit_test(what_is_no_certificate_is_refused),
                cmocka_unit_test(an_address_is_told_without_escapes),
        };

        return cmocka_run_group_tests_name("peer", tests, setup, teardown);
}
