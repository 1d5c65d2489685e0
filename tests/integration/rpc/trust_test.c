/* Who gets in: TLS versions, roots, names, strangers, and certificates that are replaced while in
 * use. */
#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "lib/base/check.h"
#include "lib/base/time.h"
#include "lib/os/file.h"
#include "tests/integration/rpc/fixture.h"
#include "tests/lib/identity/identity.h"

static void say(struct fixture *fixture, struct answer *ret)
{
        Sk__EchoRequest request = SK__ECHO_REQUEST__INIT;

        fixture_call(fixture, RPC_METHOD(echo, Say), &request, 5 * NS_PER_S, ret);
}

static void connect_with(struct fixture *fixture, const struct rpc_client_options *options)
{
        struct err err;

        rpc_client_free(TAKE(fixture->client));
        if (rpc_client_new(fixture->loop, options, &fixture->client, &err) < 0)
                fail_msg("%s", err.text);
}

/* A new connection each time: a client of its own. */
static void say_anew(struct fixture *fixture, struct answer *ret)
{
        connect_with(fixture, &(struct rpc_client_options){
                                      .address = fixture->address,
                                      .identity = fixture->client_identity,
                                      .server_daemon = "store",
                              });
        say(fixture, ret);
}

/* --- TLS by hand --- */

static SSL_CTX *make_context(const struct fixture *fixture, const SSL_METHOD *method,
                             const char *daemon, int version)
{
        SSL_CTX *context = SSL_CTX_new(method);
        char path[128];

        SSL_CTX_set_min_proto_version(context, version);
        SSL_CTX_set_max_proto_version(context, version);
        SSL_CTX_set_alpn_protos(context, (const unsigned char *)"\2h2", 3);
        snprintf(path, sizeof path, "%s/%s.crt", fixture->folder, daemon);
        CHECK(SSL_CTX_use_certificate_chain_file(context, path) == 1);
        snprintf(path, sizeof path, "%s/%s.key", fixture->folder, daemon);
        CHECK(SSL_CTX_use_PrivateKey_file(context, path, SSL_FILETYPE_PEM) == 1);
        return context;
}

/* The server's handshakes run on gRPC's threads, so this may block. */
static bool can_connect(struct fixture *fixture, int version)
{
        struct sockaddr_in address = { .sin_family = AF_INET };
        SSL_CTX *context = make_context(fixture, TLS_client_method(), "api", version);
        SSL *ssl = SSL_new(context);
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        bool is_connected;

        address.sin_port = htons((uint16_t)rpc_server_port(fixture->server));
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        CHECK(connect(fd, (struct sockaddr *)&address, sizeof address) == 0);
        SSL_set_fd(ssl, fd);
        is_connected = SSL_connect(ssl) == 1;
        SSL_free(ssl);
        SSL_CTX_free(context);
        close(fd);
        return is_connected;
}

static void tls_1_3_it_is(void **state)
{
        test_identity_make(((struct fixture *)*state)->folder, "cluster1", "node1", "swarm-manager",
                           "api");
        fixture_serve(*state, RPC_MUTUAL_TLS, false, NULL);
        assert_true(can_connect(*state, TLS1_3_VERSION));
}

static void tls_1_2_is_refused(void **state)
{
        test_identity_make(((struct fixture *)*state)->folder, "cluster1", "node1", "swarm-manager",
                           "api");
        fixture_serve(*state, RPC_MUTUAL_TLS, false, NULL);
        assert_false(can_connect(*state, TLS1_2_VERSION));
}

/* A server of one version and one connection, on a thread, since it blocks. */
struct listener {
        SSL_CTX *context;
        int fd;
        bool is_accepted;
};

static void *accept_one(void *context)
{
        struct listener *listener = context;
        int fd = accept(listener->fd, NULL, NULL);
        SSL *ssl = SSL_new(listener->context);

        SSL_set_fd(ssl, fd);
        listener->is_accepted = SSL_accept(ssl) == 1;
        SSL_free(ssl);
        close(fd);
        return NULL;
}

static int select_h2(SSL *ssl, const unsigned char **ret, unsigned char *ret_size,
                     const unsigned char *in, unsigned size, void *context)
{
        (void)ssl;
        (void)in;
        (void)size;
        (void)context;
        *ret = (const unsigned char *)"h2";
        *ret_size = 2;
        return SSL_TLSEXT_ERR_OK;
}

/* Does our client go through a handshake with a server of that version? */
static bool client_accepts(struct fixture *fixture, int version)
{
        struct sockaddr_in address = { .sin_family = AF_INET };
        socklen_t size = sizeof address;
        struct listener listener = { .fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) };
        struct answer answer;
        pthread_t thread;

        test_identity_make(fixture->folder, "cluster1", "node1", "swarm-manager", "store");
        listener.context = make_context(fixture, TLS_server_method(), "store", version);
        SSL_CTX_set_alpn_select_cb(listener.context, select_h2, NULL);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        CHECK(bind(listener.fd, (struct sockaddr *)&address, sizeof address) == 0);
        CHECK(listen(listener.fd, 1) == 0);
        CHECK(getsockname(listener.fd, (struct sockaddr *)&address, &size) == 0);
        snprintf(fixture->address, sizeof fixture->address, "127.0.0.1:%d",
                 ntohs(address.sin_port));
        CHECK(pthread_create(&thread, NULL, accept_one, &listener) == 0);
        fixture_connect(fixture, "api");
        fixture_call(fixture, RPC_METHOD(echo, Say), &(Sk__EchoRequest)SK__ECHO_REQUEST__INIT,
                     NS_PER_S / 2, &answer);
        pthread_join(thread, NULL);
        SSL_CTX_free(listener.context);
        close(listener.fd);
        return listener.is_accepted;
}

static void a_client_speaks_tls_1_3(void **state)
{
        assert_true(client_accepts(*state, TLS1_3_VERSION));
}

static void a_client_does_not_speak_tls_1_2(void **state)
{
        assert_false(client_accepts(*state, TLS1_2_VERSION));
}

/* --- names and roots --- */

static void a_server_with_another_daemons_certificate_is_not_believed(void **state)
{
        struct fixture *fixture = *state;
        struct answer answer;

        fixture_serve(*state, RPC_MUTUAL_TLS, false, NULL);
        fixture_connect(*state, "api");
        connect_with(fixture, &(struct rpc_client_options){
                                      .address = fixture->address,
                                      .identity = fixture->client_identity,
                                      .server_daemon = "ca",
                              });
        fixture_call(fixture, RPC_METHOD(echo, Say), &(Sk__EchoRequest)SK__ECHO_REQUEST__INIT,
                     NS_PER_S, &answer);
        assert_int_equal(answer.err.code, ERR_DEADLINE);
}

static void a_certificate_of_another_cluster_is_refused(void **state)
{
        struct fixture *fixture = *state;
        struct answer answer;
        struct err err;

        fixture_serve(*state, RPC_MUTUAL_TLS, false, NULL);
        test_identity_make(fixture->folder, "cluster2", "node1", "swarm-manager", "api");
        assert_int_equal(rpc_identity_open(fixture->folder, "api", &fixture->client_identity, &err),
                         0);
        say_anew(fixture, &answer);
        assert_int_equal(answer.err.code, ERR_UNAUTHENTICATED);
        assert_string_equal(answer.err.text,
                            "the certificate is of cluster 'cluster2', which is not this one");
}

static void an_identity_whose_key_is_not_its_own_is_refused(void **state)
{
        struct fixture *fixture = *state;
        struct rpc_identity *identity;
        char from[128], to[128];
        struct err err;

        test_identity_make(fixture->folder, "cluster1", "node1", "swarm-manager", "api");
        test_identity_make(fixture->folder, "cluster1", "node1", "swarm-manager", "ca");
        snprintf(from, sizeof from, "%s/ca.key", fixture->folder);
        snprintf(to, sizeof to, "%s/api.key", fixture->folder);
        assert_int_equal(rename(from, to), 0);
        assert_int_equal(rpc_identity_open(fixture->folder, "api", &identity, &err),
                         ERR_UNAUTHENTICATED);
}

/* --- strangers --- */

static void connect_as_stranger(struct fixture *fixture, const char *root_folder)
{
        struct str root = { 0 };
        char path[128];
        struct rpc_client_options options = {
                .address = fixture->address,
                .server_daemon = "store",
                .is_unverified = !root_folder,
        };

        if (root_folder) {
                snprintf(path, sizeof path, "%s/root.crt", root_folder);
                assert_int_equal(file_read(path, RPC_PEM_SIZE_MAX, &root, NULL), 0);
                options.root_pem = root.text;
        }
        connect_with(fixture, &options);
        str_done(&root);
}

static void a_stranger_gets_in_where_strangers_may(void **state)
{
        struct fixture *fixture = *state;
        struct answer answer;

        fixture_serve(fixture, RPC_ALLOW_STRANGERS, false, NULL);
        connect_as_stranger(fixture, fixture->folder);
        say(fixture, &answer);
        assert_int_equal(answer.err.code, ERR_OK);
        assert_string_equal(answer.caller, "");
}

static void a_stranger_has_no_role(void **state)
{
        struct fixture *fixture = *state;
        Sk__EchoRequest request = SK__ECHO_REQUEST__INIT;
        struct answer answer;

        fixture_serve(fixture, RPC_ALLOW_STRANGERS, false, NULL);
        connect_as_stranger(fixture, fixture->folder);
        fixture_call(fixture, RPC_METHOD(echo, Secret), &request, 0, &answer);
        assert_int_equal(answer.err.code, ERR_DENIED);
}

static void a_stranger_does_not_get_in_elsewhere(void **state)
{
        struct fixture *fixture = *state;
        Sk__EchoRequest request = SK__ECHO_REQUEST__INIT;
        struct answer answer;

        fixture_serve(fixture, RPC_MUTUAL_TLS, false, NULL);
        connect_as_stranger(fixture, fixture->folder);
        fixture_call(fixture, RPC_METHOD(echo, Say), &request, NS_PER_S, &answer);
        assert_int_equal(answer.err.code, ERR_DEADLINE);
}

static void a_stranger_notices_a_wrong_root(void **state)
{
        struct fixture *fixture = *state;
        Sk__EchoRequest request = SK__ECHO_REQUEST__INIT;
        struct answer answer;
        char other[128];

        snprintf(other, sizeof other, "%s/other", fixture->folder);
        test_identity_make_root(other, "cluster1");
        fixture_serve(fixture, RPC_ALLOW_STRANGERS, false, NULL);
        connect_as_stranger(fixture, other);
        fixture_call(fixture, RPC_METHOD(echo, Say), &request, NS_PER_S, &answer);
        assert_int_equal(answer.err.code, ERR_DEADLINE);
}

static void who_knows_no_root_yet_can_ask_for_it(void **state)
{
        struct fixture *fixture = *state;
        struct answer answer;

        fixture_serve(fixture, RPC_ALLOW_STRANGERS, false, NULL);
        connect_as_stranger(fixture, NULL);
        say(fixture, &answer);
        assert_int_equal(answer.err.code, ERR_OK);
}

static void a_member_is_known_among_strangers(void **state)
{
        struct answer answer;

        fixture_serve(*state, RPC_ALLOW_STRANGERS, false, NULL);
        fixture_connect(*state, "agent");
        say(*state, &answer);
        assert_string_equal(answer.caller, "agent");
}

/* --- replacing --- */

static void a_server_presents_its_new_certificate_at_once(void **state)
{
        struct fixture *fixture = *state;
        struct answer before, kept, after;
        char other[128], path[160];
        struct str root = { 0 };

        fixture_serve(*state, RPC_ALLOW_STRANGERS, false, NULL);
        fixture_connect(*state, "api");
        say(fixture, &before);

        /* A new root and a new certificate under it, in the server's folder. */
        snprintf(other, sizeof other, "%s", fixture->folder);
        test_identity_make_root(other, "cluster1");
        test_identity_make(other, "cluster1", "node1", "swarm-manager", "store");

        say(fixture, &kept); /* the old connection goes on */
        snprintf(path, sizeof path, "%s/root.crt", fixture->folder);
        assert_int_equal(file_read(path, RPC_PEM_SIZE_MAX, &root, NULL), 0);
        connect_with(fixture, &(struct rpc_client_options){
                                      .address = fixture->address,
                                      .server_daemon = "store",
                                      .root_pem = root.text,
                              });
        str_done(&root);
        say(fixture, &after);
        assert_int_equal(before.err.code, ERR_OK);
        assert_string_equal(kept.caller, "api");
        assert_string_equal(after.err.text, "");
}

static void a_client_presents_its_new_certificate_at_once(void **state)
{
        struct fixture *fixture = *state;
        struct answer answer = { 0 };

        fixture_serve(*state, RPC_MUTUAL_TLS, false, NULL);
        fixture_connect(*state, "agent");
        say_anew(fixture, &answer);
        assert_string_equal(answer.caller, "agent");

        /* In the same files, the identity of another cluster: to be seen by its refusal. */
        test_identity_make(fixture->folder, "cluster2", "node1", "swarm-manager", "agent");
        say_anew(fixture, &answer);
        assert_int_equal(answer.err.code, ERR_UNAUTHENTICATED);
}

/* One client all along: what is up goes on, what connects anew presents what is there now. */
static void a_connection_keeps_its_certificate_and_the_next_has_the_new_one(void **state)
{
        struct fixture *fixture = *state;
        struct answer answer;

        fixture_serve(*state, RPC_MUTUAL_TLS, false, NULL);
        fixture_connect(*state, "agent");
        say(fixture, &answer);
        test_identity_make(fixture->folder, "cluster2", "node1", "swarm-manager", "agent");
        say(fixture, &answer);
        assert_int_equal(answer.err.code, ERR_OK);
        fixture_stop(fixture, 0);
        fixture_serve(fixture, RPC_MUTUAL_TLS, false, NULL);
        do
                say(fixture, &answer);
        while (answer.err.code == ERR_UNAVAILABLE);
        assert_int_equal(answer.err.code, ERR_UNAUTHENTICATED);
}

/* As if long ago, however fast the test is. */
static void make_older(const struct fixture *fixture, const char *file)
{
        static const struct timeval times[2] = { { .tv_sec = 1 }, { .tv_sec = 1 } };
        char path[128];

        snprintf(path, sizeof path, "%s/%s", fixture->folder, file);
        CHECK(utimes(path, times) == 0);
}

/* The channel is made anew for the second call; the first one waits on the old one. */
static void a_call_that_waits_survives_a_new_certificate(void **state)
{
        struct fixture *fixture = *state;
        Sk__EchoRequest request = SK__ECHO_REQUEST__INIT;
        struct answer waiting, next;

        fixture_serve(*state, RPC_MUTUAL_TLS, false, NULL);
        fixture_stop(fixture, 0);
        fixture_connect(*state, "agent");
        fixture_start(fixture, RPC_METHOD(echo, Say), &request, 8 * NS_PER_S, &waiting);
        test_identity_make(fixture->folder, "cluster1", "node1", "swarm-manager", "agent");
        make_older(fixture, "agent.crt");
        fixture_start(fixture, RPC_METHOD(echo, Say), &request, 8 * NS_PER_S, &next);
        fixture_serve(fixture, RPC_MUTUAL_TLS, false, NULL);
        fixture_wait(fixture, &next.is_done);
        fixture_wait(fixture, &waiting.is_done);
        assert_string_equal(next.err.text, "");
        assert_string_equal(waiting.err.text, "");
}

static void files_that_do_not_fit_are_not_taken_over(void **state)
{
        struct fixture *fixture = *state;
        struct answer answer;
        char path[128];

        fixture_serve(*state, RPC_MUTUAL_TLS, false, NULL);
        fixture_connect(*state, "api");
        say(fixture, &answer);
        snprintf(path, sizeof path, "%s/store.key", fixture->folder);
        assert_int_equal(file_write_atomic(path, "nonsense", 8, 0600, NULL), 0);
        say_anew(fixture, &answer);
        assert_int_equal(answer.err.code, ERR_OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(tls_1_3_it_is),
                TEST(tls_1_2_is_refused),
                TEST(a_client_speaks_tls_1_3),
                TEST(a_client_does_not_speak_tls_1_2),
                TEST(a_server_with_another_daemons_certificate_is_not_believed),
                TEST(a_certificate_of_another_cluster_is_refused),
                TEST(an_identity_whose_key_is_not_its_own_is_refused),
                TEST(a_stranger_gets_in_where_strangers_may),
                TEST(a_stranger_has_no_role),
                TEST(a_stranger_does_not_get_in_elsewhere),
                TEST(a_stranger_notices_a_wrong_root),
                TEST(who_knows_no_root_yet_can_ask_for_it),
                TEST(a_member_is_known_among_strangers),
                TEST(a_server_presents_its_new_certificate_at_once),
                TEST(a_client_presents_its_new_certificate_at_once),
                TEST(a_connection_keeps_its_certificate_and_the_next_has_the_new_one),
                TEST(a_call_that_waits_survives_a_new_certificate),
                TEST(files_that_do_not_fit_are_not_taken_over),
        };

        return cmocka_run_group_tests_name("trust", tests, NULL, NULL);
}
