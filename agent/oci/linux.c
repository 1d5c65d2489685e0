/* How the kernel confines the container: namespaces, cgroups, hidden paths, seccomp. */
#include <string.h>

#include "agent/oci/parts.h"
#include "agent/oci/seccomp.h"
#include "lib/base/check.h"
#include "lib/base/str.h"
#include "lib/base/time.h"

enum { CPU_PERIOD_US = 100000, CPU_QUOTA_LEAST_US = 1000 };

static const char *const masked_paths[] = {
        "/proc/asound",     "/proc/acpi",        "/proc/interrupts",
        "/proc/kcore",      "/proc/keys",        "/proc/latency_stats",
        "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug",
        "/proc/scsi",       "/sys/firmware",     "/sys/devices/virtual/powercap",
};

static const char *const readonly_paths[] = {
        "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger",
};

static void add_namespace(json_t *namespaces, const char *type, const char *path)
{
        json_t *one = json_pack("{s:s}", "type", type);

        if (path)
                json_object_set_new(one, "path", json_string(path));
        json_array_append_new(namespaces, one);
}

static json_t *namespaces(const struct oci_input *input)
{
        json_t *namespaces = json_array();

        add_namespace(namespaces, "mount", NULL);
        add_namespace(namespaces, "uts", NULL);
        add_namespace(namespaces, "pid", NULL);
        add_namespace(namespaces, "ipc", NULL);
        if (input->netns_path)
                add_namespace(namespaces, "network", input->netns_path);
        if (input->host->has_cgroup_v2)
                add_namespace(namespaces, "cgroup", NULL);
        return namespaces;
}

static json_t *memory_limits(const struct oci_input *input, const Sk__Resources *limits)
{
        json_t *memory = json_pack("{s:I}", "limit", (json_int_t)limits->memory_bytes);

        /* The runtime counts memory and swap together.  As docker: as much swap again as memory,
         * when nothing is said. */
        if (limits->memory_swap)
                json_object_set_new(memory, "swap",
                                    json_integer(limits->memory_swap->bytes < 0
                                                         ? -1
                                                         : limits->memory_bytes +
                                                                   limits->memory_swap->bytes));
        else if (input->host->can_limit_swap)
                json_object_set_new(memory, "swap", json_integer(2 * limits->memory_bytes));
        if (limits->memory_swappiness && !input->host->has_cgroup_v2)
                json_object_set_new(memory, "swappiness",
                                    json_integer(limits->memory_swappiness->percent));
        return memory;
}

static int check_limits(const struct oci_host *host, const Sk__Resources *limits, struct err *err)
{
        if (limits->memory_bytes < 0 || limits->nano_cpus < 0)
                return err_set(err, ERR_INVALID, "limits cannot be negative");
        if (limits->memory_bytes > INT64_MAX / 2)
                return err_set(err, ERR_INVALID, "the memory limit is too large");
        if (limits->memory_swap && limits->memory_swap->bytes > INT64_MAX / 2)
                return err_set(err, ERR_INVALID, "the swap limit is too large");
        if (limits->nano_cpus > 1000000 * NS_PER_S)
                return err_set(err, ERR_INVALID, "the CPU limit is too large");
        if (limits->memory_swap && limits->memory_swap->bytes >= 0 && !host->can_limit_swap)
                return err_set(err, ERR_INVALID, "the node cannot limit swap");
        return 0;
}

static int resources(const struct oci_input *input, json_t *ret, struct err *err)
{
        const Sk__Resources *limits = input->spec->task->limits;
        int64_t quota;

        /* Devices: none but those the runtime always adds (null, zero, full, random, urandom, tty,
         * ptmx, pts). */
        json_object_set_new(ret, "devices", json_pack("[{s:b,s:s}]", "allow", 0, "access", "rwm"));
        if (!limits)
                return 0;
        TRY(check_limits(input->host, limits, err));
        if (limits->memory_bytes > 0)
                json_object_set_new(ret, "memory", memory_limits(input, limits));
        if (limits->nano_cpus > 0) {
                quota = limits->nano_cpus / (NS_PER_S / CPU_PERIOD_US);
                quota = quota < CPU_QUOTA_LEAST_US ? CPU_QUOTA_LEAST_US : quota;
                json_object_set_new(ret, "cpu",
                                    json_pack("{s:I,s:I}", "quota", (json_int_t)quota, "period",
                                              (json_int_t)CPU_PERIOD_US));
        }
        if (limits->pids > 0)
                json_object_set_new(ret, "pids",
                                    json_pack("{s:I}", "limit", (json_int_t)limits->pids));
        return 0;
}

/* What a container may set: its own namespaces' settings, nothing of the machine's. */
static bool may_set(const char *key, bool has_own_network)
{
        static const char *const of_ipc[] = {
                "kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem",
                "kernel.shmall", "kernel.shmmax", "kernel.shmmni", "kernel.shm_rmid_forced",
        };

        for (size_t i = 0; i < COUNT_OF(of_ipc); i++) {
                if (str_equal(key, of_ipc[i]))
                        return true;
        }
        return str_starts_with(key, "fs.mqueue.") ||
               (has_own_network && str_starts_with(key, "net."));
}

static int sysctls(const struct oci_input *input, json_t *ret, struct err *err)
{
        const Sk__ContainerSpec *container = input->spec->task->container;

        if (input->netns_path) {
                /* As docker: ports below 1024 and ping need no privilege in a network of one's own.
                 */
                json_object_set_new(ret, "net.ipv4.ip_unprivileged_port_start", json_string("0"));
                json_object_set_new(ret, "net.ipv4.ping_group_range", json_string("0 2147483647"));
        }
        for (size_t i = 0; i < container->n_sysctls; i++) {
                const Sk__Label *sysctl = container->sysctls[i];

                if (!may_set(sysctl->key, input->netns_path != NULL))
                        return err_set(err, ERR_INVALID,
                                       "sysctl '%.100s' is not allowed: it is not of the "
                                       "container's own namespaces",
                                       sysctl->key);
                json_object_set_new(ret, sysctl->key, json_string(sysctl->value));
        }
        return 0;
}

/* A profile of one's own, in the runtime's form.  Docker's has conditions that the runtime would
 * not see, so that it would allow more than meant: refused. */
static int read_profile(const ProtobufCBinaryData *text, json_t **ret, struct err *err)
{
        json_t *profile = json_loadb((const char *)text->data, text->len, 0, NULL), *rule;
        bool is_conditional = json_object_get(profile, "archMap") != NULL;
        size_t i;

        json_array_foreach(json_object_get(profile, "syscalls"), i, rule) is_conditional |=
                json_object_get(rule, "includes") || json_object_get(rule, "excludes");
        if (json_is_object(profile) && !is_conditional) {
                *ret = profile;
                return 0;
        }
        json_decref(profile);
        return err_set(err, ERR_INVALID,
                       is_conditional
                               ? "the custom seccomp profile has conditions (archMap, includes, "
                                 "excludes): give it as the OCI runtime takes it"
                               : "the custom seccomp profile is no JSON object");
}

/* Docker's modes: "default", "unconfined", "custom". */
static int seccomp(const struct oci_input *input, uint64_t capabilities, json_t **ret,
                   struct err *err)
{
        const Sk__Privileges *privileges = input->spec->task->container->privileges;
        const Sk__Privileges__Seccomp *wanted = privileges ? privileges->seccomp : NULL;
        const char *mode = wanted ? str_or(wanted->mode, "default") : "default";

        *ret = NULL;
        if (str_equal(mode, "unconfined"))
                return 0;
        if (str_equal(mode, "default")) {
                *ret = seccomp_default_profile(capabilities, input->host->architecture);
                return 0;
        }
        if (!str_equal(mode, "custom"))
                return err_set(err, ERR_INVALID, "unknown seccomp mode '%.32s'", mode);
        return read_profile(&wanted->profile, ret, err);
}

/* What is mounted below a shared mount is to be seen outside, too: then the container's root may
 * not be cut off from there, as runc has it by default. */
static bool has_shared_mount(const struct oci_input *input)
{
        for (size_t i = 0; i < input->n_mounts; i++)
                for (size_t j = 0; j < input->mounts[i].n_options; j++)
                        if (str_equal(input->mounts[i].options[j], "shared") ||
                            str_equal(input->mounts[i].options[j], "rshared"))
                                return true;
        return false;
}

static int fill_linux(const struct oci_input *input, uint64_t capabilities, json_t *ret,
                      struct err *err)
{
        json_t *limits = json_object(), *settings = json_object(), *filter;

        json_object_set_new(ret, "resources", limits);
        json_object_set_new(ret, "sysctl", settings);
        TRY(resources(input, limits, err));
        TRY(sysctls(input, settings, err));
        TRY(seccomp(input, capabilities, &filter, err));
        if (filter)
                json_object_set_new(ret, "seccomp", filter);
        json_object_set_new(ret, "cgroupsPath", json_string(input->cgroup_path));
        json_object_set_new(ret, "namespaces", namespaces(input));
        if (has_shared_mount(input))
                json_object_set_new(ret, "rootfsPropagation", json_string("shared"));
        json_object_set_new(ret, "maskedPaths", oci_strings(masked_paths, COUNT_OF(masked_paths)));
        json_object_set_new(ret, "readonlyPaths",
                            oci_strings(readonly_paths, COUNT_OF(readonly_paths)));
        return 0;
}

int oci_linux_section(const struct oci_input *input, uint64_t capabilities, json_t **ret,
                      struct err *err)
{
        json_t *section = json_object();
        int failed = fill_linux(input, capabilities, section, err);

        if (failed) {
                json_decref(section);
                return failed;
        }
        *ret = section;
        return 0;
}
