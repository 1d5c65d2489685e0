/* Nodes, the cluster, and what a node tells of itself. */
#include <string.h>

#include "lib/base/str.h"
#include "lib/base/time.h"
#include "lib/docker/field.h"

/* --- node --- */

static void add_tls_info(json_t *object, const struct docker_root *root)
{
        json_t *shown = add_object(object, "TLSInfo");

        add_text(shown, "TrustRoot", root->pem);
        add_text(shown, "CertIssuerSubject", root->issuer_subject);
        add_text(shown, "CertIssuerPublicKey", root->issuer_public_key);
}

static void add_plugins(json_t *object, const Sk__NodeDescription *description)
{
        json_t *list = description->n_plugins ? add_array(object, "Plugins") : NULL;

        for (size_t i = 0; i < description->n_plugins; i++) {
                json_t *shown = append_object(list);

                add_text(shown, "Type", description->plugins[i]->type);
                add_text(shown, "Name", description->plugins[i]->name);
        }
}

static void add_description(json_t *object, const Sk__NodeDescription *description,
                            const char *root_pem)
{
        static const Sk__NodeDescription none = SK__NODE_DESCRIPTION__INIT;
        json_t *shown = add_object(object, "Description"), *part;

        description = description ? description : &none;
        add_text(shown, "Hostname", description->hostname);
        part = add_object(shown, "Platform");
        if (description->platform) {
                add_text(part, "Architecture", description->platform->architecture);
                add_text(part, "OS", description->platform->os);
        }
        part = add_object(shown, "Resources");
        if (description->resources) {
                add_number(part, "NanoCPUs", description->resources->nano_cpus);
                add_number(part, "MemoryBytes", description->resources->memory_bytes);
                add_generic(part, description->resources->generic,
                            description->resources->n_generic);
        }
        part = add_object(shown, "Engine");
        add_text(part, "EngineVersion", description->engine_version);
        add_labels(part, "Labels", description->engine_labels, description->n_engine_labels);
        add_plugins(part, description);
        add_tls_info(shown, &(struct docker_root){ root_pem, description->tls_issuer_subject,
                                                   description->tls_issuer_public_key });
}

static bool is_manager(const Sk__Node *node)
{
        return node->identity && node->identity->role == SK__NODE_ROLE__NODE_ROLE_MANAGER;
}

json_t *docker_node(const Sk__Node *node, const char *root_pem)
{
        static const Sk__NodeSpec no_spec = SK__NODE_SPEC__INIT;
        static const Sk__NodeStatus no_status = SK__NODE_STATUS__INIT;
        const Sk__NodeSpec *spec = node->spec ? node->spec : &no_spec;
        const Sk__NodeStatus *status = node->status ? node->status : &no_status;
        json_t *shown = json_object(), *part;

        add_head(shown, node->id, node->meta, 0);
        part = add_object(shown, "Spec");
        add_text(part, "Name", spec->annotations ? spec->annotations->name : "");
        add_labels_always(part, "Labels", spec->annotations ? spec->annotations->labels : NULL,
                          spec->annotations ? spec->annotations->n_labels : 0);
        add_text(part, "Role", docker_role(spec->desired_role));
        add_text(part, "Availability", docker_availability(spec));
        add_description(shown, node->description, root_pem);
        part = add_object(shown, "Status");
        add_text(part, "State", docker_node_state(node));
        add_text(part, "Message", status->message);
        add_text(part, "Addr", status->address);
        if (!is_manager(node))
                return shown;
        part = add_object(shown, "ManagerStatus");
        add_flag(part, "Leader", status->is_leader);
        add_text(part, "Reachability", status->is_reachable ? "reachable" : "unreachable");
        add_text(part, "Addr", status->manager_address);
        return shown;
}

/* --- cluster --- */

static void add_cluster_spec(json_t *object, const Sk__ClusterSpec *spec)
{
        json_t *shown = add_object(object, "Spec"), *part;

        add_text_always(shown, "Name", spec->annotations ? spec->annotations->name : "default");
        add_labels_always(shown, "Labels", spec->annotations ? spec->annotations->labels : NULL,
                          spec->annotations ? spec->annotations->n_labels : 0);
        add_number_always(add_object(shown, "Orchestration"), "TaskHistoryRetentionLimit",
                          spec->task_history_limit);
        part = add_object(shown, "Raft");
        add_number(part, "SnapshotInterval", (int64_t)spec->snapshot_interval);
        add_number_always(part, "KeepOldSnapshots", (int64_t)spec->keep_old_snapshots);
        add_number(part, "LogEntriesForSlowFollowers",
                   (int64_t)spec->log_entries_for_slow_followers);
        add_number_always(part, "ElectionTick", spec->election_tick);
        add_number_always(part, "HeartbeatTick", spec->heartbeat_tick);
        add_number(add_object(shown, "Dispatcher"), "HeartbeatPeriod",
                   spec->dispatcher_heartbeat_ns);
        part = add_object(shown, "CAConfig");
        add_number(part, "NodeCertExpiry", spec->certificate_expiry_ns);
        add_number(part, "ForceRotate", (int64_t)spec->force_rotate);
        add_object(shown, "TaskDefaults");
        json_object_set_new(add_object(shown, "EncryptionConfig"), "AutoLockManagers",
                            json_boolean(spec->auto_lock_managers));
}

json_t *docker_swarm(const Sk__Cluster *cluster, const struct docker_root *root, bool with_tokens)
{
        static const Sk__ClusterSpec no_spec = SK__CLUSTER_SPEC__INIT;
        static const Sk__ClusterTrust no_trust = SK__CLUSTER_TRUST__INIT;
        const Sk__ClusterTrust *trust = cluster->trust ? cluster->trust : &no_trust;
        struct docker_root told = root ? *root : (struct docker_root){ 0 };
        json_t *shown = json_object(), *part;

        add_head(shown, cluster->id, cluster->meta, 0);
        add_cluster_spec(shown, cluster->spec ? cluster->spec : &no_spec);
        told.pem = str_or(told.pem, trust->root_certificate_pem);
        add_tls_info(shown, &told);
        json_object_set_new(shown, "RootRotationInProgress",
                            json_boolean(trust->root_rotation_in_progress));
        part = add_array(shown, "DefaultAddrPool");
        json_array_append_new(part, json_string("10.0.0.0/8"));
        add_number_always(shown, "SubnetSize", 24);
        add_number_always(shown, "DataPathPort", 4789);
        if (!with_tokens)
                return shown;
        part = add_object(shown, "JoinTokens");
        add_text_always(part, "Worker", trust->worker_token);
        add_text_always(part, "Manager", trust->manager_token);
        return shown;
}

/* --- info --- */

static void add_plugin_names(json_t *plugins, const Sk__NodeDescription *description,
                             const char *type)
{
        json_t *list = add_array(plugins, type);

        for (size_t i = 0; i < description->n_plugins; i++)
                if (str_equal(description->plugins[i]->type, type))
                        json_array_append_new(list, json_string(description->plugins[i]->name));
}

static void add_machine(json_t *shown, const Sk__NodeDescription *description)
{
        json_t *plugins = add_object(shown, "Plugins");

        add_plugin_names(plugins, description, "Volume");
        add_plugin_names(plugins, description, "Network");
        json_object_set_new(plugins, "Authorization", json_null());
        add_plugin_names(plugins, description, "Log");
        add_text_always(shown, "KernelVersion", description->kernel_version);
        add_text_always(shown, "OperatingSystem", description->operating_system);
        add_text_always(shown, "OSType", "linux");
        add_text_always(shown, "Architecture",
                        description->platform ? description->platform->architecture : "");
        add_number_always(shown, "NCPU",
                          description->resources ? description->resources->nano_cpus / 1000000000
                                                 : 0);
        add_number_always(shown, "MemTotal",
                          description->resources ? description->resources->memory_bytes : 0);
        add_text_always(shown, "Name", description->hostname);
        add_array(shown, "Labels");
}

static void add_managers(json_t *swarm, const Sk__GetInfoResponse *cluster)
{
        json_t *list = add_array(swarm, "RemoteManagers");

        for (size_t i = 0; i < cluster->n_managers; i++) {
                json_t *shown = append_object(list);

                add_text_always(shown, "NodeID", cluster->managers[i]->node_id);
                add_text_always(shown, "Addr", cluster->managers[i]->address);
        }
}

static void add_swarm(json_t *object, const Sk__GetNodeInfoResponse *node,
                      const Sk__GetInfoResponse *cluster, const struct docker_root *root)
{
        json_t *shown = add_object(object, "Swarm");

        add_text_always(shown, "NodeID", node->node_id);
        add_text_always(shown, "NodeAddr", node->address);
        add_text_always(shown, "LocalNodeState", str_or(node->state, "inactive"));
        json_object_set_new(shown, "ControlAvailable", json_boolean(cluster != NULL));
        add_text_always(shown, "Error", node->error);
        if (!cluster) {
                json_object_set_new(shown, "RemoteManagers", json_null());
                return;
        }
        add_managers(shown, cluster);
        add_number(shown, "Nodes", (int64_t)cluster->nodes_total);
        add_number(shown, "Managers", (int64_t)cluster->managers_total);
        if (cluster->cluster)
                json_object_set_new(shown, "Cluster", docker_swarm(cluster->cluster, root, false));
}

json_t *docker_info(const Sk__GetNodeInfoResponse *node, const Sk__GetInfoResponse *cluster,
                    const struct docker_root *root)
{
        static const Sk__NodeDescription none = SK__NODE_DESCRIPTION__INIT;
        json_t *shown = json_object(), *runtimes;

        add_text_always(shown, "ID", node->node_id);
        add_number_always(shown, "Containers", (int64_t)node->containers_total);
        add_number_always(shown, "ContainersRunning", (int64_t)node->containers_running);
        add_number_always(shown, "ContainersPaused", 0);
        add_number_always(shown, "ContainersStopped",
                          (int64_t)(node->containers_total - node->containers_running));
        add_number_always(shown, "Images", (int64_t)node->images_total);
        add_text_always(shown, "Driver", "overlayfs");
        add_text_always(shown, "LoggingDriver", "json-file");
        add_text_always(shown, "CgroupDriver", "cgroupfs");
        add_machine(shown, node->description ? node->description : &none);
        add_text_always(shown, "DockerRootDir", node->state_folder);
        add_text_always(shown, "ServerVersion", node->version);
        runtimes = add_object(shown, "Runtimes");
        add_text_always(add_object(runtimes, "runc"), "path", "runc");
        add_text_always(shown, "DefaultRuntime", "runc");
        add_swarm(shown, node, cluster, root);
        return shown;
}
