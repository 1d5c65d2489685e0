/* Options about the service: mode, ports, networks, mounts. */
#include <string.h>

#include "cli/spec_private.h"
#include "lib/base/str.h"

/* --- name, labels, mode --- */

static int set_name(struct spec_edit *edit, const char *value)
{
        edit->spec->annotations->name = arena_strdup(edit->arena, value);
        return 0;
}

static int add_label(struct spec_edit *edit, const char *value)
{
        return label_set(edit, &edit->spec->annotations->labels, &edit->spec->annotations->n_labels,
                         value);
}

static int remove_label(struct spec_edit *edit, const char *value)
{
        label_remove(edit->spec->annotations->labels, &edit->spec->annotations->n_labels, value);
        return 0;
}

static int set_mode(struct spec_edit *edit, const char *value)
{
        Sk__ServiceSpec *spec = edit->spec;

        if (strcmp(value, "replicated") == 0)
                return 0;
        spec->replicated = NULL; /* the modes share their place */
        if (strcmp(value, "replicated-job") == 0) {
                spec->mode_case = SK__SERVICE_SPEC__MODE_REPLICATED_JOB;
                SPEC_MAKE(edit, spec->replicated_job, Sk__ReplicatedJob, SK__REPLICATED_JOB__INIT)
                        ->total_completions = 1;
        } else if (strcmp(value, "global-job") == 0) {
                spec->mode_case = SK__SERVICE_SPEC__MODE_GLOBAL_JOB;
                SPEC_MAKE(edit, spec->global_job, Sk__GlobalJob, SK__GLOBAL_JOB__INIT);
        } else if (strcmp(value, "global") == 0) {
                spec->mode_case = SK__SERVICE_SPEC__MODE_GLOBAL;
                SPEC_MAKE(edit, spec->global, Sk__GlobalService, SK__GLOBAL_SERVICE__INIT);
        } else {
                return err_set(edit->err, ERR_INVALID,
                               "Unknown mode: %.32s, only replicated, global, replicated-job and "
                               "global-job supported",
                               value);
        }
        return 0;
}

static int set_replicas(struct spec_edit *edit, const char *value)
{
        Sk__ServiceSpec *spec = edit->spec;

        if (spec->mode_case == SK__SERVICE_SPEC__MODE_REPLICATED)
                return str_to_uint64(value, &spec->replicated->replicas, edit->err);
        if (spec->mode_case == SK__SERVICE_SPEC__MODE_REPLICATED_JOB)
                return str_to_uint64(value, &spec->replicated_job->total_completions, edit->err);
        return err_set(edit->err, ERR_INVALID,
                       "replicas can only be used with replicated or replicated-job mode");
}

static int set_max_concurrent(struct spec_edit *edit, const char *value)
{
        if (edit->spec->mode_case != SK__SERVICE_SPEC__MODE_REPLICATED_JOB)
                return err_set(edit->err, ERR_INVALID,
                               "max-concurrent can only be used with replicated-job mode");
        return str_to_uint64(value, &edit->spec->replicated_job->max_concurrent, edit->err);
}

static int set_force(struct spec_edit *edit, const char *value)
{
        bool truth = false;

        TRY(str_to_bool(value, &truth, edit->err));
        spec_task(edit)->force_update += truth;
        return 0;
}

/* --- ports --- */

static Sk__EndpointSpec *endpoint(struct spec_edit *edit)
{
        return SPEC_MAKE(edit, edit->spec->endpoint, Sk__EndpointSpec, SK__ENDPOINT_SPEC__INIT);
}

static int set_endpoint_mode(struct spec_edit *edit, const char *value)
{
        if (strcmp(value, "vip") != 0 && strcmp(value, "dnsrr") != 0)
                return err_set(edit->err, ERR_INVALID,
                               "invalid endpoint mode \"%.32s\": vip or dnsrr", value);
        endpoint(edit)->mode = strcmp(value, "vip") == 0 ? SK__ENDPOINT_SPEC__MODE__VIP
                                                         : SK__ENDPOINT_SPEC__MODE__DNSRR;
        return 0;
}

static int parse_port(struct spec_edit *edit, const char *what, const char *text, uint32_t *ret)
{
        uint64_t port;

        if (str_to_uint64(text, &port, NULL) < 0 || port < 1 || port > 65535)
                return err_set(edit->err, ERR_INVALID, "invalid %s: %.32s", what, text);
        *ret = (uint32_t)port;
        return 0;
}

static int parse_protocol(struct spec_edit *edit, const char *text, Sk__PortConfig__Protocol *ret)
{
        static const char *const words[] = { "tcp", "udp", "sctp" };

        for (int i = 0; i < 3; i++)
                if (strcmp(text, words[i]) == 0) {
                        *ret = (Sk__PortConfig__Protocol)i;
                        return 0;
                }
        return err_set(edit->err, ERR_INVALID, "invalid protocol: %.32s", text);
}

static int take_port_field(struct spec_edit *edit, void *context, const char *key,
                           const char *value)
{
        Sk__PortConfig *port = context;

        if (!value)
                return err_set(edit->err, ERR_INVALID, "invalid field: %.64s", key);
        if (strcmp(key, "target") == 0)
                return parse_port(edit, "target port", value, &port->target_port);
        if (strcmp(key, "published") == 0)
                return parse_port(edit, "published port", value, &port->published_port);
        if (strcmp(key, "protocol") == 0)
                return parse_protocol(edit, value, &port->protocol);
        if (strcmp(key, "mode") != 0)
                return err_set(edit->err, ERR_INVALID, "invalid field key: %.64s", key);
        if (strcmp(value, "host") != 0 && strcmp(value, "ingress") != 0)
                return err_set(edit->err, ERR_INVALID, "invalid publish mode value: %.32s", value);
        port->publish_mode = strcmp(value, "host") == 0 ? SK__PORT_CONFIG__PUBLISH_MODE__HOST
                                                        : SK__PORT_CONFIG__PUBLISH_MODE__INGRESS;
        return 0;
}

/* "8080:80/udp", "80": docker's short form. */
static int short_port(struct spec_edit *edit, const char *value, Sk__PortConfig *port)
{
        char *text = arena_strdup(edit->arena, value), *slash = strchr(text, '/'), *colon;

        if (slash) {
                *slash = '\0';
                TRY(parse_protocol(edit, slash + 1, &port->protocol));
        }
        colon = strchr(text, ':');
        if (!colon)
                return parse_port(edit, "containerPort", text, &port->target_port);
        *colon = '\0';
        if (strchr(colon + 1, ':'))
                return err_set(edit->err, ERR_INVALID, "hostip is not supported: %.64s", value);
        TRY(parse_port(edit, "hostPort", text, &port->published_port));
        return parse_port(edit, "containerPort", colon + 1, &port->target_port);
}

static int add_port(struct spec_edit *edit, const char *value)
{
        Sk__PortConfig *port = arena_alloc(edit->arena, sizeof *port);

        *port = (Sk__PortConfig)SK__PORT_CONFIG__INIT;
        if (strchr(value, '='))
                TRY(each_pair(edit, value, take_port_field, port));
        else
                TRY(short_port(edit, value, port));
        if (!port->target_port)
                return err_set(edit->err, ERR_INVALID, "missing mandatory field \"target\"");
        pointers_add(edit, (void ***)&endpoint(edit)->ports, &endpoint(edit)->n_ports, port);
        return 0;
}

/* By target port: "80", "80/udp", or the long form. */
static int remove_port(struct spec_edit *edit, const char *value)
{
        Sk__PortConfig wanted = SK__PORT_CONFIG__INIT;
        Sk__EndpointSpec *spec = endpoint(edit);

        if (strchr(value, '='))
                TRY(each_pair(edit, value, take_port_field, &wanted));
        else
                TRY(short_port(edit, value, &wanted));
        for (size_t i = spec->n_ports; i-- > 0;)
                if (spec->ports[i]->target_port == wanted.target_port &&
                    spec->ports[i]->protocol == wanted.protocol)
                        pointers_remove((void **)spec->ports, &spec->n_ports, i);
        return 0;
}

/* --- networks --- */

static int take_network_field(struct spec_edit *edit, void *context, const char *key,
                              const char *value)
{
        Sk__NetworkAttachment *network = context;

        if (value && strcmp(key, "name") == 0)
                network->target = value;
        else if (value && strcmp(key, "alias") == 0)
                list_add(edit, &network->aliases, &network->n_aliases, value);
        else if (value && strcmp(key, "driver-opt") == 0)
                return label_set(edit, &network->driver_options, &network->n_driver_options, value);
        else
                return err_set(edit->err, ERR_INVALID, "invalid field key %.64s", key);
        return 0;
}

static int add_network(struct spec_edit *edit, const char *value)
{
        Sk__TaskSpec *task = spec_task(edit);
        Sk__NetworkAttachment *network = arena_alloc(edit->arena, sizeof *network);

        *network = (Sk__NetworkAttachment)SK__NETWORK_ATTACHMENT__INIT;
        network->target = arena_strdup(edit->arena, value);
        if (strchr(value, '='))
                TRY(each_pair(edit, value, take_network_field, network));
        pointers_add(edit, (void ***)&task->networks, &task->n_networks, network);
        return 0;
}

static int remove_network(struct spec_edit *edit, const char *value)
{
        Sk__TaskSpec *task = spec_task(edit);

        for (size_t i = task->n_networks; i-- > 0;)
                if (strcmp(task->networks[i]->target, value) == 0)
                        pointers_remove((void **)task->networks, &task->n_networks, i);
        return 0;
}

/* clang-format off */
const struct spec_option spec_service_options[] = {
        { "name",                  0, FLAG_STRING,   NULL, "Service name",                                     NULL, set_name, NULL, SPEC_CREATE },
        { "label",               'l', FLAG_LIST,     NULL, "Service labels",                                   NULL, add_label, remove_label, SPEC_BOTH },
        { "mode",                  0, FLAG_STRING,   NULL, "Service mode (\"replicated\", \"global\", \"replicated-job\", \"global-job\") (default \"replicated\")", NULL, set_mode, NULL, SPEC_CREATE },
        { "replicas",              0, FLAG_UINT,     NULL, "Number of tasks",                                  NULL, set_replicas, NULL, SPEC_BOTH },
        { "max-concurrent",        0, FLAG_UINT,     NULL, "Number of job tasks to run concurrently (default equal to --replicas)", NULL, set_max_concurrent, NULL, SPEC_BOTH },
        { "force",                 0, FLAG_BOOL,     NULL, "Force update even if no changes require it",       NULL, set_force, NULL, SPEC_UPDATE },
        { "publish",             'p', FLAG_LIST,     "port", "Publish a port of the task's node (mode=host only: ingress comes with a later release)",                NULL, add_port, remove_port, SPEC_BOTH },
        { "endpoint-mode",         0, FLAG_STRING,   NULL, "Endpoint mode (vip or dnsrr) (default \"vip\"); without effect before overlay networks come",   NULL, set_endpoint_mode, NULL, SPEC_BOTH },
        { "network",               0, FLAG_LIST,     "network", "Network attachments (host or bridge: overlay networks come with a later release)",                       NULL, add_network, remove_network, SPEC_BOTH },
        { "mount",                 0, FLAG_LIST,     "mount", "Attach a filesystem mount to the service",    NULL, add_mount, remove_mount, SPEC_BOTH },
        { 0 },
};
/* clang-format on */
