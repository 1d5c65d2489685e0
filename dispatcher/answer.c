/* Requests down, answers up. */
#include "dispatcher/answer.h"

#include <string.h>

#include "api/dispatcher.h"
#include "dispatcher/peers.h"
#include "dispatcher/session.h"
#include "lib/base/str.h"
#include "lib/os/file.h"

/* The last message may overdraw: what all tasks of a node take, say. */
enum { CREDIT_BYTES = 256 * 1024, OVERDRAFT_BYTES = 32 << 20, ASKED_NODES_MAX = 10000 };

DISPATCHER_METHODS(RPC_PROTOTYPE)

/* One node within an ask. */
struct asked {
        struct ask *ask;
        char request_id[ID_SIZE], node_id[64];
        struct map tasks;            /* ids that it was asked for; the request's */
        struct answering *answering; /* what the node dialled; NULL: not yet, or no more */
        struct rpc_stream
                *relayed; /* the dispatcher that has the node's session; NULL: it is ours */
        int64_t credit;   /* bytes the node may still send */
        int64_t owed;     /* bytes passed on that were not credited again */
        bool is_done;
        struct asked *next;
};

/* A node's stream.  Its first message says which request it answers. */
struct answering {
        struct dispatcher *dispatcher;
        struct rpc_call *call;
        struct asked *asked; /* NULL: not said yet, or nobody asks any more */
        char node_id[64];
};

struct ask {
        struct dispatcher *dispatcher;
        struct rpc_call *call;
        struct asked *nodes;
        size_t n_open;
        bool is_over;
};

/* What was asked for, in the name of the node that was asked: a node may claim anything. */
static void take_lines(const struct asked *asked, const Sk__AnswerMessage *in, struct arena *arena,
                       Sk__AnswerMessage *out)
{
        out->lines = arena_alloc(arena, (in->n_lines + 1) * sizeof *out->lines);
        out->n_lines = 0;
        for (size_t i = 0; i < in->n_lines; i++) {
                Sk__LogLine *line;

                if (!map_find(&asked->tasks, in->lines[i]->task_id))
                        continue;
                line = arena_copy(arena, in->lines[i], sizeof *line);
                line->node_id = asked->node_id;
                out->lines[out->n_lines++] = line;
        }
}

static void take_usage(const struct asked *asked, const Sk__AnswerMessage *in, struct arena *arena,
                       Sk__AnswerMessage *out)
{
        out->usage = arena_alloc(arena, (in->n_usage + 1) * sizeof *out->usage);
        out->processes = arena_alloc(arena, (in->n_processes + 1) * sizeof *out->processes);
        out->n_usage = out->n_processes = 0;
        for (size_t i = 0; i < in->n_usage; i++) {
                Sk__TaskUsage *usage;

                if (!map_find(&asked->tasks, in->usage[i]->task_id))
                        continue;
                usage = arena_copy(arena, in->usage[i], sizeof *usage);
                usage->node_id = asked->node_id;
                out->usage[out->n_usage++] = usage;
        }
        for (size_t i = 0; i < in->n_processes; i++)
                if (map_find(&asked->tasks, in->processes[i]->task_id))
                        out->processes[out->n_processes++] = in->processes[i];
}

static void pass_on(struct asked *asked, const Sk__AnswerMessage *in)
{
        _cleanup_(arena_done) struct arena arena = {};
        Sk__AnswerMessage answer = *in;
        Sk__AskResponse response;

        take_lines(asked, in, &arena, &answer);
        take_usage(asked, in, &arena, &answer);
        if (!answer.n_lines && !answer.n_usage && !answer.n_processes && !answer.is_done &&
            str_is_empty(answer.err))
                return;
        sk__ask_response__init(&response);
        response.node_id = asked->node_id;
        response.answer = &answer;
        rpc_call_write(asked->ask->call, &response.base);
}

/* This node will answer no more. */
static void settle(struct asked *asked)
{
        struct ask *ask = asked->ask;

        if (asked->is_done)
                return;
        asked->is_done = true;
        if (asked->answering)
                TAKE(asked->answering)->asked = NULL;
        map_remove(&ask->dispatcher->requests, asked->request_id);
        if (--ask->n_open == 0 && !ask->is_over) {
                ask->is_over = true;
                rpc_call_finish(ask->call);
        }
}

static void give_up_because(struct asked *asked, bool is_away, const char *text)
{
        Sk__AnswerMessage answer;

        if (asked->is_done)
                return;
        sk__answer_message__init(&answer);
        answer.err = text;
        answer.is_away = is_away;
        answer.is_done = true;
        pass_on(asked, &answer);
        settle(asked);
}

static void give_up(struct asked *asked, const char *text)
{
        give_up_because(asked, false, text);
}

/* --- the node's stream --- */

static void give_credit(struct asked *asked)
{
        Sk__AnswerCredit credit;

        if (!asked->answering || asked->owed < CREDIT_BYTES / 4 ||
            !rpc_call_is_writable(asked->ask->call))
                return;
        sk__answer_credit__init(&credit);
        credit.bytes = asked->owed;
        asked->credit += asked->owed;
        asked->owed = 0;
        rpc_call_write(asked->answering->call, &credit.base);
}

static void begin_answer(struct answering *answering, const Sk__AnswerMessage *first)
{
        struct asked *asked = map_find(&answering->dispatcher->requests, first->request_id);
        struct err err;

        if (!asked || asked->answering || !str_equal(asked->node_id, answering->node_id)) {
                err_set(&err, ERR_NOT_FOUND, "nobody asked for this, or no longer");
                rpc_fail(answering->call, &err);
                return;
        }
        answering->asked = asked;
        asked->answering = answering;
        asked->owed = CREDIT_BYTES;
        give_credit(asked);
}

static void answer_came(void *context, struct rpc_call *call, const void *in)
{
        struct answering *answering = context;
        const Sk__AnswerMessage *message = in;
        struct asked *asked;

        (void)call;
        if (!answering->asked)
                begin_answer(answering, message);
        asked = answering->asked;
        if (!asked)
                return;
        asked->credit -= (int64_t)protobuf_c_message_get_packed_size(&message->base);
        if (asked->credit < -OVERDRAFT_BYTES) {
                give_up(asked, "the node sent more than it was given credit for");
                return;
        }
        pass_on(asked, message);
        asked->owed += (int64_t)protobuf_c_message_get_packed_size(&message->base);
        give_credit(asked);
        if (message->is_done)
                settle(asked);
}

static void answer_half_closed(void *context, struct rpc_call *call)
{
        struct answering *answering = context;

        if (answering->asked)
                give_up(answering->asked, "the node broke off its answer");
        rpc_call_finish(call);
}

static void answer_closed(void *context, struct rpc_call *call)
{
        struct answering *answering = context;

        (void)call;
        if (answering->asked)
                give_up(answering->asked, "the connection with the node was lost");
        free(answering);
}

void answer(void *context, struct rpc_call *call, const Sk__AnswerMessage *in)
{
        static const struct rpc_call_events events = { .message = answer_came,
                                                       .half_closed = answer_half_closed,
                                                       .closed = answer_closed };
        const struct daemon *daemon = context;
        struct answering *answering = mem_alloc(sizeof *answering);

        (void)in;
        answering->dispatcher = daemon->state;
        answering->call = call;
        memcpy(answering->node_id, rpc_call_peer(call)->node_id, sizeof answering->node_id);
        rpc_call_on(call, &events, answering);
}

/* --- nodes whose session is with another dispatcher --- */

static void relayed_came(void *context, const void *out)
{
        struct asked *asked = context;
        const Sk__AskResponse *response = out;

        if (!asked->is_done && response->answer)
                pass_on(asked, response->answer);
        if (!rpc_call_is_writable(asked->ask->call))
                rpc_stream_pause_reading(asked->relayed);
}

static void relay_closed(void *context, const struct err *err)
{
        struct asked *asked = context;

        asked->relayed = NULL;
        if (err->code)
                give_up(asked, "the connection with the node's manager was lost");
        else
                settle(asked);
}

static void relay(struct asked *asked, struct rpc_client *client, Sk__AskRequest__Node *node)
{
        static const struct rpc_stream_events events = { .message = relayed_came,
                                                         .closed = relay_closed };
        Sk__AskRequest request = SK__ASK_REQUEST__INIT;

        request.nodes = &node;
        request.n_nodes = 1;
        asked->relayed = rpc_client_stream(client, RPC_METHOD(dispatcher, Ask), &request.base,
                                           &events, asked);
}

/* --- the asker's stream --- */

static void ask_writable(void *context, struct rpc_call *call)
{
        const struct ask *ask = context;

        (void)call;
        for (struct asked *asked = ask->nodes; asked; asked = asked->next) {
                give_credit(asked);
                if (asked->relayed)
                        rpc_stream_resume_reading(asked->relayed);
        }
}

static void cancel(struct asked *asked)
{
        struct session *session = session_of_node(asked->ask->dispatcher, asked->node_id);
        struct err err;

        if (asked->answering) {
                err_set(&err, ERR_CANCELLED, "nobody asks any more");
                rpc_fail(asked->answering->call, &err);
        }
        if (asked->relayed)
                rpc_stream_cancel(TAKE(asked->relayed));
        if (session)
                session_cancel_request(session, asked->request_id);
}

static void ask_closed(void *context, struct rpc_call *call)
{
        struct ask *ask = context;
        struct asked *next;

        (void)call;
        ask->is_over = true;
        for (struct asked *asked = ask->nodes; asked; asked = next) {
                next = asked->next;
                if (!asked->is_done)
                        cancel(asked);
                settle(asked);
                map_done(&asked->tasks);
                free(asked);
        }
        free(ask);
}

static void note_tasks(struct asked *asked, const Sk__NodeRequest *request)
{
        const Sk__NodeRequest__LogRequest *logs =
                request && request->what_case == SK__NODE_REQUEST__WHAT_LOGS ? request->logs : NULL;

        const Sk__UsageRequest *usage =
                request && request->what_case == SK__NODE_REQUEST__WHAT_USAGE ? request->usage
                                                                              : NULL;

        for (size_t i = 0; logs && i < logs->n_task_ids; i++)
                map_put(&asked->tasks, logs->task_ids[i], asked);
        for (size_t i = 0; usage && i < usage->n_task_ids; i++)
                map_put(&asked->tasks, usage->task_ids[i], asked);
}

static void ask_node(struct ask *ask, Sk__AskRequest__Node *in)
{
        struct session *session = session_of_node(ask->dispatcher, in->node_id);
        bool may_relay = !(rpc_call_peer(ask->call)->roles & ROLE_DISPATCHER);
        struct rpc_client *other =
                may_relay ? peers_client_of(ask->dispatcher->peers, in->node_id) : NULL;
        struct asked *asked = mem_alloc(sizeof *asked);

        asked->ask = ask;
        os_random_id(asked->request_id);
        if (strlen(in->node_id) < sizeof asked->node_id)
                memcpy(asked->node_id, in->node_id, strlen(in->node_id) + 1);
        note_tasks(asked, in->request);
        asked->next = ask->nodes;
        ask->nodes = asked;
        map_put(&ask->dispatcher->requests, asked->request_id, asked);
        if (session && session->phase == SESSION_OPEN && in->request)
                session_request(session, asked->request_id, in->request);
        else if (!session && other)
                relay(asked, other, in);
        else
                give_up_because(asked, true, "the node is not connected");
}

void ask(void *context, struct rpc_call *call, const Sk__AskRequest *in)
{
        static const struct rpc_call_events events = { .writable = ask_writable,
                                                       .closed = ask_closed };
        const struct daemon *daemon = context;
        struct ask *ask;
        struct err err;

        if (in->n_nodes > ASKED_NODES_MAX) {
                err_set(&err, ERR_INVALID, "more than %d nodes in one request", ASKED_NODES_MAX);
                rpc_fail(call, &err);
                return;
        }
        ask = mem_alloc(sizeof *ask);
        ask->dispatcher = daemon->state;
        ask->call = call;
        ask->n_open = in->n_nodes + 1;
        rpc_call_on(call, &events, ask);
        for (size_t i = 0; i < in->n_nodes; i++)
                ask_node(ask, in->nodes[i]);
        if (--ask->n_open == 0) {
                ask->is_over = true;
                rpc_call_finish(call);
        }
}

void answer_session_ended(struct dispatcher *dispatcher, const struct session *session)
{
        struct asked *asked;

        for (size_t at = 0; (asked = map_next(&dispatcher->requests, &at));)
                if (!asked->answering && !asked->relayed &&
                    str_equal(asked->node_id, session->node_id))
                        give_up_because(asked, true, "the node is not connected any more");
}
