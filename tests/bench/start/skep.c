/* Skep, through its control API. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/control.h"
#include "lib/base/check.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/base/time.h"
#include "lib/os/loop.h"
#include "lib/rpc/client.h"
#include "tests/bench/start/cluster.h"

struct skep {
        struct cluster cluster;
        struct loop *loop;
        struct rpc_client *rpc;
};

/* What is waited for: a call, or a service to become as wanted. */
struct wait {
        bool is_over;
        struct err err;
        void (*take)(struct wait *wait, const void *out);
        uint64_t n, round;
        const char *other_than;
        struct cluster_task task;
};

static void answered(void *context, const void *out, const struct err *err)
{
        struct wait *wait = context;

        wait->is_over = true;
        if (err)
                wait->err = *err;
        else if (wait->take)
                wait->take(wait, out);
}

static int await(struct skep *skep, const struct rpc_method_id *method, const struct wait *wait,
                 struct err *err)
{
        while (!wait->is_over)
                TRY(loop_turn(skep->loop, -1, err));
        if (wait->err.code)
                return err_set(err, wait->err.code, "%s: %s", method->method, wait->err.text);
        return 0;
}

static int call(struct skep *skep, const struct rpc_method_id *method,
                const ProtobufCMessage *request, struct wait *wait, struct err *err)
{
        rpc_client_call(skep->rpc, method, request, 60 * NS_PER_S, true, answered, wait);
        return await(skep, method, wait, err);
}

static int ask(struct cluster *cluster, const char *name, uint64_t n_replicas, bool is_new,
               const struct cluster_update *how, struct err *err)
{
        Sk__UpdateConfig config = SK__UPDATE_CONFIG__INIT;
        struct skep *skep = container_of(cluster, struct skep, cluster);
        Sk__CreateServiceRequest create = SK__CREATE_SERVICE_REQUEST__INIT;
        Sk__UpdateServiceRequest update = SK__UPDATE_SERVICE_REQUEST__INIT;
        Sk__ServiceSpec spec = SK__SERVICE_SPEC__INIT;
        Sk__Annotations annotations = SK__ANNOTATIONS__INIT;
        Sk__TaskSpec task = SK__TASK_SPEC__INIT;
        Sk__ContainerSpec container = SK__CONTAINER_SPEC__INIT;
        Sk__RestartPolicy restart = SK__RESTART_POLICY__INIT;
        Sk__ContainerSpec__Duration delay = SK__CONTAINER_SPEC__DURATION__INIT;
        Sk__ReplicatedService replicated = SK__REPLICATED_SERVICE__INIT;

        annotations.name = name;
        container.image = cluster->image;
        container.stop_signal = "SIGKILL";
        restart.delay = &delay;
        replicated.replicas = n_replicas;
        task.container = &container;
        task.restart = &restart;
        spec.annotations = &annotations;
        spec.task = &task;
        spec.mode_case = SK__SERVICE_SPEC__MODE_REPLICATED;
        spec.replicated = &replicated;
        if (how) {
                config.parallelism = how->parallelism;
                config.order = how->start_first ? SK__UPDATE_CONFIG__ORDER__START_FIRST
                                                : SK__UPDATE_CONFIG__ORDER__STOP_FIRST;
                task.force_update = how->round;
                spec.update = &config;
        }
        if (is_new) {
                create.spec = &spec;
                return call(skep, RPC_METHOD(control, CreateService), &create.base,
                            &(struct wait){ 0 }, err);
        }
        update.id = name;
        update.spec = &spec;
        return call(skep, RPC_METHOD(control, UpdateService), &update.base, &(struct wait){ 0 },
                    err);
}

static int create_service(struct cluster *cluster, const char *name, uint64_t n_replicas,
                          struct err *err)
{
        return ask(cluster, name, n_replicas, true, NULL, err);
}

static int scale(struct cluster *cluster, const char *name, uint64_t n_replicas, struct err *err)
{
        return ask(cluster, name, n_replicas, false, NULL, err);
}

static int update(struct cluster *cluster, const char *name, uint64_t n_replicas,
                  const struct cluster_update *how, struct err *err)
{
        return ask(cluster, name, n_replicas, false, how, err);
}

static int remove_service(struct cluster *cluster, const char *name, struct err *err)
{
        Sk__RemoveServiceRequest request = SK__REMOVE_SERVICE_REQUEST__INIT;

        request.id = name;
        return call(container_of(cluster, struct skep, cluster), RPC_METHOD(control, RemoveService),
                    &request.base, &(struct wait){ 0 }, err);
}

static void seen(void *context, const void *out)
{
        const Sk__WatchServiceResponse *response = out;
        struct wait *wait = context;

        if (wait->is_over || response->running < wait->n)
                return;
        for (size_t i = 0; i < response->n_slots; i++) {
                const Sk__WatchServiceResponse__Slot *slot = response->slots[i];

                if (slot->state != SK__TASK_STATE__TASK_RUNNING ||
                    str_equal(slot->task_id, wait->other_than))
                        continue;
                snprintf(wait->task.id, sizeof wait->task.id, "%s", slot->task_id);
                wait->is_over = true;
        }
}

/* What runs is counted when it is made from the spec wanted now. */
static void round_seen(void *context, const void *out)
{
        const Sk__WatchServiceResponse *response = out;
        struct wait *wait = context;

        wait->is_over |= response->running >= wait->n &&
                         response->service->spec->task->force_update == wait->round;
}

static void closed(void *context, const struct err *err)
{
        struct wait *wait = context;

        wait->is_over = true;
        err_set(&wait->err, err->code ? err->code : ERR_UNAVAILABLE, "%s", err->text);
}

static void take_pid(struct wait *wait, const void *out)
{
        const Sk__GetTaskResponse *response = out;
        const Sk__TaskStatus *status = response->task->task->status;

        if (status && status->container)
                wait->task.pid = status->container->pid;
}

static int wait_running(struct cluster *cluster, const char *name, uint64_t n,
                        const char *other_than, struct cluster_task *ret, struct err *err)
{
        static const struct rpc_stream_events events = { .message = seen, .closed = closed };
        struct skep *skep = container_of(cluster, struct skep, cluster);
        Sk__WatchServiceRequest watch = SK__WATCH_SERVICE_REQUEST__INIT;
        Sk__GetTaskRequest get = SK__GET_TASK_REQUEST__INIT;
        struct wait wait = { .n = n, .other_than = other_than }, got = { .take = take_pid };
        struct rpc_stream *stream;

        watch.id = name;
        stream = rpc_client_stream(skep->rpc, RPC_METHOD(control, WatchService), &watch.base,
                                   &events, &wait);
        TRY(await(skep, RPC_METHOD(control, WatchService), &wait, err));
        rpc_stream_cancel(stream);
        get.id = wait.task.id;
        TRY(call(skep, RPC_METHOD(control, GetTask), &get.base, &got, err));
        *ret = wait.task;
        ret->pid = got.task.pid;
        return 0;
}

static int wait_round(struct cluster *cluster, const char *name, uint64_t n, uint64_t round,
                      struct err *err)
{
        static const struct rpc_stream_events events = { .message = round_seen, .closed = closed };
        struct skep *skep = container_of(cluster, struct skep, cluster);
        Sk__WatchServiceRequest watch = SK__WATCH_SERVICE_REQUEST__INIT;
        struct wait wait = { .n = n, .round = round };
        struct rpc_stream *stream;

        watch.id = name;
        stream = rpc_client_stream(skep->rpc, RPC_METHOD(control, WatchService), &watch.base,
                                   &events, &wait);
        TRY(await(skep, RPC_METHOD(control, WatchService), &wait, err));
        rpc_stream_cancel(stream);
        return 0;
}

static void free_skep(struct cluster *cluster)
{
        struct skep *skep = container_of(cluster, struct skep, cluster);

        if (skep->rpc)
                rpc_client_free(skep->rpc);
        loop_free(skep->loop);
        free(skep);
}

static const struct cluster_ops ops = {
        .create = create_service,
        .scale = scale,
        .update = update,
        .wait_round = wait_round,
        .remove = remove_service,
        .wait = wait_running,
        .free = free_skep,
};

int cluster_skep_new(const char *address, const char *image, struct cluster **ret_cluster,
                     struct err *err)
{
        struct skep *skep = mem_alloc(sizeof *skep);

        skep->cluster = (struct cluster){ .ops = &ops, .name = "skep", .image = image };
        TRY(loop_new(&skep->loop, err));
        TRY(rpc_client_new(skep->loop, &(struct rpc_client_options){ .address = address },
                           &skep->rpc, err));
        *ret_cluster = &skep->cluster;
        return 0;
}
