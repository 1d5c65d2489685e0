/* Devices by CDI, the Container Device Interface: files that say what of a device goes into a
 * container, under a name like "vendor.com/gpu=0".
 *
 * Of a file's edits these are applied: env, deviceNodes, mounts, hooks, additionalGids.  A device
 * whose edits hold anything else (intelRdt, ...) is not offered: half a device is none.  Hooks are
 * programs of the node, run by the runtime as root: who may write the files may run anything, and
 * that is root alone. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/base/mem.h"
#include "lib/base/vec.h"

enum {
        CDI_FILE_MAX = 1 << 20,
        CDI_DEVICES_MAX = 1000,
};

struct cdi_node {
        const char *path, *host_path; /* inside, and on the node */
        const char *type;             /* "c", "b", "u", "p"; "": as on the node */
        const char *permissions;      /* "rwm" */
        int64_t major, minor;         /* -1: as on the node */
        int64_t mode, uid, gid;       /* -1: as on the node */
};

struct cdi_mount {
        const char *host_path, *path;
        const char **options;
        size_t n_options;
};

struct cdi_hook {
        const char *name, *path; /* "createContainer", program */
        const char **args, **env;
        size_t n_args, n_env;
        int64_t timeout; /* seconds; 0: none */
};

struct cdi_edits {
        const char **env;
        size_t n_env;
        struct cdi_node *nodes;
        size_t n_nodes;
        struct cdi_mount *mounts;
        size_t n_mounts;
        struct cdi_hook *hooks;
        size_t n_hooks;
        uint32_t *gids;
        size_t n_gids;
};

struct cdi_device {
        const char *name; /* "vendor.com/class=name" */
        struct cdi_edits shared, own;
};

/* Is this "vendor.com/class=name"? */
bool cdi_is_name(const char *text);

/* Appends the devices of one file (JSON) to 'devices' (struct cdi_device); strings in the arena.
 * ERR_INVALID: the file is none, and nothing of it is added. */
int cdi_parse(const char *text, size_t size, struct arena *arena, struct vec *devices,
              struct err *err);

/* The devices of all files "*.json" in the folders, later ones before earlier ones of the same
 * name.  Files that cannot be read are told to 'complain' and passed over.  Blocking. */
void cdi_read(const char *const *folders, size_t n_folders, struct arena *arena,
              struct vec *devices, void (*complain)(const char *path, const struct err *err));

/* NULL when there is none. */
const struct cdi_device *cdi_find(const struct vec *devices, const char *name);
