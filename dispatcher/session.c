/* Sessions with agents: a thin shell around assignment, report and node. */
#include "dispatcher/session.h"

#include <string.h>

#include "api/dispatcher.h"
#include "dispatcher/answer.h"
#include "dispatcher/enter.h"
#include "dispatcher/report.h"
#include "lib/base/check.h"
#include "lib/base/str.h"
#include "lib/message/message.h"
#include "lib/os/file.h"
#include "lib/os/log.h"

enum {
        MESSAGE_SIZE = 128 * 1024,  /* of assignments, about */
        BATCHES_MAX = 8,            /* that an agent may have in flight */
        ACKS_WAITING_MAX = 1000,    /* for an agent that does not read them */
        BATCHES_SIZE_MAX = 1 << 20, /* if it is more than one */
};

#define DESCRIBED_AT_MOST_EVERY_NS NS_PER_S

DISPATCHER_METHODS(RPC_PROTOTYPE)

struct session *session_of_node(const struct dispatcher *dispatcher, const char *node_id)
{
        return map_find(&dispatcher->sessions, node_id);
}

void session_touch(struct session *session)
{
        if (session->is_dirty || session->phase != SESSION_OPEN)
                return;
        session->is_dirty = true;
        session->next_dirty = session->dispatcher->dirty;
        session->dispatcher->dirty = session;
}

static void write_message(struct session *session, Sk__DispatcherMessage__MessageCase which,
                          void *content)
{
        Sk__DispatcherMessage message;

        sk__dispatcher_message__init(&message);
        message.message_case = which;
        message.session = content; /* all members of the union are pointers */
        rpc_call_write(session->call, &message.base);
}

void session_flush(struct session *session)
{
        struct arena arena = {};
        const Sk__Assignments *assignments;

        while (session->phase == SESSION_OPEN && rpc_call_is_writable(session->call)) {
                assignments =
                        assignment_next(&session->assignment, dispatcher_view(session->dispatcher),
                                        MESSAGE_SIZE, &arena);
                if (!assignments)
                        break;
                write_message(session, SK__DISPATCHER_MESSAGE__MESSAGE_ASSIGNMENTS,
                              (void *)assignments);
                arena_clear(&arena);
        }
        arena_done(&arena);
}

void session_acknowledge(struct session *session, uint64_t sequence, size_t size)
{
        Sk__StatusAck ack;

        session->n_in_flight--;
        session->bytes_in_flight -= size;
        if (session->phase != SESSION_OPEN)
                return;
        sk__status_ack__init(&ack);
        ack.sequence = sequence;
        write_message(session, SK__DISPATCHER_MESSAGE__MESSAGE_STATUS_ACK, &ack);
        session->n_acks_waiting += !rpc_call_is_writable(session->call);
}

void session_request(struct session *session, const char *request_id,
                     const Sk__NodeRequest *request)
{
        Sk__NodeRequest out = *request;

        out.request_id = request_id;
        write_message(session, SK__DISPATCHER_MESSAGE__MESSAGE_REQUEST, &out);
}

void session_cancel_request(struct session *session, const char *request_id)
{
        Sk__CancelRequest out;

        if (session->phase != SESSION_OPEN)
                return;
        sk__cancel_request__init(&out);
        out.request_id = request_id;
        write_message(session, SK__DISPATCHER_MESSAGE__MESSAGE_CANCEL, &out);
}

void session_dump(const struct session *session, struct str *str)
{
        static const char *const phases[] = { "greeted", "opening", "open", "over" };

        str_addf(str,
                 "session %s node %s %s at %s: told up to %llu, %zu to look at, %u batches under "
                 "way\n",
                 session->id, session->node_id, phases[session->phase],
                 str_or(session->seen.address, "?"),
                 (unsigned long long)session->assignment.sequence,
                 assignment_count_touched(&session->assignment), session->n_in_flight);
}

/* Takes it out of the tables; the call may live on until it has ended. */
static void detach(struct session *session)
{
        struct dispatcher *dispatcher = session->dispatcher;
        bool is_the_nodes = session_of_node(dispatcher, session->node_id) == session;

        if (session->phase == SESSION_OPENING)
                mirror_read_cancel(dispatcher->mirror, &session->read);
        if (session->phase == SESSION_OPEN)
                assignment_done(&session->assignment);
        if (is_the_nodes)
                map_remove(&dispatcher->sessions, session->node_id);
        for (struct session **at = &dispatcher->dirty; session->is_dirty; at = &(*at)->next_dirty)
                if (*at == session) {
                        *at = session->next_dirty;
                        session->is_dirty = false;
                        break;
                }
        session->phase = SESSION_OVER;
        if (is_the_nodes) {
                answer_session_ended(dispatcher, session);
                enter_session_ended(dispatcher, session);
        }
}

void session_fail(struct session *session, const struct err *err)
{
        if (session->phase == SESSION_OVER)
                return;
        LOG(INFO, "session ended", STR("node", session->node_id), STR("session", session->id),
            STR("why", err->text));
        detach(session);
        rpc_fail(session->call, err);
}

static void fail(struct session *session, enum err_code code, const char *text)
{
        struct err err;

        err_set(&err, code, "%s", text);
        session_fail(session, &err);
}

/* --- what the agent is told of node and cluster --- */

static void fill_managers(const struct dispatcher *dispatcher, const Sk__Cluster *cluster,
                          struct arena *arena, Sk__SessionInfo *info)
{
        const Sk__ClusterMembership *membership = cluster ? cluster->membership : NULL;

        if (!membership || !membership->n_members)
                return;
        info->managers = arena_alloc(arena, membership->n_members * sizeof *info->managers);
        for (size_t i = 0; i < membership->n_members; i++) {
                const Sk__ClusterMembership__Member *member = membership->members[i];
                char address[280];
                Sk__ManagerAddress *manager;

                if (!dispatcher_address(dispatcher, member, address, sizeof address))
                        continue;
                manager = arena_alloc(arena, sizeof *manager);
                sk__manager_address__init(manager);
                manager->node_id = member->node_id;
                manager->address = arena_strdup(arena, address);
                info->managers[info->n_managers++] = manager;
        }
}

static uint64_t info_version(const struct view *view, const Sk__Node *node)
{
        const struct object_head *cluster = (const struct object_head *)view_cluster(view);
        const struct object_head *object = (const struct object_head *)node;
        uint64_t version = 0, parts[] = {
                object_part_version(object, 0),
                object_part_version(object, 1),
                cluster ? object_version(cluster) : 0,
        };

        for (size_t i = 0; i < COUNT_OF(parts); i++)
                version = parts[i] > version ? parts[i] : version;
        return version;
}

static void tell_info(struct session *session, const Sk__Node *node)
{
        const struct view *view = dispatcher_view(session->dispatcher);
        const Sk__Cluster *cluster = view_cluster(view);
        _cleanup_(arena_done) struct arena arena = {};
        Sk__SessionInfo info;

        sk__session_info__init(&info);
        info.session_id = session->id;
        info.heartbeat_ns = session->period_ns;
        info.node = (Sk__Node *)node;
        fill_managers(session->dispatcher, cluster, &arena, &info);
        if (cluster && cluster->trust)
                info.root_certificate_pem = cluster->trust->root_certificate_pem;
        session->info_version = info_version(view, node);
        write_message(session, SK__DISPATCHER_MESSAGE__MESSAGE_SESSION, &info);
}

/* Puts right what the record says of the node. */
static void commit_seen(struct session *session)
{
        _cleanup_(plan_done) struct plan plan;

        plan_init(&plan);
        node_plan_seen(dispatcher_view(session->dispatcher), session->node_id, &session->seen,
                       &plan);
        dispatcher_commit(session->dispatcher, &plan);
}

void session_refresh(struct session *session)
{
        const struct view *view = dispatcher_view(session->dispatcher);
        const Sk__Node *node = view_node(view, session->node_id);

        if (session->phase != SESSION_OPEN)
                return;
        if (!node || !dispatcher_is_member(session->dispatcher)) {
                fail(session, node ? ERR_UNAVAILABLE : ERR_NOT_FOUND,
                     node ? "this is no manager any more: ask another"
                          : "this node was removed from the swarm");
                return;
        }
        if (info_version(view, node) != session->info_version)
                tell_info(session, node);
        commit_seen(session);
}

/* --- opening --- */

static void heard(struct session *session)
{
        session->is_heard = true;
        dispatcher_heard(session->dispatcher, session->node_id,
                         HEARTBEAT_GRACE * session->period_ns);
}

/* The view is no older than the hello: whatever the agent knows is in it, or gone. */
static void view_is_fresh(void *context, const struct err *err)
{
        struct session *session = context;
        struct dispatcher *dispatcher = session->dispatcher;
        const struct view *view = dispatcher_view(dispatcher);
        const Sk__Cluster *cluster = view_cluster(view);
        const Sk__Node *node = view_node(view, session->node_id);

        session->phase = SESSION_GREETED;
        if (err) {
                session_fail(session, err);
                return;
        }
        if (!node) {
                fail(session, ERR_NOT_FOUND,
                     "this node is not part of the swarm; leave it with 'skep swarm leave' and "
                     "join again");
                return;
        }
        session->phase = SESSION_OPEN;
        session->period_ns =
                heartbeat_period(dispatcher->sessions.n,
                                 cluster && cluster->spec ? cluster->spec->dispatcher_heartbeat_ns
                                                          : 0);
        assignment_init(&session->assignment, session->node_id, &dispatcher->index);
        heard(session);
        tell_info(session, node);
        commit_seen(session);
        session_touch(session);
        LOG(INFO, "session opened", STR("node", session->node_id), STR("session", session->id),
            STR("address", session->seen.address));
}

/* "10.0.0.3:2383" is 10.0.0.3, "[::1]:2383" is ::1. */
static const char *host_of(const char *address, struct arena *arena)
{
        const char *end = strrchr(address, ':');

        if (!end)
                return "";
        if (*address == '[' && end[-1] == ']')
                return arena_printf(arena, "%.*s", (int)(end - address - 2), address + 1);
        return arena_printf(arena, "%.*s", (int)(end - address), address);
}

/* Where it called from ("ipv4:10.0.0.3:40312"); for a manager's own agent, which came by a local
 * socket, what the membership says. */
static const char *address_seen(const struct session *session, struct arena *arena)
{
        const char *peer = rpc_call_peer(session->call)->address;
        const Sk__Cluster *cluster = view_cluster(dispatcher_view(session->dispatcher));
        const Sk__ClusterMembership *membership = cluster ? cluster->membership : NULL;

        if (str_starts_with(peer, "ipv4:") || str_starts_with(peer, "ipv6:"))
                return host_of(peer + strlen("ipv4:"), arena);
        for (size_t i = 0; membership && i < membership->n_members; i++)
                if (str_equal(membership->members[i]->node_id, session->node_id))
                        return host_of(str_or(membership->members[i]->address, ""), arena);
        return "";
}

static int see(struct session *session, const Sk__NodeDescription *description, const char *address,
               struct err *err)
{
        struct arena arena = {};

        TRY(node_check_seen(&(struct node_seen){ address, description }, err));
        session->seen.description = (Sk__NodeDescription *)message_copy(&arena, &description->base);
        session->seen.address = str_is_empty(address) ? address_seen(session, &arena)
                                                      : arena_strdup(&arena, address);
        arena_done(&session->seen_arena);
        session->seen_arena = arena;
        return 0;
}

static int on_hello(struct session *session, const Sk__AgentHello *hello, struct err *err)
{
        struct dispatcher *dispatcher = session->dispatcher;
        struct session *older = session_of_node(dispatcher, session->node_id);

        if (session->phase != SESSION_GREETED)
                return err_set(err, ERR_INVALID, "a session has one hello");
        TRY(see(session, hello->description, hello->address, err));
        if (older)
                fail(older, ERR_CANCELLED, "the node opened another session");
        map_put(&dispatcher->sessions, session->node_id, session);
        session->phase = SESSION_OPENING;
        session->read = (struct mirror_read){ .fresh = view_is_fresh, .context = session };
        mirror_read(dispatcher->mirror, &session->read);
        return 0;
}

/* --- messages --- */

/* While there is much for the agent to read, that tells it as well that we are here; and one that
 * reads nothing must not make it more. */
static int on_heartbeat(struct session *session, Sk__AgentHeartbeat *heartbeat)
{
        Sk__HeartbeatReply reply;

        heard(session);
        if (heartbeat->sent_at_ns > 0)
                session->clock_ahead_ns =
                        heartbeat->sent_at_ns - loop_now(session->dispatcher->loop);
        if (!rpc_call_is_writable(session->call))
                return 0;
        sk__heartbeat_reply__init(&reply);
        reply.sent_at_ns = heartbeat->sent_at_ns;
        write_message(session, SK__DISPATCHER_MESSAGE__MESSAGE_HEARTBEAT, &reply);
        return 0;
}

static void plan_reports(struct session *session, const Sk__StatusBatch *batch, struct plan *plan)
{
        const struct view *view = dispatcher_view(session->dispatcher);
        struct err err;

        for (size_t i = 0; i < batch->n_reports; i++) {
                int r = report_plan(view, session->node_id, batch->reports[i],
                                    session->clock_ahead_ns, plan, &err);

                if (r < 0 && r != ERR_NOT_FOUND)
                        LOG(WARN, "report refused", STR("node", session->node_id),
                            STR("task", batch->reports[i]->task_id), STR("why", err.text));
        }
}

static int on_statuses(struct session *session, const Sk__StatusBatch *batch, struct err *err)
{
        size_t size = protobuf_c_message_get_packed_size(&batch->base);
        _cleanup_(plan_done) struct plan plan;

        plan_init(&plan);
        if (batch->n_reports > REPORT_BATCH_MAX || session->n_in_flight >= BATCHES_MAX ||
            session->n_acks_waiting >= ACKS_WAITING_MAX ||
            (session->n_in_flight && session->bytes_in_flight + size > BATCHES_SIZE_MAX))
                return err_set(err, ERR_EXHAUSTED,
                               "more reports at once than a node may have under way");
        heard(session);
        session->n_in_flight++;
        session->bytes_in_flight += size;
        plan_reports(session, batch, &plan);
        if (plan.n_changes)
                dispatcher_commit_batch(session->dispatcher, &plan, session, batch->sequence, size);
        else
                session_acknowledge(session, batch->sequence, size);
        return 0;
}

static int on_description(struct session *session, const Sk__NodeDescription *description,
                          struct err *err)
{
        _cleanup_(freep) char *address = str_copy(session->seen.address);
        int64_t now = loop_now_boot(session->dispatcher->loop);

        if (now - session->described_at_ns < DESCRIBED_AT_MOST_EVERY_NS)
                return err_set(err, ERR_EXHAUSTED, "a node is described once a second at most");
        session->described_at_ns = now;
        TRY(see(session, description, address, err));
        commit_seen(session);
        return 0;
}

static int on_message(struct session *session, const Sk__AgentMessage *in, struct err *err)
{
        if (in->message_case == SK__AGENT_MESSAGE__MESSAGE_HELLO)
                return on_hello(session, in->hello, err);
        if (session->phase != SESSION_OPEN)
                return err_set(err, ERR_INVALID, "a session begins with a hello and its answer");
        switch (in->message_case) {
        case SK__AGENT_MESSAGE__MESSAGE_HEARTBEAT:
                return on_heartbeat(session, in->heartbeat);
        case SK__AGENT_MESSAGE__MESSAGE_STATUSES:
                return on_statuses(session, in->statuses, err);
        case SK__AGENT_MESSAGE__MESSAGE_DESCRIPTION:
                return on_description(session, in->description, err);
        default:
                return 0; /* an acknowledgement, or news from an agent that is newer than we are */
        }
}

static void message_came(void *context, struct rpc_call *call, const void *in)
{
        struct session *session = context;
        struct err err;

        (void)call;
        if (session->phase != SESSION_OVER && on_message(session, in, &err) < 0)
                session_fail(session, &err);
}

static void stream_half_closed(void *context, struct rpc_call *call)
{
        struct session *session = context;

        if (session->phase == SESSION_OVER)
                return;
        detach(session);
        rpc_call_finish(call);
}

static void stream_writable(void *context, struct rpc_call *call)
{
        struct session *session = context;

        (void)call;
        session->n_acks_waiting = 0;
        session_touch(session);
}

static void stream_closed(void *context, struct rpc_call *call)
{
        struct session *session = context;

        (void)call;
        if (session->phase != SESSION_OVER) {
                LOG(INFO, "session lost", STR("node", session->node_id),
                    STR("session", session->id));
                detach(session);
        }
        arena_done(&session->seen_arena);
        free(session);
}

void session(void *context, struct rpc_call *call, const Sk__AgentMessage *in)
{
        static const struct rpc_call_events events = {
                .message = message_came,
                .half_closed = stream_half_closed,
                .writable = stream_writable,
                .closed = stream_closed,
        };
        struct daemon *daemon = context;
        struct session *session = mem_alloc(sizeof *session);

        (void)in;
        session->dispatcher = daemon->state;
        session->call = call;
        session->period_ns = NS_PER_S;
        memcpy(session->node_id, rpc_call_peer(call)->node_id, sizeof session->node_id);
        os_random_id(session->id);
        rpc_call_on(call, &events, session);
}
