/* Handlers for nodes. */
#include <string.h>

#include "lib/base/str.h"
#include "lib/state/task_life.h"
#include "manager/api_server/check.h"
#include "manager/api_server/filter.h"
#include "manager/api_server/show.h"

enum { PART_NODE_SPEC = 0 };

static int find_node(struct call *call, const char *what, const Sk__Node **ret)
{
        const struct object_head *object;

        TRY(view_resolve(call->view, SK__KIND__KIND_NODE, what, &object, call->err));
        *ret = (const Sk__Node *)object;
        return 0;
}

static bool is_manager(const Sk__Node *node)
{
        return node->identity && node->identity->role == SK__NODE_ROLE__NODE_ROLE_MANAGER;
}

static size_t count_managers(const struct view *view)
{
        struct view_cursor cursor = { 0 };
        const struct object_head *object;
        size_t n = 0;

        while ((object = view_each(view, SK__KIND__KIND_NODE, &cursor)))
                n += is_manager((const Sk__Node *)object);
        return n;
}

static bool is_ready(const Sk__Node *node)
{
        return node->status && node->status->state == SK__NODE_STATUS__STATE__READY;
}

/* Is a majority of the managers that remain without this one there? */
static bool may_lose(const struct view *view, const Sk__Node *manager)
{
        struct view_cursor cursor = { 0 };
        const struct object_head *object;
        size_t n = 0, n_ready = 0;

        while ((object = view_each(view, SK__KIND__KIND_NODE, &cursor))) {
                const Sk__Node *node = (const Sk__Node *)object;

                if (node == manager || !is_manager(node))
                        continue;
                n++;
                n_ready += is_ready(node);
        }
        return n_ready > n / 2;
}

static bool node_matches(const Sk__Node *node, const Sk__ListNodesRequest *in)
{
        static const Sk__NodeSpec no_spec = SK__NODE_SPEC__INIT;
        static const Sk__NodeDescription no_description = SK__NODE_DESCRIPTION__INIT;
        const Sk__NodeSpec *spec = node->spec ? node->spec : &no_spec;
        const Sk__NodeDescription *description =
                node->description ? node->description : &no_description;
        Sk__Label *const *labels = spec->annotations ? spec->annotations->labels : NULL;
        size_t n_labels = spec->annotations ? spec->annotations->n_labels : 0, n = in->n_filters;

        return filters_match_prefix(in->filters, n, "id", node->id) &&
               filters_match_prefix(in->filters, n, "name", node->name) &&
               filters_match_word(in->filters, n, "role",
                                  is_manager(node) ? "manager" : "worker") &&
               filters_match_word(in->filters, n, "membership", "accepted") &&
               filters_match_labels(in->filters, n, "node.label", labels, n_labels) &&
               filters_match_labels(in->filters, n, "label", description->engine_labels,
                                    description->n_engine_labels);
}

int handle_list_nodes(struct call *call, const Sk__ListNodesRequest *in, Sk__ListNodesResponse *out)
{
        static const char *const known[] = { "id",   "name",       "label", "node.label",
                                             "role", "membership", NULL };
        static const char *const roles[] = { "manager", "worker", NULL };
        static const char *const memberships[] = { "accepted", "pending", NULL };
        struct view_cursor cursor = { 0 };
        const struct object_head *object;

        TRY(filters_check(in->filters, in->n_filters, known, call->err));
        TRY(filters_check_words(in->filters, in->n_filters, "role", roles, call->err));
        TRY(filters_check_words(in->filters, in->n_filters, "membership", memberships, call->err));
        out->nodes = arena_alloc(call->arena, (view_count(call->view, SK__KIND__KIND_NODE) + 1) *
                                                      sizeof *out->nodes);
        while ((object = view_each(call->view, SK__KIND__KIND_NODE, &cursor)))
                if (node_matches((const Sk__Node *)object, in))
                        out->nodes[out->n_nodes++] = show_node(call, (const Sk__Node *)object);
        return 0;
}

int handle_get_node(struct call *call, const Sk__GetNodeRequest *in, Sk__GetNodeResponse *out)
{
        const Sk__Node *node;

        TRY(find_node(call, in->id, &node));
        out->node = show_node(call, node);
        return 0;
}

/* Since when the node is to be empty. */
static int64_t drained_at(struct call *call, const Sk__Node *node, const Sk__NodeSpec *spec)
{
        if (spec->availability != SK__NODE_SPEC__AVAILABILITY__DRAIN)
                return 0;
        if (node->spec && node->spec->availability == SK__NODE_SPEC__AVAILABILITY__DRAIN)
                return node->spec->drained_at_ns;
        return call->now_ns;
}

int handle_update_node(struct call *call, const Sk__UpdateNodeRequest *in,
                       Sk__UpdateNodeResponse *out)
{
        struct plan_change *change;
        const Sk__Node *node;
        Sk__NodeSpec *spec;
        Sk__Node *updated;

        TRY(find_node(call, in->id, &node));
        TRY(check_node_spec(in->spec, call->err));
        if (in->version &&
            in->version != object_part_version((const struct object_head *)node, PART_NODE_SPEC))
                return err_set(call->err, ERR_PRECONDITION, "update out of sequence");
        if (is_manager(node) && in->spec->desired_role == SK__NODE_ROLE__NODE_ROLE_WORKER &&
            count_managers(call->view) == 1)
                return err_set(call->err, ERR_PRECONDITION,
                               "attempting to demote the last manager of the swarm");
        if (is_manager(node) && in->spec->desired_role == SK__NODE_ROLE__NODE_ROLE_WORKER &&
            !may_lose(call->view, node))
                return err_set(call->err, ERR_PRECONDITION,
                               "can't remove member from the raft: this would result in a loss of "
                               "quorum");
        change = plan_update(call->plan, SK__KIND__KIND_NODE, node->id);
        change->reason = "node updated";
        spec = arena_copy(call->arena, in->spec, sizeof *in->spec);
        spec->drained_at_ns = drained_at(call, node, in->spec);
        plan_set_part(change, PART_NODE_SPEC, &spec->base);
        plan_require_unchanged(call->plan, SK__KIND__KIND_NODE, (const struct object_head *)node,
                               PART_NODE_SPEC);
        updated = show_node(call, node);
        updated->spec = spec;
        out->node = updated;
        return 0;
}

int handle_remove_node(struct call *call, const Sk__RemoveNodeRequest *in,
                       Sk__RemoveNodeResponse *out)
{
        const Sk__Node *node;

        (void)out;
        TRY(find_node(call, in->id, &node));
        if (is_manager(node))
                return err_set(call->err, ERR_PRECONDITION,
                               "node %s is a cluster manager and is a member of the raft cluster. "
                               "It must be demoted to "
                               "worker before removal",
                               node->id);
        if (!in->force && node->status && node->status->state == SK__NODE_STATUS__STATE__READY)
                return err_set(call->err, ERR_PRECONDITION,
                               "node %s is not down and can't be removed", node->id);
        plan_remove(call->plan, SK__KIND__KIND_NODE, node->id)->reason = "node removed";
        return 0;
}
