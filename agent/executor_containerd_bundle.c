/* Making a container's files and configuration. */
#include "agent/executor_containerd_bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/executor_containerd_devices.h"
#include "agent/executor_containerd_mounts.h"
#include "agent/oci/files.h"
#include "agent/oci/health.h"
#include "agent/oci/user.h"
#include "lib/base/check.h"
#include "lib/base/str.h"
#include "lib/os/file.h"

enum { USERS_FILE_MAX = 4 << 20, RESOLV_MAX = 64 << 10, HOSTNAME_MAX = 63, HOSTNAME_DEFAULT = 12 };

/* --- hosts, hostname, resolv.conf --- */

static int write_text(struct bundle *bundle, const char *name, const struct str *text,
                      struct err *err)
{
        const char *path = arena_printf(&bundle->arena, "%s/%s", bundle->folder, name);

        return file_write_plain(path, str_text(text), text->length, 0644, err);
}

static int write_hosts(struct bundle *bundle, const char *hostname, struct err *err)
{
        _cleanup_(str_done) struct str text = { 0 };

        TRY(oci_hosts_text(bundle->spec->task->container, bundle->address, hostname, &text, err));
        return write_text(bundle, "hosts", &text, err);
}

static int write_resolv(struct bundle *bundle, struct err *err)
{
        _cleanup_(str_done) struct str text = { 0 }, node = { 0 };

        (void)file_read("/etc/resolv.conf", RESOLV_MAX, &node, NULL);
        TRY(oci_resolv_text(bundle->spec->task->container->dns, bundle->dns_server, str_text(&node),
                            bundle->netns_path != NULL, &text, err));
        return write_text(bundle, "resolv.conf", &text, err);
}

static int write_hostname(struct bundle *bundle, const char *hostname, struct err *err)
{
        _cleanup_(str_done) struct str text = { 0 };

        str_addf(&text, "%s\n", hostname);
        return write_text(bundle, "hostname", &text, err);
}

/* As docker: what the spec says, else the first 12 characters of the
 * container's id; with the node's network the node's. */
static int find_hostname(struct bundle *bundle, const char **ret, struct err *err)
{
        const char *asked = bundle->spec->task->container->hostname, *name;

        if (str_is_empty(asked) && !bundle->netns_path)
                name = bundle->node_hostname;
        else if (str_is_empty(asked))
                name = arena_printf(&bundle->arena, "%.*s", HOSTNAME_DEFAULT, bundle->id);
        else
                name = asked;
        if (strlen(name) > HOSTNAME_MAX || strpbrk(name, " /\t\n"))
                return err_set(err, ERR_INVALID, "'%.100s' is no hostname", name);
        *ret = name;
        return 0;
}

/* --- from the image --- */

struct look {
        struct bundle *bundle;
        struct mount_list *mounts;
};

static int look_inside(void *context, int root_fd, struct err *err)
{
        struct look *look = context;
        struct bundle *bundle = look->bundle;
        _cleanup_(str_done) struct str passwd = { 0 }, group = { 0 };

        TRY(rootfs_read(root_fd, "/etc/passwd", USERS_FILE_MAX, &passwd, err));
        TRY(rootfs_read(root_fd, "/etc/group", USERS_FILE_MAX, &group, err));
        bundle->users.passwd = arena_strdup(&bundle->arena, str_text(&passwd));
        bundle->users.group = arena_strdup(&bundle->arena, str_text(&group));
        return mount_list_fill_volumes(look->mounts, root_fd, err);
}

/* To look means to mount: not when all that is looked for is known. */
static int find_user(struct bundle *bundle, struct mount_list *mounts, struct oci_user *ret,
                     struct err *err)
{
        const Sk__ContainerSpec *container = bundle->spec->task->container;
        const char *place = arena_printf(&bundle->arena, "%s/rootfs", bundle->folder);
        struct look look = { bundle, mounts };

        if (bundle->known_users && mounts->volumes.n == 0)
                bundle->users = *bundle->known_users;
        else
                TRY(rootfs_visit(bundle->rootfs, place, look_inside, &look, err));
        return oci_user_find(str_or(container->user, bundle->image->user),
                             (const char *const *)container->groups, container->n_groups,
                             bundle->users.passwd, bundle->users.group, &bundle->arena, ret, err);
}

/* What the node adds can be replaced by the spec. */
static const char **make_env(struct bundle *bundle, size_t *ret_n)
{
        const Sk__ContainerSpec *container = bundle->spec->task->container;
        size_t n = 0, most = bundle->n_resource_env + container->n_env;
        const char **env = arena_alloc(&bundle->arena, (most + 1) * sizeof *env);

        while (n < bundle->n_resource_env) {
                env[n] = bundle->resource_env[n];
                n++;
        }
        for (size_t i = 0; i < container->n_env; i++)
                env[n++] = container->env[i];
        *ret_n = n;
        return env;
}

/* From here on the spec has no templates in it. */
static int expand_spec(struct bundle *bundle, struct err *err)
{
        Sk__ServiceSpec *spec = arena_copy(&bundle->arena, bundle->spec, sizeof *spec);

        spec->task = arena_copy(&bundle->arena, spec->task, sizeof *spec->task);
        TRY(expand_container(bundle->spec->task->container, bundle->values, &bundle->arena,
                             &spec->task->container, err));
        bundle->spec = spec;
        return 0;
}

static int make_folders(const struct bundle *bundle, struct err *err)
{
        _cleanup_(freep) char *place = NULL;

        if (asprintf(&place, "%s/rootfs", bundle->folder) < 0)
                return err_set(err, ERR_EXHAUSTED, "out of memory");
        TRY(file_make_folders(bundle->folder, 0711, err));
        return file_make_folders(place, 0700, err);
}

/* What is needed to look after the container lies in its folder, for agents to come. */
static int write_check(struct bundle *bundle, const struct oci_input *input, const char *name,
                       const Sk__HealthConfig *asked, const struct oci_health *inherited,
                       struct err *err)
{
        const char *path = arena_printf(&bundle->arena, "%s/%s", bundle->folder, name);
        struct oci_health settings;
        const char *probe;

        if (!health_settings(asked, inherited, &bundle->arena, &settings))
                return 0;
        TRY(oci_probe_build(input, &settings, &bundle->arena, &probe, err));
        return file_write_plain(path, probe, strlen(probe), 0600, err);
}

static int write_configuration(struct bundle *bundle, const struct oci_input *input,
                               struct err *err)
{
        static const struct oci_health nothing;
        const Sk__ContainerSpec *container = bundle->spec->task->container;

        TRY(oci_spec_build(input, &bundle->arena, &bundle->json, &bundle->json_size, err));
        TRY(write_check(bundle, input, BUNDLE_HEALTH_FILE, container->health,
                        &bundle->image->health, err));
        return write_check(bundle, input, BUNDLE_READINESS_FILE, container->readiness, &nothing,
                           err);
}

static int make_all(struct bundle *bundle, struct mount_list *mounts, struct err *err)
{
        const Sk__ContainerSpec *container = bundle->spec->task->container;
        const struct cdi_device *devices;
        struct oci_user user;
        const char *hostname = NULL, **env;
        size_t n_env;

        TRY(expand_spec(bundle, err));
        TRY(make_folders(bundle, err));
        TRY(devices_find(bundle->cdi_folders, (const char *const *)container->devices,
                         container->n_devices, &bundle->arena, &devices, err));
        TRY(find_hostname(bundle, &hostname, err));
        TRY(write_hosts(bundle, hostname, err));
        TRY(write_hostname(bundle, hostname, err));
        TRY(write_resolv(bundle, err));
        env = make_env(bundle, &n_env);
        TRY(mount_list_build(mounts, err));
        TRY(find_user(bundle, mounts, &user, err));
        return write_configuration(bundle,
                                   &(struct oci_input){
                                           .spec = bundle->spec,
                                           .image = bundle->image,
                                           .host = bundle->host,
                                           .user = &user,
                                           .id = bundle->id,
                                           .hostname = hostname,
                                           .env = env,
                                           .n_env = n_env,
                                           .netns_path = bundle->netns_path,
                                           .cgroup_path = bundle->cgroup_path,
                                           .init_path = bundle->init_path,
                                           .mounts = mounts->mounts.data,
                                           .n_mounts = mounts->mounts.n,
                                           .devices = devices,
                                           .n_devices = container->n_devices,
                                           .labels = bundle->labels,
                                           .n_labels = bundle->n_labels,
                                           .shim_group = bundle->shim_group,
                                   },
                                   err);
}

int bundle_make(struct bundle *bundle, struct err *err)
{
        struct mount_list mounts = { .bundle = bundle, .mounts = VEC_OF(struct oci_mount) };
        int failed = make_all(bundle, &mounts, err);

        mount_list_done(&mounts);
        return failed;
}
