/* Real daemons that give certificates, and those who ask them: some go away, some are strangers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/ca.h"
#include "lib/base/check.h"
#include "lib/base/str.h"
#include "lib/base/time.h"
#include "lib/os/file.h"
#include "tests/lib/identity/identity.h"
#include "tests/lib/manager/manager.h"
#include "tests/unit/test.h"

enum { IMPATIENT = 200, PADDING = 30 * 1024, LARGE = 1 << 20 };

struct fixture {
        char folder[64], ca[128];
        struct loop *loop;
        struct manager manager;
        struct rpc_identity *identity; /* skep-join's */
        struct rpc_client *client;     /* of the ca */
        struct str csr;
};

static int setup(void **state)
{
        struct fixture *f = mem_alloc(sizeof *f);
        struct rpc_client_options options = { .server_daemon = "ca" };
        _cleanup_(str_done) struct str key = { 0 };
        char folder[128];

        snprintf(f->folder, sizeof f->folder, "/tmp/skep-ca-XXXXXX");
        CHECK(mkdtemp(f->folder));
        CHECK(loop_new(&f->loop, NULL) == 0);
        snprintf(folder, sizeof folder, "%s/manager", f->folder);
        manager_init(&f->manager, f->loop, folder, 1);
        manager_start(&f->manager, "store", "");
        manager_start(&f->manager, "ca", "");
        snprintf(f->ca, sizeof f->ca, "unix:%s/ca.sock", f->manager.folder);
        snprintf(folder, sizeof folder, "%s/identity", f->manager.folder);
        CHECK(rpc_identity_open(folder, "join", &f->identity, NULL) == 0);
        options.identity = f->identity;
        options.address = f->ca;
        CHECK(rpc_client_new(f->loop, &options, &f->client, NULL) == 0);
        CHECK(trust_make_key(&key, NULL) == 0);
        /* What stands before a request is skipped.  Calls that took so much memory are freed when
         * they end, not kept for the next. */
        for (size_t i = 0; i < PADDING / 64; i++)
                str_addf(&f->csr, "%063d\n", 0);
        CHECK(trust_make_csr(key.text, &f->csr, NULL) == 0);
        *state = f;
        return 0;
}

static int teardown(void **state)
{
        struct fixture *f = *state;

        rpc_client_free(f->client);
        rpc_identity_free(f->identity);
        manager_done(&f->manager);
        loop_free(f->loop);
        file_remove_tree(f->folder, NULL);
        str_done(&f->csr);
        free(f);
        return 0;
}

/* --- joining --- */

struct joining {
        Sk__JoinClusterRequest request;
        Sk__DaemonCsr csrs[3], *list[3];
};

static void joining_init(struct fixture *f, struct joining *joining)
{
        static const char *const daemons[] = { "agent", "mesh", "dns" };

        sk__join_cluster_request__init(&joining->request);
        for (size_t i = 0; i < COUNT_OF(daemons); i++) {
                sk__daemon_csr__init(&joining->csrs[i]);
                joining->csrs[i].daemon = daemons[i];
                joining->csrs[i].csr_pem = f->csr.text;
                joining->list[i] = &joining->csrs[i];
        }
        joining->request.token = f->manager.worker_token;
        joining->request.csrs = joining->list;
        joining->request.n_csrs = COUNT_OF(daemons);
}

/* Until the ca has read the cluster. */
static int join(struct fixture *f, struct rpc_client *client, const struct rpc_method_id *method,
                struct joining *joining)
{
        _cleanup_(arena_done) struct arena arena = { 0 };
        ProtobufCMessage *out;
        int64_t start = loop_now_boot(f->loop);
        struct err err;
        int r;

        do
                r = manager_call(&f->manager, client, method, &joining->request.base, &arena, &out,
                                 &err);
        while (r == ERR_UNAVAILABLE && loop_now_boot(f->loop) - start < 10 * NS_PER_S);
        return r;
}

static void not_answered(void *context, const void *out, const struct err *err)
{
        (void)context;
        (void)out;
        (void)err;
        fail_msg("a cancelled call was answered");
}

static void whoever_goes_away_while_certificates_are_signed_does_no_harm(void **state)
{
        struct fixture *f = *state;
        struct joining joining;

        joining_init(f, &joining);
        assert_int_equal(join(f, f->client, RPC_METHOD(ca, IssueNodeCertificate), &joining), 0);
        for (int i = 0; i < IMPATIENT; i++) {
                struct rpc_request *request =
                        rpc_client_call(f->client, RPC_METHOD(ca, IssueNodeCertificate),
                                        &joining.request.base, 0, false, not_answered, NULL);

                usleep(i * 20); /* from before the ca has read it until after it has signed */
                rpc_request_cancel(request);
                loop_turn(f->loop, 1, NULL);
        }
        assert_int_equal(join(f, f->client, RPC_METHOD(ca, IssueNodeCertificate), &joining), 0);
}

static void a_stranger_may_not_send_much(void **state)
{
        struct fixture *f = *state;
        struct rpc_client_options options = { .server_daemon = "join",
                                              .address = f->manager.agents_address };
        _cleanup_(str_done) struct str root = { 0 }, path = { 0 };
        _cleanup_(freep) char *hostname = mem_alloc(LARGE + 1);
        struct rpc_client *stranger;
        struct joining joining;

        manager_start(&f->manager, "join", "");
        str_addf(&path, "%s/identity/root.crt", f->manager.folder);
        assert_int_equal(file_read(path.text, 1 << 16, &root, NULL), 0);
        options.root_pem = root.text;
        assert_int_equal(rpc_client_new(f->loop, &options, &stranger, NULL), 0);
        joining_init(f, &joining);
        assert_int_equal(join(f, stranger, RPC_METHOD(join, JoinCluster), &joining), 0);
        memset(hostname, 'h', LARGE);
        joining.request.hostname = hostname;
        assert_int_equal(join(f, stranger, RPC_METHOD(join, JoinCluster), &joining), ERR_EXHAUSTED);
        assert_int_equal(join(f, f->client, RPC_METHOD(ca, IssueNodeCertificate), &joining),
                         ERR_EXHAUSTED);
        rpc_client_free(stranger);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(whoever_goes_away_while_certificates_are_signed_does_no_harm),
                TEST(a_stranger_may_not_send_much),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
