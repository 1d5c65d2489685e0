/* Handlers for the cluster as a whole. */
#include <string.h>

#include "lib/base/str.h"
#include "lib/state/task_life.h"
#include "manager/api_server/check.h"
#include "manager/api_server/show.h"

enum { PART_CLUSTER_SPEC = 0 };

static int find_cluster(struct call *call, const Sk__Cluster **ret)
{
        *ret = view_cluster(call->view);
        if (!*ret)
                return err_set(call->err, ERR_UNAVAILABLE,
                               "the cluster's state is still being read, try again");
        return 0;
}

int handle_get_cluster(struct call *call, const Sk__GetClusterRequest *in,
                       Sk__GetClusterResponse *out)
{
        const Sk__Cluster *cluster;

        (void)in;
        TRY(find_cluster(call, &cluster));
        out->cluster = (Sk__Cluster *)cluster;
        return 0;
}

int handle_update_cluster(struct call *call, const Sk__UpdateClusterRequest *in,
                          Sk__UpdateClusterResponse *out)
{
        const Sk__Cluster *cluster;
        struct plan_change *change;
        Sk__Cluster *updated;

        TRY(find_cluster(call, &cluster));
        updated = arena_copy(call->arena, cluster, sizeof *cluster);
        out->cluster = updated;
        if (!in->spec)
                return 0;
        TRY(check_cluster_spec(cluster->spec, in->spec, call->err));
        if (in->version && in->version != object_part_version((const struct object_head *)cluster,
                                                              PART_CLUSTER_SPEC))
                return err_set(call->err, ERR_PRECONDITION, "update out of sequence");
        if (in->spec->auto_lock_managers)
                return err_set(call->err, ERR_UNIMPLEMENTED,
                               "locking managers is not supported yet");
        updated->spec = (Sk__ClusterSpec *)in->spec;
        change = plan_update(call->plan, SK__KIND__KIND_CLUSTER, cluster->id);
        change->reason = "cluster updated";
        plan_set_part(change, PART_CLUSTER_SPEC, &in->spec->base);
        plan_require_unchanged(call->plan, SK__KIND__KIND_CLUSTER,
                               (const struct object_head *)cluster, PART_CLUSTER_SPEC);
        return 0;
}

/* As the leader's dispatcher told last. */
static const char *leader_id(const struct view *view)
{
        struct view_cursor cursor = { 0 };
        const struct object_head *object;

        while ((object = view_each(view, SK__KIND__KIND_NODE, &cursor))) {
                const Sk__Node *node = (const Sk__Node *)object;

                if (node->status && node->status->is_leader)
                        return node->id;
        }
        return "";
}

static void count_nodes(struct call *call, Sk__GetInfoResponse *out)
{
        size_t n = view_count(call->view, SK__KIND__KIND_NODE);
        struct view_cursor cursor = { 0 };
        const struct object_head *object;

        out->nodes_total = n;
        out->managers = arena_alloc(call->arena, (n + 1) * sizeof *out->managers);
        while ((object = view_each(call->view, SK__KIND__KIND_NODE, &cursor))) {
                const Sk__Node *node = (const Sk__Node *)object;
                Sk__ManagerAddress *manager;

                if (!node->identity || node->identity->role != SK__NODE_ROLE__NODE_ROLE_MANAGER)
                        continue;
                manager = CALL_NEW(call, Sk__ManagerAddress, SK__MANAGER_ADDRESS__INIT);
                manager->node_id = node->id;
                manager->address = node->status ? str_or(node->status->manager_address, "") : "";
                out->managers[out->n_managers++] = manager;
        }
        out->managers_total = out->n_managers;
}

/* Agents of workers may ask, too: for them, and for whoever pastes 'info' somewhere, no tokens. */
static Sk__Cluster *without_tokens(struct call *call, const Sk__Cluster *cluster)
{
        Sk__Cluster *shown = arena_copy(call->arena, cluster, sizeof *cluster);

        if (!cluster->trust)
                return shown;
        shown->trust = arena_copy(call->arena, cluster->trust, sizeof *cluster->trust);
        shown->trust->worker_token = "";
        shown->trust->manager_token = "";
        return shown;
}

int handle_get_info(struct call *call, const Sk__GetInfoRequest *in, Sk__GetInfoResponse *out)
{
        struct view_cursor cursor = { 0 };
        const Sk__Cluster *cluster;
        const struct object_head *object;

        (void)in;
        TRY(find_cluster(call, &cluster));
        out->node_id = call->node_id;
        out->leader_id = leader_id(call->view);
        out->cluster = without_tokens(call, cluster);
        count_nodes(call, out);
        out->services_total = view_count(call->view, SK__KIND__KIND_SERVICE);
        while ((object = view_each(call->view, SK__KIND__KIND_TASK, &cursor)))
                out->tasks_running +=
                        task_state((const Sk__Task *)object) == SK__TASK_STATE__TASK_RUNNING;
        return 0;
}
