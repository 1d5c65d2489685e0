/* Verdicts under the lease. */
#include "dispatcher/verdicts.h"

#include <string.h>

#include "dispatcher/node.h"
#include "lib/base/str.h"
#include "lib/os/log.h"
#include "lib/run/lease.h"
#include "lib/state/task_life.h"

#define SWEEP_EVERY_NS NS_PER_MINUTE
#define COMMIT_TIMEOUT_NS (10 * NS_PER_S)

enum { ORPHANS_PER_SWEEP = 1000, NEW_LEASE_GRACE = 2 };

struct verdicts {
        struct dispatcher *dispatcher;
        struct lease *lease;
        struct committer *committer;
        struct mirror_wait wait;
        bool is_judging; /* the lease is held and the view is no older than it */
        struct plan plan;
        struct loop_timer sweep;
};

/* How long a node may be silent. */
static int64_t allowance(const struct dispatcher *dispatcher)
{
        const struct view *view = dispatcher_view(dispatcher);
        const Sk__Cluster *cluster = view_cluster(view);

        return HEARTBEAT_GRACE * heartbeat_period(view_count(view, SK__KIND__KIND_NODE),
                                                  cluster && cluster->spec
                                                          ? cluster->spec->dispatcher_heartbeat_ns
                                                          : 0);
}

/* --- being late --- */

void verdicts_late(struct verdicts *verdicts, const char *node_id)
{
        struct dispatcher *dispatcher = verdicts->dispatcher;
        const Sk__Node *node = view_node(dispatcher_view(dispatcher), node_id);

        if (!verdicts->is_judging || !node || !node->status ||
            node->status->state == SK__NODE_STATUS__STATE__DOWN)
                return;
        LOG(WARN, "node is down", STR("node", node_id), STR("name", node->name));
        node_plan_down(dispatcher_view(dispatcher), node_id, "heartbeat failure", &verdicts->plan);
        /* Judged again, in case this verdict is void because its record changed meanwhile. */
        heartbeats_expect(&dispatcher->heartbeats, node_id, loop_now_boot(dispatcher->loop),
                          allowance(dispatcher));
}

/* --- orphans --- */

static bool is_gone(const struct view *view, const char *node_id)
{
        const Sk__Node *node = view_node(view, node_id);

        return !node || node_orphans_at(node) <= view_now(view);
}

static void sweep(void *context)
{
        struct verdicts *verdicts = context;
        const struct view *view = dispatcher_view(verdicts->dispatcher);
        struct view_cursor cursor = {};
        const struct object_head *node;

        while ((node = view_each(view, SK__KIND__KIND_NODE, &cursor)))
                if (is_gone(view, node->id) &&
                    !node_plan_orphans(view, node->id, ORPHANS_PER_SWEEP, &verdicts->plan))
                        break;
        loop_timer_set(verdicts->dispatcher->loop, &verdicts->sweep, SWEEP_EVERY_NS);
}

/* Tasks of nodes that were removed while nobody judged. */
static void sweep_tasks(struct verdicts *verdicts)
{
        const struct view *view = dispatcher_view(verdicts->dispatcher);
        struct view_cursor cursor = {};
        const struct object_head *object;

        while ((object = view_each(view, SK__KIND__KIND_TASK, &cursor))) {
                const Sk__Task *task = (const Sk__Task *)object;
                const char *node_id = task_node(task);

                if (!task_is_over(task) && !str_is_empty(node_id) && !view_node(view, node_id))
                        node_plan_orphan(task, &verdicts->plan);
        }
}

void verdicts_node_changed(struct verdicts *verdicts, const char *node_id)
{
        struct dispatcher *dispatcher = verdicts->dispatcher;
        const struct view *view = dispatcher_view(dispatcher);

        if (!verdicts->is_judging)
                return;
        if (!view_node(view, node_id)) {
                heartbeats_forget(&dispatcher->heartbeats, node_id);
                node_plan_orphans(view, node_id, SIZE_MAX, &verdicts->plan);
                return;
        }
        node_plan_manager(view, node_id, dispatcher->config->node_id, dispatcher->config->join_port,
                          &verdicts->plan);
}

void verdicts_cluster_changed(struct verdicts *verdicts)
{
        const struct dispatcher *dispatcher = verdicts->dispatcher;
        const struct view *view = dispatcher_view(dispatcher);
        struct view_cursor cursor = {};
        const struct object_head *node;

        if (!verdicts->is_judging)
                return;
        while ((node = view_each(view, SK__KIND__KIND_NODE, &cursor)))
                node_plan_manager(view, node->id, dispatcher->config->node_id,
                                  dispatcher->config->join_port, &verdicts->plan);
}

/* --- the lease --- */

/* Every node that should be alive gets time to show it, at least double what it has otherwise: its
 * session may just be moving here from the manager that led before. */
static void begin_judging(void *context)
{
        struct verdicts *verdicts = context;
        struct dispatcher *dispatcher = verdicts->dispatcher;
        const struct view *view = dispatcher_view(dispatcher);
        struct view_cursor cursor = {};
        const struct object_head *object;
        int64_t moving = heartbeat_moving(view_count(view, SK__KIND__KIND_NODE));
        int64_t grace = NEW_LEASE_GRACE * allowance(dispatcher);

        grace = grace > moving ? grace : moving;
        verdicts->is_judging = true;
        LOG(INFO, "judging who is alive");
        while ((object = view_each(view, SK__KIND__KIND_NODE, &cursor))) {
                const Sk__NodeStatus *status = ((const Sk__Node *)object)->status;

                if (status && status->state != SK__NODE_STATUS__STATE__DOWN)
                        dispatcher_expect(dispatcher, object->id, grace);
        }
        verdicts_cluster_changed(verdicts);
        sweep_tasks(verdicts);
        sweep(verdicts);
}

static void lease_changed(void *context, bool is_held, uint64_t epoch, uint64_t version)
{
        struct verdicts *verdicts = context;

        verdicts->is_judging = false;
        loop_timer_cancel(&verdicts->sweep);
        mirror_wait_cancel(&verdicts->wait);
        plan_clear(&verdicts->plan);
        if (!is_held)
                return;
        committer_set_epoch(verdicts->committer, epoch);
        verdicts->wait = (struct mirror_wait){ .reached = begin_judging, .context = verdicts };
        mirror_wait(verdicts->dispatcher->mirror, &verdicts->wait, version);
}

static void committed(void *context, const struct commit_outcome *outcome)
{
        (void)context;
        if (outcome->err && outcome->err->code != ERR_CANCELLED)
                LOG(WARN, "verdicts could not be committed", STR("why", outcome->err->text));
}

void verdicts_commit(struct verdicts *verdicts)
{
        if (plan_is_empty(&verdicts->plan))
                return;
        committer_submit(verdicts->committer, &verdicts->plan, COMMIT_TIMEOUT_NS, committed,
                         verdicts);
        plan_clear(&verdicts->plan);
}

int verdicts_new(struct dispatcher *dispatcher, struct verdicts **ret_verdicts, struct err *err)
{
        struct verdicts *verdicts = mem_alloc(sizeof *verdicts);
        const struct committer_options committer = { .loop = dispatcher->loop,
                                                     .store = dispatcher->store,
                                                     .loop_name = "dispatcher" };
        const struct lease_options lease = { .loop = dispatcher->loop,
                                             .store = dispatcher->store,
                                             .loop_name = "dispatcher",
                                             .node_id = dispatcher->config->node_id,
                                             .changed = lease_changed,
                                             .context = verdicts };

        verdicts->dispatcher = dispatcher;
        verdicts->sweep = (struct loop_timer){ .fire = sweep, .context = verdicts };
        plan_init(&verdicts->plan);
        *ret_verdicts = verdicts;
        TRY(committer_new(&committer, &verdicts->committer, err));
        return lease_new(&lease, &verdicts->lease, err);
}

void verdicts_free(struct verdicts *verdicts)
{
        if (!verdicts)
                return;
        lease_free(verdicts->lease);
        committer_free(verdicts->committer);
        mirror_wait_cancel(&verdicts->wait);
        loop_timer_cancel(&verdicts->sweep);
        plan_done(&verdicts->plan);
        free(verdicts);
}
