/* Skep, through its control API. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/control.h"
#include "lib/base/check.h"
#include "lib/base/mem.h"
#include "lib/base/time.h"
#include "lib/os/loop.h"
#include "lib/rpc/client.h"
#include "tests/bench/start/cluster.h"

struct skep {
        struct cluster cluster;
        struct loop *loop;
        struct rpc_client *rpc;
};

/* The call that is waited for. */
struct wait {
        bool is_over;
        struct err err;
        void (*take)(const void *out, struct cluster_tasks *ret); /* may be NULL */
        struct cluster_tasks tasks;
};

static void answered(void *context, const void *out, const struct err *err)
{
        struct wait *wait = context;

        wait->is_over = true;
        if (err)
                wait->err = *err;
        else if (wait->take)
                wait->take(out, &wait->tasks);
}

static int call(struct skep *skep, const struct rpc_method_id *method,
                const ProtobufCMessage *request, struct wait *wait, struct err *err)
{
        rpc_client_call(skep->rpc, method, request, 60 * NS_PER_S, true, answered, wait);
        while (!wait->is_over)
                TRY(loop_turn(skep->loop, -1, err));
        if (wait->err.code)
                return err_set(err, wait->err.code, "%s: %s", method->method, wait->err.text);
        return 0;
}

static int ask(struct cluster *cluster, const char *name, uint64_t n_replicas, bool is_new,
               struct err *err)
{
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
        return ask(cluster, name, n_replicas, true, err);
}

static int scale(struct cluster *cluster, const char *name, uint64_t n_replicas, struct err *err)
{
        return ask(cluster, name, n_replicas, false, err);
}

static int remove_service(struct cluster *cluster, const char *name, struct err *err)
{
        Sk__RemoveServiceRequest request = SK__REMOVE_SERVICE_REQUEST__INIT;

        request.id = name;
        return call(container_of(cluster, struct skep, cluster), RPC_METHOD(control, RemoveService),
                    &request.base, &(struct wait){ 0 }, err);
}

static void count(const void *out, struct cluster_tasks *ret)
{
        const Sk__ListTasksResponse *response = out;

        for (size_t i = 0; i < response->n_tasks; i++) {
                const Sk__TaskView *view = response->tasks[i];
                const Sk__Task *task = view->task;

                ret->n_all++;
                if (view->state != SK__TASK_STATE__TASK_RUNNING ||
                    task->definition->desired_state > SK__TASK_STATE__TASK_RUNNING)
                        continue;
                ret->n_running++;
                snprintf(ret->a_task, sizeof ret->a_task, "%s", task->id);
                if (task->status && task->status->container)
                        ret->a_pid = task->status->container->pid;
        }
}

static int look(struct cluster *cluster, const char *name, struct cluster_tasks *ret,
                struct err *err)
{
        Sk__ListTasksRequest request = SK__LIST_TASKS_REQUEST__INIT;
        Sk__Filter filter = SK__FILTER__INIT, *filters[] = { &filter };
        struct wait wait = { .take = count };

        filter.key = "service";
        filter.values = &name;
        filter.n_values = 1;
        request.filters = filters;
        request.n_filters = 1;
        TRY(call(container_of(cluster, struct skep, cluster), RPC_METHOD(control, ListTasks),
                 &request.base, &wait, err));
        *ret = wait.tasks;
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
        .remove = remove_service,
        .look = look,
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
