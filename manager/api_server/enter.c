/* Enter: finds the task, asks the dispatcher, which asks the task's node; the two streams are one
 * from then on. */
#include <string.h>

#include "api/dispatcher.h"
#include "lib/base/str.h"
#include "lib/message/message.h"
#include "lib/os/log.h"
#include "lib/rpc/joint.h"
#include "lib/state/task_life.h"
#include "manager/api_server/api_server.h"
#include "manager/api_server/call.h"
#include "manager/api_server/rows.h"

/* What nodes take at once. */
enum { INPUT_MAX = 64 << 10 };

/* What one person's stream needs. */
struct entry {
        struct api_server *api;
        struct rpc_call *rpc;               /* lives until 'closed' */
        struct rpc_joint_end asker, inside; /* inside: the dispatcher */
        const Sk__EnterInput *first;        /* NULL: did not come yet */
        struct mirror_read read;
        bool is_reading;
};

static void fail(struct entry *entry, const struct err *err)
{
        if (entry->is_reading)
                mirror_read_cancel(entry->api->mirror, &entry->read);
        entry->is_reading = false;
        rpc_joint_fail(&entry->inside, err);
        rpc_joint_fail(&entry->asker, err);
}

/* --- which task --- */

static int only_running_task(const struct view *view, const char *service_id, const char *what,
                             const Sk__Task **ret, struct err *err)
{
        struct view_cursor cursor = { 0 };
        const Sk__Task *task, *found = NULL;
        size_t n = 0;

        while ((task = view_each_service_task(view, service_id, &cursor)))
                if (task_state(task) == SK__TASK_STATE__TASK_RUNNING && ++n)
                        found = task;
        if (n == 0)
                return err_set(err, ERR_PRECONDITION, "no task of service %.64s is running", what);
        if (n > 1)
                return err_set(err, ERR_PRECONDITION,
                               "service %.64s has %zu running tasks: say which, as %.64s.1", what,
                               n, what);
        *ret = found;
        return 0;
}

static int find_task(struct entry *entry, const char *what, const Sk__Task **ret, struct err *err)
{
        const struct view *view = mirror_view(entry->api->mirror);
        Sk__GetTaskResponse response = SK__GET_TASK_RESPONSE__INIT;
        Sk__GetTaskRequest request = SK__GET_TASK_REQUEST__INIT;
        struct call call = { .view = view, .arena = rpc_call_arena(entry->rpc), .err = err };
        const struct object_head *service = view_find_name(view, SK__KIND__KIND_SERVICE, what);
        const Sk__Task *task;
        int failed;

        if (service)
                return only_running_task(view, service->id, what, ret, err);
        request.id = what;
        failed = handle_get_task(&call, &request, &response);
        if (failed == ERR_NOT_FOUND &&
            view_resolve(view, SK__KIND__KIND_SERVICE, what, &service, err) == 0)
                return only_running_task(view, service->id, what, ret, err);
        if (failed == ERR_NOT_FOUND)
                return err_set(err, ERR_NOT_FOUND, "No such task: %.128s", what);
        TRY(failed);
        task = response.task->task;
        if (task_state(task) != SK__TASK_STATE__TASK_RUNNING)
                return err_set(err, ERR_PRECONDITION, "task %s is not running", task->id);
        *ret = task;
        return 0;
}

/* --- what is inside --- */

static void output_came(void *context, const void *out)
{
        struct entry *entry = context;
        const Sk__EnterOutput *output = out;
        const Sk__EnterExit *exit =
                output->what_case == SK__ENTER_OUTPUT__WHAT_EXIT ? output->exit : NULL;
        struct err err;

        if (exit && exit->err_code > 0 && exit->err_code <= -(int)ERR_UNAUTHENTICATED) {
                err_set(&err, (enum err_code) - (int)exit->err_code, "%s", exit->err);
                fail(entry, &err);
                return;
        }
        rpc_joint_pass(&entry->inside, &entry->asker, &output->base);
        if (exit)
                rpc_joint_finish(&entry->asker);
}

static void inside_writable(void *context)
{
        const struct entry *entry = context;

        rpc_joint_resume(&entry->asker);
}

static void inside_closed(void *context, const struct err *err)
{
        struct entry *entry = context;
        struct err lost;

        entry->inside.stream = NULL;
        if (!rpc_joint_is_open(&entry->asker))
                return;
        err_set(&lost, ERR_UNAVAILABLE, "the connection was lost on the way");
        fail(entry, err->code ? err : &lost);
}

/* Who did what where; what a program is told may be a secret, so only its name is. */
static void tell_log(const struct entry *entry, const Sk__Task *task)
{
        const struct rpc_peer *peer = rpc_call_peer(entry->rpc);
        const Sk__EnterStart *start = entry->first->start;
        const char *who = str_or(peer->node_id, peer->address);
        const Sk__ExecSpec *exec =
                start->what_case == SK__ENTER_START__WHAT_EXEC ? start->exec : NULL;

        if (start->what_case == SK__ENTER_START__WHAT_COPY)
                LOG(INFO, "somebody copies files of a task", STR("who", who), STR("task", task->id),
                    STR("direction", start->copy->is_in ? "in" : "out"),
                    STR("path", start->copy->path));
        else
                LOG(INFO, "somebody goes inside a task", STR("who", who), STR("task", task->id),
                    STR("program", exec && exec->n_args ? exec->args[0] : ""),
                    STR("user", exec ? exec->user : ""));
}

static void go_inside(struct entry *entry, const Sk__Task *task)
{
        static const struct rpc_stream_events events = { .message = output_came,
                                                         .writable = inside_writable,
                                                         .closed = inside_closed };
        Sk__EnterInput input = SK__ENTER_INPUT__INIT;
        Sk__EnterStart start = *entry->first->start;

        tell_log(entry, task);
        start.task = task->id;
        start.node_id = task_node(task);
        input.what_case = SK__ENTER_INPUT__WHAT_START;
        input.start = &start;
        entry->inside.stream =
                rpc_client_stream(entry->api->dispatcher, RPC_METHOD(dispatcher, Enter), NULL,
                                  &events, entry);
        rpc_joint_resume(&entry->asker);
        rpc_joint_pass(&entry->asker, &entry->inside, &input.base);
}

static void view_is_fresh(void *context, const struct err *read_err)
{
        struct entry *entry = context;
        const Sk__Task *task;
        struct err err;

        entry->is_reading = false;
        if (read_err)
                fail(entry, read_err);
        else if (find_task(entry, entry->first->start->task, &task, &err) < 0)
                fail(entry, &err);
        else
                go_inside(entry, task);
}

/* --- the person --- */

static void asker_message(void *context, struct rpc_call *call, const void *in)
{
        struct entry *entry = context;
        const Sk__EnterInput *input = in;
        struct err err;

        (void)call;
        if (!rpc_joint_is_open(&entry->asker))
                return;
        if ((input->what_case == SK__ENTER_INPUT__WHAT_START) != !entry->first) {
                err_set(&err, ERR_INVALID, "the first message, and only that, says where to go");
                fail(entry, &err);
        } else if (input->what_case == SK__ENTER_INPUT__WHAT_DATA && input->data.len > INPUT_MAX) {
                err_set(&err, ERR_INVALID, "input comes in messages of at most %d bytes",
                        INPUT_MAX);
                fail(entry, &err);
        } else if (entry->first) {
                rpc_joint_pass(&entry->asker, &entry->inside, &input->base);
        } else {
                entry->first = (const Sk__EnterInput *)message_copy(rpc_call_arena(entry->rpc),
                                                                    &input->base);
                entry->is_reading = true;
                rpc_joint_pause(&entry->asker);
                mirror_read(entry->api->mirror, &entry->read);
        }
}

static void asker_writable(void *context, struct rpc_call *call)
{
        const struct entry *entry = context;

        (void)call;
        rpc_joint_resume(&entry->inside);
}

static void asker_closed(void *context, struct rpc_call *call)
{
        struct entry *entry = context;
        struct err err;

        (void)call;
        entry->asker.call = NULL;
        err_set(&err, ERR_CANCELLED, "nobody is there any more");
        fail(entry, &err);
}

void enter(void *context, struct rpc_call *rpc, const Sk__EnterInput *in)
{
        static const struct rpc_call_events events = { .message = asker_message,
                                                       .writable = asker_writable,
                                                       .closed = asker_closed };
        struct entry *entry = arena_alloc(rpc_call_arena(rpc), sizeof *entry);
        const struct daemon *daemon = context;

        (void)in;
        entry->api = daemon->state;
        entry->rpc = entry->asker.call = rpc;
        entry->read = (struct mirror_read){ .fresh = view_is_fresh, .context = entry };
        rpc_call_on(rpc, &events, entry);
}
