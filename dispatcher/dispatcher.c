/* News in, plans out; the table of sessions and of who is late. */
#include "dispatcher/dispatcher.h"

#include <stdio.h>
#include <string.h>

#include "dispatcher/peers.h"
#include "dispatcher/session.h"
#include "dispatcher/verdicts.h"
#include "lib/base/check.h"
#include "lib/base/str.h"
#include "lib/os/log.h"
#include "lib/state/task_life.h"

#define COMMIT_TIMEOUT_NS (30 * NS_PER_S)
#define PULSE_NS (NS_PER_S / 4)
#define CONFIRM_NS NS_PER_S
#define STALL_NS NS_PER_S
#define AFTER_STALL_NS (3 * NS_PER_S)

/* What many nodes at once may have waiting for the store; each of them is bounded by itself. */
enum { WAITING_BYTES_MAX = 256 << 20, DUMPED_MAX = 1000 };

static const Sk__KindMask kinds[] = {
#define KIND(kind_, parts_)                                                        \
        {                                                                          \
                PROTOBUF_C_MESSAGE_INIT(&sk__kind_mask__descriptor), kind_, parts_ \
        }
        KIND(SK__KIND__KIND_CLUSTER, 0xb),      KIND(SK__KIND__KIND_NODE, 0xf),
        KIND(SK__KIND__KIND_SERVICE_SPEC, 0x1), KIND(SK__KIND__KIND_NETWORK, 0x3),
        KIND(SK__KIND__KIND_TASK, 0xf),         KIND(SK__KIND__KIND_SECRET, 0x3),
        KIND(SK__KIND__KIND_CONFIG, 0x3),
#undef KIND
};

const struct view *dispatcher_view(const struct dispatcher *dispatcher)
{
        return mirror_view(dispatcher->mirror);
}

bool dispatcher_address(const struct dispatcher *dispatcher,
                        const Sk__ClusterMembership__Member *member, char *ret, size_t size)
{
        const char *colon = strrchr(str_or(member->address, ""), ':');

        if (!colon)
                return false;
        snprintf(ret, size, "%.*s:%lld", (int)(colon - member->address), member->address,
                 (long long)dispatcher->config->advertise_port);
        return true;
}

bool dispatcher_is_member(const struct dispatcher *dispatcher)
{
        const Sk__Cluster *cluster = view_cluster(dispatcher_view(dispatcher));
        const Sk__ClusterMembership *membership = cluster ? cluster->membership : NULL;
        size_t n = membership ? membership->n_members : 0;

        for (size_t i = 0; i < n; i++)
                if (str_equal(membership->members[i]->node_id, dispatcher->config->node_id))
                        return true;
        return n == 0;
}

/* --- what is reported --- */

/* A batch of reports that waits to be durable. */
struct batch {
        struct dispatcher *dispatcher;
        char node_id[64], session_id[ID_SIZE];
        uint64_t sequence;
        size_t size;
};

static struct session *session_of_batch(const struct batch *batch)
{
        struct session *session = session_of_node(batch->dispatcher, batch->node_id);

        return session && str_equal(session->id, batch->session_id) ? session : NULL;
}

static void log_refused_groups(const struct commit_outcome *outcome)
{
        for (size_t i = 0; outcome->results && i < outcome->n_groups; i++)
                if (outcome->results[i]->code)
                        LOG(WARN, "change refused", STR("why", outcome->results[i]->message));
}

static void committed(void *context, const struct commit_outcome *outcome)
{
        (void)context;
        if (outcome->err && outcome->err->code != ERR_CANCELLED)
                LOG(WARN, "reports could not be committed", STR("why", outcome->err->text));
        log_refused_groups(outcome);
}

/* A group that was refused was looked at all the same: telling it again would not help. */
static void batch_committed(void *context, const struct commit_outcome *outcome)
{
        _cleanup_(freep) struct batch *batch = context;
        struct session *session = session_of_batch(batch);

        committed(NULL, outcome);
        if (session && outcome->err)
                session_fail(session, outcome->err);
        else if (session)
                session_acknowledge(session, batch->sequence, batch->size);
}

void dispatcher_commit(struct dispatcher *dispatcher, const struct plan *plan)
{
        if (!plan_is_empty(plan))
                committer_submit(dispatcher->committer, plan, COMMIT_TIMEOUT_NS, committed, NULL);
}

void dispatcher_commit_batch(struct dispatcher *dispatcher, const struct plan *plan,
                             const struct session *session, uint64_t sequence, size_t size)
{
        struct batch *batch = mem_alloc(sizeof *batch);

        batch->dispatcher = dispatcher;
        memcpy(batch->node_id, session->node_id, sizeof batch->node_id);
        memcpy(batch->session_id, session->id, sizeof batch->session_id);
        batch->sequence = sequence;
        batch->size = size;
        committer_submit(dispatcher->committer, plan, COMMIT_TIMEOUT_NS, batch_committed, batch);
}

static void turn_ended(void *context)
{
        struct dispatcher *dispatcher = context;
        struct session *session, *next;

        for (session = TAKE(dispatcher->dirty); session; session = next) {
                next = session->next_dirty;
                session->is_dirty = false;
                session_flush(session);
        }
        verdicts_commit(dispatcher->verdicts);
}

/* --- who is late --- */

static void set_late_timer(struct dispatcher *dispatcher)
{
        int64_t next = heartbeats_next(&dispatcher->heartbeats);
        int64_t now = loop_now_boot(dispatcher->loop);

        if (next == TIME_NEVER)
                loop_timer_cancel(&dispatcher->late);
        else
                loop_timer_set(dispatcher->loop, &dispatcher->late, next > now ? next - now : 0);
}

void dispatcher_heard(struct dispatcher *dispatcher, const char *node_id, int64_t allowance_ns)
{
        heartbeats_heard(&dispatcher->heartbeats, node_id, loop_now_boot(dispatcher->loop),
                         allowance_ns);
        if (!loop_timer_is_set(&dispatcher->late))
                set_late_timer(dispatcher);
}

void dispatcher_expect(struct dispatcher *dispatcher, const char *node_id, int64_t allowance_ns)
{
        heartbeats_expect(&dispatcher->heartbeats, node_id, loop_now_boot(dispatcher->loop),
                          allowance_ns);
        set_late_timer(dispatcher);
}

static void pulse(void *context)
{
        struct dispatcher *dispatcher = context;

        dispatcher->pulse_at_ns = loop_now_boot(dispatcher->loop);
        loop_timer_set(dispatcher->loop, &dispatcher->pulse, PULSE_NS);
}

/* A dispatcher that stood still (a paused machine, a busy one) heard nobody, which says nothing of
 * them. */
static void check_own_pulse(struct dispatcher *dispatcher, int64_t now)
{
        if (now - dispatcher->pulse_at_ns < STALL_NS)
                return;
        LOG(WARN, "stood still; nodes get time to be heard",
            INT("ms", (now - dispatcher->pulse_at_ns) / NS_PER_MS));
        heartbeats_postpone(&dispatcher->heartbeats, now + AFTER_STALL_NS);
}

static void some_are_late(void *context)
{
        struct dispatcher *dispatcher = context;
        int64_t now = loop_now_boot(dispatcher->loop);
        struct session *session;
        char node_id[64];
        struct err err;

        check_own_pulse(dispatcher, now);
        while (heartbeats_take_late(&dispatcher->heartbeats, now, node_id)) {
                session = session_of_node(dispatcher, node_id);
                err_set(&err, ERR_DEADLINE, "no heartbeat came in time");
                if (session)
                        session_fail(session, &err);
                verdicts_late(dispatcher->verdicts, node_id);
        }
        set_late_timer(dispatcher);
}

/* --- news --- */

static void task_changed(struct dispatcher *dispatcher, const char *id)
{
        const Sk__Task *task = view_task(dispatcher_view(dispatcher), id);
        struct assignment *holder;
        struct session *session;

        if (task) {
                session = session_of_node(dispatcher, task_node(task));
        } else {
                holder = assignment_holder(&dispatcher->index, id);
                session = holder ? container_of(holder, struct session, assignment) : NULL;
        }
        if (!session || session->phase != SESSION_OPEN)
                return;
        assignment_touch(&session->assignment, id);
        session_touch(session);
}

static void node_changed(struct dispatcher *dispatcher, const char *id)
{
        struct session *session = session_of_node(dispatcher, id);

        if (session)
                session_refresh(session);
        if (!view_node(dispatcher_view(dispatcher), id))
                peers_forget_node(dispatcher->peers, id);
        verdicts_node_changed(dispatcher->verdicts, id);
}

static void everybody(struct dispatcher *dispatcher, void (*act)(struct session *, const char *),
                      const char *id)
{
        struct session *session;

        for (size_t at = 0; (session = map_next(&dispatcher->sessions, &at));)
                if (session->phase == SESSION_OPEN)
                        act(session, id);
}

static void refresh(struct session *session, const char *id)
{
        (void)id;
        session_refresh(session);
}

static void cluster_changed(struct dispatcher *dispatcher)
{
        everybody(dispatcher, refresh, NULL);
        peers_refresh(dispatcher->peers);
        verdicts_cluster_changed(dispatcher->verdicts);
}

static void touch_file(struct session *session, const char *id)
{
        if (assignment_touch_file(&session->assignment, id))
                session_touch(session);
}

static void touch_all(struct session *session, const char *id)
{
        (void)id;
        assignment_touch_all(&session->assignment, dispatcher_view(session->dispatcher));
        session_touch(session);
}

static void news_came(void *context, const Sk__Event *const *events, size_t n_events,
                      bool is_restart)
{
        struct dispatcher *dispatcher = context;

        daemon_ready(dispatcher->daemon);
        for (size_t i = 0; i < n_events && !is_restart; i++) {
                if (events[i]->kind == SK__KIND__KIND_TASK)
                        task_changed(dispatcher, events[i]->id);
                else if (events[i]->kind == SK__KIND__KIND_NODE)
                        node_changed(dispatcher, events[i]->id);
                else if (events[i]->kind == SK__KIND__KIND_CLUSTER)
                        cluster_changed(dispatcher);
                else if (events[i]->kind == SK__KIND__KIND_NETWORK)
                        everybody(dispatcher, touch_file, events[i]->id);
        }
        if (is_restart) {
                cluster_changed(dispatcher);
                everybody(dispatcher, touch_all, NULL);
        }
}

/* --- is there a leader? --- */

static void end_session(struct session *session, const char *id)
{
        struct err err;

        (void)id;
        err_set(&err, ERR_UNAVAILABLE, "this manager reaches no leader: ask another");
        session_fail(session, &err);
}

/* What a replica without a leader says may be long untrue, and what nodes report goes nowhere: they
 * are sent to another manager. */
static void confirmed(void *context, const struct err *err)
{
        struct dispatcher *dispatcher = context;

        if (err && dispatcher->sessions.n) {
                LOG(WARN, "no leader is reached: all sessions end", STR("why", err->text),
                    INT("sessions", (int64_t)dispatcher->sessions.n));
                everybody(dispatcher, end_session, NULL);
        }
        loop_timer_set(dispatcher->loop, &dispatcher->confirm, CONFIRM_NS);
}

static void confirm(void *context)
{
        struct dispatcher *dispatcher = context;

        dispatcher->confirmation =
                (struct mirror_read){ .fresh = confirmed, .context = dispatcher };
        mirror_read(dispatcher->mirror, &dispatcher->confirmation);
}

/* --- life --- */

static int connect_store(struct dispatcher *dispatcher, struct err *err)
{
        struct rpc_client_options client = { .address = dispatcher->config->store,
                                             .identity = dispatcher->daemon->identity,
                                             .server_daemon = "store" };
        struct mirror_options mirror = { .loop = dispatcher->loop,
                                         .kinds = kinds,
                                         .n_kinds = COUNT_OF(kinds),
                                         .gather_ns = MIRROR_GATHER_NS,
                                         .changed = news_came,
                                         .context = dispatcher };
        struct committer_options committer = { .loop = dispatcher->loop,
                                               .waiting_bytes_max = WAITING_BYTES_MAX };

        TRY(rpc_client_new(dispatcher->loop, &client, &dispatcher->store, err));
        mirror.store = committer.store = dispatcher->store;
        TRY(mirror_new(&mirror, &dispatcher->mirror, err));
        TRY(committer_new(&committer, &dispatcher->committer, err));
        return verdicts_new(dispatcher, &dispatcher->verdicts, err);
}

void dispatcher_metrics(struct daemon *daemon, struct str *str)
{
        const struct dispatcher *dispatcher = daemon->state;

        str_addf(str, "skep_dispatcher_sessions %zu\n", dispatcher->sessions.n);
        str_addf(str, "skep_dispatcher_nodes_heard %zu\n", dispatcher->heartbeats.nodes.n);
        str_addf(str, "skep_dispatcher_tasks_told %zu\n", dispatcher->index.tasks.n);
        str_addf(str, "skep_dispatcher_requests %zu\n", dispatcher->requests.n);
        str_addf(str, "skep_dispatcher_entries %zu\n", dispatcher->entries.n);
        peers_metrics(dispatcher->peers, str);
        mirror_metrics(dispatcher->mirror, str);
        committer_metrics(dispatcher->committer, str);
}

void dispatcher_dump(struct daemon *daemon, struct str *str)
{
        const struct dispatcher *dispatcher = daemon->state;
        const struct session *session;
        size_t n = 0;

        str_addf(str, "%zu sessions\n", dispatcher->sessions.n);
        for (size_t at = 0; n++ < DUMPED_MAX && (session = map_next(&dispatcher->sessions, &at));)
                session_dump(session, str);
}

int dispatcher_start(struct daemon *daemon, struct err *err)
{
        struct dispatcher *dispatcher = mem_alloc(sizeof *dispatcher);
        struct dispatcher_config *config = daemon->spec->config;

        config->node_id = rpc_identity_node_id(daemon->identity);
        dispatcher->config = config;
        dispatcher->daemon = daemon;
        dispatcher->loop = daemon->loop;
        dispatcher->late = (struct loop_timer){ .fire = some_are_late, .context = dispatcher };
        dispatcher->pulse = (struct loop_timer){ .fire = pulse, .context = dispatcher };
        heartbeats_init(&dispatcher->heartbeats);
        daemon->state = dispatcher;
        dispatcher->peers = peers_new(dispatcher);
        loop_after_turn(daemon->loop, turn_ended, dispatcher);
        dispatcher->confirm = (struct loop_timer){ .fire = confirm, .context = dispatcher };
        pulse(dispatcher);
        TRY(connect_store(dispatcher, err));
        confirm(dispatcher);
        return 0;
}

void dispatcher_stop(struct daemon *daemon)
{
        struct dispatcher *dispatcher = daemon->state;

        if (!dispatcher)
                return;
        loop_after_turn_cancel(dispatcher->loop, turn_ended, dispatcher);
        loop_timer_cancel(&dispatcher->late);
        loop_timer_cancel(&dispatcher->pulse);
        loop_timer_cancel(&dispatcher->confirm);
        peers_free(dispatcher->peers);
        verdicts_free(dispatcher->verdicts);
        committer_free(dispatcher->committer);
        mirror_free(dispatcher->mirror);
        rpc_client_free(dispatcher->store);
        heartbeats_done(&dispatcher->heartbeats);
        assignment_index_done(&dispatcher->index);
        map_done(&dispatcher->requests);
        map_done(&dispatcher->entries);
        map_done(&dispatcher->sessions);
        free(dispatcher);
}
