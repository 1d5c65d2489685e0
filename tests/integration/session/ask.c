/* Asking. */
#include "tests/integration/session/ask.h"

#include <stdio.h>

#include "api/control.h"
#include "api/dispatcher.h"
#include "lib/base/check.h"
#include "lib/base/time.h"
#include "lib/state/task_life.h"
#include "tests/unit/test.h"

void ask_create_service(struct manager *manager, const char *name, uint64_t replicas)
{
        _cleanup_(arena_done) struct arena arena = { 0 };
        Sk__CreateServiceRequest request = SK__CREATE_SERVICE_REQUEST__INIT;
        Sk__ServiceSpec spec = SK__SERVICE_SPEC__INIT;
        Sk__Annotations annotations = SK__ANNOTATIONS__INIT;
        Sk__TaskSpec task = SK__TASK_SPEC__INIT;
        Sk__ContainerSpec container = SK__CONTAINER_SPEC__INIT;
        Sk__ReplicatedService replicated = SK__REPLICATED_SERVICE__INIT;
        struct err err;

        annotations.name = name;
        container.image = "img:1";
        task.container = &container;
        replicated.replicas = replicas;
        spec.annotations = &annotations;
        spec.task = &task;
        spec.mode_case = SK__SERVICE_SPEC__MODE_REPLICATED;
        spec.replicated = &replicated;
        request.spec = &spec;
        if (manager_call(manager, manager->api_client, RPC_METHOD(control, CreateService),
                         &request.base, &arena, NULL, &err) < 0)
                fail_msg("%s", err.text);
}

size_t ask_count_tasks(struct manager *manager, Sk__TaskState state)
{
        _cleanup_(arena_done) struct arena arena = { 0 };
        Sk__ListTasksRequest request = SK__LIST_TASKS_REQUEST__INIT;
        const Sk__ListTasksResponse *response;
        ProtobufCMessage *out;
        size_t n = 0;

        if (manager_call(manager, manager->api_client, RPC_METHOD(control, ListTasks),
                         &request.base, &arena, &out, NULL) < 0)
                return 0;
        response = (const Sk__ListTasksResponse *)out;
        for (size_t i = 0; i < response->n_tasks; i++)
                n += !state || task_state(response->tasks[i]->task) == state;
        return n;
}

size_t ask_count_ready(struct manager *manager)
{
        _cleanup_(arena_done) struct arena arena = { 0 };
        Sk__ListNodesRequest request = SK__LIST_NODES_REQUEST__INIT;
        const Sk__ListNodesResponse *response;
        ProtobufCMessage *out;
        size_t n = 0;

        if (manager_call(manager, manager->api_client, RPC_METHOD(control, ListNodes),
                         &request.base, &arena, &out, NULL) < 0)
                return 0;
        response = (const Sk__ListNodesResponse *)out;
        for (size_t i = 0; i < response->n_nodes; i++)
                n += response->nodes[i]->status &&
                     response->nodes[i]->status->state == SK__NODE_STATUS__STATE__READY;
        return n;
}

void ask_until_ready(struct manager *manager, size_t n)
{
        int64_t start = loop_now_boot(manager->loop);

        while (ask_count_ready(manager) != n) {
                loop_turn(manager->loop, 20, NULL);
                if (loop_now_boot(manager->loop) - start > 30 * NS_PER_S)
                        fail_msg("%zu nodes are ready instead of %zu", ask_count_ready(manager), n);
        }
}

struct told {
        struct str *lines;
        bool is_closed;
};

static void answer_came(void *context, const void *out)
{
        const Sk__AskResponse *response = out;
        struct told *told = context;

        for (size_t i = 0; i < response->answer->n_lines; i++) {
                str_add_bytes(told->lines, response->answer->lines[i]->data.data,
                              response->answer->lines[i]->data.len);
                str_add_char(told->lines, ';');
        }
        str_add(told->lines, response->answer->err);
}

static void ask_closed(void *context, const struct err *err)
{
        struct told *told = context;

        if (err->code)
                str_add(told->lines, err->text);
        told->is_closed = true;
}

void ask_log(struct manager *manager, size_t node_index, const char *task_id, struct str *ret)
{
        static const struct rpc_stream_events events = { .message = answer_came,
                                                         .closed = ask_closed };
        struct rpc_client_options options = { .address = manager->dispatcher,
                                              .server_daemon = "dispatcher" };
        Sk__AskRequest request = SK__ASK_REQUEST__INIT;
        Sk__AskRequest__Node node = SK__ASK_REQUEST__NODE__INIT, *nodes[] = { &node };
        Sk__NodeRequest what = SK__NODE_REQUEST__INIT;
        Sk__NodeRequest__LogRequest logs = SK__NODE_REQUEST__LOG_REQUEST__INIT;
        Sk__LogOptions log_options = SK__LOG_OPTIONS__INIT;
        const char *tasks[] = { task_id };
        struct told told = { .lines = ret };
        struct rpc_identity *identity;
        struct rpc_client *client;
        char folder[128], id[26];
        int64_t start = loop_now_boot(manager->loop);

        manager_node_id(node_index, id);
        snprintf(folder, sizeof folder, "%s/identity", manager->folder);
        CHECK(rpc_identity_open(folder, "api", &identity, NULL) == 0);
        options.identity = identity;
        CHECK(rpc_client_new(manager->loop, &options, &client, NULL) == 0);
        log_options.tail = -1;
        logs.options = &log_options;
        logs.task_ids = tasks;
        logs.n_task_ids = 1;
        what.what_case = SK__NODE_REQUEST__WHAT_LOGS;
        what.logs = &logs;
        node.node_id = id;
        node.request = &what;
        request.nodes = nodes;
        request.n_nodes = 1;
        rpc_client_stream(client, RPC_METHOD(dispatcher, Ask), &request.base, &events, &told);
        while (!told.is_closed && loop_now_boot(manager->loop) - start < 10 * NS_PER_S)
                loop_turn(manager->loop, 20, NULL);
        rpc_client_free(client);
        rpc_identity_free(identity);
}
