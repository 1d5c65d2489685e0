/* Everything of a container that lies in files, and its OCI configuration: made in one go on the
 * worker pool, between having a snapshot and telling containerd of the container. */
#pragma once
#include "agent/oci/known_users.h"
#include "agent/oci/oci.h"
#include "agent/oci/rootfs.h"
#include "lib/expand/expand.h"

/* In the task's folder, when there is a health check: see oci_probe_build(). */
#define BUNDLE_HEALTH_FILE "health.json"
#define BUNDLE_READINESS_FILE "readiness.json"

/* A secret or config as a file; without content: it did not come, nobody has it any more. */
struct bundle_file {
        const Sk__FileReference *reference;
        struct expand_file content;
};

/* In the task's folder: see volume_mount_part().  Not needed any more when the container runs. */
#define BUNDLE_PARTS_FOLDER "parts"

/* Of a mount of type image; empty for the others. */
struct bundle_image {
        const char *reference;
        const char *id, *chain_id; /* see struct image */
        struct rootfs_mount rootfs;
};

struct bundle {
        /* In: borrowed while bundle_make() runs. */
        const char *id;
        const Sk__ServiceSpec *spec;
        const struct oci_image *image;
        const struct oci_host *host;
        const struct rootfs_mount *rootfs;
        const struct bundle_image *images; /* by the mount's number */
        const struct bundle_file *files;
        size_t n_files;
        const char *folder;        /* of the task: made here */
        const char *memory_folder; /* of the task, on a file system in memory: made here */
        int64_t now_ns;
        const char *volumes_folder; /* of the node */
        const char *cgroup_path, *init_path, *dns_server;
        const char *netns_path; /* NULL: the node's network */
        const char *address;    /* "" when unknown */
        const char *node_hostname;
        const struct expand_values *values;
        const char *const *resource_env; /* further variables */
        size_t n_resource_env;
        const char *cdi_folders; /* "/etc/cdi,/var/run/cdi" */
        const Sk__Label *labels;
        size_t n_labels;
        const char *shim_group;
        const struct image_users *known_users; /* of the image; NULL: it is looked at */

        /* Out: in the arena, which is the bundle's own. */
        struct arena arena;
        const char *json;
        size_t json_size;
        size_t n_parts;           /* of volumes and images, mounted in BUNDLE_PARTS_FOLDER */
        struct image_users users; /* of the image: to be kept, when it was looked at */
};

int bundle_make(struct bundle *bundle, struct err *err);
