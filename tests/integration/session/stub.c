/* The double of a dispatcher. */
#include "tests/integration/session/stub.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "api/dispatcher.h"
#include "lib/base/check.h"
#include "lib/base/str.h"
#include "lib/base/time.h"
#include "lib/os/file.h"
#include "lib/os/log.h"
#include "tests/lib/identity/identity.h"

#define OK(call)                                  \
        do {                                      \
                if ((call) < 0)                   \
                        fail_msg("%s", err.text); \
        } while (0)

DISPATCHER_METHODS(RPC_PROTOTYPE)
DISPATCHER_METHODS(RPC_SHIM)

static const struct rpc_method methods[] = { DISPATCHER_METHODS(RPC_ROW) };
static const struct rpc_service service = { &sk__dispatcher__descriptor, methods,
                                            COUNT_OF(methods) };

static void tell(struct stub *stub, Sk__DispatcherMessage__MessageCase which, void *content)
{
        Sk__DispatcherMessage message;

        sk__dispatcher_message__init(&message);
        message.message_case = which;
        message.session = content;
        rpc_call_write(stub->session, &message.base);
}

static void welcome(struct stub *stub)
{
        Sk__SessionInfo info;

        sk__session_info__init(&info);
        info.session_id = "session";
        info.heartbeat_ns = NS_PER_S / 5;
        stub->n_sessions++;
        stub->sequence = 0;
        tell(stub, SK__DISPATCHER_MESSAGE__MESSAGE_SESSION, &info);
}

static void take_statuses(struct stub *stub, const Sk__StatusBatch *batch)
{
        Sk__StatusAck ack;

        stub->n_batches++;
        for (size_t i = 0; i < batch->n_reports; i++) {
                stub->last_state = batch->reports[i]->status->state;
                snprintf(stub->last_err, sizeof stub->last_err, "%s",
                         batch->reports[i]->status->err);
        }
        if (stub->is_silent)
                return;
        sk__status_ack__init(&ack);
        ack.sequence = batch->sequence;
        tell(stub, SK__DISPATCHER_MESSAGE__MESSAGE_STATUS_ACK, &ack);
}

static void message_came(void *context, struct rpc_call *call, const void *in)
{
        struct stub *stub = context;
        const Sk__AgentMessage *message = in;
        Sk__HeartbeatReply reply;

        stub->session = call;
        if (message->message_case == SK__AGENT_MESSAGE__MESSAGE_HELLO)
                welcome(stub);
        if (message->message_case == SK__AGENT_MESSAGE__MESSAGE_STATUSES)
                take_statuses(stub, message->statuses);
        if (message->message_case == SK__AGENT_MESSAGE__MESSAGE_HEARTBEAT) {
                stub->n_heartbeats++;
                sk__heartbeat_reply__init(&reply);
                tell(stub, SK__DISPATCHER_MESSAGE__MESSAGE_HEARTBEAT, &reply);
        }
}

static void call_closed(void *context, struct rpc_call *call)
{
        struct stub *stub = context;

        if (stub->session == call)
                stub->session = NULL;
}

void session(void *context, struct rpc_call *call, const Sk__AgentMessage *in)
{
        static const struct rpc_call_events events = { .message = message_came,
                                                       .closed = call_closed };

        (void)in;
        rpc_call_on(call, &events, context);
}

static void answer_came(void *context, struct rpc_call *call, const void *in)
{
        const Sk__AnswerMessage *message = in;
        struct stub *stub = context;

        (void)call;
        if (!str_is_empty(message->err) && !str_is_empty(message->request_id))
                snprintf(stub->answer_err, sizeof stub->answer_err, "%s", message->err);
}

void answer(void *context, struct rpc_call *call, const Sk__AnswerMessage *in)
{
        static const struct rpc_call_events events = { .message = answer_came };

        (void)in;
        rpc_call_on(call, &events, context);
}

void ask(void *context, struct rpc_call *call, const Sk__AskRequest *in)
{
        (void)context;
        (void)in;
        rpc_call_finish(call);
}

void enter(void *context, struct rpc_call *call, const Sk__EnterInput *in)
{
        (void)context;
        (void)in;
        rpc_call_finish(call);
}

void entered(void *context, struct rpc_call *call, const Sk__EnterOutput *in)
{
        (void)context;
        (void)in;
        rpc_call_finish(call);
}

void share_alive(void *context, struct rpc_call *call, const Sk__AliveNodes *in)
{
        (void)context;
        (void)call;
        (void)in;
}

/* --- assigning --- */

static void assign(struct stub *stub, Sk__Assignments__Type type, Sk__TaskAssignment **tasks,
                   size_t n_tasks, Sk__ServiceSpecRevisionEntry **specs)
{
        Sk__SecretEntry secret = SK__SECRET_ENTRY__INIT, *secrets[] = { &secret };
        Sk__Assignments out;

        sk__assignments__init(&out);
        out.type = type;
        out.sequence = ++stub->sequence;
        out.n_tasks = n_tasks;
        out.tasks = tasks;
        out.n_specs = n_tasks;
        out.specs = specs;
        secret.id = STUB_SECRET;
        secret.content = (ProtobufCBinaryData){ 4, (uint8_t *)"hush" };
        out.n_secrets = stub->needs_secret && n_tasks ? 1 : 0;
        out.secrets = secrets;
        out.is_last = true;
        tell(stub, SK__DISPATCHER_MESSAGE__MESSAGE_ASSIGNMENTS, &out);
}

void stub_assign(struct stub *stub, Sk__Assignments__Type type, Sk__TaskState desired)
{
        Sk__FileReference reference = SK__FILE_REFERENCE__INIT, *references[] = { &reference };
        Sk__ContainerSpec container = SK__CONTAINER_SPEC__INIT;
        Sk__TaskSpec task_spec = SK__TASK_SPEC__INIT;
        Sk__ServiceSpec spec = SK__SERVICE_SPEC__INIT;
        Sk__ServiceSpecRevision revision = SK__SERVICE_SPEC_REVISION__INIT;
        Sk__ServiceSpecRevisionEntry entry = SK__SERVICE_SPEC_REVISION_ENTRY__INIT;
        Sk__TaskDefinition definition = SK__TASK_DEFINITION__INIT;
        Sk__TaskAssignment task = SK__TASK_ASSIGNMENT__INIT;

        reference.id = STUB_SECRET;
        container.secrets = references;
        container.n_secrets = stub->needs_secret;
        task_spec.container = &container;
        spec.task = &task_spec;
        revision.spec = &spec;
        entry.id = STUB_SPEC;
        entry.revision = &revision;
        definition.spec_id = STUB_SPEC;
        definition.desired_state = desired;
        task.id = STUB_TASK;
        task.definition = &definition;
        task.observed_state = SK__TASK_STATE__TASK_ASSIGNED;
        assign(stub, type, (Sk__TaskAssignment *[]){ &task }, 1,
               (Sk__ServiceSpecRevisionEntry *[]){ &entry });
}

void stub_assign_nothing(struct stub *stub)
{
        assign(stub, SK__ASSIGNMENTS__TYPE__COMPLETE, NULL, 0, NULL);
}

void stub_ask(struct stub *stub, const char *request_id)
{
        Sk__NodeRequest request = SK__NODE_REQUEST__INIT;
        Sk__NodeRequest__LogRequest logs = SK__NODE_REQUEST__LOG_REQUEST__INIT;

        request.request_id = request_id;
        request.what_case = SK__NODE_REQUEST__WHAT_LOGS;
        request.logs = &logs;
        tell(stub, SK__DISPATCHER_MESSAGE__MESSAGE_REQUEST, &request);
}

/* --- waiting --- */

void stub_until(struct stub *stub, bool (*is_true)(struct stub *stub), const char *what)
{
        int64_t start = loop_now_boot(stub->loop);
        struct err err;

        while (!is_true(stub)) {
                OK(loop_turn(stub->loop, 100, &err));
                if (loop_now_boot(stub->loop) - start > 10 * NS_PER_S)
                        fail_msg("it was not to be: %s", what);
        }
}

bool has_session(struct stub *stub)
{
        return stub->session && stub->n_sessions;
}

bool has_no_session(struct stub *stub)
{
        return !stub->session;
}

bool is_running(struct stub *stub)
{
        return stub->last_state == SK__TASK_STATE__TASK_RUNNING;
}

bool is_shut_down(struct stub *stub)
{
        return stub->last_state == SK__TASK_STATE__TASK_SHUTDOWN;
}

bool has_failed(struct stub *stub)
{
        return stub->last_state == SK__TASK_STATE__TASK_FAILED;
}

bool has_no_containers(struct stub *stub)
{
        return executor_fake_count(stub->executor) == 0;
}

/* --- life --- */

int stub_setup(void **state)
{
        struct stub *stub = mem_alloc(sizeof *stub);
        struct err err;

        log_configure("stub", LOG_ERROR, false);
        snprintf(stub->folder, sizeof stub->folder, "/tmp/skep-session-XXXXXX");
        CHECK(mkdtemp(stub->folder));
        OK(loop_new(&stub->loop, &err));
        test_identity_make(stub->folder, "cluster1", "manager1", "swarm-manager", "dispatcher");
        test_identity_make(stub->folder, "cluster1", STUB_NODE, "swarm-worker", "agent");
        OK(rpc_identity_open(stub->folder, "dispatcher", &stub->identity, &err));
        strcpy(stub->address, "127.0.0.1:0");
        stub->fake.loop = stub->loop;
        stub->executor = executor_fake_new(&stub->fake);
        *state = stub;
        return 0;
}

int stub_teardown(void **state)
{
        struct stub *stub = *state;

        stub_stop_agent(stub);
        stub_stop(stub);
        stub->executor->ops->free(stub->executor);
        rpc_identity_free(stub->identity);
        loop_free(stub->loop);
        file_remove_tree(stub->folder, NULL);
        free(stub);
        return 0;
}

void stub_serve(struct stub *stub)
{
        struct rpc_server_options options = { .identity = stub->identity };
        struct err err;

        OK(rpc_server_new(stub->loop, &options, &stub->server, &err));
        OK(rpc_server_add(stub->server, &service, stub, &err));
        OK(rpc_server_listen(stub->server, stub->address, RPC_MUTUAL_TLS, 0, &err));
        snprintf(stub->address, sizeof stub->address, "127.0.0.1:%d",
                 rpc_server_port(stub->server));
        OK(rpc_server_start(stub->server, &err));
}

void stub_stop(struct stub *stub)
{
        rpc_server_free(TAKE(stub->server), 0);
        stub->session = NULL;
}

void stub_start_agent(struct stub *stub)
{
        _cleanup_(str_done) struct str folder = {};
        struct agent_options options = { .loop = stub->loop, .executor = stub->executor };
        const char *managers[] = { stub->address };
        struct err err;

        str_addf(&folder, "%s/agent", stub->folder);
        options.state_folder = folder.text;
        options.address = "";
        OK(agent_new(&options, &stub->agent, &err));
        OK(agent_join_cluster(stub->agent, stub->folder, managers, 1, &err));
}

void stub_stop_agent(struct stub *stub)
{
        agent_free(TAKE(stub->agent));
}
