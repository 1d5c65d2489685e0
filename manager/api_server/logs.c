/* StreamLogs: asks the dispatcher, which asks the nodes; what they answer is passed on. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/dispatcher.h"
#include "lib/base/check.h"
#include "lib/base/map.h"
#include "lib/base/str.h"
#include "lib/state/task_life.h"
#include "manager/api_server/api_server.h"
#include "manager/api_server/ask.h"
#include "manager/api_server/rows.h"
#include "manager/api_server/show.h"
#include "manager/api_server/watch.h"

/* One question to the dispatcher; following a service, there is one more for every batch of new
 * tasks. */
struct log_ask {
        struct log_ask *next, **back;
        struct log_stream *stream;
        struct rpc_stream *answers;
};

struct log_stream {
        struct watcher watcher; /* following a service: tells of new tasks */
        struct api_server *api;
        struct rpc_call *rpc;
        const Sk__StreamLogsRequest *in;
        Sk__LogOptions options;
        char service_id[64];  /* "" when one task was named */
        struct map asked;     /* ids (owned) of tasks that were asked for and still exist */
        struct log_ask *asks; /* that are not answered to the end */
        struct mirror_read read;
        bool is_reading;
};

/* Takes the task to those that shall be asked, unless it says nothing yet or was asked before. */
static void add_task(struct log_stream *stream, struct ask *ask, const Sk__Task *task)
{
        const char *node_id = task_node(task);
        char *id;

        if (!node_id[0] || task_state(task) < SK__TASK_STATE__TASK_STARTING ||
            map_find(&stream->asked, task->id))
                return;
        id = str_copy(task->id);
        map_put(&stream->asked, id, id);
        ask_add(ask, node_id, id);
}

static void add_service_tasks(struct log_stream *stream, const struct view *view, struct ask *ask)
{
        struct view_cursor cursor = { 0 };
        const Sk__Task *task;

        while ((task = view_each_service_task(view, stream->service_id, &cursor)))
                add_task(stream, ask, task);
}

static void forget_removed_tasks(struct log_stream *stream, const struct view *view)
{
        char *id;

        for (size_t at = 0; (id = map_next(&stream->asked, &at));)
                if (!view_task(view, id))
                        free(map_remove(&stream->asked, id));
}

/* Which tasks the request names: all of a service, or one. */
static int tasks_named(struct log_stream *stream, const struct view *view, struct ask *ask,
                       struct err *err)
{
        const struct object_head *object;
        Sk__GetTaskResponse response = SK__GET_TASK_RESPONSE__INIT;
        Sk__GetTaskRequest request = SK__GET_TASK_REQUEST__INIT;
        struct call call = { .view = view, .arena = rpc_call_arena(stream->rpc), .err = err };

        if (view_resolve(view, SK__KIND__KIND_SERVICE, stream->in->id, &object, err) == 0) {
                snprintf(stream->service_id, sizeof stream->service_id, "%s", object->id);
                add_service_tasks(stream, view, ask);
                return 0;
        }
        request.id = stream->in->id;
        if (handle_get_task(&call, &request, &response) < 0)
                return err_set(err, ERR_NOT_FOUND, "no such task or service: %.128s",
                               stream->in->id);
        add_task(stream, ask, response.task->task);
        return 0;
}

/* What is missing, and of whom, in docker's words. */
static void add_warning(const struct log_stream *stream, const Sk__AskResponse *answer,
                        struct str *ret)
{
        const Sk__Node *node = view_node(mirror_view(stream->api->mirror), answer->node_id);
        const char *name = node ? str_or(node->name, node->id) : answer->node_id;
        bool is_away = answer->answer->is_away;

        if (str_is_empty(answer->answer->err))
                return;
        str_addf(ret,
                 "warning: incomplete log stream. some logs could not be retrieved for the "
                 "following reasons: node %s%s%s",
                 name, is_away ? " is not available" : ": ", is_away ? "" : answer->answer->err);
}

static void answer_came(void *context, const void *out)
{
        struct log_ask *ask = context;
        const Sk__AskResponse *answer = out;
        _cleanup_(str_done) struct str warning = { 0 };
        Sk__StreamLogsResponse message = SK__STREAM_LOGS_RESPONSE__INIT;

        if (!answer->answer)
                return;
        message.lines = answer->answer->lines;
        message.n_lines = answer->answer->n_lines;
        add_warning(ask->stream, answer, &warning);
        message.warning = str_text(&warning);
        if ((message.n_lines || !str_is_empty(message.warning)) &&
            !rpc_call_write(ask->stream->rpc, &message.base))
                rpc_stream_pause_reading(ask->answers);
}

/* Followed, a service goes on: its next tasks may come when all of today's have ended. */
static bool is_followed(const struct log_stream *stream)
{
        return stream->options.follow && stream->service_id[0];
}

static void log_ask_free(struct log_ask *asking)
{
        *asking->back = asking->next;
        if (asking->next)
                asking->next->back = asking->back;
        free(asking);
}

/* Hears of nothing more: neither of new tasks nor of what was asked. */
static void stop_listening(struct log_stream *stream)
{
        if (stream->is_reading)
                mirror_read_cancel(stream->api->mirror, &stream->read);
        stream->is_reading = false;
        watcher_remove(&stream->watcher);
        while (stream->asks) {
                rpc_stream_cancel(stream->asks->answers);
                log_ask_free(stream->asks);
        }
}

static void answers_closed(void *context, const struct err *err)
{
        struct log_ask *asking = context;
        struct log_stream *stream = asking->stream;

        log_ask_free(asking);
        if (err->code != ERR_OK) {
                stop_listening(stream);
                rpc_fail(stream->rpc, err);
        } else if (!stream->asks && !is_followed(stream)) {
                rpc_call_finish(stream->rpc);
        }
}

static void ask_nodes(struct log_stream *stream, const struct ask *ask)
{
        static const struct rpc_stream_events events = { .message = answer_came,
                                                         .closed = answers_closed };
        Sk__NodeRequest request = SK__NODE_REQUEST__INIT;
        Sk__NodeRequest__LogRequest logs = SK__NODE_REQUEST__LOG_REQUEST__INIT;
        _cleanup_(arena_done) struct arena arena = {};
        struct log_ask *asking = mem_alloc(sizeof *asking);

        asking->stream = stream;
        asking->next = stream->asks;
        asking->back = &stream->asks;
        if (asking->next)
                asking->next->back = &asking->next;
        stream->asks = asking;
        logs.options = &stream->options;
        request.what_case = SK__NODE_REQUEST__WHAT_LOGS;
        request.logs = &logs;
        asking->answers =
                rpc_client_stream(stream->api->dispatcher, RPC_METHOD(dispatcher, Ask),
                                  &ask_request(ask, &request, &arena)->base, &events, asking);
}

static void logs_writable(void *context, struct rpc_call *rpc)
{
        struct log_stream *stream = context;

        (void)rpc;
        for (struct log_ask *asking = stream->asks; asking; asking = asking->next)
                rpc_stream_resume_reading(asking->answers);
}

static void logs_closed(void *context, struct rpc_call *rpc)
{
        struct log_stream *stream = context;
        char *id;

        (void)rpc;
        stop_listening(stream);
        for (size_t at = 0; (id = map_next(&stream->asked, &at));)
                free(id);
        map_done(&stream->asked);
}

static void task_changed(struct log_stream *stream, const struct view *view, const char *id,
                         struct ask *ask)
{
        const Sk__Task *task = view_task(view, id);

        if (!task)
                free(map_remove(&stream->asked, id));
        else if (strcmp(task->definition->service_id, stream->service_id) == 0)
                add_task(stream, ask, task);
}

/* New tasks of a followed service are asked for from their beginning. */
static void logs_news(struct watcher *watcher, const Sk__Event *const *events, size_t n_events)
{
        struct log_stream *stream = container_of(watcher, struct log_stream, watcher);
        const struct view *view = mirror_view(stream->api->mirror);
        _cleanup_(ask_done) struct ask ask = {};

        for (size_t i = 0; i < n_events; i++)
                if (events[i]->kind == SK__KIND__KIND_TASK)
                        task_changed(stream, view, events[i]->id, &ask);
        if (!events) {
                forget_removed_tasks(stream, view);
                add_service_tasks(stream, view, &ask);
        }
        stream->options.tail = -1;
        if (ask.nodes.n)
                ask_nodes(stream, &ask);
}

static void logs_fresh(void *context, const struct err *read_err)
{
        _cleanup_(ask_done) struct ask ask = {};
        struct log_stream *stream = context;
        struct err err;

        stream->is_reading = false;
        if (read_err) {
                rpc_fail(stream->rpc, read_err);
                return;
        }
        if (tasks_named(stream, mirror_view(stream->api->mirror), &ask, &err) < 0) {
                rpc_fail(stream->rpc, &err);
                return;
        }
        if (stream->in->options)
                stream->options = *stream->in->options;
        if (ask.nodes.n)
                ask_nodes(stream, &ask);
        else if (!is_followed(stream))
                rpc_call_finish(stream->rpc);
        if (is_followed(stream))
                watcher_add(stream->api, &stream->watcher, stream->rpc);
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
        stream->options = (Sk__LogOptions)SK__LOG_OPTIONS__INIT;
        stream->watcher.news = logs_news;
        stream->is_reading = true;
        stream->read = (struct mirror_read){ .fresh = logs_fresh, .context = stream };
        rpc_call_on(rpc, &events, stream);
        mirror_read(stream->api->mirror, &stream->read);
}
