/* skep node. */
#include <string.h>

#include "cli/node.h"
#include "cli/print.h"
#include "cli/tables.h"
#include "cli/tasks.h"
#include "lib/base/str.h"
#include "lib/docker/docker.h"
#include "lib/message/message.h"

/* --- ls --- */

static const struct list_field node_fields[] = {
        { "ID", "ID" },
        { "Hostname", "HOSTNAME" },
        { "Status", "STATUS" },
        { "Availability", "AVAILABILITY" },
        { "ManagerStatus", "MANAGER STATUS" },
        { "EngineVersion", "ENGINE VERSION" },
        { "TLSStatus", "TLS STATUS" },
        { "Self", "" },
        { 0 },
};

const struct list_kind node_list = {
        .fields = node_fields,
        .table = "{{.ID}}{{if .Self}} *{{end}}\t{{.Hostname}}\t{{.Status}}\t{{.Availability}}"
                 "\t{{.ManagerStatus}}\t{{.EngineVersion}}",
        .quiet = "{{.ID}}",
        .setting = "nodesFormat",
};

static const char *manager_status(const Sk__Node *node)
{
        if (!node->identity || node->identity->role != SK__NODE_ROLE__NODE_ROLE_MANAGER)
                return "";
        if (node->status && node->status->is_leader)
                return "Leader";
        return node->status && node->status->is_reachable ? "Reachable" : "Unreachable";
}

json_t *node_row(struct arena *arena, const Sk__Node *node, const char *self)
{
        const Sk__NodeDescription *description = node->description;
        const char *hostname = description ? description->hostname : node->name;

        return json_pack("{ss ss ss ss ss ss ss sb}", "ID", node->id, "Hostname",
                         str_or(hostname, ""), "Status",
                         capitalised(arena, docker_node_state(node)), "Availability",
                         capitalised(arena, docker_availability(node->spec)), "ManagerStatus",
                         manager_status(node), "EngineVersion",
                         description ? str_or(description->engine_version, "") : "", "TLSStatus",
                         description && !str_is_empty(description->tls_issuer_subject) ? "Ready"
                                                                                       : "Unknown",
                         "Self", str_equal(node->id, self));
}

/* The node whose API answers: what "self" means. */
static const char *self_id(struct cli *cli)
{
        Sk__GetInfoRequest request = SK__GET_INFO_REQUEST__INIT;
        const void *out;

        if (cli_call(cli, RPC_METHOD(control, GetInfo), &request.base, &out) < 0)
                return NULL;
        return ((const Sk__GetInfoResponse *)out)->node_id;
}

static int node_ls(struct cli *cli, const struct arguments *arguments)
{
        Sk__ListNodesRequest request = SK__LIST_NODES_REQUEST__INIT;
        const Sk__ListNodesResponse *response;
        const char *self;
        json_t *rows;
        const void *out;

        filters_from(cli, arguments, &request.filters, &request.n_filters);
        if (cli_call(cli, RPC_METHOD(control, ListNodes), &request.base, &out) < 0)
                return cli_fail(cli);
        response = out;
        self = self_id(cli);
        if (!self)
                return cli_fail(cli);
        rows = json_array();
        for (size_t i = 0; i < response->n_nodes; i++)
                json_array_append_new(rows, node_row(&cli->arena, response->nodes[i], self));
        return print_list(cli, arguments, &node_list, rows_sorted(rows, "Hostname"));
}

/* --- one node --- */

static const Sk__Node *get_node(struct cli *cli, const char *name)
{
        Sk__GetNodeRequest request = SK__GET_NODE_REQUEST__INIT;
        const void *out;

        request.id = strcmp(name, "self") == 0 ? self_id(cli) : name;
        if (!request.id || cli_call(cli, RPC_METHOD(control, GetNode), &request.base, &out) < 0)
                return NULL;
        return ((const Sk__GetNodeResponse *)out)->node;
}

static const char *root_certificate(struct cli *cli)
{
        Sk__GetClusterRequest request = SK__GET_CLUSTER_REQUEST__INIT;
        const Sk__Cluster *cluster;
        const void *out;

        if (cli_call(cli, RPC_METHOD(control, GetCluster), &request.base, &out) < 0)
                return NULL;
        cluster = ((const Sk__GetClusterResponse *)out)->cluster;
        return cluster && cluster->trust ? cluster->trust->root_certificate_pem : NULL;
}

static json_t *get_json(struct cli *cli, const char *name)
{
        const Sk__Node *node = get_node(cli, name);

        return node ? docker_node(node, root_certificate(cli)) : NULL;
}

static int get_pretty(struct cli *cli, const char *name, struct str *out)
{
        const Sk__Node *node = get_node(cli, name);

        if (!node)
                return cli->err.code;
        node_pretty(out, node, root_certificate(cli));
        return 0;
}

static void inspect_fail(struct cli *cli, const char *name)
{
        (void)name;
        cli_fail(cli);
}

static int node_inspect(struct cli *cli, const struct arguments *arguments)
{
        static const struct inspection inspection = { get_json, get_pretty, inspect_fail };

        return print_inspection(cli, arguments, &inspection);
}

static int node_ps(struct cli *cli, const struct arguments *arguments)
{
        Sk__Filter **filters = NULL;
        size_t n_filters = 0, n_found = 0;
        const char *name = positional(arguments, 0);
        int status = 0, listed;

        filters_from(cli, arguments, &filters, &n_filters);
        for (size_t i = 0; i == 0 || name; name = positional(arguments, ++i)) {
                const Sk__Node *node = get_node(cli, name ? name : "self");

                if (node) {
                        filter_add(&cli->arena, &filters, &n_filters, "node", node->id);
                        n_found++;
                } else {
                        status = cli_fail(cli);
                }
        }
        listed = n_found ? tasks_print(cli, arguments, filters, n_filters) : 0;
        return listed ? listed : status;
}

/* --- changing nodes --- */

static int send_update(struct cli *cli, const Sk__Node *node, Sk__NodeSpec *spec)
{
        Sk__UpdateNodeRequest request = SK__UPDATE_NODE_REQUEST__INIT;
        const void *out;

        request.id = node->id;
        request.version = node->meta && node->meta->n_versions ? node->meta->versions[0] : 0;
        request.spec = spec;
        return cli_call(cli, RPC_METHOD(control, UpdateNode), &request.base, &out);
}

static Sk__NodeSpec *editable_spec(struct cli *cli, const Sk__Node *node)
{
        static const Sk__NodeSpec none = SK__NODE_SPEC__INIT;

        return (Sk__NodeSpec *)message_copy(&cli->arena,
                                            node->spec ? &node->spec->base : &none.base);
}

static int node_update(struct cli *cli, const struct arguments *arguments)
{
        const Sk__Node *node = get_node(cli, positional(arguments, 0));
        Sk__NodeSpec *spec;

        if (!node)
                return cli_fail(cli);
        spec = editable_spec(cli, node);
        if (node_spec_apply(&cli->arena, spec, arguments, &cli->err) < 0)
                return print_failure(cli);
        if (argument_bool(arguments, "wait") &&
            spec->availability != SK__NODE_SPEC__AVAILABILITY__DRAIN) {
                err_set(&cli->err, ERR_INVALID, "--wait goes with --availability drain");
                return print_failure(cli);
        }
        if (send_update(cli, node, spec) < 0)
                return cli_fail(cli);
        printf("%s\n", positional(arguments, 0));
        fflush(stdout);
        return argument_bool(arguments, "wait") ? node_wait_empty(cli, node->name, node->id) : 0;
}

static int change_role(struct cli *cli, const struct arguments *arguments, Sk__NodeRole role,
                       const char *already, const char *done)
{
        const char *name;
        int status = 0;

        for (size_t i = 0; (name = positional(arguments, i)); i++) {
                const Sk__Node *node = get_node(cli, name);
                Sk__NodeSpec *spec = node ? editable_spec(cli, node) : NULL;

                if (node && spec->desired_role == role) {
                        fprintf(stderr, already, node->id);
                        continue;
                }
                if (node)
                        spec->desired_role = role;
                if (!node || send_update(cli, node, spec) < 0)
                        status = cli_fail(cli);
                else
                        printf(done, name);
        }
        return status;
}

static int node_promote(struct cli *cli, const struct arguments *arguments)
{
        return change_role(cli, arguments, SK__NODE_ROLE__NODE_ROLE_MANAGER,
                           "Node %s is already a manager.\n",
                           "Node %s promoted to a manager in the swarm.\n");
}

static int node_demote(struct cli *cli, const struct arguments *arguments)
{
        return change_role(cli, arguments, SK__NODE_ROLE__NODE_ROLE_WORKER,
                           "Node %s is already a worker.\n", "Manager %s demoted in the swarm.\n");
}

static int node_rm(struct cli *cli, const struct arguments *arguments)
{
        Sk__RemoveNodeRequest request = SK__REMOVE_NODE_REQUEST__INIT;
        const void *out;
        int status = 0;

        request.force = argument_bool(arguments, "force");
        for (size_t i = 0; (request.id = positional(arguments, i)); i++) {
                if (cli_call(cli, RPC_METHOD(control, RemoveNode), &request.base, &out) < 0)
                        status = cli_fail(cli);
                else
                        printf("%s\n", request.id);
        }
        return status;
}

/* --- rows --- */

static const struct flag force_flags[] = {
        { "force", 'f', FLAG_BOOL, NULL, "Force remove a node from the swarm", NULL },
        { 0 },
};

static const struct flag *const ls_tables[] = { list_flags, NULL };
static const struct flag *const ps_tables[] = { task_list_flags, NULL };
static const struct flag *const inspect_tables[] = { inspect_flags, NULL };
static const struct flag *const update_tables[] = { node_update_flags, NULL };
static const struct flag *const rm_tables[] = { force_flags, NULL };

/* clang-format off */
/*        noun    verb       usage                            summary                                           aliases          side  least most flags first  flags */
const struct command node_commands[] = {
        { "node", "demote",  "NODE [NODE...]",                "Demote one or more nodes from manager in the swarm", NULL, COMMAND_CONTROL, 1, -1, false, NULL, NULL, node_demote },
        { "node", "inspect", "[OPTIONS] self|NODE [NODE...]", "Display detailed information on one or more nodes", NULL,   COMMAND_CONTROL, 1, -1, false, inspect_tables, NULL, node_inspect },
        { "node", "ls",      "[OPTIONS]",                     "List nodes in the swarm",                          "list", COMMAND_CONTROL, 0,  0, false, ls_tables, NULL, node_ls },
        { "node", "promote", "NODE [NODE...]",                "Promote one or more nodes to manager in the swarm", NULL,  COMMAND_CONTROL, 1, -1, false, NULL, NULL, node_promote },
        { "node", "ps",      "[OPTIONS] [NODE...]",           "List tasks running on one or more nodes, defaults to current node", NULL, COMMAND_CONTROL, 0, -1, false, ps_tables, NULL, node_ps },
        { "node", "rm",      "[OPTIONS] NODE [NODE...]",      "Remove one or more nodes from the swarm",          "remove", COMMAND_CONTROL, 1, -1, false, rm_tables, NULL, node_rm },
        { "node", "update",  "[OPTIONS] NODE",                "Update a node",                                    NULL,   COMMAND_CONTROL, 1,  1, false, update_tables, NULL, node_update },
        { 0 },
};
/* clang-format on */
