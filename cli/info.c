/* skep info and version. */
#include "cli/info.h"

#include <string.h>

#include "cli/print.h"
#include "lib/base/time.h"
#include "lib/base/version.h"
#include "lib/docker/docker.h"

const struct flag info_flags[] = {
        { "format", 'f', FLAG_STRING, NULL,
          "Format output using a custom template: 'json', or TEMPLATE", NULL },
        { 0 },
};

/* --- info --- */

static void add_plugins(struct str *out, const Sk__NodeDescription *description, const char *type)
{
        bool is_first = true;

        for (size_t i = 0; i < description->n_plugins; i++) {
                if (!str_equal(description->plugins[i]->type, type))
                        continue;
                if (is_first)
                        str_addf(out, "  %s:", type);
                str_addf(out, " %s", description->plugins[i]->name);
                is_first = false;
        }
        str_add(out, is_first ? "" : "\n");
}

static void add_duration(struct str *out, const char *title, int64_t ns)
{
        _cleanup_(str_done) struct str text = { 0 };

        str_add_human_duration(&text, ns);
        str_addf(out, "%s%s\n", title, str_text(&text));
}

static void add_cluster_spec(struct str *out, const Sk__ClusterSpec *spec)
{
        str_addf(out, "  Orchestration:\n   Task History Retention Limit: %lld\n",
                 (long long)spec->task_history_limit);
        str_addf(out,
                 "  Raft:\n   Snapshot Interval: %llu\n   Number of Old Snapshots to Retain: %llu\n"
                 "   Heartbeat Tick: %u\n   Election Tick: %u\n",
                 (unsigned long long)spec->snapshot_interval,
                 (unsigned long long)spec->keep_old_snapshots, spec->heartbeat_tick,
                 spec->election_tick);
        add_duration(out, "  Dispatcher:\n   Heartbeat Period: ", spec->dispatcher_heartbeat_ns);
        add_duration(out, "  CA Configuration:\n   Expiry Duration: ", spec->certificate_expiry_ns);
        str_addf(out, "   Force Rotate: %llu\n  Autolock Managers: %s\n",
                 (unsigned long long)spec->force_rotate,
                 spec->auto_lock_managers ? "true" : "false");
}

static void add_managed(struct str *out, const Sk__GetInfoResponse *info)
{
        const Sk__Cluster *cluster = info->cluster;

        if (cluster)
                str_addf(out, "  ClusterID: %s\n", cluster->id);
        str_addf(out, "  Managers: %llu\n  Nodes: %llu\n", (unsigned long long)info->managers_total,
                 (unsigned long long)info->nodes_total);
        str_addf(out, "  Services: %llu\n  Tasks Running: %llu\n",
                 (unsigned long long)info->services_total, (unsigned long long)info->tasks_running);
        if (cluster && cluster->spec)
                add_cluster_spec(out, cluster->spec);
        if (cluster && cluster->trust)
                str_addf(out, "  Root Rotation In Progress: %s\n",
                         cluster->trust->root_rotation_in_progress ? "true" : "false");
}

static void add_swarm(struct str *out, const Sk__GetNodeInfoResponse *node,
                      const Sk__GetInfoResponse *cluster)
{
        str_addf(out, " Swarm: %s\n", str_or(node->state, "inactive"));
        if (str_is_empty(node->node_id))
                return;
        str_addf(out, "  NodeID: %s\n", node->node_id);
        if (!str_is_empty(node->error))
                str_addf(out, "  Error: %s\n", node->error);
        str_addf(out, "  Is Manager: %s\n",
                 node->role == SK__NODE_ROLE__NODE_ROLE_MANAGER ? "true" : "false");
        if (cluster)
                add_managed(out, cluster);
        str_addf(out, "  Node Address: %s\n", node->address);
        str_add(out, cluster && cluster->n_managers ? "  Manager Addresses:\n" : "");
        for (size_t i = 0; cluster && i < cluster->n_managers; i++)
                str_addf(out, "   %s\n", cluster->managers[i]->address);
}

static void add_daemons(struct str *out, const Sk__GetNodeInfoResponse *node)
{
        bool is_member = !str_is_empty(node->node_id), is_first = true;

        for (size_t i = 0; i < node->n_daemons; i++) {
                const Sk__DaemonState *daemon = node->daemons[i];

                /* Of those that stopped with a swarm that was left there is nothing to tell. */
                if (!is_member && !daemon->is_running)
                        continue;
                str_add(out, is_first ? " Daemons:\n" : "");
                is_first = false;
                str_addf(out, "  %s: %s", daemon->name, daemon->is_running ? "running" : "stopped");
                if (daemon->n_restarts == 1)
                        str_add(out, ", restarted once");
                else if (daemon->n_restarts)
                        str_addf(out, ", restarted %llu times",
                                 (unsigned long long)daemon->n_restarts);
                if (!str_is_empty(daemon->last_failure))
                        str_addf(out, ", last failure: %s", daemon->last_failure);
                str_add_char(out, '\n');
        }
}

static void add_machine(struct str *out, const Sk__GetNodeInfoResponse *node)
{
        const Sk__NodeDescription *description = node->description;
        const Sk__Resources *resources = description->resources;

        str_addf(out, " Runtime: %s\n Kernel Version: %s\n Operating System: %s\n", node->runtime,
                 description->kernel_version, description->operating_system);
        str_addf(out, " OSType: %s\n Architecture: %s\n",
                 description->platform ? description->platform->os : "linux",
                 description->platform ? description->platform->architecture : "");
        str_addf(out, " CPUs: %lld\n Total Memory: ",
                 resources ? (long long)(resources->nano_cpus / NS_PER_S) : 0LL);
        str_add_bytes_iec(out, resources ? (double)resources->memory_bytes : 0);
        str_addf(out, "\n Name: %s\n Skep Root Dir: %s\n", description->hostname,
                 node->state_folder);
}

void info_render(struct str *out, const Sk__GetNodeInfoResponse *node,
                 const Sk__GetInfoResponse *cluster)
{
        str_addf(out, "Client:\n Version:    %s\n\nServer:\n", SKEP_VERSION);
        str_addf(out, " Containers: %llu\n  Running: %llu\n  Stopped: %llu\n Images: %llu\n",
                 (unsigned long long)node->containers_total,
                 (unsigned long long)node->containers_running,
                 (unsigned long long)(node->containers_total - node->containers_running),
                 (unsigned long long)node->images_total);
        str_addf(out, " Server Version: %s\n", node->version);
        if (node->description && node->description->n_plugins) {
                str_add(out, " Plugins:\n");
                add_plugins(out, node->description, "Volume");
                add_plugins(out, node->description, "Network");
                add_plugins(out, node->description, "Log");
        }
        add_swarm(out, node, cluster);
        add_daemons(out, node);
        if (node->description)
                add_machine(out, node);
}

static const Sk__GetNodeInfoResponse *get_node_info(struct cli *cli)
{
        Sk__GetNodeInfoRequest request = SK__GET_NODE_INFO_REQUEST__INIT;
        const void *out;

        return cli_call(cli, RPC_METHOD(node_agent, GetNodeInfo), &request.base, &out) < 0 ? NULL
                                                                                           : out;
}

/* Prints 'value' by --format, or 'text'. */
static int print_either(struct cli *cli, const struct arguments *arguments, json_t *value,
                        struct str *text)
{
        const char *format = format_argument(arguments);
        int result = 0;

        if (format) {
                str_clear(text);
                result = template_line(format, value, text, &cli->err);
        }
        json_decref(value);
        format ? print_text(text) : print_words(text);
        return result < 0 ? print_failure(cli) : 0;
}

int info_run(struct cli *cli, const struct arguments *arguments)
{
        Sk__GetInfoRequest request = SK__GET_INFO_REQUEST__INIT;
        _cleanup_(str_done) struct str text = { 0 };
        const Sk__GetInfoResponse *cluster = NULL;
        const Sk__GetNodeInfoResponse *node;
        struct docker_root root = { 0 };
        const void *out;

        if (template_check(cli, arguments))
                return EXIT_TEMPLATE;
        node = get_node_info(cli);
        if (!node)
                return cli_fail(cli);
        if (node->role == SK__NODE_ROLE__NODE_ROLE_MANAGER && !str_is_empty(node->node_id)) {
                if (cli_call(cli, RPC_METHOD(control, GetInfo), &request.base, &out) < 0)
                        fprintf(stderr, "WARNING: the cluster does not answer: %s\n",
                                cli->err.text);
                else
                        cluster = out;
        }
        info_render(&text, node, cluster);
        return print_either(cli, arguments, docker_info(node, cluster, &root), &text);
}

/* --- version --- */

int version_run(struct cli *cli, const struct arguments *arguments)
{
        _cleanup_(str_done) struct str text = { 0 };
        const Sk__GetNodeInfoResponse *node;
        json_t *value;

        if (template_check(cli, arguments))
                return EXIT_TEMPLATE;
        node = get_node_info(cli);
        str_addf(&text, "Client: Skep\n Version:           %s\n", SKEP_VERSION);
        value = json_pack("{s{ss}sn}", "Client", "Version", SKEP_VERSION, "Server");
        if (node) {
                str_addf(&text,
                         "\nServer: Skep\n Agent:\n  Version:          %s\n Runtime:\n"
                         "  Version:          %s\n",
                         node->version, node->runtime);
                json_object_set_new(value, "Server",
                                    json_pack("{ssss}", "Version", node->version, "Runtime",
                                              node->runtime));
        }
        if (print_either(cli, arguments, value, &text))
                return 1;
        return node ? 0 : cli_fail(cli);
}
