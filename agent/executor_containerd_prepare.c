/* Preparing: everything but starting. */
#include <stdio.h>
#include <string.h>

#include "agent/executor_containerd_task.h"
#include "api/containerd/containers.pb-c.h"
#include "lib/base/str.h"
#include "lib/os/file.h"
#include "lib/message/message.h"

static const int64_t timeout_ns = 30 * NS_PER_S;

enum { LABEL_MAX = 4000 };

/* What cannot be here whatever the image is refused before anything is pulled. */
static void check_spec(void *context)
{
        struct executor_task *task = context;
        struct arena arena = { 0 };
        struct log_config config;
        struct err err;

        task->is_clean = false;
        if (executor_read_log_config(task, &arena, &config, &err) < 0)
                chain_fail(&task->verb, &err);
        else
                chain_next(&task->verb);
        arena_done(&arena);
}

static void keep_ports(struct executor_task *task, const Sk__MeshReport__Attachment *attachment)
{
        const Sk__PortConfig **ports =
                arena_alloc(&task->arena, (attachment->n_host_ports + 1) * sizeof *ports);

        for (size_t i = 0; i < attachment->n_host_ports; i++)
                ports[i] = (const Sk__PortConfig *)message_copy(&task->arena,
                                                                &attachment->host_ports[i]->base);
        task->facts.host_ports = ports;
        task->facts.n_host_ports = attachment->n_host_ports;
}

static void attached(void *context, const Sk__MeshReport__Attachment *attachment,
                     const struct err *err)
{
        struct executor_task *task = context;

        task->network_request = NULL;
        if (err) {
                chain_fail(&task->verb, err);
                return;
        }
        task->netns_path = arena_strdup(&task->arena, str_or(attachment->netns_path, NULL));
        task->address = arena_strdup(&task->arena, attachment->address);
        keep_ports(task, attachment);
        chain_next(&task->verb);
}

bool executor_shares_network(const struct executor_task *task)
{
        const Sk__TaskSpec *spec = task->spec->task;

        for (size_t i = 0; i < spec->n_networks; i++)
                if (str_equal(spec->networks[i]->target, "host"))
                        return true;
        return !task->executor->options.network;
}

void executor_attach_network(void *context)
{
        struct executor_task *task = context;
        const Sk__EndpointSpec *endpoint = task->spec->endpoint;
        Sk__PortConfig **ports;
        size_t n = 0;

        if (executor_shares_network(task)) {
                chain_next(&task->verb);
                return;
        }
        ports = arena_alloc(&task->arena, ((endpoint ? endpoint->n_ports : 0) + 1) * sizeof *ports);
        for (size_t i = 0; endpoint && i < endpoint->n_ports; i++) {
                if (endpoint->ports[i]->publish_mode == SK__PORT_CONFIG__PUBLISH_MODE__HOST)
                        ports[n++] = endpoint->ports[i];
        }
        task->network_request =
                network_attach(task->executor->options.network, task->id, ports, n, attached, task);
}

static Ctd__Types__Label *make_label(struct arena *arena, const char *key, const char *value)
{
        Ctd__Types__Label *label = arena_alloc(arena, sizeof *label);

        ctd__types__label__init(label);
        label->key = key;
        label->value = value;
        return label;
}

/* Snapshots are found by the task, and are roots of containerd's garbage collector: they stay, with
 * all their layers, until they are removed here, also while no container names them yet. */
void executor_describe_snapshot(const struct executor_task *task, struct arena *arena,
                                const char *key, const char *parent,
                                Ctd__Snapshots__PrepareRequest *ret)
{
        struct str now = { 0 };

        str_add_time(&now, loop_now(task->executor->options.loop));
        ret->snapshotter = CONTAINERD_SNAPSHOTTER;
        ret->key = key;
        ret->parent = parent;
        ret->labels = arena_alloc(arena, 2 * sizeof *ret->labels);
        ret->labels[0] = make_label(arena, "containerd.io/gc.root", arena_strdup(arena, now.text));
        ret->labels[1] = make_label(arena, "skep.task", task->id);
        ret->n_labels = 2;
        str_done(&now);
}

int executor_keep_snapshot(struct executor_task *task, Ctd__Types__Mount *const *mounts, size_t n,
                           const Ctd__Snapshots__PrepareResponse **ret_snapshot,
                           struct rootfs_mount *ret_mount, struct err *err)
{
        Ctd__Snapshots__PrepareResponse copy = CTD__SNAPSHOTS__PREPARE_RESPONSE__INIT;
        const Ctd__Snapshots__PrepareResponse *kept;

        if (n != 1)
                return err_set(err, ERR_INTERNAL, "containerd gave %zu mounts for one file system",
                               n);
        copy.mounts = (Ctd__Types__Mount **)mounts;
        copy.n_mounts = n;
        kept = (const Ctd__Snapshots__PrepareResponse *)message_copy(&task->arena, &copy.base);
        *ret_snapshot = kept;
        *ret_mount = (struct rootfs_mount){
                .type = kept->mounts[0]->type,
                .source = kept->mounts[0]->source,
                .options = (const char *const *)kept->mounts[0]->options,
                .n_options = kept->mounts[0]->n_options,
        };
        return 0;
}

static void keep_snapshot(struct executor_task *task, Ctd__Types__Mount *const *mounts, size_t n)
{
        struct err err;

        if (executor_keep_snapshot(task, mounts, n, &task->snapshot, &task->rootfs, &err) < 0)
                chain_fail(&task->verb, &err);
        else
                chain_next(&task->verb);
}

static void got_mounts(void *context, const void *out, const struct err *err)
{
        struct executor_task *task = context;
        const Ctd__Snapshots__MountsResponse *answer = out;

        if (err)
                chain_fail(&task->verb, err);
        else
                keep_snapshot(task, answer->mounts, answer->n_mounts);
}

static void got_snapshot(void *context, const void *out, const struct err *err)
{
        struct executor_task *task = context;
        const Ctd__Snapshots__PrepareResponse *answer = out;
        Ctd__Snapshots__MountsRequest in = CTD__SNAPSHOTS__MOUNTS_REQUEST__INIT;

        if (err && err->code == ERR_EXISTS) {
                in.snapshotter = CONTAINERD_SNAPSHOTTER;
                in.key = task->id;
                chain_call(&task->verb, CONTAINERD_METHOD(snapshots, snapshots, Mounts), &in.base,
                           timeout_ns, got_mounts);
        } else if (err) {
                chain_fail(&task->verb, err);
        } else {
                keep_snapshot(task, answer->mounts, answer->n_mounts);
        }
}

static void prepare_snapshot(void *context)
{
        struct executor_task *task = context;
        Ctd__Snapshots__PrepareRequest in = CTD__SNAPSHOTS__PREPARE_REQUEST__INIT;
        struct arena arena = { 0 };

        executor_describe_snapshot(task, &arena, task->id, task->image.chain_id, &in);
        chain_call(&task->verb, CONTAINERD_METHOD(snapshots, snapshots, Prepare), &in.base,
                   timeout_ns, got_snapshot);
        arena_done(&arena);
}

/* Copied, as others may be forgotten meanwhile. */
static const struct image_users *find_known_users(struct executor_task *task)
{
        const struct image_users *known =
                known_users_find(&task->executor->known_users, task->image.chain_id);
        struct image_users *copy;

        if (!known)
                return NULL;
        copy = arena_alloc(&task->arena, sizeof *copy);
        copy->passwd = arena_strdup(&task->arena, known->passwd);
        copy->group = arena_strdup(&task->arena, known->group);
        return copy;
}

static int make_bundle_on_pool(void *context, struct err *err)
{
        struct executor_task *task = context;

        return bundle_make(&task->bundle, err);
}

static void make_bundle(void *context)
{
        struct executor_task *task = context;
        const struct executor_containerd *executor = task->executor;
        const struct executor_containerd_options *options = &executor->options;
        struct arena *arena = &task->arena;
        char folder[PATH_SIZE], group_id[SHIM_GROUP_ID_SIZE];

        os_random_id(group_id);
        shims_leave(&task->executor->shims, &task->shim);
        shims_take_place(&task->executor->shims, group_id, &task->shim);
        task->shares_shim = task->is_shim_gone = false;
        task_path(task, NULL, folder);
        arena_done(&task->bundle.arena);
        task->bundle = (struct bundle){
                .id = task->id,
                .spec = task->spec,
                .image = &task->image.config,
                .host = &executor->host,
                .rootfs = &task->rootfs,
                .images = task->images,
                .files = task->files,
                .n_files = task->n_files,
                .folder = arena_strdup(arena, folder),
                .memory_folder = arena_printf(arena, "%s/%s", executor->memory_folder, task->id),
                .now_ns = loop_now(executor->options.loop),
                .volumes_folder = arena_printf(arena, "%s/volumes", options->state_folder),
                .cgroup_path = arena_printf(arena, "/%s/%s", options->cgroup_parent, task->id),
                .init_path = executor->init_path,
                .dns_server = task->netns_path ? options->dns_server : NULL,
                .netns_path = task->netns_path,
                .address = task->address,
                .node_hostname = task->values.node_hostname,
                .values = &task->values,
                .resource_env = task->resource_env,
                .n_resource_env = task->n_resource_env,
                .labels = task->labels,
                .n_labels = task->n_labels,
                .cdi_folders = options->cdi_folders,
                .shim_group = shim_place_group(&task->shim),
                .known_users = find_known_users(task),
        };
        chain_work(&task->verb, make_bundle_on_pool);
}

/* --- the container object --- */

/* Containerd refuses labels above 4 KiB; the annotations have those too. */
static void fill_labels(struct executor_task *task, struct arena *arena,
                        Ctd__Containers__Container *container)
{
        size_t n = 0, n_mounts = task->spec->task->container->n_mounts;
        size_t most = task->n_labels + n_mounts + 4;
        Ctd__Types__Label **labels = arena_alloc(arena, most * sizeof *labels);

        labels[n++] = make_label(arena, "skep.task", task->id);
        labels[n++] = make_label(arena, EXECUTOR_IMAGE_LABEL, task->image.id);
        labels[n++] = make_label(arena, "skep.image-digest", task->facts.image_digest);
        labels[n++] =
                make_label(arena, "skep.stop-signal", arena_printf(arena, "%d", task->stop_signal));
        for (size_t i = 0; i < n_mounts; i++)
                if (task->images[i].id)
                        labels[n++] =
                                make_label(arena,
                                           arena_printf(arena, EXECUTOR_IMAGE_LABEL ".%zu", i),
                                           task->images[i].id);
        for (size_t i = 0; i < task->n_labels; i++) {
                const Sk__Label *label = &task->labels[i];

                if (strlen(label->key) + strlen(label->value) < LABEL_MAX && label->key[0])
                        labels[n++] = make_label(arena, label->key, label->value);
        }
        container->labels = labels;
        container->n_labels = n;
}

static void create_container(void *context);

static void deleted_old_container(void *context, const void *out, const struct err *err)
{
        struct executor_task *task = context;

        (void)out;
        if (err && err->code != ERR_NOT_FOUND)
                chain_fail(&task->verb, err);
        else
                create_container(task);
}

static void created_container(void *context, const void *out, const struct err *err)
{
        struct executor_task *task = context;
        Ctd__Containers__DeleteRequest in = CTD__CONTAINERS__DELETE_REQUEST__INIT;

        (void)out;
        if (err && err->code == ERR_EXISTS) {
                in.id = task->id;
                chain_call(&task->verb, CONTAINERD_METHOD(containers, containers, Delete), &in.base,
                           timeout_ns, deleted_old_container);
        } else if (err) {
                chain_fail(&task->verb, err);
        } else {
                task->is_prepared = true;
                task->facts.container_id = task->id;
                chain_next(&task->verb);
        }
}

static void pack_any(struct arena *arena, const ProtobufCMessage *message, Ctd__Types__Any *ret)
{
        message_pack(arena, message, &ret->value.data, &ret->value.len);
}

/* How the shim is to call runc: with a state folder of ours, because ids are shared by all
 * containerds of a machine otherwise. */
void executor_runtime_options(struct executor_task *task, struct arena *arena, Ctd__Types__Any *ret)
{
        Ctd__Types__RuncOptions options = CTD__TYPES__RUNC_OPTIONS__INIT;

        options.root =
                arena_printf(arena, "%s/" EXECUTOR_RUNC_FOLDER, task->executor->options.run_folder);
        ret->type_url = "containerd.runc.v1.Options";
        pack_any(arena, &options.base, ret);
}

static void create_container(void *context)
{
        struct executor_task *task = context;
        struct arena arena = { 0 };
        Ctd__Containers__CreateRequest in = CTD__CONTAINERS__CREATE_REQUEST__INIT;
        Ctd__Containers__Container container = CTD__CONTAINERS__CONTAINER__INIT;
        Ctd__Containers__Container__Runtime runtime = CTD__CONTAINERS__CONTAINER__RUNTIME__INIT;
        Ctd__Types__Any options = CTD__TYPES__ANY__INIT, spec = CTD__TYPES__ANY__INIT;

        known_users_keep(&task->executor->known_users, task->image.chain_id, &task->bundle.users);
        executor_runtime_options(task, &arena, &options);
        spec.type_url = "types.containerd.io/opencontainers/runtime-spec/1/Spec";
        spec.value.data = (uint8_t *)task->bundle.json;
        spec.value.len = task->bundle.json_size;
        runtime.name = CONTAINERD_RUNTIME;
        runtime.options = &options;
        container.id = task->id;
        container.image = task->spec->task->container->image;
        container.runtime = &runtime;
        container.spec = &spec;
        container.snapshotter = CONTAINERD_SNAPSHOTTER;
        container.snapshot_key = task->id;
        fill_labels(task, &arena, &container);
        in.container = &container;
        chain_call(&task->verb, CONTAINERD_METHOD(containers, containers, Create), &in.base,
                   timeout_ns, created_container);
        arena_done(&arena);
}

chain_step *const executor_prepare_steps[] = {
        check_spec,
        executor_obtain_image,
        executor_obtain_mount_images,
        executor_attach_network,
        prepare_snapshot,
        executor_view_mount_images,
        make_bundle,
        create_container,
        NULL,
};
