/* Capabilities: names, docker's default set, and what a person adds and drops. */
#include <string.h>
#include <strings.h>

#include "agent/oci/oci.h"
#include "lib/base/check.h"

#define CAP(n) (UINT64_C(1) << (n))

static const char *const names[] = {
        "CAP_CHOWN",
        "CAP_DAC_OVERRIDE",
        "CAP_DAC_READ_SEARCH",
        "CAP_FOWNER",
        "CAP_FSETID",
        "CAP_KILL",
        "CAP_SETGID",
        "CAP_SETUID",
        "CAP_SETPCAP",
        "CAP_LINUX_IMMUTABLE",
        "CAP_NET_BIND_SERVICE",
        "CAP_NET_BROADCAST",
        "CAP_NET_ADMIN",
        "CAP_NET_RAW",
        "CAP_IPC_LOCK",
        "CAP_IPC_OWNER",
        "CAP_SYS_MODULE",
        "CAP_SYS_RAWIO",
        "CAP_SYS_CHROOT",
        "CAP_SYS_PTRACE",
        "CAP_SYS_PACCT",
        "CAP_SYS_ADMIN",
        "CAP_SYS_BOOT",
        "CAP_SYS_NICE",
        "CAP_SYS_RESOURCE",
        "CAP_SYS_TIME",
        "CAP_SYS_TTY_CONFIG",
        "CAP_MKNOD",
        "CAP_LEASE",
        "CAP_AUDIT_WRITE",
        "CAP_AUDIT_CONTROL",
        "CAP_SETFCAP",
        "CAP_MAC_OVERRIDE",
        "CAP_MAC_ADMIN",
        "CAP_SYSLOG",
        "CAP_WAKE_ALARM",
        "CAP_BLOCK_SUSPEND",
        "CAP_AUDIT_READ",
        "CAP_PERFMON",
        "CAP_BPF",
        "CAP_CHECKPOINT_RESTORE",
};

/* What docker gives when nothing is said. */
static const char *const defaults[] = {
        "CAP_CHOWN",   "CAP_DAC_OVERRIDE", "CAP_FSETID",           "CAP_FOWNER",      "CAP_MKNOD",
        "CAP_NET_RAW", "CAP_SETGID",       "CAP_SETUID",           "CAP_SETFCAP",     "CAP_SETPCAP",
        "CAP_KILL",    "CAP_SYS_CHROOT",   "CAP_NET_BIND_SERVICE", "CAP_AUDIT_WRITE",
};

const char *oci_capability_name(unsigned capability)
{
        return capability < COUNT_OF(names) ? names[capability] : NULL;
}

static int find_capability(const char *name)
{
        const char *bare = strncasecmp(name, "CAP_", 4) == 0 ? name + 4 : name;

        for (size_t i = 0; i < COUNT_OF(names); i++) {
                if (strcasecmp(names[i] + 4, bare) == 0)
                        return (int)i;
        }
        return -1;
}

/* A list of names as bits; *ret_all when "ALL" is among them. */
static int parse_list(const char *const *list, size_t n, uint64_t *ret, bool *ret_all,
                      struct err *err)
{
        uint64_t set = 0;

        *ret_all = false;
        for (size_t i = 0; i < n; i++) {
                int capability = find_capability(list[i]);

                if (strcasecmp(list[i], "ALL") == 0) {
                        *ret_all = true;
                        continue;
                }
                if (capability < 0)
                        return err_set(err, ERR_INVALID, "unknown capability: \"%.64s\"", list[i]);
                set |= CAP(capability);
        }
        *ret = set;
        return 0;
}

int oci_capabilities(const char *const *add, size_t n_add, const char *const *drop, size_t n_drop,
                     uint64_t available, uint64_t *ret, struct err *err)
{
        uint64_t added, dropped, set = 0;
        bool add_all, drop_all;

        TRY(parse_list(add, n_add, &added, &add_all, err));
        TRY(parse_list(drop, n_drop, &dropped, &drop_all, err));
        for (size_t i = 0; i < COUNT_OF(defaults); i++)
                set |= CAP(find_capability(defaults[i]));
        for (unsigned i = 0; i < COUNT_OF(names); i++) {
                if ((added & CAP(i)) && !(available & CAP(i)))
                        return err_set(err, ERR_INVALID,
                                       "%s cannot be given: this node's agent does not have it",
                                       names[i]);
        }
        if (add_all)
                set = (CAP(COUNT_OF(names)) - 1) & ~dropped;
        else if (drop_all)
                set = added;
        else
                set = (set | added) & ~dropped;
        *ret = set & available;
        return 0;
}
