/* StreamLogs: asks the dispatcher, which asks the nodes; what they answer is passed on. */
#include <string.h>

#include "api/dispatcher.h"
#include "lib/base/str.h"
#include "lib/base/vec.h"
#include "lib/state/task_life.h"
#include "manager/api_server/rows.h"
#include "manager/api_server/api_server.h"
#include "manager/api_server/show.h"

struct log_stream {
        struct api_server *api;
        struct rpc_call *rpc;
        const Sk__StreamLogsRequest *in;
        struct rpc_stream
                *answers; /* from the dispatcher; NULL before it was asked and after it ended */
        struct mirror_read read;
        bool is_reading;
};

/* The tasks of one node that shall be asked. */
struct node_tasks {
        const char *node_id;
        struct vec ids; /* const char * */
};

static void add_task(struct arena *arena, struct vec *nodes, const Sk__Task *task)
{
        const char *node_id = task_node(task);
        struct node_tasks *found = NULL;

        if (!node_id[0])
                return;
        for (size_t i = 0; i < nodes->n && !found; i++)
                if (strcmp(VEC_AT(nodes, struct node_tasks, i).node_id, node_id) == 0)
                        found = vec_at(nodes, i);
        if (!found) {
                found = vec_add(nodes);
                found->node_id = node_id;
                found->ids = VEC_OF(const char *);
        }
        vec_push(&found->ids, &(const char *){ arena_strdup(arena, task->id) });
}

/* Which tasks 'id' names: all of a service, or one. */
static int tasks_named(const struct view *view, const char *id, struct arena *arena,
                       struct vec *ret_nodes, struct err *err)
{
        const struct object_head *object;
        struct view_cursor cursor = { 0 };
        Sk__GetTaskResponse response = SK__GET_TASK_RESPONSE__INIT;
        Sk__GetTaskRequest request = SK__GET_TASK_REQUEST__INIT;
        struct call call = { .view = view, .arena = arena, .err = err };
        const Sk__Task *task;

        if (view_resolve(view, SK__KIND__KIND_SERVICE, id, &object, err) == 0) {
                while ((task = view_each_service_task(view, object->id, &cursor)))
                        add_task(arena, ret_nodes, task);
                return 0;
        }
        request.id = id;
        if (handle_get_task(&call, &request, &response) < 0)
                return err_set(err, ERR_NOT_FOUND, "no such task or service: %.128s", id);
        add_task(arena, ret_nodes, response.task->task);
        return 0;
}

static Sk__AskRequest *ask_request(struct arena *arena, const struct vec *nodes,
                                   Sk__LogOptions *options)
{
        Sk__AskRequest *ask = arena_alloc(arena, sizeof *ask);

        *ask = (Sk__AskRequest)SK__ASK_REQUEST__INIT;
        ask->nodes = arena_alloc(arena, (nodes->n + 1) * sizeof *ask->nodes);
        for (size_t i = 0; i < nodes->n; i++) {
                struct node_tasks *tasks = vec_at(nodes, i);
                Sk__AskRequest__Node *node = arena_alloc(arena, sizeof *node);
                Sk__NodeRequest *request = arena_alloc(arena, sizeof *request);
                Sk__NodeRequest__LogRequest *logs = arena_alloc(arena, sizeof *logs);

                *node = (Sk__AskRequest__Node)SK__ASK_REQUEST__NODE__INIT;
                *request = (Sk__NodeRequest)SK__NODE_REQUEST__INIT;
                *logs = (Sk__NodeRequest__LogRequest)SK__NODE_REQUEST__LOG_REQUEST__INIT;
                logs->task_ids = arena_copy(arena, tasks->ids.data, tasks->ids.n * sizeof(char *));
                logs->n_task_ids = tasks->ids.n;
                logs->options = options;
                request->what_case = SK__NODE_REQUEST__WHAT_LOGS;
                request->logs = logs;
                node->node_id = tasks->node_id;
                node->request = request;
                ask->nodes[ask->n_nodes++] = node;
                vec_done(&tasks->ids);
        }
        return ask;
}

static void answer_came(void *context, const void *out)
{
        struct log_stream *stream = context;
        const Sk__AskResponse *answer = out;
        Sk__StreamLogsResponse message = SK__STREAM_LOGS_RESPONSE__INIT;

        if (!answer->answer)
                return;
        message.lines = answer->answer->lines;
        message.n_lines = answer->answer->n_lines;
        message.warning = answer->answer->err;
        if ((message.n_lines || !str_is_empty(message.warning)) &&
            !rpc_call_write(stream->rpc, &message.base))
                rpc_stream_pause_reading(stream->answers);
}

static void answers_closed(void *context, const struct err *err)
{
        struct log_stream *stream = context;

        stream->answers = NULL;
        if (err->code == ERR_OK)
                rpc_call_finish(stream->rpc);
        else
                rpc_fail(stream->rpc, err);
}

static void logs_writable(void *context, struct rpc_call *rpc)
{
        struct log_stream *stream = context;

        (void)rpc;
        if (stream->answers)
                rpc_stream_resume_reading(stream->answers);
}

static void logs_closed(void *context, struct rpc_call *rpc)
{
        struct log_stream *stream = context;

        (void)rpc;
        if (stream->is_reading)
                mirror_read_cancel(stream->api->mirror, &stream->read);
        if (stream->answers)
                rpc_stream_cancel(stream->answers);
}

static void logs_fresh(void *context, const struct err *read_err)
{
        static const struct rpc_stream_events events = { .message = answer_came,
                                                         .closed = answers_closed };
        _cleanup_(vec_done) struct vec nodes = VEC_OF(struct node_tasks);
        struct log_stream *stream = context;
        struct arena *arena = rpc_call_arena(stream->rpc);
        Sk__LogOptions *options = arena_alloc(arena, sizeof *options);
        struct err err;

        stream->is_reading = false;
        if (read_err) {
                rpc_fail(stream->rpc, read_err);
                return;
        }
        if (tasks_named(mirror_view(stream->api->mirror), stream->in->id, arena, &nodes, &err) <
            0) {
                rpc_fail(stream->rpc, &err);
                return;
        }
        *options =
                stream->in->options ? *stream->in->options : (Sk__LogOptions)SK__LOG_OPTIONS__INIT;
        if (!nodes.n && !options->follow) {
                rpc_call_finish(stream->rpc);
                return;
        }
        stream->answers =
                rpc_client_stream(stream->api->dispatcher, RPC_METHOD(dispatcher, Ask),
                                  &ask_request(arena, &nodes, options)->base, &events, stream);
}

void stream_logs(void *context, struct rpc_call *rpc, const Sk__StreamLogsRequest *in)
{
        static const struct rpc_call_events events = { .writable = logs_writable,
                                                       .closed = logs_closed };
        struct log_stream *stream = arena_alloc(rpc_call_arena(rpc), sizeof *stream);
        struct daemon *daemon = context;

        stream->api = daemon->state;
        stream->rpc = rpc;
        stream->in = in;
        stream->is_reading = true;
        stream->read = (struct mirror_read){ .fresh = logs_fresh, .context = stream };
        rpc_call_on(rpc, &events, stream);
        mirror_read(stream->api->mirror, &stream->read);
}
