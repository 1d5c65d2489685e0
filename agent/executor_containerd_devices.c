/* The node's devices by CDI: telling of them, and finding those that a container asks for. */
#include "agent/executor_containerd_devices.h"

#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "lib/base/str.h"
#include "lib/os/log.h"

enum { FOLDERS_MAX = 8 };

static void complain(const char *path, const struct err *err)
{
        LOG(WARN, "a file of devices is passed over", STR("path", path), STR("why", err->text));
}

static void pass_over(const char *path, const struct err *err)
{
        (void)path;
        (void)err;
}

static struct vec read_all(const char *folders, struct arena *arena,
                           void (*tell)(const char *path, const struct err *err))
{
        struct vec devices = VEC_OF(struct cdi_device);
        char *rest = arena_strdup(arena, folders), *folder;
        const char *all[FOLDERS_MAX];
        size_t n = 0;

        while ((folder = strsep(&rest, ",")) && n < FOLDERS_MAX)
                if (*folder)
                        all[n++] = folder;
        cdi_read(all, n, arena, &devices, tell);
        return devices;
}

void devices_describe(const char *folders, struct arena *arena, Sk__NodeDescription *ret)
{
        /* What is wrong with a file is said when a container asks for a device, not at each look.
         */
        struct vec devices = read_all(folders, arena, pass_over);
        Sk__Plugin **plugins = arena_alloc(arena, (ret->n_plugins + devices.n) * sizeof *plugins);

        if (ret->n_plugins)
                memcpy(plugins, ret->plugins, ret->n_plugins * sizeof *plugins);
        for (size_t i = 0; i < devices.n; i++) {
                const struct cdi_device *device = vec_at(&devices, i);

                if (cdi_find(&devices, device->name) != device)
                        continue;
                plugins[ret->n_plugins] = arena_alloc(arena, sizeof **plugins);
                sk__plugin__init(plugins[ret->n_plugins]);
                plugins[ret->n_plugins]->type = "Device";
                plugins[ret->n_plugins++]->name = device->name;
        }
        ret->plugins = plugins;
        vec_done(&devices);
}

/* Fills in what is to be as on the node. */
static int resolve_nodes(struct cdi_edits *edits, struct err *err)
{
        for (size_t i = 0; i < edits->n_nodes; i++) {
                struct cdi_node *node = &edits->nodes[i];
                struct stat status;

                if (*node->type && node->major >= 0 && node->minor >= 0)
                        continue;
                if (stat(node->host_path, &status) < 0 ||
                    !(S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode) ||
                      S_ISFIFO(status.st_mode)))
                        return err_set(err, ERR_NOT_FOUND, "'%.200s' is no device of this node",
                                       node->host_path);
                node->type = S_ISCHR(status.st_mode) ? "c" : S_ISBLK(status.st_mode) ? "b" : "p";
                node->major = major(status.st_rdev);
                node->minor = minor(status.st_rdev);
                node->mode = node->mode < 0 ? status.st_mode & 0777 : node->mode;
        }
        return 0;
}

static int find_all(const struct vec *devices, const char *const *names, size_t n,
                    struct cdi_device *ret, struct err *err)
{
        for (size_t i = 0; i < n; i++) {
                const struct cdi_device *device = cdi_find(devices, names[i]);

                if (!device)
                        return err_set(err, ERR_NOT_FOUND, "this node has no device '%.128s'",
                                       names[i]);
                ret[i] = *device;
                TRY(resolve_nodes(&ret[i].shared, err));
                TRY(resolve_nodes(&ret[i].own, err));
        }
        return 0;
}

int devices_find(const char *folders, const char *const *names, size_t n, struct arena *arena,
                 const struct cdi_device **ret, struct err *err)
{
        struct cdi_device *found = arena_alloc(arena, n * sizeof *found);
        struct vec devices;
        int failed;

        *ret = found;
        if (!n)
                return 0;
        devices = read_all(folders, arena, complain);
        failed = find_all(&devices, names, n, found, err);
        vec_done(&devices);
        return failed;
}
