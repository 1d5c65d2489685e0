/* StreamUsage: which tasks are meant, then the dispatcher is asked, which asks the nodes. */
#include <string.h>

#include "api/dispatcher.h"
#include "lib/base/map.h"
#include "lib/base/str.h"
#include "lib/base/vec.h"
#include "lib/state/task_life.h"
#include "manager/api_server/api_server.h"
#include "manager/api_server/ask.h"
#include "manager/api_server/rows.h"
#include "manager/api_server/show.h"

struct usage_stream {
        struct api_server *api;
        struct rpc_call *rpc;
        const Sk__StreamUsageRequest *in;
        struct rpc_stream *answers; /* NULL: not asked yet, or answered */
        struct mirror_read read;
        bool is_reading;
};

/* --- which tasks --- */

struct selection {
        struct call call;
        struct map known; /* ids of tasks that are in already */
        struct vec tasks; /* Sk__TaskView * */
};

static void add_task(struct selection *selection, const Sk__Task *task)
{
        Sk__TaskView *shown;

        if (task_state(task) != SK__TASK_STATE__TASK_RUNNING ||
            map_find(&selection->known, task->id))
                return;
        map_put(&selection->known, task->id, (void *)task);
        shown = show_task(&selection->call, task, false);
        vec_push(&selection->tasks, &shown);
}

static int add_named(struct selection *selection, const char *name)
{
        struct call *call = &selection->call;
        Sk__GetTaskResponse response = SK__GET_TASK_RESPONSE__INIT;
        Sk__GetTaskRequest request = SK__GET_TASK_REQUEST__INIT;
        struct view_cursor cursor = { 0 };
        const struct object_head *service;
        const Sk__Task *task;

        if (view_resolve(call->view, SK__KIND__KIND_SERVICE, name, &service, call->err) == 0) {
                while ((task = view_each_service_task(call->view, service->id, &cursor)))
                        add_task(selection, task);
                return 0;
        }
        request.id = name;
        if (handle_get_task(call, &request, &response) < 0)
                return err_set(call->err, ERR_NOT_FOUND, "No such task: %.128s", name);
        if (task_state(response.task->task) != SK__TASK_STATE__TASK_RUNNING)
                return err_set(call->err, ERR_PRECONDITION, "task %s is not running",
                               response.task->task->id);
        add_task(selection, response.task->task);
        return 0;
}

static int select_tasks(struct selection *selection, const Sk__StreamUsageRequest *in)
{
        struct view_cursor cursor = { 0 };
        const struct object_head *object;

        for (size_t i = 0; i < in->n_ids; i++)
                TRY(add_named(selection, in->ids[i]));
        while (!in->n_ids &&
               (object = view_each(selection->call.view, SK__KIND__KIND_TASK, &cursor)))
                add_task(selection, (const Sk__Task *)object);
        return 0;
}

/* --- asking --- */

static void answer_came(void *context, const void *out)
{
        struct usage_stream *stream = context;
        const Sk__AnswerMessage *answer = ((const Sk__AskResponse *)out)->answer;
        Sk__StreamUsageResponse message = SK__STREAM_USAGE_RESPONSE__INIT;

        if (!answer)
                return;
        message.usage = answer->usage;
        message.n_usage = answer->n_usage;
        message.processes = answer->processes;
        message.n_processes = answer->n_processes;
        message.warning = answer->err;
        if (!rpc_call_write(stream->rpc, &message.base))
                rpc_stream_pause_reading(stream->answers);
}

static void answers_closed(void *context, const struct err *err)
{
        struct usage_stream *stream = context;

        stream->answers = NULL;
        if (err->code)
                rpc_fail(stream->rpc, err);
        else
                rpc_call_finish(stream->rpc);
}

static void ask_for(struct usage_stream *stream, const struct selection *selection)
{
        static const struct rpc_stream_events events = { .message = answer_came,
                                                         .closed = answers_closed };
        Sk__StreamUsageResponse first = SK__STREAM_USAGE_RESPONSE__INIT;
        Sk__NodeRequest request = SK__NODE_REQUEST__INIT;
        Sk__UsageRequest usage = SK__USAGE_REQUEST__INIT;
        _cleanup_(arena_done) struct arena arena = {};
        _cleanup_(ask_done) struct ask ask = {};

        first.tasks = selection->tasks.data;
        first.n_tasks = selection->tasks.n;
        rpc_call_write(stream->rpc, &first.base);
        for (size_t i = 0; i < first.n_tasks; i++)
                ask_add(&ask, task_node(first.tasks[i]->task), first.tasks[i]->task->id);
        usage.processes = stream->in->processes;
        request.what_case = SK__NODE_REQUEST__WHAT_USAGE;
        request.usage = &usage;
        stream->answers =
                rpc_client_stream(stream->api->dispatcher, RPC_METHOD(dispatcher, Ask),
                                  &ask_request(&ask, &request, &arena)->base, &events, stream);
}

static void view_is_fresh(void *context, const struct err *read_err)
{
        struct usage_stream *stream = context;
        struct err err;
        struct selection selection = {
                .call = { .view = mirror_view(stream->api->mirror),
                          .arena = rpc_call_arena(stream->rpc),
                          .err = &err },
                .tasks = VEC_OF(Sk__TaskView *),
        };

        stream->is_reading = false;
        if (read_err)
                rpc_fail(stream->rpc, read_err);
        else if (select_tasks(&selection, stream->in) < 0)
                rpc_fail(stream->rpc, &err);
        else
                ask_for(stream, &selection);
        vec_done(&selection.tasks);
        map_done(&selection.known);
}

static void usage_writable(void *context, struct rpc_call *rpc)
{
        const struct usage_stream *stream = context;

        (void)rpc;
        if (stream->answers)
                rpc_stream_resume_reading(stream->answers);
}

static void usage_closed(void *context, struct rpc_call *rpc)
{
        struct usage_stream *stream = context;

        (void)rpc;
        if (stream->is_reading)
                mirror_read_cancel(stream->api->mirror, &stream->read);
        if (stream->answers)
                rpc_stream_cancel(TAKE(stream->answers));
}

void stream_usage(void *context, struct rpc_call *rpc, const Sk__StreamUsageRequest *in)
{
        static const struct rpc_call_events events = { .writable = usage_writable,
                                                       .closed = usage_closed };
        struct usage_stream *stream = arena_alloc(rpc_call_arena(rpc), sizeof *stream);
        const struct daemon *daemon = context;

        stream->api = daemon->state;
        stream->rpc = rpc;
        stream->in = in;
        stream->is_reading = true;
        stream->read = (struct mirror_read){ .fresh = view_is_fresh, .context = stream };
        rpc_call_on(rpc, &events, stream);
        mirror_read(stream->api->mirror, &stream->read);
}
