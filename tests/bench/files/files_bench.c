/* N secrets of 1 KiB in N services of one task each, against a control API on a unix socket:
 *
 *         files_bench unix:/path/api.sock N
 *
 * Each service uses a secret of its own and one that all share.  Prints "name: value unit" lines.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api/control.h"
#include "lib/base/time.h"
#include "lib/rpc/client.h"

enum { CLIENTS = 16, TIMEOUT_S = 60, SECRET_SIZE = 1024 };

struct bench {
        struct loop *loop;
        struct rpc_client *clients[CLIENTS];
        uint64_t n, n_asked, n_open, n_failed;
        void (*ask)(struct bench *bench, struct rpc_client *client, uint64_t number);
        uint64_t n_running; /* tasks */
        size_t n_moved;     /* services */
};

struct asking {
        struct bench *bench;
        struct rpc_client *client;
};

static int64_t now_ns(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return now.tv_sec * NS_PER_S + now.tv_nsec;
}

static void ask_next(struct bench *bench, struct rpc_client *client)
{
        if (bench->n_asked == bench->n)
                return;
        bench->n_open++;
        bench->ask(bench, client, bench->n_asked++);
}

static void answered(void *context, const void *out, const struct err *err)
{
        struct asking *asking = context;
        struct bench *bench = asking->bench;

        (void)out;
        if (err && bench->n_failed++ == 0)
                fprintf(stderr, "failed: %s\n", err->text);
        bench->n_open--;
        ask_next(bench, asking->client);
        free(asking);
}

static struct asking *asking_new(struct bench *bench, struct rpc_client *client)
{
        struct asking *asking = mem_alloc(sizeof *asking);

        *asking = (struct asking){ bench, client };
        return asking;
}

static void ask_secret_named(struct bench *bench, struct rpc_client *client, const char *name)
{
        Sk__CreateSecretRequest request = SK__CREATE_SECRET_REQUEST__INIT;
        Sk__SecretSpec spec = SK__SECRET_SPEC__INIT;
        Sk__Annotations annotations = SK__ANNOTATIONS__INIT;
        uint8_t data[SECRET_SIZE] = { 0 };

        annotations.name = name;
        spec.annotations = &annotations;
        request.spec = &spec;
        request.data = (ProtobufCBinaryData){ sizeof data, data };
        rpc_client_call(client, RPC_METHOD(control, CreateSecret), &request.base,
                        TIMEOUT_S * NS_PER_S, true, answered, asking_new(bench, client));
}

static void ask_shared(struct bench *bench, struct rpc_client *client, uint64_t number)
{
        (void)number;
        ask_secret_named(bench, client, "shared");
}

static void ask_secret(struct bench *bench, struct rpc_client *client, uint64_t number)
{
        char name[32];

        snprintf(name, sizeof name, "secret-%llu", (unsigned long long)number);
        ask_secret_named(bench, client, name);
}

static void ask_service(struct bench *bench, struct rpc_client *client, uint64_t number)
{
        Sk__CreateServiceRequest request = SK__CREATE_SERVICE_REQUEST__INIT;
        Sk__ServiceSpec spec = SK__SERVICE_SPEC__INIT;
        Sk__Annotations annotations = SK__ANNOTATIONS__INIT;
        Sk__TaskSpec task = SK__TASK_SPEC__INIT;
        Sk__ContainerSpec container = SK__CONTAINER_SPEC__INIT;
        Sk__ReplicatedService replicated = SK__REPLICATED_SERVICE__INIT;
        Sk__FileReference own = SK__FILE_REFERENCE__INIT, shared = SK__FILE_REFERENCE__INIT;
        Sk__FileReference *secrets[] = { &own, &shared };
        char name[32], secret[32];

        snprintf(name, sizeof name, "service-%llu", (unsigned long long)number);
        snprintf(secret, sizeof secret, "secret-%llu", (unsigned long long)number);
        annotations.name = name;
        own.name = own.target = secret;
        shared.name = shared.target = "shared";
        container.image = "busybox:latest";
        container.secrets = secrets;
        container.n_secrets = 2;
        replicated.replicas = 1;
        task.container = &container;
        spec.annotations = &annotations;
        spec.task = &task;
        spec.mode_case = SK__SERVICE_SPEC__MODE_REPLICATED;
        spec.replicated = &replicated;
        request.spec = &spec;
        rpc_client_call(client, RPC_METHOD(control, CreateService), &request.base,
                        TIMEOUT_S * NS_PER_S, true, answered, asking_new(bench, client));
}

static int ask_all(struct bench *bench, uint64_t n,
                   void (*ask)(struct bench *bench, struct rpc_client *client, uint64_t number),
                   struct err *err)
{
        uint64_t n_failed = bench->n_failed;

        bench->n = n;
        bench->n_asked = 0;
        bench->ask = ask;
        for (int i = 0; i < CLIENTS; i++)
                ask_next(bench, bench->clients[i]);
        while (bench->n_open)
                TRY(loop_turn(bench->loop, -1, err));
        return bench->n_failed == n_failed ? 0 : err_set(err, ERR_UNAVAILABLE, "calls failed");
}

/* --- single calls --- */

static void counted(void *context, const void *out, const struct err *err)
{
        struct bench *bench = context;

        bench->n_open--;
        bench->n_failed += err != NULL;
        if (out)
                bench->n_running = ((const Sk__GetInfoResponse *)out)->tasks_running;
}

static void moved(void *context, const void *out, const struct err *err)
{
        struct bench *bench = context;

        bench->n_open--;
        if (err && bench->n_failed++ == 0)
                fprintf(stderr, "failed: %s\n", err->text);
        if (out)
                bench->n_moved = ((const Sk__UpdateSecretResponse *)out)->n_services;
}

static int wait_until_running(struct bench *bench, uint64_t n, struct err *err)
{
        Sk__GetInfoRequest request = SK__GET_INFO_REQUEST__INIT;

        while (bench->n_running < n) {
                bench->n_open++;
                rpc_client_call(bench->clients[0], RPC_METHOD(control, GetInfo), &request.base,
                                TIMEOUT_S * NS_PER_S, true, counted, bench);
                while (bench->n_open)
                        TRY(loop_turn(bench->loop, -1, err));
        }
        return 0;
}

static int update_shared(struct bench *bench, struct err *err)
{
        Sk__UpdateSecretRequest request = SK__UPDATE_SECRET_REQUEST__INIT;
        uint8_t data[SECRET_SIZE] = { 1 };

        request.id = "shared";
        request.new_version = true;
        request.data = (ProtobufCBinaryData){ sizeof data, data };
        bench->n_open++;
        rpc_client_call(bench->clients[0], RPC_METHOD(control, UpdateSecret), &request.base,
                        TIMEOUT_S * NS_PER_S, true, moved, bench);
        while (bench->n_open)
                TRY(loop_turn(bench->loop, -1, err));
        return 0;
}

static int run(struct bench *bench, const char *address, uint64_t n, struct err *err)
{
        int64_t started;

        TRY(loop_new(&bench->loop, err));
        for (int i = 0; i < CLIENTS; i++)
                TRY(rpc_client_new(bench->loop, &(struct rpc_client_options){ .address = address },
                                   &bench->clients[i], err));
        TRY(ask_all(bench, 1, ask_shared, err));
        started = now_ns();
        TRY(ask_all(bench, n, ask_secret, err));
        printf("secrets_per_second: %.0f /s\n", (double)n * 1e9 / (double)(now_ns() - started));
        started = now_ns();
        TRY(ask_all(bench, n, ask_service, err));
        printf("services_per_second: %.0f /s\n", (double)n * 1e9 / (double)(now_ns() - started));
        TRY(wait_until_running(bench, n, err));
        printf("first_create_to_all_running: %.0f ms\n", (double)(now_ns() - started) / 1e6);
        started = now_ns();
        TRY(update_shared(bench, err));
        printf("new_version_ms: %.1f ms\nservices_moved: %zu\n", (double)(now_ns() - started) / 1e6,
               bench->n_moved);
        return bench->n_failed ? err_set(err, ERR_UNAVAILABLE, "calls failed") : 0;
}

int main(int argc, char **argv)
{
        struct bench bench = { 0 };
        struct err err;

        if (argc != 3 || run(&bench, argv[1], strtoull(argv[2], NULL, 10), &err) < 0) {
                fprintf(stderr, "%s\n", argc == 3 ? err.text : "files_bench ADDRESS N");
                return 1;
        }
        for (int i = 0; i < CLIENTS; i++)
                rpc_client_free(bench.clients[i]);
        loop_free(bench.loop);
        return 0;
}
