/* Asking. */
#include "tests/integration/session/ask.h"

#include <stdio.h>
#include <string.h>

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
        str_addf(told->lines, "%s%s", response->answer->is_away ? "away: " : "",
                 response->answer->err);
}

static void ask_closed(void *context, const struct err *err)
{
        struct told *told = context;

        if (err->code)
                str_add(told->lines, err->text);
        told->is_closed = true;
}

static void open_dispatcher(struct manager *manager, struct rpc_identity **ret_identity,
                            struct rpc_client **ret)
{
        struct rpc_client_options options = { .address = manager->dispatcher,
                                              .server_daemon = "dispatcher" };
        char folder[128];

        snprintf(folder, sizeof folder, "%s/identity", manager->folder);
        CHECK(rpc_identity_open(folder, "api", ret_identity, NULL) == 0);
        options.identity = *ret_identity;
        CHECK(rpc_client_new(manager->loop, &options, ret, NULL) == 0);
}

void ask_log(struct manager *manager, size_t node_index, const char *task_id, struct str *ret)
{
        static const struct rpc_stream_events events = { .message = answer_came,
                                                         .closed = ask_closed };
        Sk__AskRequest request = SK__ASK_REQUEST__INIT;
        Sk__AskRequest__Node node = SK__ASK_REQUEST__NODE__INIT, *nodes[] = { &node };
        Sk__NodeRequest what = SK__NODE_REQUEST__INIT;
        Sk__NodeRequest__LogRequest logs = SK__NODE_REQUEST__LOG_REQUEST__INIT;
        Sk__LogOptions log_options = SK__LOG_OPTIONS__INIT;
        const char *tasks[] = { task_id };
        struct told told = { .lines = ret };
        struct rpc_identity *identity;
        struct rpc_client *client;
        char id[26];
        int64_t start = loop_now_boot(manager->loop);

        manager_node_id(node_index, id);
        open_dispatcher(manager, &identity, &client);
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

struct visit {
        struct rpc_stream *stream;
        struct str *told;
        size_t size, n_sent;
        bool is_closed, has_ended;
};

static void send_more(void *context)
{
        Sk__EnterInput input = SK__ENTER_INPUT__INIT;
        struct visit *visit = context;
        uint8_t data[1000];
        bool is_welcome = true;

        memset(data, 'x', sizeof data);
        input.what_case = SK__ENTER_INPUT__WHAT_DATA;
        input.data.data = data;
        while (visit->n_sent < visit->size && is_welcome) {
                size_t left = visit->size - visit->n_sent;

                input.data.len = left < sizeof data ? left : sizeof data;
                visit->n_sent += input.data.len;
                is_welcome = rpc_stream_write(visit->stream, &input.base);
        }
        if (visit->n_sent < visit->size || visit->has_ended)
                return;
        visit->has_ended = true;
        sk__enter_input__init(&input);
        input.what_case = SK__ENTER_INPUT__WHAT_IS_END;
        input.is_end = true;
        rpc_stream_write(visit->stream, &input.base);
}

static void inside_said(void *context, const void *out)
{
        const Sk__EnterOutput *output = out;
        struct visit *visit = context;

        if (output->what_case == SK__ENTER_OUTPUT__WHAT_IS_STARTED)
                send_more(visit);
        else if (output->what_case == SK__ENTER_OUTPUT__WHAT_DATA)
                str_add_bytes(visit->told, output->data->data.data, output->data->data.len);
        else
                str_addf(visit->told, "exit %d", output->exit->code);
}

static void inside_closed(void *context, const struct err *err)
{
        struct visit *visit = context;

        if (err->code)
                str_add(visit->told, err->text);
        visit->is_closed = true;
}

void ask_inside(struct manager *manager, size_t node_index, size_t size, struct str *ret)
{
        static const struct rpc_stream_events events = { .message = inside_said,
                                                         .writable = send_more,
                                                         .closed = inside_closed };
        struct visit visit = { .told = ret, .size = size };
        int64_t start = loop_now_boot(manager->loop);
        Sk__EnterInput first = SK__ENTER_INPUT__INIT;
        Sk__EnterStart where = SK__ENTER_START__INIT;
        struct rpc_identity *identity;
        struct rpc_client *client;
        char id[26];

        manager_node_id(node_index, id);
        open_dispatcher(manager, &identity, &client);
        where.node_id = id;
        first.what_case = SK__ENTER_INPUT__WHAT_START;
        first.start = &where;
        visit.stream =
                rpc_client_stream(client, RPC_METHOD(dispatcher, Enter), NULL, &events, &visit);
        rpc_stream_write(visit.stream, &first.base);
        while (!visit.is_closed && loop_now_boot(manager->loop) - start < 10 * NS_PER_S)
                loop_turn(manager->loop, 20, NULL);
        rpc_client_free(client);
        rpc_identity_free(identity);
}
