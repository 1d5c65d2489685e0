/* Docker's words for our numbers, and the fields it leaves out. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/check.h"
#include "lib/docker/docker.h"

static const char *word(const char *const *words, size_t n, int number)
{
        return number >= 0 && (size_t)number < n ? words[number] : "unknown";
}

const char *docker_node_state(const Sk__Node *node)
{
        static const char *const words[] = { "unknown", "down", "ready", "disconnected" };

        return word(words, COUNT_OF(words), node->status ? (int)node->status->state : 0);
}

const char *docker_availability(const Sk__NodeSpec *spec)
{
        static const char *const words[] = { "active", "pause", "drain" };

        return word(words, COUNT_OF(words), spec ? (int)spec->availability : 0);
}

const char *docker_role(Sk__NodeRole role)
{
        return role == SK__NODE_ROLE__NODE_ROLE_MANAGER ? "manager" : "worker";
}

const char *docker_update_state(Sk__UpdateStatus__State state)
{
        static const char *const words[] = { "",
                                             "updating",
                                             "paused",
                                             "completed",
                                             "rollback_started",
                                             "rollback_paused",
                                             "rollback_completed" };

        return word(words, COUNT_OF(words), (int)state);
}

const char *docker_failure_action(Sk__UpdateConfig__FailureAction action)
{
        static const char *const words[] = { "pause", "continue", "rollback" };

        return word(words, COUNT_OF(words), (int)action);
}

const char *docker_update_order(Sk__UpdateConfig__Order order)
{
        static const char *const words[] = { "stop-first", "start-first" };

        return word(words, COUNT_OF(words), (int)order);
}

const char *docker_restart_condition(Sk__RestartPolicy__Condition condition)
{
        static const char *const words[] = { "any", "on-failure", "none" };

        return word(words, COUNT_OF(words), (int)condition);
}

const char *docker_protocol(Sk__PortConfig__Protocol protocol)
{
        static const char *const words[] = { "tcp", "udp", "sctp" };

        return word(words, COUNT_OF(words), (int)protocol);
}

const char *docker_publish_mode(Sk__PortConfig__PublishMode mode)
{
        static const char *const words[] = { "ingress", "host" };

        return word(words, COUNT_OF(words), (int)mode);
}

const char *docker_mount_type(Sk__Mount__Type type)
{
        static const char *const words[] = {
                "bind", "volume", "tmpfs", "npipe", "cluster", "image"
        };

        return word(words, COUNT_OF(words), (int)type);
}

/* Sorted. */
static const char *const absent_fields[] = {
        "AccessMode",
        "Affinities",
        "Aliases",
        "Annotations",
        "AppArmor",
        "Args",
        "BackoffMax",
        "BackoffReset",
        "BindOptions",
        "Canary",
        "CapabilityAdd",
        "CapabilityDrop",
        "Cluster",
        "Command",
        "CompletedAt",
        "Config",
        "ConfigID",
        "ConfigName",
        "Configs",
        "Consistency",
        "Constraints",
        "ContainerSpec",
        "ContainerStatus",
        "CreateMountpoint",
        "CredentialSpec",
        "DNSConfig",
        "Data",
        "DataPathPort",
        "DefaultAddrPool",
        "Delay",
        "Devices",
        "Dir",
        "DiscreteResourceSpec",
        "Driver",
        "DriverConfig",
        "DriverOpts",
        "EndpointSpec",
        "Env",
        "Err",
        "GID",
        "GenericResources",
        "Global",
        "GlobalJob",
        "Groups",
        "Health",
        "Healthcheck",
        "History",
        "Hostname",
        "Hosts",
        "ImageOptions",
        "Init",
        "Interval",
        "Isolation",
        "JobIteration",
        "JobStatus",
        "JoinTokens",
        "Labels",
        "LastExecution",
        "Leader",
        "Limits",
        "LogDriver",
        "ManagerStatus",
        "MaxConcurrent",
        "MaxReplicas",
        "MaxSkew",
        "MemoryBytes",
        "MemorySwappiness",
        "Message",
        "Missed",
        "Mode",
        "Monitor",
        "Mounts",
        "Name",
        "NamedResourceSpec",
        "Nameservers",
        "NanoCPUs",
        "NetworkAttachmentSpec",
        "Networks",
        "NetworksAttachments",
        "NextExecution",
        "NoCopy",
        "NoNewPrivileges",
        "NodeID",
        "NonRecursive",
        "OomScoreAdj",
        "OpenStdin",
        "Options",
        "ParallelismPercent",
        "Pids",
        "Placement",
        "Platforms",
        "PluginSpec",
        "Plugins",
        "Ports",
        "Preferences",
        "PreviousSpec",
        "Priority",
        "Privileges",
        "ProgressDeadline",
        "Propagation",
        "PublishedPort",
        "ReadOnly",
        "ReadOnlyForceRecursive",
        "ReadOnlyNonRecursive",
        "Readiness",
        "Replicas",
        "Replicated",
        "ReplicatedJob",
        "Reservations",
        "Resources",
        "RestartPolicy",
        "Retries",
        "RollbackConfig",
        "SELinuxContext",
        "Schedule",
        "Search",
        "Seccomp",
        "Secrets",
        "ServiceID",
        "ServiceStatus",
        "SizeBytes",
        "Slot",
        "Source",
        "Spread",
        "StartInterval",
        "StartPeriod",
        "StartedAt",
        "StartingDeadline",
        "State",
        "StopGracePeriod",
        "StopSignal",
        "Strategy",
        "SubnetSize",
        "Subpath",
        "SwapBytes",
        "Sysctls",
        "TLSInfo",
        "TTY",
        "Target",
        "Templating",
        "Test",
        "Timeout",
        "TmpfsOptions",
        "TotalCompletions",
        "UID",
        "Ulimits",
        "UpdateConfig",
        "UpdateStatus",
        "User",
        "VirtualIPs",
        "VolumeOptions",
        "Volumes",
        "Window",
};

static int compare(const void *key, const void *entry)
{
        return strcmp(key, *(const char *const *)entry);
}

bool docker_field_may_be_absent(const char *name)
{
        return bsearch(name, absent_fields, COUNT_OF(absent_fields), sizeof *absent_fields,
                       compare) != NULL;
}
