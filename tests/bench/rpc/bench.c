/* How fast is lib/rpc?  A server and a client, one process each, on this machine.
 *
 *         bench [mtls|local] [n_calls] [n_in_flight] [n_messages]
 *         bench connections [n]      what a connection with one open stream costs the server
 *
 * Prints "name: value unit" lines. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/check.h"
#include "lib/base/mem.h"
#include "lib/base/time.h"
#include "lib/os/file.h"
#include "lib/rpc/client.h"
#include "lib/rpc/server.h"
#include "tests/lib/echo/echo.h"
#include "tests/lib/identity/identity.h"

#define MUST(call)                                                \
        do {                                                      \
                if ((call) < 0) {                                 \
                        fprintf(stderr, "bench: %s\n", err.text); \
                        exit(1);                                  \
                }                                                 \
        } while (0)

static int64_t clock_ns(clockid_t clock)
{
        struct timespec now;

        clock_gettime(clock, &now);
        return now.tv_sec * NS_PER_S + now.tv_nsec;
}

/* --- server --- */

static void stop(void *loop, int signal)
{
        (void)signal;
        loop_stop(loop);
}

static void print_memory(void)
{
        struct str status = { 0 };
        const char *at;

        if (file_read("/proc/self/status", 1 << 16, &status, NULL) < 0)
                return;
        at = strstr(str_text(&status), "VmRSS:");
        if (at)
                printf("server_rss: %ld kB\n", strtol(at + 6, NULL, 10));
        str_done(&status);
}

static void serve(const char *folder, const char *address, bool is_tls, int ready_fd)
{
        struct rpc_server_options options = { 0 };
        struct rpc_identity *identity = NULL;
        struct rpc_server *server;
        struct loop *loop;
        struct echo echo = { 0 };
        struct err err;
        int port;

        MUST(loop_new(&loop, &err));
        MUST(loop_signal(loop, SIGTERM, stop, loop, &err));
        if (is_tls)
                MUST(rpc_identity_open(folder, "store", &identity, &err));
        options.identity = identity;
        echo.loop = loop;
        MUST(rpc_server_new(loop, &options, &server, &err));
        MUST(rpc_server_add(server, &echo_service, &echo, &err));
        MUST(rpc_server_listen(server, address, is_tls ? RPC_MUTUAL_TLS : RPC_LOCAL_ADMIN, 0600,
                               &err));
        MUST(rpc_server_start(server, &err));
        port = rpc_server_port(server);
        CHECK(write(ready_fd, &port, sizeof port) == sizeof port);
        MUST(loop_run(loop, &err));
        print_memory();
        printf("server_cpu: %.3f s\n", (double)clock_ns(CLOCK_PROCESS_CPUTIME_ID) / NS_PER_S);
        rpc_server_free(server, 0);
        rpc_identity_free(identity);
        loop_free(loop);
}

/* --- client --- */

struct bench {
        struct loop *loop;
        struct rpc_client *client;
        unsigned n_calls, n_started, n_done;
        int64_t *latency_ns;
        bool is_done;
        uint64_t n_messages;
};

struct slot {
        struct bench *bench;
        int64_t started_ns;
};

static void start_call(struct slot *slot);

static void answered(void *context, const void *out, const struct err *err)
{
        struct slot *slot = context;
        struct bench *bench = slot->bench;

        if (!out) {
                fprintf(stderr, "bench: %s\n", err->text);
                exit(1);
        }
        bench->latency_ns[bench->n_done++] = clock_ns(CLOCK_MONOTONIC) - slot->started_ns;
        if (bench->n_started < bench->n_calls)
                start_call(slot);
        else if (bench->n_done == bench->n_calls)
                bench->is_done = true;
}

static void start_call(struct slot *slot)
{
        static uint8_t payload[100];
        Sk__EchoRequest request = SK__ECHO_REQUEST__INIT;

        request.payload = (ProtobufCBinaryData){ .len = sizeof payload, .data = payload };
        slot->started_ns = clock_ns(CLOCK_MONOTONIC);
        slot->bench->n_started++;
        rpc_client_call(slot->bench->client, RPC_METHOD(echo, Say), &request.base, 5 * NS_PER_S,
                        true, answered, slot);
}

static int compare_ns(const void *a, const void *b)
{
        int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

        return x < y ? -1 : x > y;
}

static void wait_done(struct bench *bench)
{
        while (!bench->is_done)
                CHECK(loop_turn(bench->loop, -1, NULL) == 0);
        bench->is_done = false;
}

static void unary(struct bench *bench, unsigned n_calls, unsigned n_in_flight, const char *name)
{
        _cleanup_(freep) struct slot *slots = mem_alloc_array(n_in_flight, sizeof *slots);
        _cleanup_(freep) int64_t *latency_ns = mem_alloc_array(n_calls, sizeof *latency_ns);
        int64_t cpu = clock_ns(CLOCK_PROCESS_CPUTIME_ID), began = clock_ns(CLOCK_MONOTONIC);
        double seconds;

        bench->n_calls = n_calls;
        bench->n_started = bench->n_done = 0;
        bench->latency_ns = latency_ns;
        for (unsigned i = 0; i < n_in_flight; i++) {
                slots[i].bench = bench;
                start_call(&slots[i]);
        }
        wait_done(bench);
        seconds = (double)(clock_ns(CLOCK_MONOTONIC) - began) / NS_PER_S;
        qsort(latency_ns, n_calls, sizeof *latency_ns, compare_ns);
        printf("%s: %.0f /s\n", name, n_calls / seconds);
        printf("%s_p50: %" PRId64 " us\n", name, latency_ns[n_calls / 2] / NS_PER_US);
        printf("%s_p99: %" PRId64 " us\n", name, latency_ns[n_calls * 99L / 100] / NS_PER_US);
        printf("%s_client_cpu: %.1f us\n", name,
               (double)(clock_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu) / n_calls / 1000);
}

static void stream_message(void *context, const void *out)
{
        (void)out;
        ((struct bench *)context)->n_messages++;
}

static void stream_closed(void *context, const struct err *err)
{
        if (err->code)
                fprintf(stderr, "bench: %s\n", err->text);
        ((struct bench *)context)->is_done = true;
}

static void stream(struct bench *bench, unsigned n_messages, size_t payload_bytes)
{
        static const struct rpc_stream_events events = {
                .message = stream_message,
                .closed = stream_closed,
        };
        _cleanup_(freep) uint8_t *payload = mem_alloc(payload_bytes);
        Sk__EchoRequest request = SK__ECHO_REQUEST__INIT;
        int64_t began = clock_ns(CLOCK_MONOTONIC);
        double seconds;

        request.number = n_messages;
        request.payload = (ProtobufCBinaryData){ .len = payload_bytes, .data = payload };
        bench->n_messages = 0;
        rpc_client_stream(bench->client, RPC_METHOD(echo, Count), &request.base, &events, bench);
        wait_done(bench);
        seconds = (double)(clock_ns(CLOCK_MONOTONIC) - began) / NS_PER_S;
        CHECK(bench->n_messages == n_messages);
        printf("stream: %.0f /s\n", n_messages / seconds);
        printf("stream_bytes: %.1f MB/s\n", n_messages * (double)payload_bytes / seconds / 1e6);
}

/* --- connections --- */

static void chat_message(void *context, const void *out)
{
        (void)out;
        ++*(unsigned *)context;
}

static void chat_closed(void *context, const struct err *err)
{
        (void)context;
        fprintf(stderr, "bench: %s\n", err->text);
}

static long rss_kb(pid_t pid)
{
        char path[64];
        struct str status = { 0 };
        long kb;

        snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
        CHECK(file_read(path, 1 << 16, &status, NULL) == 0);
        kb = strtol(strstr(str_text(&status), "VmRSS:") + 6, NULL, 10);
        str_done(&status);
        return kb;
}

static void open_connections(struct loop *loop, const struct rpc_client_options *options,
                             unsigned n, pid_t server)
{
        static const struct rpc_stream_events events = {
                .message = chat_message,
                .closed = chat_closed,
        };
        Sk__EchoRequest request = SK__ECHO_REQUEST__INIT;
        long before_kb = rss_kb(server);
        unsigned n_answered = 0;
        struct err err;

        for (unsigned i = 0; i < n; i++) {
                struct rpc_client *client;
                struct rpc_stream *stream;

                MUST(rpc_client_new(loop, options, &client, &err));
                stream = rpc_client_stream(client, RPC_METHOD(echo, Chat), NULL, &events,
                                           &n_answered);
                rpc_stream_write(stream, &request.base);
                while (n_answered <= i)
                        CHECK(loop_turn(loop, -1, NULL) == 0);
        }
        printf("server_rss_idle: %ld kB\n", before_kb);
        printf("server_rss_per_connection: %.1f kB\n", (double)(rss_kb(server) - before_kb) / n);
}

static void run_client(const char *folder, const char *address, bool is_tls, pid_t server,
                       char **argv)
{
        struct rpc_client_options options = { .address = address };
        struct rpc_identity *identity = NULL;
        struct bench bench = { 0 };
        unsigned n_calls = argv[0] ? (unsigned)atoi(argv[0]) : 100000;
        unsigned n_in_flight = argv[0] && argv[1] ? (unsigned)atoi(argv[1]) : 64;
        unsigned n_messages = argv[0] && argv[1] && argv[2] ? (unsigned)atoi(argv[2]) : 1000000;
        struct err err;

        if (is_tls) {
                MUST(rpc_identity_open(folder, "api", &identity, &err));
                options.identity = identity;
                options.server_daemon = "store";
        }
        MUST(loop_new(&bench.loop, &err));
        if (server) {
                open_connections(bench.loop, &options, argv[0] ? (unsigned)atoi(argv[0]) : 500,
                                 server);
                return;
        }
        MUST(rpc_client_new(bench.loop, &options, &bench.client, &err));
        unary(&bench, 1, 1, "connect");
        unary(&bench, n_calls / 4, 1, "unary_1");
        unary(&bench, n_calls, n_in_flight, "unary_many");
        stream(&bench, n_messages, 100);
        stream(&bench, n_messages / 20, 10000);
        rpc_client_free(bench.client);
        rpc_identity_free(identity);
        loop_free(bench.loop);
}

int main(int argc, char **argv)
{
        bool is_connections = argc > 1 && strcmp(argv[1], "connections") == 0;
        bool is_tls = argc < 2 || strcmp(argv[1], "local") != 0;
        char folder[] = "/tmp/skep-rpc-bench-XXXXXX", address[128];
        int ready[2], port, status;
        pid_t server;

        CHECK(mkdtemp(folder) && pipe(ready) == 0);
        if (is_tls) {
                test_identity_make(folder, "cluster1", "node1", "swarm-manager", "store");
                test_identity_make(folder, "cluster1", "node1", "swarm-manager", "api");
        }
        snprintf(address, sizeof address, is_tls ? "127.0.0.1:0" : "unix:%s/s", folder);
        server = fork();
        if (server == 0) {
                serve(folder, address, is_tls, ready[1]);
                return 0;
        }
        CHECK(read(ready[0], &port, sizeof port) == sizeof port);
        if (is_tls)
                snprintf(address, sizeof address, "127.0.0.1:%d", port);
        run_client(folder, address, is_tls, is_connections ? server : 0,
                   argc > 2 ? argv + 2 : argv + argc);
        fflush(stdout);
        kill(server, SIGTERM);
        waitpid(server, &status, 0);
        file_remove_tree(folder, NULL);
        return status != 0;
}
