/* Probes over the network, at servers of our own. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/executor_containerd_probe.h"
#include "lib/base/check.h"
#include "tests/unit/test.h"

struct scene {
        struct executor_containerd executor;
        struct executor_task task;
        struct oci_health settings;
        struct probe_request request;
        const char *words[2];
        char address[64];
        int server;
        bool has_ended;
        struct health_result result;
        struct str output;
};

static void ended(void *context, const struct probe_end *end)
{
        struct scene *scene = context;

        scene->has_ended = true;
        scene->result = end->result;
        str_add_bytes(&scene->output, end->output, end->output_size);
}

/* A port that takes connections and never says anything. */
static void listen_mutely(struct scene *scene)
{
        struct sockaddr_in address = { .sin_family = AF_INET };
        socklen_t size = sizeof address;

        inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
        scene->server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        CHECK(bind(scene->server, (const struct sockaddr *)&address, size) == 0);
        CHECK(listen(scene->server, 8) == 0);
        CHECK(getsockname(scene->server, (struct sockaddr *)&address, &size) == 0);
        snprintf(scene->address, sizeof scene->address, "127.0.0.1:%d", ntohs(address.sin_port));
}

static void probe(struct scene *scene, const char *kind)
{
        struct loop *loop;

        CHECK(loop_new(&loop, NULL) == 0);
        CHECK(worker_pool_new(loop, 1, &scene->executor.options.pool, NULL) == 0);
        scene->executor.options.loop = loop;
        scene->task.executor = &scene->executor;
        listen_mutely(scene);
        scene->words[0] = kind;
        scene->words[1] = scene->address;
        scene->settings.test.words = scene->words;
        scene->settings.test.n = 2;
        scene->settings.timeout_ns = 100 * NS_PER_MS;
        scene->request = (struct probe_request){
                .task = &scene->task, .settings = &scene->settings, .ended = ended, .context = scene
        };
        CHECK(probe_begin_network(&scene->request));
        while (!scene->has_ended)
                assert_true(loop_turn(loop, 10000, NULL) >= 0);
        worker_pool_free(scene->executor.options.pool);
        loop_free(loop);
        close(scene->server);
}

/* The client that is given up tells of its end while the probe ends. */
static void a_server_that_says_nothing_runs_into_the_timeout(void **state)
{
        static const char *const kinds[] = { "GRPC", "HTTP" };

        (void)state;
        for (size_t i = 0; i < COUNT_OF(kinds); i++) {
                struct scene scene = { 0 };

                probe(&scene, kinds[i]);
                assert_int_equal(scene.result.exit_code, 1);
                assert_string_equal(str_text(&scene.output),
                                    "Health check exceeded timeout (100ms)");
                str_done(&scene.output);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_server_that_says_nothing_runs_into_the_timeout),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
