/* Options about the container: what runs in it and what it sees. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/spec_private.h"
#include "lib/base/str.h"
#include "lib/base/time.h"
#include "lib/os/os_error.h"

/* A setter of one text field. */
#define SET_TEXT(name, field)                                                   \
        static int name(struct spec_edit *edit, const char *value)              \
        {                                                                       \
                spec_container(edit)->field = arena_strdup(edit->arena, value); \
                return 0;                                                       \
        }
/* Adding to and removing from a list of text. */
#define ADD_REMOVE(noun, field)                                                  \
        static int add_##noun(struct spec_edit *edit, const char *value)         \
        {                                                                        \
                Sk__ContainerSpec *container = spec_container(edit);             \
                                                                                 \
                list_remove(container->field, &container->n_##field, value);     \
                list_add(edit, &container->field, &container->n_##field, value); \
                return 0;                                                        \
        }                                                                        \
        static int remove_##noun(struct spec_edit *edit, const char *value)      \
        {                                                                        \
                Sk__ContainerSpec *container = spec_container(edit);             \
                                                                                 \
                list_remove(container->field, &container->n_##field, value);     \
                return 0;                                                        \
        }
#define ADD_REMOVE_DNS(noun, field)                                                            \
        static int add_##noun(struct spec_edit *edit, const char *value)                       \
        {                                                                                      \
                Sk__DnsConfig *dns = SPEC_MAKE(edit, spec_container(edit)->dns, Sk__DnsConfig, \
                                               SK__DNS_CONFIG__INIT);                          \
                                                                                               \
                list_remove(dns->field, &dns->n_##field, value);                               \
                list_add(edit, &dns->field, &dns->n_##field, value);                           \
                return 0;                                                                      \
        }                                                                                      \
        static int remove_##noun(struct spec_edit *edit, const char *value)                    \
        {                                                                                      \
                Sk__DnsConfig *dns = SPEC_MAKE(edit, spec_container(edit)->dns, Sk__DnsConfig, \
                                               SK__DNS_CONFIG__INIT);                          \
                                                                                               \
                list_remove(dns->field, &dns->n_##field, value);                               \
                return 0;                                                                      \
        }

static int set_image(struct spec_edit *edit, const char *value)
{
        spec_container(edit)->image = spec_image(edit->arena, value);
        return 0;
}

SET_TEXT(set_user, user)
SET_TEXT(set_dir, dir)
SET_TEXT(set_hostname, hostname)
SET_TEXT(set_stop_signal, stop_signal)
SET_TEXT(set_isolation, isolation)
ADD_REMOVE(group, groups)
ADD_REMOVE_DNS(dns, servers)
ADD_REMOVE_DNS(dns_search, search)
ADD_REMOVE_DNS(dns_option, options)

/* "NET_ADMIN", "net_admin" and "CAP_NET_ADMIN" are the same; adding undoes dropping and the other
 * way round. */
static const char *capability_name(struct spec_edit *edit, const char *value)
{
        char *name =
                arena_printf(edit->arena, "%s%s",
                             strncasecmp(value, "CAP_", 4) == 0 || strcasecmp(value, "ALL") == 0
                                     ? ""
                                     : "CAP_",
                             value);

        for (char *c = name; *c; c++)
                if (*c >= 'a' && *c <= 'z')
                        *c = (char)(*c - 'a' + 'A');
        return name;
}

static int add_capability(struct spec_edit *edit, const char *value)
{
        Sk__ContainerSpec *container = spec_container(edit);
        const char *name = capability_name(edit, value);

        list_remove(container->capability_drop, &container->n_capability_drop, name);
        list_remove(container->capability_add, &container->n_capability_add, name);
        list_add(edit, &container->capability_add, &container->n_capability_add, name);
        return 0;
}

static int drop_capability(struct spec_edit *edit, const char *value)
{
        Sk__ContainerSpec *container = spec_container(edit);
        const char *name = capability_name(edit, value);

        list_remove(container->capability_add, &container->n_capability_add, name);
        list_remove(container->capability_drop, &container->n_capability_drop, name);
        list_add(edit, &container->capability_drop, &container->n_capability_drop, name);
        return 0;
}

static int add_device(struct spec_edit *edit, const char *value)
{
        Sk__ContainerSpec *container = spec_container(edit);

        list_remove(container->devices, &container->n_devices, value);
        list_add(edit, &container->devices, &container->n_devices, value);
        return 0;
}

static int remove_device(struct spec_edit *edit, const char *value)
{
        list_remove(spec_container(edit)->devices, &spec_container(edit)->n_devices, value);
        return 0;
}

/* "KEY=value", or "KEY" for the value it has here. */
static int add_env(struct spec_edit *edit, const char *value)
{
        Sk__ContainerSpec *container = spec_container(edit);
        const char *from_here = strchr(value, '=') ? NULL : getenv(value);

        if (!value[0] || value[0] == '=')
                return err_set(edit->err, ERR_INVALID, "invalid environment variable: %.64s",
                               value);
        if (from_here)
                value = arena_printf(edit->arena, "%s=%s", value, from_here);
        list_set_key(edit, &container->env, &container->n_env, value);
        return 0;
}

static int remove_env(struct spec_edit *edit, const char *value)
{
        Sk__ContainerSpec *container = spec_container(edit);

        list_remove_key(container->env, &container->n_env, value);
        return 0;
}

/* Lines "KEY=value"; '#' begins a comment. */
static int add_env_file(struct spec_edit *edit, const char *path)
{
        FILE *file = fopen(path, "re");
        char *line = NULL;
        size_t size = 0;
        int result = 0;

        if (!file)
                return os_error(edit->err, errno, "open %.200s", path);
        while (result == 0 && getline(&line, &size, file) > 0) {
                line[strcspn(line, "\r\n")] = '\0';
                if (line[0] && line[0] != '#')
                        result = add_env(edit, line);
        }
        if (result == 0 && ferror(file))
                result = os_error(edit->err, errno, "read %.200s", path);
        free(line);
        fclose(file);
        return result;
}

static int add_label(struct spec_edit *edit, const char *value)
{
        Sk__ContainerSpec *container = spec_container(edit);

        return label_set(edit, &container->labels, &container->n_labels, value);
}

static int remove_label(struct spec_edit *edit, const char *value)
{
        Sk__ContainerSpec *container = spec_container(edit);

        label_remove(container->labels, &container->n_labels, value);
        return 0;
}

static int add_sysctl(struct spec_edit *edit, const char *value)
{
        Sk__ContainerSpec *container = spec_container(edit);

        return label_set(edit, &container->sysctls, &container->n_sysctls, value);
}

static int remove_sysctl(struct spec_edit *edit, const char *value)
{
        Sk__ContainerSpec *container = spec_container(edit);

        label_remove(container->sysctls, &container->n_sysctls, value);
        return 0;
}

static int set_entrypoint(struct spec_edit *edit, const char *value)
{
        Sk__ContainerSpec *container = spec_container(edit);

        return split_words(edit, value, &container->command, &container->n_command);
}

static int set_args(struct spec_edit *edit, const char *value)
{
        Sk__ContainerSpec *container = spec_container(edit);

        return split_words(edit, value, &container->args, &container->n_args);
}

/* "name:IP" as typed becomes "IP name" as in /etc/hosts. */
static int host_entry(struct spec_edit *edit, const char *value, char **ret)
{
        size_t length = strcspn(value, ":");

        if (!value[length] || !length || !value[length + 1])
                return err_set(edit->err, ERR_INVALID, "bad format for add-host: \"%.64s\"", value);
        *ret = arena_printf(edit->arena, "%s %.*s", value + length + 1, (int)length, value);
        return 0;
}

static int add_host(struct spec_edit *edit, const char *value)
{
        Sk__ContainerSpec *container = spec_container(edit);
        char *entry;

        TRY(host_entry(edit, value, &entry));
        list_remove(container->hosts, &container->n_hosts, entry);
        list_add(edit, &container->hosts, &container->n_hosts, entry);
        return 0;
}

static int remove_host(struct spec_edit *edit, const char *value)
{
        Sk__ContainerSpec *container = spec_container(edit);
        char *entry;

        TRY(host_entry(edit, value, &entry));
        list_remove(container->hosts, &container->n_hosts, entry);
        return 0;
}

static int set_tty(struct spec_edit *edit, const char *value)
{
        bool truth = false;

        TRY(str_to_bool(value, &truth, edit->err));
        spec_container(edit)->tty = truth;
        return 0;
}

static int set_read_only(struct spec_edit *edit, const char *value)
{
        bool truth = false;

        TRY(str_to_bool(value, &truth, edit->err));
        spec_container(edit)->read_only = truth;
        return 0;
}

static int set_init(struct spec_edit *edit, const char *value)
{
        Sk__ContainerSpec__Init *init =
                SPEC_MAKE(edit, spec_container(edit)->init, Sk__ContainerSpec__Init,
                          SK__CONTAINER_SPEC__INIT__INIT);
        bool truth = false;

        TRY(str_to_bool(value, &truth, edit->err));
        init->enabled = truth;
        return 0;
}

static int set_stop_grace_period(struct spec_edit *edit, const char *value)
{
        Sk__ContainerSpec__Duration *period =
                SPEC_MAKE(edit, spec_container(edit)->stop_grace_period,
                          Sk__ContainerSpec__Duration, SK__CONTAINER_SPEC__DURATION__INIT);

        return str_to_duration(value, &period->ns, edit->err);
}

static int set_oom_score_adj(struct spec_edit *edit, const char *value)
{
        return str_to_int64(value, &spec_container(edit)->oom_score_adj, edit->err);
}

/* "nofile=100:200" */
static int add_ulimit(struct spec_edit *edit, const char *value)
{
        Sk__ContainerSpec *container = spec_container(edit);
        Sk__Ulimit *limit = arena_alloc(edit->arena, sizeof *limit);
        char *name = arena_strdup(edit->arena, value), *soft = strchr(name, '='), *hard;

        *limit = (Sk__Ulimit)SK__ULIMIT__INIT;
        if (!soft || soft == name)
                return err_set(edit->err, ERR_INVALID, "invalid ulimit argument: %.64s", value);
        *soft++ = '\0';
        hard = strchr(soft, ':');
        if (hard)
                *hard++ = '\0';
        limit->name = name;
        TRY(str_to_int64(soft, &limit->soft, edit->err));
        limit->hard = limit->soft;
        if (hard)
                TRY(str_to_int64(hard, &limit->hard, edit->err));
        if (limit->hard != -1 && (limit->soft == -1 || limit->soft > limit->hard))
                return err_set(
                        edit->err, ERR_INVALID,
                        "ulimit soft limit must be less than or equal to hard limit: %lld > %lld",
                        (long long)limit->soft, (long long)limit->hard);
        for (size_t i = 0; i < container->n_ulimits; i++)
                if (strcmp(container->ulimits[i]->name, name) == 0) {
                        container->ulimits[i] = limit;
                        return 0;
                }
        pointers_add(edit, (void ***)&container->ulimits, &container->n_ulimits, limit);
        return 0;
}

static int remove_ulimit(struct spec_edit *edit, const char *value)
{
        Sk__ContainerSpec *container = spec_container(edit);

        for (size_t i = container->n_ulimits; i-- > 0;)
                if (strcmp(container->ulimits[i]->name, value) == 0)
                        pointers_remove((void **)container->ulimits, &container->n_ulimits, i);
        return 0;
}

/* clang-format off */
/*        name               letter type       value       help                                         refusal  set               remove */
const struct spec_option spec_container_options[] = {
        { "image",             0, FLAG_STRING,   NULL, "Service image tag",                                 NULL, set_image, NULL, SPEC_UPDATE },
        { "args",              0, FLAG_STRING,   "command", "Service command args",                         NULL, set_args, NULL, SPEC_UPDATE },
        { "entrypoint",        0, FLAG_STRING,   "command", "Overwrite the default ENTRYPOINT of the image", NULL, set_entrypoint, NULL, SPEC_BOTH },
        { "env",             'e', FLAG_LIST,     NULL, "Set environment variables",                         NULL, add_env, remove_env, SPEC_BOTH },
        { "env-file",          0, FLAG_LIST,     NULL, "Read in a file of environment variables",           NULL, add_env_file, NULL, SPEC_CREATE },
        { "workdir",         'w', FLAG_STRING,   NULL, "Working directory inside the container",            NULL, set_dir, NULL, SPEC_BOTH },
        { "user",            'u', FLAG_STRING,   NULL, "Username or UID (format: <name|uid>[:<group|gid>])", NULL, set_user, NULL, SPEC_BOTH },
        { "group",             0, FLAG_LIST,     NULL, "Set one or more supplementary user groups for the container", NULL, add_group, remove_group, SPEC_BOTH },
        { "hostname",          0, FLAG_STRING,   NULL, "Container hostname",                                NULL, set_hostname, NULL, SPEC_BOTH },
        { "tty",             't', FLAG_BOOL,     NULL, "Allocate a pseudo-TTY",                             NULL, set_tty, NULL, SPEC_BOTH },
        { "device",            0, FLAG_LIST,   NULL, "Devices of the node (CDI: vendor.com/class=name)", NULL, add_device, remove_device, SPEC_BOTH },
        { "read-only",         0, FLAG_BOOL,     NULL, "Mount the container's root filesystem as read only", NULL, set_read_only, NULL, SPEC_BOTH },
        { "init",              0, FLAG_BOOL,     NULL, "Use an init inside each service container to forward signals and reap processes", NULL, set_init, NULL, SPEC_BOTH },
        { "stop-signal",       0, FLAG_STRING,   NULL, "Signal to stop the container",                      NULL, set_stop_signal, NULL, SPEC_BOTH },
        { "stop-grace-period", 0, FLAG_DURATION, NULL, "Time to wait before force killing a container (ns|us|ms|s|m|h) (default 10s)", NULL, set_stop_grace_period, NULL, SPEC_BOTH },
        { "cap-add",           0, FLAG_LIST,     NULL, "Add Linux capabilities",                            NULL, add_capability, NULL, SPEC_BOTH },
        { "cap-drop",          0, FLAG_LIST,     NULL, "Drop Linux capabilities",                           NULL, drop_capability, NULL, SPEC_BOTH },
        { "ulimit",            0, FLAG_LIST,     "ulimit", "Ulimit options",                                NULL, add_ulimit, remove_ulimit, SPEC_BOTH },
        { "sysctl",            0, FLAG_LIST,     NULL, "Sysctl options",                                    NULL, add_sysctl, remove_sysctl, SPEC_BOTH },
        { "host",              0, FLAG_LIST,     NULL, "Set one or more custom host-to-IP mappings (host:ip)", NULL, add_host, remove_host, SPEC_BOTH },
        { "dns",               0, FLAG_LIST,     NULL, "Set custom DNS servers",                            NULL, add_dns, remove_dns, SPEC_BOTH },
        { "dns-option",        0, FLAG_LIST,     NULL, "Set DNS options",                                   NULL, add_dns_option, remove_dns_option, SPEC_BOTH },
        { "dns-search",        0, FLAG_LIST,     NULL, "Set custom DNS search domains",                     NULL, add_dns_search, remove_dns_search, SPEC_BOTH },
        { "container-label",   0, FLAG_LIST,     NULL, "Container labels",                                  NULL, add_label, remove_label, SPEC_BOTH },
        { "oom-score-adj",     0, FLAG_INT,      NULL, "Tune host's OOM preferences (-1000 to 1000)",       NULL, set_oom_score_adj, NULL, SPEC_BOTH },
        { "isolation",         0, FLAG_STRING,   NULL, "Service container isolation mode",                  "there are no Windows containers here", set_isolation, NULL, SPEC_BOTH },
        { "credential-spec",   0, FLAG_STRING,   "credential-spec", "Credential spec for managed service account (Windows only)", "there are no Windows containers here", NULL, NULL, SPEC_BOTH },
        { "secret",            0, FLAG_LIST,     "secret", "Specify secrets to expose to the service",      NULL, add_secret, remove_secret, SPEC_BOTH },
        { "config",            0, FLAG_LIST,     "config", "Specify configurations to expose to the service", NULL, add_config, remove_config, SPEC_BOTH },
        { 0 },
};
/* clang-format on */
