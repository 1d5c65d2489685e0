/* Durable 'service create' calls from N clients at a time, and lists, against a control API on a
 * unix socket.
 *
 *         api_bench unix:/path/api.sock SECONDS
 *
 * Prints "name: value unit" lines. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api/control.h"
#include "lib/base/time.h"
#include "lib/os/file.h"
#include "lib/rpc/client.h"

enum { CLIENTS_MAX = 64, TIMEOUT_S = 30, LISTED = 2000 };

struct bench;
struct client {
        struct bench *bench;
        struct rpc_client *rpc; /* a connection of its own, as separate clients have */
};

struct bench {
        struct loop *loop;
        struct client clients[CLIENTS_MAX];
        int n_running;
        uint64_t n_done, n_failed;
        int64_t until_ns;
        uint64_t n_most; /* creates, also when time is left */
        char prefix[26];
        uint64_t n_named;
};

static int64_t now_ns(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return now.tv_sec * NS_PER_S + now.tv_nsec;
}

static void create_next(struct client *client);

static void created(void *context, const void *out, const struct err *err)
{
        struct client *client = context;

        (void)out;
        if (err && client->bench->n_failed++ == 0)
                fprintf(stderr, "create failed: %s\n", err->text);
        client->bench->n_done += !err;
        create_next(client);
}

/* No replicas: what is measured is the API and the store, not what containers cost. */
static void create_next(struct client *client)
{
        Sk__CreateServiceRequest request = SK__CREATE_SERVICE_REQUEST__INIT;
        Sk__ServiceSpec spec = SK__SERVICE_SPEC__INIT;
        Sk__Annotations annotations = SK__ANNOTATIONS__INIT;
        Sk__TaskSpec task = SK__TASK_SPEC__INIT;
        Sk__ContainerSpec container = SK__CONTAINER_SPEC__INIT;
        Sk__ReplicatedService replicated = SK__REPLICATED_SERVICE__INIT;
        char name[64];

        if (now_ns() >= client->bench->until_ns ||
            client->bench->n_named >= client->bench->n_most) {
                client->bench->n_running--;
                return;
        }
        snprintf(name, sizeof name, "%s-%llu", client->bench->prefix,
                 (unsigned long long)client->bench->n_named++);
        annotations.name = name;
        container.image = "busybox:latest";
        task.container = &container;
        spec.annotations = &annotations;
        spec.task = &task;
        spec.mode_case = SK__SERVICE_SPEC__MODE_REPLICATED;
        spec.replicated = &replicated;
        request.spec = &spec;
        rpc_client_call(client->rpc, RPC_METHOD(control, CreateService), &request.base,
                        TIMEOUT_S * NS_PER_S, true, created, client);
}

static int create(struct bench *bench, int n_clients, int64_t seconds, uint64_t n_most,
                  struct err *err)
{
        bench->n_done = bench->n_failed = bench->n_named = 0;
        bench->n_running = n_clients;
        bench->n_most = n_most;
        bench->until_ns = now_ns() + seconds * NS_PER_S;
        os_random_id(bench->prefix);
        for (int i = 0; i < n_clients; i++)
                create_next(&bench->clients[i]);
        while (bench->n_running)
                TRY(loop_turn(bench->loop, -1, err));
        return 0;
}

static int run_creates(struct bench *bench, int n_clients, int64_t seconds, struct err *err)
{
        int64_t started = now_ns();

        TRY(create(bench, n_clients, seconds, UINT64_MAX, err));
        printf("creates_per_second_%d: %.0f /s\n", n_clients,
               (double)bench->n_done * 1e9 / (double)(now_ns() - started));
        if (bench->n_failed)
                printf("failed_creates_%d: %llu\n", n_clients, (unsigned long long)bench->n_failed);
        fflush(stdout);
        return 0;
}

static void listed(void *context, const void *out, const struct err *err)
{
        struct bench *bench = context;
        const Sk__ListServicesResponse *response = out;

        if (err)
                fprintf(stderr, "list failed: %s\n", err->text);
        bench->n_done = response ? response->n_services : 0;
        bench->n_running--;
}

static int run_list(struct bench *bench, struct err *err)
{
        Sk__ListServicesRequest request = SK__LIST_SERVICES_REQUEST__INIT;
        int64_t started = now_ns();

        bench->n_running = 1;
        rpc_client_call(bench->clients[0].rpc, RPC_METHOD(control, ListServices), &request.base,
                        TIMEOUT_S * NS_PER_S, true, listed, bench);
        while (bench->n_running)
                TRY(loop_turn(bench->loop, -1, err));
        printf("listed_services: %llu\nlist_ms: %.1f ms\n", (unsigned long long)bench->n_done,
               (double)(now_ns() - started) / 1e6);
        return 0;
}

static int run(struct bench *bench, const char *address, int64_t seconds, struct err *err)
{
        static const int shapes[] = { 1, 16, 64 };

        TRY(loop_new(&bench->loop, err));
        for (int i = 0; i < CLIENTS_MAX; i++) {
                bench->clients[i].bench = bench;
                TRY(rpc_client_new(bench->loop, &(struct rpc_client_options){ .address = address },
                                   &bench->clients[i].rpc, err));
        }
        TRY(create(bench, CLIENTS_MAX, TIMEOUT_S, LISTED, err)); /* a warm-up, too */
        for (int i = 0; i < 3; i++)
                TRY(run_list(bench, err));
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
                TRY(run_creates(bench, shapes[i], seconds, err));
        return 0;
}

int main(int argc, char **argv)
{
        struct bench bench = { 0 };
        struct err err;

        if (argc != 3 || run(&bench, argv[1], atoi(argv[2]), &err) < 0) {
                fprintf(stderr, "%s\n", argc == 3 ? err.text : "api_bench ADDRESS SECONDS");
                return 1;
        }
        for (int i = 0; i < CLIENTS_MAX; i++)
                rpc_client_free(bench.clients[i].rpc);
        loop_free(bench.loop);
        return 0;
}
