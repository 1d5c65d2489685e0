/* Plans for node records. */
#include "dispatcher/node.h"

#include <string.h>

#include "lib/base/str.h"
#include "lib/base/time.h"
#include "lib/message/message.h"
#include "lib/state/task_life.h"

enum { PART_STATUS = 2, PART_DESCRIPTION = 3 };
enum { DESCRIPTION_SIZE_MAX = 64 * 1024, HOST_MAX = 255 };

int node_check_seen(const struct node_seen *seen, struct err *err)
{
        const Sk__NodeDescription *description = seen->description;

        if (!description ||
            protobuf_c_message_get_packed_size(&description->base) > DESCRIPTION_SIZE_MAX)
                return err_set(err, ERR_INVALID, "the node's description is missing or too large");
        if (strlen(description->hostname) > HOST_MAX ||
            strlen(str_or(seen->address, "")) > HOST_MAX)
                return err_set(err, ERR_INVALID,
                               "the node's name and address may have %d bytes at most", HOST_MAX);
        return 0;
}

/* The status as it is, to be changed; in the plan's arena. */
static Sk__NodeStatus *status_copy(const Sk__Node *node, struct plan *plan)
{
        Sk__NodeStatus *status;

        if (node->status)
                return (Sk__NodeStatus *)message_copy(&plan->arena, &node->status->base);
        status = arena_alloc(&plan->arena, sizeof *status);
        sk__node_status__init(status);
        return status;
}

static struct plan_change *change_status(struct plan *plan, const Sk__Node *node,
                                         const Sk__NodeStatus *status, const char *reason)
{
        struct plan_change *change;

        plan_group(plan);
        change = plan_update(plan, SK__KIND__KIND_NODE, arena_strdup(&plan->arena, node->id));
        plan_set_part(change, PART_STATUS, &status->base);
        change->reason = reason;
        return change;
}

static bool is_ready(const Sk__Node *node, const struct node_seen *seen)
{
        return node->status && node->status->state == SK__NODE_STATUS__STATE__READY &&
               str_equal(str_or(node->status->address, ""), str_or(seen->address, ""));
}

void node_plan_seen(const struct view *view, const char *node_id, const struct node_seen *seen,
                    struct plan *plan)
{
        const Sk__Node *node = view_node(view, node_id);
        struct plan_change *change;
        Sk__NodeStatus *status;

        if (!node)
                return;
        if (!is_ready(node, seen)) {
                status = status_copy(node, plan);
                if (status->state != SK__NODE_STATUS__STATE__READY)
                        status->since_ns = view_now(view);
                status->state = SK__NODE_STATUS__STATE__READY;
                status->message = "";
                status->address = arena_strdup(&plan->arena, str_or(seen->address, ""));
                change_status(plan, node, status, "its agent has a session");
        }
        if (!seen->description || (node->description && message_equal(&node->description->base,
                                                                      &seen->description->base)))
                return;
        plan_group(plan);
        change = plan_update(plan, SK__KIND__KIND_NODE, arena_strdup(&plan->arena, node->id));
        change->name = arena_strdup(&plan->arena, seen->description->hostname);
        change->reason = "as its agent describes it";
        plan_set_part(change, PART_DESCRIPTION,
                      message_copy(&plan->arena, &seen->description->base));
}

void node_plan_down(const struct view *view, const char *node_id, const char *message,
                    struct plan *plan)
{
        const Sk__Node *node = view_node(view, node_id);
        Sk__NodeStatus *status;

        if (!node || (node->status && node->status->state == SK__NODE_STATUS__STATE__DOWN))
                return;
        status = status_copy(node, plan);
        status->state = SK__NODE_STATUS__STATE__DOWN;
        status->message = arena_strdup(&plan->arena, message);
        status->is_reachable = false;
        status->since_ns = view_now(view);
        change_status(plan, node, status, message);
        plan_require_unchanged(plan, SK__KIND__KIND_NODE, (const struct object_head *)node,
                               PART_STATUS);
}

int64_t node_orphans_at(const Sk__Node *node)
{
        if (!node->status || node->status->state != SK__NODE_STATUS__STATE__DOWN)
                return TIME_NEVER;
        return node->status->since_ns + NODE_ORPHANS_AFTER_NS;
}

void node_plan_orphan(const Sk__Task *task, struct plan *plan)
{
        Sk__TaskStatus *status = arena_alloc(&plan->arena, sizeof *status);

        sk__task_status__init(status);
        status->state = SK__TASK_STATE__TASK_ORPHANED;
        status->message = "task orphaned";
        status->err = "its node is gone";
        plan_group(plan);
        plan_merge_status(plan, arena_strdup(&plan->arena, task->id), status)->reason =
                "its node is gone for good";
}

bool node_plan_orphans(const struct view *view, const char *node_id, size_t limit,
                       struct plan *plan)
{
        struct view_cursor cursor = {};
        const Sk__Task *task;
        size_t n = 0;

        while ((task = view_each_node_task(view, node_id, &cursor))) {
                if (task_is_over(task))
                        continue;
                if (n++ == limit)
                        return false;
                node_plan_orphan(task, plan);
        }
        return true;
}

static const Sk__ClusterMembership__Member *find_member(const Sk__ClusterMembership *membership,
                                                        const char *node_id)
{
        for (size_t i = 0; membership && i < membership->n_members; i++)
                if (str_equal(membership->members[i]->node_id, node_id))
                        return membership->members[i];
        return NULL;
}

/* The member's host with the port that nodes join by; "" for a node that is no member. */
static const char *join_address(const Sk__ClusterMembership__Member *member, int64_t join_port,
                                struct plan *plan)
{
        const char *address = member ? str_or(member->address, "") : "";
        const char *colon = strrchr(address, ':');

        if (!colon)
                return "";
        return arena_printf(&plan->arena, "%.*s:%lld", (int)(colon - address), address,
                            (long long)join_port);
}

void node_plan_manager(const struct view *view, const char *node_id, const char *leader_id,
                       int64_t join_port, struct plan *plan)
{
        const Sk__Cluster *cluster = view_cluster(view);
        const Sk__Node *node = view_node(view, node_id);
        const Sk__NodeStatus *now = node ? node->status : NULL;
        const Sk__ClusterMembership__Member *member =
                find_member(cluster ? cluster->membership : NULL, node_id);
        const char *address = join_address(member, join_port, plan);
        bool is_leader = member && str_equal(node_id, leader_id);
        bool is_reachable =
                is_leader || (member && now && now->state == SK__NODE_STATUS__STATE__READY);
        Sk__NodeStatus *status;

        if (!node || (!now && !member))
                return;
        if (now && now->is_leader == is_leader && now->is_reachable == is_reachable &&
            str_equal(str_or(now->manager_address, ""), address))
                return;
        status = status_copy(node, plan);
        status->is_leader = is_leader;
        status->is_reachable = is_reachable;
        status->manager_address = address;
        change_status(plan, node, status, "as the managers are now");
        plan_require_unchanged(plan, SK__KIND__KIND_NODE, (const struct object_head *)node,
                               PART_STATUS);
}
