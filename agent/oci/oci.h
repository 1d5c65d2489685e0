/* What runc is told: the OCI runtime configuration ("config.json") of one container, made from what
 * a person asked for, what the image says and what this machine has.
 *
 * Building it is pure: no file is read, no name is looked up.  What needs looking up (users,
 * volumes, host facts) is done before, by agent/oci/rootfs.h and the executor. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/dispatcher.pb-c.h"
#include "api/specs.pb-c.h"
#include "agent/cdi/cdi.h"
#include "agent/oci/image.h"
#include "agent/oci/user.h"
#include "lib/base/err.h"
#include "lib/base/mem.h"

/* What this machine can do; read once, at start. */
struct oci_host {
        uint64_t capabilities; /* bit n: capability n is in the agent's bounding set, so it can be
                                  given */
        bool has_cgroup_v2;    /* unified hierarchy only */
        bool can_limit_swap;
        char architecture[16]; /* as Go names it: "amd64" */
};

/* One file system tree or file put into the container; strings are borrowed. */
struct oci_mount {
        const char *type; /* "bind", "tmpfs" */
        const char *source;
        const char *target;
        const char *const *options;
        size_t n_options;
};

struct oci_input {
        const Sk__ServiceSpec *spec;
        const struct oci_image *image;
        const struct oci_host *host;
        const struct oci_user *user;
        const char *id; /* of the container */
        const char *hostname;
        const char *const *env; /* "KEY=value" as asked for, templates expanded */
        size_t n_env;
        const char *netns_path;  /* NULL: the machine's own network */
        const char *cgroup_path; /* "/skep/<id>" */
        const char *init_path; /* program that is to be process 1 when spec->init asks for it; NULL:
                                  none is installed */
        const struct oci_mount *mounts; /* in the order to be mounted, after the standard ones */
        size_t n_mounts;
        const struct cdi_device *devices; /* with all that their nodes need */
        size_t n_devices;
        const Sk__Label *labels; /* become annotations */
        size_t n_labels;
        const char *shim_group; /* containers of the same one share a shim; "": none is shared */
};

/* The configuration as JSON, in 'arena'.  ERR_INVALID tells what of the spec cannot be: "unknown
 * capability 'X'". */
int oci_spec_build(const struct oci_input *input, struct arena *arena, const char **ret_json,
                   size_t *ret_size, struct err *err);

/* How to look after the container's health, as text for health_parse(): the settings, and the
 * container's own process with the test as its arguments (same user, environment and rights). */
int oci_probe_build(const struct oci_input *input, const struct oci_health *settings,
                    struct arena *arena, const char **ret_json, struct err *err);

/* A further process of a container, as JSON: the container's own (of 'spec', its configuration)
 * with what 'exec' says.  'user' NULL: the container's. */
int oci_exec_build(const char *spec, size_t spec_size, const Sk__ExecSpec *exec,
                   const struct oci_user *user, const struct oci_host *host, struct arena *arena,
                   const char **ret_json, struct err *err);

/* The signal that asks the container to stop: the spec's, else the image's, else SIGTERM. */
int oci_stop_signal(const Sk__ContainerSpec *container, const struct oci_image *image,
                    int *ret_signal, struct err *err);

/* "TERM", "SIGTERM", "sigterm", "15", "SIGRTMIN+3". */
int oci_parse_signal(const char *text, int *ret_signal, struct err *err);

/* Which capabilities (bit n: capability n) 'add' and 'drop' leave of docker's default set; names
 * with or without CAP_, any case, "ALL". Only what is in 'available' is ever given. */
int oci_capabilities(const char *const *add, size_t n_add, const char *const *drop, size_t n_drop,
                     uint64_t available, uint64_t *ret, struct err *err);

/* "CAP_CHOWN" for 0; NULL for a number that is none. */
const char *oci_capability_name(unsigned capability);
