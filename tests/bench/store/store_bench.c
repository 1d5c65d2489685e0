/* How many durable writes a store takes, and how fast: one client after the other, many at a time,
 * and in batches; with a watcher that has to keep up.  The same client asks etcd.
 *
 *         store_bench store|etcd ADDRESS IDENTITY-FOLDER [SECONDS]
 *
 * The folder holds an identity of the daemon "orchestrator".  Values are 256 bytes. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "api/store.h"
#include "lib/base/check.h"
#include "lib/base/id.h"
#include "lib/base/time.h"
#include "lib/message/message.h"
#include "lib/os/file.h"
#include "lib/rpc/client.h"
#include "tests/bench/store/etcd.pb-c.h"

enum { VALUE = 256, OBJECTS = 100000, BATCH = 100, BATCHES_IN_FLIGHT = 8 };

struct bench {
        struct loop *loop;
        struct rpc_client *client;
        struct arena arena;
        uint8_t *definition; /* a packed TaskDefinition of about VALUE bytes */
        size_t definition_size;
        int64_t until;
        size_t n_done, n_open, next, limit, batch;
        bool creates, is_etcd;
        int64_t *latencies;
        size_t n_latencies;
        uint64_t watched;
};

struct request {
        struct bench *bench;
        int64_t began;
};

static int64_t now_ns(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return now.tv_sec * NS_PER_S + now.tv_nsec;
}

/* --- one commit --- */

static void make_definition(struct bench *bench)
{
        Sk__TaskDefinition definition = SK__TASK_DEFINITION__INIT;
        char reason[VALUE - 40];

        memset(reason, 'x', sizeof reason);
        reason[sizeof reason - 1] = '\0';
        definition.service_id = (char *)"0000000000000000000000000";
        definition.slot = 1;
        definition.generation = 1;
        definition.desired_state = SK__TASK_STATE__TASK_RUNNING;
        definition.reason = reason;
        message_pack(&bench->arena, &definition.base, &bench->definition, &bench->definition_size);
        bench->definition = mem_copy(bench->definition, bench->definition_size);
        arena_clear(&bench->arena);
}

static Sk__Group *make_group(struct bench *bench, size_t number)
{
        Sk__Group *group = arena_alloc(&bench->arena, sizeof *group);
        Sk__Change *change = arena_alloc(&bench->arena, sizeof *change);
        Sk__Part *part = arena_alloc(&bench->arena, sizeof *part);
        char *id = arena_alloc(&bench->arena, ID_SIZE);

        sk__group__init(group);
        sk__change__init(change);
        sk__part__init(part);
        part->data.data = bench->definition;
        part->data.len = bench->definition_size;
        change->op = bench->creates ? SK__CHANGE__OP__CREATE : SK__CHANGE__OP__UPDATE;
        change->kind = SK__KIND__KIND_TASK;
        id_from_bits((const uint64_t[]){ 1, number }, id);
        change->id = id;
        change->parts = arena_alloc(&bench->arena, sizeof part);
        change->parts[0] = part;
        change->n_parts = 1;
        group->changes = arena_alloc(&bench->arena, sizeof change);
        group->changes[0] = change;
        group->n_changes = 1;
        return group;
}

static void send(struct bench *bench);

static void answered(void *context, const void *out, const struct err *err)
{
        struct request *request = context;
        struct bench *bench = request->bench;
        const Sk__CommitResponse *response = out;

        if (err || (!bench->is_etcd && response->n_results)) {
                fprintf(stderr, "commit failed: %s\n",
                        err ? err->text : response->results[0]->message);
                exit(1);
        }
        if (bench->n_latencies < 10000000)
                bench->latencies[bench->n_latencies++] = now_ns() - request->began;
        free(request);
        bench->n_open--;
        bench->n_done++;
        if (bench->next < bench->limit && now_ns() < bench->until)
                send(bench);
        else if (!bench->n_open)
                loop_stop(bench->loop);
}

static void send_commit(struct bench *bench, struct request *request)
{
        Sk__CommitRequest commit = SK__COMMIT_REQUEST__INIT;

        commit.groups = arena_alloc(&bench->arena, bench->batch * sizeof *commit.groups);
        for (size_t i = 0; i < bench->batch; i++)
                commit.groups[commit.n_groups++] = make_group(bench, bench->next++ % OBJECTS);
        rpc_client_call(bench->client, RPC_METHOD(store, Commit), &commit.base, 60 * NS_PER_S, true,
                        answered, request);
        arena_clear(&bench->arena);
}

static void send_put(struct bench *bench, struct request *request)
{
        Sk__PutRequest put = SK__PUT_REQUEST__INIT;
        char id[ID_SIZE];

        id_from_bits((const uint64_t[]){ 1, bench->next++ % OBJECTS }, id);
        put.key.data = (uint8_t *)id;
        put.key.len = ID_LENGTH;
        put.value.data = bench->definition;
        put.value.len = bench->definition_size;
        rpc_client_call(bench->client, RPC_METHOD(kv, Put), &put.base, 60 * NS_PER_S, true,
                        answered, request);
}

static void send(struct bench *bench)
{
        struct request *request = mem_alloc(sizeof *request);

        request->bench = bench;
        request->began = now_ns();
        bench->n_open++;
        if (bench->is_etcd)
                send_put(bench, request);
        else
                send_commit(bench, request);
}

/* --- runs --- */

static int compare(const void *a, const void *b)
{
        int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

        return (x > y) - (x < y);
}

static void get_fsyncs_done(void *context, const void *out, const struct err *err)
{
        uint64_t *ret = context;

        CHECK(!err);
        *ret = ((const Sk__GetStoreStatusResponse *)out)->n_fsyncs;
}

static uint64_t get_fsyncs(struct bench *bench)
{
        Sk__GetStoreStatusRequest request = SK__GET_STORE_STATUS_REQUEST__INIT;
        uint64_t n = UINT64_MAX;

        if (bench->is_etcd)
                return 0;
        rpc_client_call(bench->client, RPC_METHOD(store, GetStoreStatus), &request.base,
                        10 * NS_PER_S, true, get_fsyncs_done, &n);
        while (n == UINT64_MAX)
                CHECK(loop_turn(bench->loop, 100, NULL) == 0);
        return n;
}

static void run(struct bench *bench, const char *name, size_t n_clients, size_t batch, size_t limit,
                int64_t duration)
{
        uint64_t fsyncs = get_fsyncs(bench);
        int64_t began = now_ns(), ns;
        size_t changes;

        bench->n_done = bench->n_latencies = bench->next = 0;
        bench->batch = batch;
        bench->limit = limit;
        bench->until = began + duration;
        for (size_t i = 0; i < n_clients; i++)
                send(bench);
        CHECK(loop_run(bench->loop, NULL) == 0);
        ns = now_ns() - began;
        changes = bench->n_done * batch;
        fsyncs = get_fsyncs(bench) - fsyncs;
        qsort(bench->latencies, bench->n_latencies, sizeof *bench->latencies, compare);
        printf("%s: %.0f changes/s\n", name, (double)changes * NS_PER_S / (double)ns);
        printf("%s p50: %lld us\n", name,
               (long long)bench->latencies[bench->n_latencies / 2] / 1000);
        printf("%s p99: %lld us\n", name,
               (long long)bench->latencies[bench->n_latencies * 99 / 100] / 1000);
        if (fsyncs)
                printf("%s changes per fsync: %.1f\n", name, (double)changes / (double)fsyncs);
        fflush(stdout);
}

/* --- a watcher beside it --- */

static void watched(void *context, const void *out)
{
        struct bench *bench = context;

        bench->watched += ((const Sk__WatchResponse *)out)->n_events;
}

static void watch_closed(void *context, const struct err *err)
{
        (void)context;
        fprintf(stderr, "watch ended: %s\n", err->text);
}

static struct rpc_stream *watch(struct bench *bench)
{
        static const struct rpc_stream_events events = { .message = watched,
                                                         .closed = watch_closed };
        Sk__WatchRequest request = SK__WATCH_REQUEST__INIT;
        Sk__KindMask mask = SK__KIND_MASK__INIT, *masks[] = { &mask };

        mask.kind = SK__KIND__KIND_TASK;
        mask.parts = 15;
        request.kinds = masks;
        request.n_kinds = 1;
        return rpc_client_stream(bench->client, RPC_METHOD(store, Watch), &request.base, &events,
                                 bench);
}

static void run_all(struct bench *bench, int64_t duration)
{
        if (!bench->is_etcd) {
                bench->creates = true;
                run(bench, "create in batches of 100", BATCHES_IN_FLIGHT, BATCH, OBJECTS,
                    TIME_NEVER / 2);
                bench->creates = false;
                run(bench, "update in batches of 100", BATCHES_IN_FLIGHT, BATCH, SIZE_MAX,
                    duration);
        }
        run(bench, "256 clients", 256, 1, SIZE_MAX, duration);
        run(bench, "16 clients", 16, 1, SIZE_MAX, duration);
        run(bench, "1 client", 1, 1, SIZE_MAX, duration);
        if (bench->is_etcd)
                return;
        watch(bench);
        run(bench, "256 clients and a watcher", 256, 1, SIZE_MAX, duration);
        printf("events told: %llu\n", (unsigned long long)bench->watched);
}

int main(int argc, char **argv)
{
        struct bench bench = { .latencies = mem_alloc_array(10000000, sizeof(int64_t)) };
        struct rpc_client_options options = { 0 };
        struct rpc_identity *identity;
        struct err err;

        if (argc < 4) {
                fprintf(stderr,
                        "usage: store_bench store|etcd ADDRESS IDENTITY-FOLDER [SECONDS]\n");
                return 2;
        }
        bench.is_etcd = strcmp(argv[1], "etcd") == 0;
        CHECK(loop_new(&bench.loop, &err) == 0);
        CHECK(rpc_identity_open(argv[3], "orchestrator", &identity, &err) == 0);
        options.server_daemon = argv[1];
        options.address = argv[2];
        options.identity = identity;
        CHECK(rpc_client_new(bench.loop, &options, &bench.client, &err) == 0);
        make_definition(&bench);
        run_all(&bench, (argc > 4 ? atoi(argv[4]) : 5) * NS_PER_S);
        return 0;
}
