/* skep swarm. */
#include <string.h>

#include "cli/print.h"
#include "cli/tables.h"
#include "lib/base/str.h"
#include "lib/base/time.h"
#include "lib/docker/docker.h"
#include "lib/message/message.h"

#define NO_LOCK "locking managers comes with a later release"

#define JOIN_TEXT                                                                               \
        "To add a %s to this swarm, run the following command:\n\n    skep swarm join --token " \
        "%s %s\n\n"

/* --- numbers typed: checked by the flags' types already --- */

static int64_t duration(const struct arguments *arguments, const char *name)
{
        const char *text = argument(arguments, name);
        int64_t ns = 0;

        if (text)
                str_to_duration(text, &ns, NULL);
        return ns;
}

static int64_t number(const struct arguments *arguments, const char *name)
{
        const char *text = argument(arguments, name);
        int64_t value = 0;

        if (text)
                str_to_int64(text, &value, NULL);
        return value;
}

static uint64_t count(const struct arguments *arguments, const char *name)
{
        const char *text = argument(arguments, name);
        uint64_t value = 0;

        if (text)
                str_to_uint64(text, &value, NULL);
        return value;
}

/* A count of 32 bits; the type of the flag knows only those of 64. */
static int small_count(struct cli *cli, const struct arguments *arguments, const char *name,
                       uint32_t *ret)
{
        uint64_t value = count(arguments, name);

        if (value > UINT32_MAX)
                return err_set(&cli->err, ERR_INVALID,
                               "invalid argument \"%.64s\" for \"--%s\" flag: value out of range",
                               argument(arguments, name), name);
        *ret = (uint32_t)value;
        return 0;
}

/* What init and update can say of a cluster. */
static const struct flag cluster_flags[] = {
        { "cert-expiry", 0, FLAG_DURATION, NULL,
          "Validity period for node certificates (ns|us|ms|s|m|h) (default 2160h0m0s)", NULL },
        { "dispatcher-heartbeat", 0, FLAG_DURATION, NULL,
          "Dispatcher heartbeat period (ns|us|ms|s|m|h) (default 5s)", NULL },
        { "external-ca", 0, FLAG_LIST, "external-ca",
          "Specifications of one or more certificate signing endpoints",
          "external certificate authorities come with a later release" },
        { "max-snapshots", 0, FLAG_UINT, NULL, "Number of additional Raft snapshots to retain",
          "old snapshots are not kept here" },
        { "snapshot-interval", 0, FLAG_UINT, NULL,
          "Number of log entries between Raft snapshots (default 10000)", NULL },
        { "rebalance-budget", 0, FLAG_UINT, NULL,
          "Tasks of each service that move when a node joined or came back (default 0)", NULL },
        { "task-history-limit", 0, FLAG_INT, NULL, "Task history retention limit (default 5)",
          NULL },
        { 0 },
};

/* --- init, leave --- */

static const struct flag init_flags[] = {
        { "advertise-addr", 0, FLAG_STRING, NULL,
          "Advertised address (format: \"<ip|interface>[:port]\")", NULL },
        { "autolock", 0, FLAG_BOOL, NULL,
          "Enable manager autolocking (requiring an unlock key to start a stopped manager)",
          NO_LOCK },
        { "availability", 0, FLAG_STRING, NULL,
          "Availability of the node (\"active\", \"pause\", \"drain\") (default \"active\")",
          NULL },
        { "data-path-addr", 0, FLAG_STRING, NULL,
          "Address or interface to use for data path traffic (format: \"<ip|interface>\")", NULL },
        { "data-path-port", 0, FLAG_UINT, NULL,
          "Port number to use for data path traffic (1024 - 49151), 4789 by default", NULL },
        { "default-addr-pool", 0, FLAG_LIST, "ipNetSlice",
          "Default address pool in CIDR format (default [])", NULL },
        { "default-addr-pool-mask-length", 0, FLAG_UINT, NULL,
          "Default address pool subnet mask length (default 24)", NULL },
        { "force-new-cluster", 0, FLAG_BOOL, NULL, "Force create a new cluster from current state",
          NULL },
        { "listen-addr", 0, FLAG_STRING, "node-addr",
          "Listen address (format: \"<ip|interface>[:port]\") (default 0.0.0.0:2377)", NULL },
        { 0 },
};

static int swarm_init(struct cli *cli, const struct arguments *arguments)
{
        Sk__InitSwarmRequest request = SK__INIT_SWARM_REQUEST__INIT;
        const Sk__InitSwarmResponse *response;
        const char **pools, *pool;
        const void *out;

        pools = arena_alloc(&cli->arena, (arguments->values.n + 1) * sizeof *pools);
        while ((pool = argument_nth(arguments, "default-addr-pool",
                                    request.n_default_address_pools)))
                pools[request.n_default_address_pools++] = pool;
        request.default_address_pools = (void *)pools;
        request.advertise_address = str_or(argument(arguments, "advertise-addr"), "");
        request.listen_address = str_or(argument(arguments, "listen-addr"), "");
        request.data_path_address = str_or(argument(arguments, "data-path-addr"), "");
        if (small_count(cli, arguments, "data-path-port", &request.data_path_port) < 0 ||
            small_count(cli, arguments, "default-addr-pool-mask-length", &request.subnet_size) < 0)
                return command_usage_error(cli->command, cli->err.text);
        request.force_new_cluster = argument_bool(arguments, "force-new-cluster");
        request.availability = str_or(argument(arguments, "availability"), "");
        request.certificate_expiry_ns = duration(arguments, "cert-expiry");
        request.dispatcher_heartbeat_ns = duration(arguments, "dispatcher-heartbeat");
        request.task_history_limit = number(arguments, "task-history-limit");
        request.snapshot_interval = count(arguments, "snapshot-interval");
        if (cli_call(cli, RPC_METHOD(node_agent, InitSwarm), &request.base, &out) < 0)
                return cli_fail(cli);
        response = out;
        printf("Swarm initialized: current node (%s) is now a manager.\n\n" JOIN_TEXT
               "To add a manager to this swarm, run 'skep swarm join-token manager' and follow the "
               "instructions.\n\n",
               response->node_id, "worker", response->worker_token, response->address);
        return 0;
}

static const struct flag leave_flags[] = {
        { "force", 'f', FLAG_BOOL, NULL, "Force this node to leave the swarm, ignoring warnings",
          NULL },
        { 0 },
};

static int swarm_leave(struct cli *cli, const struct arguments *arguments)
{
        Sk__LeaveSwarmRequest request = SK__LEAVE_SWARM_REQUEST__INIT;
        const void *out;

        request.force = argument_bool(arguments, "force");
        if (cli_call(cli, RPC_METHOD(node_agent, LeaveSwarm), &request.base, &out) < 0)
                return cli_fail(cli);
        printf("Node left the swarm.\n");
        return 0;
}

/* --- join --- */

static const struct flag join_flags[] = {
        { "advertise-addr", 0, FLAG_STRING, NULL,
          "Advertised address (format: \"<ip|interface>[:port]\")", NULL },
        { "availability", 0, FLAG_STRING, NULL, "Availability of the node", NULL },
        { "data-path-addr", 0, FLAG_STRING, NULL, "Address or interface for data path traffic",
          NULL },
        { "listen-addr", 0, FLAG_STRING, "node-addr", "Listen address", NULL },
        { "token", 0, FLAG_STRING, NULL, "Token for entry into the swarm", NULL },
        { 0 },
};

static int not_supported(const char *what)
{
        fprintf(stderr, "%s\n", what);
        return 1;
}

static int swarm_join(struct cli *cli, const struct arguments *arguments)
{
        Sk__JoinSwarmRequest request = SK__JOIN_SWARM_REQUEST__INIT;
        const char *remote = positional(arguments, 0);
        const Sk__JoinSwarmResponse *response;
        const void *out;

        request.token = str_or(argument(arguments, "token"), "");
        request.remote_addresses = &remote;
        request.n_remote_addresses = 1;
        request.advertise_address = str_or(argument(arguments, "advertise-addr"), "");
        request.listen_address = str_or(argument(arguments, "listen-addr"), "");
        request.data_path_address = str_or(argument(arguments, "data-path-addr"), "");
        request.availability = str_or(argument(arguments, "availability"), "");
        if (cli_call(cli, RPC_METHOD(node_agent, JoinSwarm), &request.base, &out) < 0)
                return cli_fail(cli);
        response = out;
        printf("This node joined a swarm as a %s.\n",
               response->role == SK__NODE_ROLE__NODE_ROLE_MANAGER ? "manager" : "worker");
        return 0;
}

static int swarm_unlock(struct cli *cli, const struct arguments *arguments)
{
        (void)cli;
        (void)arguments;
        return not_supported("skep swarm unlock is not supported yet: " NO_LOCK);
}

static int swarm_unlock_key(struct cli *cli, const struct arguments *arguments)
{
        (void)cli;
        (void)arguments;
        return not_supported("no unlock key is set");
}

/* --- join-token --- */

static const struct flag token_flags[] = {
        { "quiet", 'q', FLAG_BOOL, NULL, "Only display token", NULL },
        { "rotate", 0, FLAG_BOOL, NULL, "Rotate join token", NULL },
        { 0 },
};

static const Sk__Cluster *get_cluster(struct cli *cli)
{
        Sk__GetClusterRequest request = SK__GET_CLUSTER_REQUEST__INIT;
        const void *out;

        if (cli_call(cli, RPC_METHOD(control, GetCluster), &request.base, &out) < 0)
                return NULL;
        return ((const Sk__GetClusterResponse *)out)->cluster;
}

/* Where this node's manager is joined by. */
static const char *manager_address(struct cli *cli)
{
        Sk__GetInfoRequest request = SK__GET_INFO_REQUEST__INIT;
        const Sk__GetInfoResponse *info;
        const void *out;

        if (cli_call(cli, RPC_METHOD(control, GetInfo), &request.base, &out) < 0)
                return NULL;
        info = out;
        for (size_t i = 0; i < info->n_managers; i++)
                if (str_equal(info->managers[i]->node_id, info->node_id))
                        return info->managers[i]->address;
        return "";
}

static int rotate_token(struct cli *cli, bool is_worker, bool is_quiet)
{
        Sk__UpdateClusterRequest request = SK__UPDATE_CLUSTER_REQUEST__INIT;
        const void *out;

        request.rotate_worker_token = is_worker;
        request.rotate_manager_token = !is_worker;
        TRY(cli_call(cli, RPC_METHOD(control, UpdateCluster), &request.base, &out));
        if (!is_quiet)
                printf("Successfully rotated %s join token.\n\n", is_worker ? "worker" : "manager");
        return 0;
}

static int swarm_join_token(struct cli *cli, const struct arguments *arguments)
{
        const char *role = positional(arguments, 0), *token, *address;
        bool is_quiet = argument_bool(arguments, "quiet");
        bool is_worker = strcmp(role, "worker") == 0;
        const Sk__Cluster *cluster;

        if (!is_worker && strcmp(role, "manager") != 0) {
                fprintf(stderr, "unknown role %s\n", role);
                return 1;
        }
        if (argument_bool(arguments, "rotate") && rotate_token(cli, is_worker, is_quiet) < 0)
                return cli_fail(cli);
        cluster = get_cluster(cli);
        if (!cluster)
                return cli_fail(cli);
        token = cluster->trust
                        ? is_worker ? cluster->trust->worker_token : cluster->trust->manager_token
                        : "";
        if (is_quiet) {
                printf("%s\n", token);
                return 0;
        }
        address = manager_address(cli);
        if (!address)
                return cli_fail(cli);
        printf(JOIN_TEXT, role, token, address);
        return 0;
}

/* --- update --- */

static const struct flag update_flags[] = {
        { "autolock", 0, FLAG_BOOL, NULL, "Change manager autolocking setting (true|false)",
          NO_LOCK },
        { 0 },
};

static void apply_update(Sk__ClusterSpec *spec, const struct arguments *arguments)
{
        if (argument_is_set(arguments, "cert-expiry"))
                spec->certificate_expiry_ns = duration(arguments, "cert-expiry");
        if (argument_is_set(arguments, "dispatcher-heartbeat"))
                spec->dispatcher_heartbeat_ns = duration(arguments, "dispatcher-heartbeat");
        if (argument_is_set(arguments, "snapshot-interval"))
                spec->snapshot_interval = count(arguments, "snapshot-interval");
        if (argument_is_set(arguments, "rebalance-budget"))
                spec->rebalance_budget = count(arguments, "rebalance-budget");
        if (argument_is_set(arguments, "task-history-limit"))
                spec->task_history_limit = number(arguments, "task-history-limit");
}

static int swarm_update(struct cli *cli, const struct arguments *arguments)
{
        static const Sk__ClusterSpec none = SK__CLUSTER_SPEC__INIT;
        Sk__UpdateClusterRequest request = SK__UPDATE_CLUSTER_REQUEST__INIT;
        const Sk__Cluster *cluster;
        const void *out;

        if (!arguments->values.n) {
                command_print_help(cli->command);
                return 0;
        }
        cluster = get_cluster(cli);
        if (!cluster)
                return cli_fail(cli);
        request.version =
                cluster->meta && cluster->meta->n_versions ? cluster->meta->versions[0] : 0;
        request.spec =
                (Sk__ClusterSpec *)message_copy(&cli->arena,
                                                cluster->spec ? &cluster->spec->base : &none.base);
        apply_update(request.spec, arguments);
        if (cli_call(cli, RPC_METHOD(control, UpdateCluster), &request.base, &out) < 0)
                return cli_fail(cli);
        printf("Swarm updated.\n");
        return 0;
}

/* --- ca --- */

#define NO_ROTATION "rotating the root certificate comes with a later release"

static const struct flag ca_flags[] = {
        { "ca-cert", 0, FLAG_STRING, "pem-file", "Path to the PEM-formatted root CA certificate",
          NO_ROTATION },
        { "ca-key", 0, FLAG_STRING, "pem-file", "Path to the PEM-formatted root CA key",
          NO_ROTATION },
        { "cert-expiry", 0, FLAG_DURATION, NULL, "Validity period for node certificates",
          NO_ROTATION },
        { "detach", 'd', FLAG_BOOL, NULL, "Exit immediately instead of waiting", NO_ROTATION },
        { "external-ca", 0, FLAG_LIST, "external-ca", "Certificate signing endpoints",
          NO_ROTATION },
        { "quiet", 'q', FLAG_BOOL, NULL, "Suppress progress output", NULL },
        { "rotate", 0, FLAG_BOOL, NULL, "Rotate the swarm CA", NO_ROTATION },
        { 0 },
};

static int swarm_ca(struct cli *cli, const struct arguments *arguments)
{
        const Sk__Cluster *cluster = get_cluster(cli);
        const char *pem;

        (void)arguments;
        if (!cluster)
                return cli_fail(cli);
        pem = cluster->trust ? str_or(cluster->trust->root_certificate_pem, "") : "";
        printf("%s%s", pem, str_ends_with(pem, "\n") ? "" : "\n");
        return 0;
}

/* --- rows --- */

static const struct flag *const init_tables[] = { init_flags, cluster_flags, NULL };
static const struct flag *const join_tables[] = { join_flags, NULL };
static const struct flag *const token_tables[] = { token_flags, NULL };
static const struct flag *const leave_tables[] = { leave_flags, NULL };
static const struct flag *const update_tables[] = { update_flags, cluster_flags, NULL };
static const struct flag *const ca_tables[] = { ca_flags, NULL };

/* clang-format off */
/*        noun     verb          usage                        summary                                    aliases        side  least most flags first  flags */
const struct command swarm_commands[] = {
        { "swarm", "ca",         "[OPTIONS]",                 "Display and rotate the root CA",          NULL, COMMAND_CONTROL, 0, 0, false, ca_tables, NULL, swarm_ca },
        { "swarm", "init",       "[OPTIONS]",                 "Initialize a swarm",                      NULL, COMMAND_NODE,    0, 0, false, init_tables, NULL, swarm_init },
        { "swarm", "join",       "[OPTIONS] HOST:PORT",       "Join a swarm as a node and/or manager",   NULL, COMMAND_NODE,    1, 1, false, join_tables, NULL, swarm_join },
        { "swarm", "join-token", "[OPTIONS] (worker|manager)", "Manage join tokens",                     NULL, COMMAND_CONTROL, 1, 1, false, token_tables, NULL, swarm_join_token },
        { "swarm", "leave",      "[OPTIONS]",                 "Leave the swarm",                         NULL, COMMAND_NODE,    0, 0, false, leave_tables, NULL, swarm_leave },
        { "swarm", "unlock",     "",                          "Unlock swarm",                            NULL, COMMAND_NODE,    0, 0, false, NULL, NULL, swarm_unlock },
        { "swarm", "unlock-key", "[OPTIONS]",                 "Manage the unlock key",                   NULL, COMMAND_CONTROL, 0, 0, false, token_tables, NULL, swarm_unlock_key },
        { "swarm", "update",     "[OPTIONS]",                 "Update the swarm",                        NULL, COMMAND_CONTROL, 0, 0, false, update_tables, NULL, swarm_update },
        { 0 },
};
/* clang-format on */
