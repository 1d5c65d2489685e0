/* Which role a node has: what a person asked for becomes so.  A worker is a manager at once, with
 * certificates that it then fetches; a manager stays one until it has left the membership, which
 * the store takes it out of, so that no store runs without a certificate. */
#include "manager/ca/roles.h"

#include <string.h>

#include "api/objects.h"
#include "lib/base/check.h"
#include "lib/base/str.h"
#include "lib/state/plan.h"

static bool is_settled(const Sk__Node *node)
{
        return !node->spec || !node->identity || node->spec->desired_role == node->identity->role;
}

static void touch_all(const struct view *view, struct reconcile_keys *keys)
{
        struct view_cursor nodes = { 0 };
        const struct object_head *head;

        while ((head = view_each(view, SK__KIND__KIND_NODE, &nodes)))
                if (!is_settled((const Sk__Node *)head))
                        reconcile_keys_add(keys, "%.25s", head->id);
}

static void touch(const struct view *view, const Sk__Event *event, const void *config,
                  struct reconcile_keys *ret_touched)
{
        (void)config;
        if (!event || event->kind == SK__KIND__KIND_CLUSTER)
                touch_all(view, ret_touched);
        else if (event->kind == SK__KIND__KIND_NODE)
                reconcile_keys_add(ret_touched, "%.25s", event->id);
}

static bool is_member(const struct view *view, const char *node_id)
{
        const Sk__Cluster *cluster = view_cluster(view);
        const Sk__ClusterMembership *membership = cluster ? cluster->membership : NULL;

        for (size_t i = 0; membership && i < membership->n_members; i++)
                if (str_equal(membership->members[i]->node_id, node_id))
                        return true;
        return false;
}

static void decide(const struct view *view, const char *key, const void *config, size_t limit,
                   struct plan *plan)
{
        const Sk__Node *node = view_node(view, key);
        Sk__NodeIdentity *identity;
        struct plan_change *change;

        (void)config;
        (void)limit;
        if (!node || is_settled(node))
                return;
        if (node->spec->desired_role == SK__NODE_ROLE__NODE_ROLE_WORKER && is_member(view, key))
                return;
        plan_group(plan);
        change = plan_update(plan, SK__KIND__KIND_NODE, node->id);
        change->reason = "role changed";
        identity = arena_copy(&plan->arena, node->identity, sizeof *identity);
        identity->role = node->spec->desired_role;
        plan_set_part(change, PART_NODE_identity, &identity->base);
        plan_require_unchanged(plan, SK__KIND__KIND_NODE, (const struct object_head *)node,
                               PART_NODE_spec);
        plan_require_unchanged(plan, SK__KIND__KIND_NODE, (const struct object_head *)node,
                               PART_NODE_identity);
}

static const Sk__KindMask kinds[] = {
        { .base = PROTOBUF_C_MESSAGE_INIT(&sk__kind_mask__descriptor),
          .kind = SK__KIND__KIND_CLUSTER,
          .parts = 1u << PART_CLUSTER_membership },
        { .base = PROTOBUF_C_MESSAGE_INIT(&sk__kind_mask__descriptor),
          .kind = SK__KIND__KIND_NODE,
          .parts = 1u << PART_NODE_spec | 1u << PART_NODE_identity },
};

const struct reconciler ca_roles = {
        .name = "ca",
        .kinds = kinds,
        .n_kinds = COUNT_OF(kinds),
        .touch = touch,
        .decide = decide,
};
