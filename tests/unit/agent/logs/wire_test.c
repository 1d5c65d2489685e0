/* The way to a log server that speaks TLS. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/logs/format.h"
#include "agent/logs/wire.h"
#include "lib/base/check.h"
#include "lib/base/time.h"
#include "lib/os/file.h"
#include "tests/lib/identity/identity.h"
#include "tests/unit/test.h"

enum { PATH_SIZE = 64 };

/* A server in the same loop: it takes one connection after the other. */
struct scene {
        char folder[32], root[PATH_SIZE], certificate[PATH_SIZE], key[PATH_SIZE], port[8];
        struct loop *loop;
        struct worker_pool *pool;
        struct log_config config;
        struct log_wire *wire;
        int listening, connected;
        SSL_CTX *context;
        SSL *ssl;
        char heard[64];
        size_t n_heard, n_troubles;
        int64_t steady_ns;
};

static int setup(void **state)
{
        struct scene *scene = mem_alloc(sizeof *scene);
        struct sockaddr_in address = { .sin_family = AF_INET };
        socklen_t size = sizeof address;

        strcpy(scene->folder, "/tmp/skep-wire-XXXXXX");
        CHECK(mkdtemp(scene->folder));
        test_identity_make(scene->folder, "c", "n", "swarm-manager", "store");
        snprintf(scene->root, PATH_SIZE, "%s/root.crt", scene->folder);
        snprintf(scene->certificate, PATH_SIZE, "%s/store.crt", scene->folder);
        snprintf(scene->key, PATH_SIZE, "%s/store.key", scene->folder);
        CHECK(loop_new(&scene->loop, NULL) == 0);
        CHECK(worker_pool_new(scene->loop, 1, &scene->pool, NULL) == 0);
        inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
        scene->listening = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        CHECK(bind(scene->listening, (const struct sockaddr *)&address, size) == 0);
        CHECK(listen(scene->listening, 8) == 0);
        CHECK(getsockname(scene->listening, (struct sockaddr *)&address, &size) == 0);
        snprintf(scene->port, sizeof scene->port, "%d", ntohs(address.sin_port));
        scene->connected = -1;
        scene->context = SSL_CTX_new(TLS_server_method());
        CHECK(SSL_CTX_use_certificate_chain_file(scene->context, scene->certificate) == 1);
        CHECK(SSL_CTX_use_PrivateKey_file(scene->context, scene->key, SSL_FILETYPE_PEM) == 1);
        scene->config = (struct log_config){
                .driver = LOG_SYSLOG, .transport = LOG_TLS, .host = "127.0.0.1", .port = scene->port
        };
        *state = scene;
        return 0;
}

static int teardown(void **state)
{
        struct scene *scene = *state;

        log_wire_free(scene->wire);
        worker_pool_free(scene->pool);
        loop_free(scene->loop);
        SSL_free(scene->ssl);
        SSL_CTX_free(scene->context);
        close(scene->listening);
        closep(&scene->connected);
        file_remove_tree(scene->folder, NULL);
        free(scene);
        return 0;
}

static void trouble(void *context)
{
        struct scene *scene = context;

        scene->n_troubles++;
}

static void say_hello(struct scene *scene)
{
        _cleanup_(str_done) struct str frames = { 0 };
        uint32_t size = 5;

        str_add_bytes(&frames, &size, sizeof size);
        str_add(&frames, "hello");
        assert_true(log_wire_put(scene->wire, &frames));
}

static void begin(struct scene *scene, int64_t patience_ns)
{
        scene->wire = log_wire_new(&(struct log_wire_options){ .loop = scene->loop,
                                                               .pool = scene->pool,
                                                               .config = &scene->config,
                                                               .connect_patience_ns = patience_ns,
                                                               .steady_ns = scene->steady_ns,
                                                               .trouble = trouble,
                                                               .context = scene });
        say_hello(scene);
}

static void serve(struct scene *scene)
{
        int fd = accept4(scene->listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        size_t n;

        if (fd >= 0) {
                SSL_free(scene->ssl);
                closep(&scene->connected);
                scene->connected = fd;
                scene->ssl = SSL_new(scene->context);
                SSL_set_fd(scene->ssl, fd);
                SSL_set_accept_state(scene->ssl);
        }
        if (scene->ssl && SSL_read_ex(scene->ssl, scene->heard + scene->n_heard,
                                      sizeof scene->heard - scene->n_heard, &n) == 1)
                scene->n_heard += n;
}

static void turn(struct scene *scene)
{
        CHECK(loop_turn(scene->loop, 10, NULL) >= 0);
}

static void what_is_sent_arrives(void **state)
{
        struct scene *scene = *state;

        scene->config.ca = scene->root;
        scene->config.skips_verify = true;
        begin(scene, 0);
        while (scene->n_heard < 5) {
                turn(scene);
                serve(scene);
        }
        assert_memory_equal(scene->heard, "hello", 5);
        assert_string_equal(log_wire_error(scene->wire), "");
}

static void an_empty_frame_counts_as_dropped(void **state)
{
        struct scene *scene = *state;
        _cleanup_(str_done) struct str frames = { 0 };

        begin(scene, 0);
        str_add_bytes(&frames, &(uint32_t){ 0 }, sizeof(uint32_t));
        assert_true(log_wire_put(scene->wire, &frames));
        assert_int_equal(log_wire_dropped(scene->wire), 1);
        assert_int_equal(scene->n_troubles, 1);
        assert_true(log_wire_put(scene->wire, &frames));
        assert_int_equal(log_wire_dropped(scene->wire), 2);
        assert_int_equal(scene->n_troubles, 1);
}

static void why_hands_were_not_shaken_is_told(void **state)
{
        struct scene *scene = *state;

        begin(scene, 0);
        while (!log_wire_error(scene->wire)[0]) {
                turn(scene);
                serve(scene);
        }
        if (!strstr(log_wire_error(scene->wire), "certificate verify failed"))
                fail_msg("%s", log_wire_error(scene->wire));
}

static void a_server_that_says_nothing_is_given_up(void **state)
{
        struct scene *scene = *state;

        begin(scene, 50 * NS_PER_MS);
        for (int i = 0; i < 500 && !log_wire_error(scene->wire)[0]; i++)
                turn(scene);
        assert_string_equal(log_wire_error(scene->wire), "connect: Connection timed out");
        assert_int_equal(scene->n_troubles, 1);
}

/* Takes a connection, hears hello and drops it. */
static void drop(struct scene *scene)
{
        char heard[64];
        int fd;

        while ((fd = accept4(scene->listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) < 0)
                turn(scene);
        say_hello(scene);
        while (recv(fd, heard, sizeof heard, 0) <= 0)
                turn(scene);
        close(fd);
}

static void a_server_that_drops_each_connection_is_told_of_once(void **state)
{
        struct scene *scene = *state;
        int64_t began_ns = loop_now_boot(scene->loop);

        scene->config.transport = LOG_TCP;
        begin(scene, 0);
        for (int i = 0; i < 5; i++)
                drop(scene);
        assert_int_equal(scene->n_troubles, 1);
        assert_true(loop_now_boot(scene->loop) - began_ns >
                    1400 * NS_PER_MS); /* it pauses longer and longer */
}

static void a_server_is_reached_again_when_its_connection_lasts(void **state)
{
        struct scene *scene = *state;

        scene->config.transport = LOG_TCP;
        scene->steady_ns = 50 * NS_PER_MS;
        begin(scene, 0);
        drop(scene);
        while (!log_wire_error(scene->wire)[0])
                turn(scene);
        for (int i = 0; i < 500 && log_wire_error(scene->wire)[0]; i++)
                turn(scene);
        assert_string_equal(log_wire_error(scene->wire), "");
        assert_int_equal(scene->n_troubles, 2);
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                T(what_is_sent_arrives),
                T(an_empty_frame_counts_as_dropped),
                T(why_hands_were_not_shaken_is_told),
                T(a_server_that_says_nothing_is_given_up),
                T(a_server_that_drops_each_connection_is_told_of_once),
                T(a_server_is_reached_again_when_its_connection_lasts),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
