/* Two streams joined to one. */
#include "dispatcher/enter.h"

#include <string.h>

#include "api/dispatcher.h"
#include "dispatcher/peers.h"
#include "dispatcher/session.h"
#include "lib/base/str.h"
#include "lib/base/time.h"
#include "lib/os/file.h"
#include "lib/rpc/joint.h"

enum { ENTRIES_MAX = 1000 };

static const int64_t dial_back_ns = 30 * NS_PER_S;

DISPATCHER_METHODS(RPC_PROTOTYPE)

/* One asker's stream. */
struct entry {
        struct dispatcher *dispatcher;
        struct rpc_joint_end asker, node; /* node: what it dialled, or the other dispatcher */
        struct entering *entering;        /* behind 'node', when that is a call */
        char request_id[ID_SIZE], node_id[64];
        struct loop_timer patience; /* with a node that does not dial back */
        bool has_begun;
        bool is_asked; /* its node is, by its session, and has not told the exit */
};

/* A node's stream.  Its first message says whom it is for. */
struct entering {
        struct dispatcher *dispatcher;
        struct entry *entry; /* NULL: not said yet, or nobody is there any more */
        struct rpc_call *call;
        char node_id[64];
};

/* Nobody passes on anything any more; what is still open ends with the error.  A node that reads
 * nothing would not see the end of its stream behind the input that waits there: it is told by its
 * session, too. */
static void end(struct entry *entry, const struct err *err)
{
        struct session *session = session_of_node(entry->dispatcher, entry->node_id);

        loop_timer_cancel(&entry->patience);
        map_remove(&entry->dispatcher->entries, entry->request_id);
        if (entry->is_asked && session)
                session_cancel_request(session, entry->request_id);
        entry->is_asked = false;
        if (entry->entering)
                TAKE(entry->entering)->entry = NULL;
        rpc_joint_fail(&entry->node, err);
        rpc_joint_fail(&entry->asker, err);
}

static void fail(struct entry *entry, enum err_code code, const char *text)
{
        struct err err;

        err_set(&err, code, "%s", text);
        end(entry, &err);
}

/* --- from the node --- */

static void pass_output(struct entry *entry, const Sk__EnterOutput *output)
{
        static const struct err nothing = { 0 };
        Sk__EnterOutput out = *output;

        if (out.what_case == SK__ENTER_OUTPUT__WHAT__NOT_SET)
                return;
        out.request_id = "";
        rpc_joint_pass(&entry->node, &entry->asker, &out.base);
        if (out.what_case != SK__ENTER_OUTPUT__WHAT_EXIT)
                return;
        entry->is_asked = false;
        rpc_joint_finish(&entry->asker);
        if (entry->node.stream)
                rpc_joint_fail(&entry->node, &nothing);
        else
                rpc_joint_finish(&entry->node);
        fail(entry, ERR_CANCELLED, "it is over");
}

static void begin_entering(struct entering *entering, const Sk__EnterOutput *first)
{
        struct entry *entry = map_find(&entering->dispatcher->entries, first->request_id);
        struct err err;

        if (!entry || rpc_joint_is_open(&entry->node) ||
            !str_equal(entry->node_id, entering->node_id)) {
                err_set(&err, ERR_NOT_FOUND, "nobody asked for this, or no longer");
                rpc_fail(entering->call, &err);
                return;
        }
        loop_timer_cancel(&entry->patience);
        entry->entering = entering;
        entry->node.call = entering->call;
        entering->entry = entry;
        rpc_joint_resume(&entry->asker);
}

static void entering_message(void *context, struct rpc_call *call, const void *in)
{
        struct entering *entering = context;

        (void)call;
        if (!entering->entry)
                begin_entering(entering, in);
        if (entering->entry)
                pass_output(entering->entry, in);
}

static void entering_half_closed(void *context, struct rpc_call *call)
{
        struct entering *entering = context;

        if (entering->entry)
                fail(entering->entry, ERR_UNAVAILABLE, "the node broke off");
        else
                rpc_call_finish(call);
}

static void entering_writable(void *context, struct rpc_call *call)
{
        const struct entering *entering = context;

        (void)call;
        if (entering->entry)
                rpc_joint_resume(&entering->entry->asker);
}

static void entering_closed(void *context, struct rpc_call *call)
{
        struct entering *entering = context;

        (void)call;
        if (entering->entry) {
                entering->entry->node.call = NULL;
                fail(entering->entry, ERR_UNAVAILABLE, "the connection with the node was lost");
        }
        free(entering);
}

void entered(void *context, struct rpc_call *call, const Sk__EnterOutput *in)
{
        static const struct rpc_call_events events = { .message = entering_message,
                                                       .half_closed = entering_half_closed,
                                                       .writable = entering_writable,
                                                       .closed = entering_closed };
        const struct daemon *daemon = context;
        struct entering *entering = mem_alloc(sizeof *entering);

        (void)in;
        entering->dispatcher = daemon->state;
        entering->call = call;
        memcpy(entering->node_id, rpc_call_peer(call)->node_id, sizeof entering->node_id);
        rpc_call_on(call, &events, entering);
}

/* --- from the dispatcher that has the node's session --- */

static void relayed_output(void *context, const void *out)
{
        pass_output(context, out);
}

static void relay_writable(void *context)
{
        const struct entry *entry = context;

        rpc_joint_resume(&entry->asker);
}

static void relay_closed(void *context, const struct err *err)
{
        struct entry *entry = context;

        entry->node.stream = NULL;
        if (err->code)
                end(entry, err);
        else
                fail(entry, ERR_UNAVAILABLE, "the node's manager broke off");
}

/* --- beginning --- */

static void ask_node(struct entry *entry, struct session *session, const Sk__EnterStart *start)
{
        Sk__NodeRequest request = SK__NODE_REQUEST__INIT;

        request.what_case = SK__NODE_REQUEST__WHAT_ENTER;
        request.enter = (Sk__EnterStart *)start;
        entry->is_asked = true;
        rpc_joint_pause(&entry->asker);
        loop_timer_set(entry->dispatcher->loop, &entry->patience, dial_back_ns);
        session_request(session, entry->request_id, &request);
}

static void relay(struct entry *entry, struct rpc_client *other, const Sk__EnterInput *first)
{
        static const struct rpc_stream_events events = { .message = relayed_output,
                                                         .writable = relay_writable,
                                                         .closed = relay_closed };

        entry->node.stream =
                rpc_client_stream(other, RPC_METHOD(dispatcher, Enter), NULL, &events, entry);
        rpc_joint_pass(&entry->asker, &entry->node, &first->base);
}

static void begin(struct entry *entry, const Sk__EnterInput *first)
{
        struct dispatcher *dispatcher = entry->dispatcher;
        const Sk__EnterStart *start =
                first->what_case == SK__ENTER_INPUT__WHAT_START ? first->start : NULL;
        bool may_relay = !(rpc_call_peer(entry->asker.call)->roles & ROLE_DISPATCHER);
        struct session *session;
        struct rpc_client *other;

        if (!start || strlen(start->node_id) >= sizeof entry->node_id) {
                fail(entry, ERR_INVALID, "the first message says where to go");
                return;
        }
        if (dispatcher->entries.n > ENTRIES_MAX) {
                fail(entry, ERR_EXHAUSTED, "too many are inside of tasks at once");
                return;
        }
        entry->has_begun = true;
        memcpy(entry->node_id, start->node_id, strlen(start->node_id) + 1);
        session = session_of_node(dispatcher, entry->node_id);
        other = may_relay ? peers_client_of(dispatcher->peers, entry->node_id) : NULL;
        if (session && session->phase == SESSION_OPEN)
                ask_node(entry, session, start);
        else if (!session && other)
                relay(entry, other, first);
        else
                fail(entry, ERR_UNAVAILABLE, "the task's node is not connected");
}

/* --- the asker --- */

static void asker_message(void *context, struct rpc_call *call, const void *in)
{
        struct entry *entry = context;
        const Sk__EnterInput *input = in;

        (void)call;
        if (!rpc_joint_is_open(&entry->asker))
                return;
        if (!entry->has_begun)
                begin(entry, input);
        else if (input->what_case == SK__ENTER_INPUT__WHAT_START)
                fail(entry, ERR_INVALID, "it has begun already");
        else
                rpc_joint_pass(&entry->asker, &entry->node, &input->base);
}

static void asker_writable(void *context, struct rpc_call *call)
{
        const struct entry *entry = context;

        (void)call;
        rpc_joint_resume(&entry->node);
}

static void asker_closed(void *context, struct rpc_call *call)
{
        struct entry *entry = context;

        (void)call;
        entry->asker.call = NULL;
        fail(entry, ERR_CANCELLED, "nobody is there any more");
        free(entry);
}

static void lost_patience(void *context)
{
        struct entry *entry = context;

        fail(entry, ERR_DEADLINE, "the task's node does not answer");
}

void enter(void *context, struct rpc_call *call, const Sk__EnterInput *in)
{
        static const struct rpc_call_events events = { .message = asker_message,
                                                       .writable = asker_writable,
                                                       .closed = asker_closed };
        const struct daemon *daemon = context;
        struct entry *entry = mem_alloc(sizeof *entry);

        (void)in;
        entry->dispatcher = daemon->state;
        entry->asker.call = call;
        entry->patience = (struct loop_timer){ .fire = lost_patience, .context = entry };
        os_random_id(entry->request_id);
        map_put(&entry->dispatcher->entries, entry->request_id, entry);
        rpc_call_on(call, &events, entry);
}

void enter_session_ended(struct dispatcher *dispatcher, const struct session *session)
{
        struct entry *entry;

        for (size_t at = 0; (entry = map_next(&dispatcher->entries, &at));)
                if (entry->has_begun && !rpc_joint_is_open(&entry->node) &&
                    str_equal(entry->node_id, session->node_id))
                        fail(entry, ERR_UNAVAILABLE, "the task's node is not connected any more");
}
