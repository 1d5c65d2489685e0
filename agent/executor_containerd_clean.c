/* Giving back what a container holds: its object, its file system, its network, its secrets.  Done
 * as soon as it has ended, for nothing needs them any more; its log and the word of its end stay
 * until the task is removed. */
#include <stdio.h>

#include "agent/executor_containerd_task.h"
#include "agent/oci/volume_record.h"
#include "agent/oci/volume.h"
#include "api/containerd/containers.pb-c.h"
#include "api/containerd/tasks.pb-c.h"
#include "lib/os/file.h"
#include "lib/os/log.h"

static const int64_t timeout_ns = 30 * NS_PER_S;

/* These are steps of the end of a process and of verbs; while a process ends, verbs wait. */
static struct chain *chain_of(struct executor_task *task)
{
        return task->process == PROCESS_ENDING ? &task->ending : &task->verb;
}

static void leave_shim(struct executor_task *task)
{
        if (!shims_leave(&task->executor->shims, &task->shim))
                task->shares_shim = true;
}

void executor_delete_process(struct executor_task *task, struct chain *chain,
                             void (*answered)(void *context, const void *out,
                                              const struct err *err))
{
        Ctd__Tasks__DeleteRequest in = CTD__TASKS__DELETE_REQUEST__INIT;

        if (!shim_place_may_leave(&task->shim)) {
                chain_wait(chain, shim_place_queue(&task->shim));
                return;
        }
        leave_shim(task);
        in.container_id = task->id;
        chain_call(chain, CONTAINERD_METHOD(tasks, tasks, Delete), &in.base, timeout_ns, answered);
}

/* An end goes on whatever fails: remove tries again. */
static void gone(void *context, const void *out, const struct err *err)
{
        struct executor_task *task = context;

        (void)out;
        if (!err || err->code == ERR_NOT_FOUND) {
                chain_next(chain_of(task));
        } else if (task->process == PROCESS_ENDING) {
                LOG(WARN, "a container that ended still holds something", STR("task", task->id),
                    STR("err", err->text));
                task->has_remains = true;
                chain_next(&task->ending);
        } else {
                chain_fail(&task->verb, err);
        }
}

void executor_delete_container(void *context)
{
        struct executor_task *task = context;
        Ctd__Containers__DeleteRequest in = CTD__CONTAINERS__DELETE_REQUEST__INIT;

        task->is_prepared = false;
        leave_shim(task);
        if (task->is_clean) {
                chain_next(chain_of(task));
                return;
        }
        in.id = task->id;
        chain_call(chain_of(task), CONTAINERD_METHOD(containers, containers, Delete), &in.base,
                   timeout_ns, gone);
}

void executor_remove_snapshot(void *context)
{
        struct executor_task *task = context;
        Ctd__Snapshots__RemoveRequest in = CTD__SNAPSHOTS__REMOVE_REQUEST__INIT;

        if (task->is_clean) {
                chain_next(chain_of(task));
                return;
        }
        in.snapshotter = CONTAINERD_SNAPSHOTTER;
        in.key = task->id;
        chain_call(chain_of(task), CONTAINERD_METHOD(snapshots, snapshots, Remove), &in.base,
                   timeout_ns, gone);
}

static void detached(void *context, const Sk__MeshReport__Attachment *attachment,
                     const struct err *err)
{
        struct executor_task *task = context;

        task->network_request = NULL;
        gone(task, attachment, err);
}

void executor_detach_network(void *context)
{
        struct executor_task *task = context;
        struct network *network = task->executor->options.network;

        if (executor_shares_network(task) || task->is_clean) {
                chain_next(chain_of(task));
                return;
        }
        /* An open that adopts a container asks for its network while the container ends: it need
         * not wait any more. */
        if (task->network_request) {
                network_forget(task->network_request);
                chain_next(&task->verb);
        }
        task->network_request = network_detach(network, task->id, detached, task);
}

int executor_unmount_parts(const struct executor_task *task, struct err *err)
{
        char path[PATH_SIZE];

        task_path(task, BUNDLE_PARTS_FOLDER, path);
        return volume_unmount_parts(path, err);
}

static void forget_volumes(const struct executor_task *task, const char *folder)
{
        char volumes[PATH_SIZE];
        struct err err;

        snprintf(volumes, sizeof volumes, "%s/volumes", task->executor->options.state_folder);
        if (volume_forget_users(folder, volumes, task->id, &err) < 0)
                LOG(WARN, "a volume plugin could not unmount", STR("task", task->id),
                    STR("err", err.text));
}

static int remove_memory_on_pool(void *context, struct err *err)
{
        struct executor_task *task = context;
        const char *parent = task->executor->options.cgroup_parent;
        char path[PATH_SIZE];
        int result;

        if (task->has_lost_process)
                shim_end(parent, task->id, task->shares_shim);
        if (!task->shares_shim)
                shim_end_idle(&task->shim_process);
        if (task->executor->server && (task->has_lost_process || task->is_cut_off) &&
            !task->shim_process.pid)
                shim_sweep(containerd_server_address(task->executor->server),
                           containerd_server_bundles(task->executor->server));
        /* Secrets go also when something hangs. */
        result = shim_remove_cgroups(parent, task->id, err);
        snprintf(path, sizeof path, "%s/%s", task->executor->memory_folder, task->id);
        TRY(file_remove_tree(path, err));
        TRY(executor_unmount_parts(task, err));
        task_path(task, NULL, path);
        forget_volumes(task, path);
        task_run_path(task, NULL, path);
        TRY(file_remove_tree(path, err));
        /* What a runc that was killed remembers. */
        snprintf(path, sizeof path, "%s/" EXECUTOR_RUNC_FOLDER "/" CONTAINERD_NAMESPACE "/%s",
                 task->executor->options.run_folder, task->id);
        TRY(file_remove_tree(path, err));
        return result;
}

void executor_remove_memory(void *context)
{
        struct executor_task *task = context;

        log_sink_free(TAKE(task->sink));
        if (task->executor->keeper)
                keeper_release(task->executor->keeper, task->id);
        task->is_clean = !task->has_remains;
        task->has_remains = false;
        chain_work(chain_of(task), remove_memory_on_pool);
}

/* --- snapshots of images that were mounted --- */

static void got_snapshots(void *context, const void *out)
{
        struct executor_task *task = context;
        const Ctd__Snapshots__ListResponse *answer = out;

        for (size_t i = 0; i < answer->n_info; i++) {
                const char *key = arena_strdup(&task->arena, answer->info[i]->name);

                vec_push(&task->snapshots, &key);
        }
}

/* Asked for, because an earlier agent may have made others: a tag moves. */
void executor_find_snapshots(void *context)
{
        struct executor_task *task = context;
        Ctd__Snapshots__ListRequest in = CTD__SNAPSHOTS__LIST_REQUEST__INIT;
        struct arena arena = { 0 };
        const char *filters[] = { arena_printf(&arena, "labels.\"skep.task\"==%s", task->id) };

        vec_clear(&task->snapshots);
        in.snapshotter = CONTAINERD_SNAPSHOTTER;
        in.filters = filters;
        in.n_filters = 1;
        if (task->has_snapshots)
                chain_stream(chain_of(task), CONTAINERD_METHOD(snapshots, snapshots, List),
                             &in.base, timeout_ns, got_snapshots);
        else
                chain_next(chain_of(task));
        arena_done(&arena);
}

static void removed_snapshot(void *context, const void *out, const struct err *err)
{
        struct executor_task *task = context;

        (void)out;
        if (err && err->code != ERR_NOT_FOUND) {
                chain_fail(chain_of(task), err);
                return;
        }
        task->snapshots.n--;
        executor_remove_snapshots(task);
}

void executor_remove_snapshots(void *context)
{
        struct executor_task *task = context;
        Ctd__Snapshots__RemoveRequest in = CTD__SNAPSHOTS__REMOVE_REQUEST__INIT;

        if (task->snapshots.n == 0) {
                task->has_snapshots = false;
                chain_next(chain_of(task));
                return;
        }
        in.snapshotter = CONTAINERD_SNAPSHOTTER;
        in.key = VEC_AT(&task->snapshots, const char *, task->snapshots.n - 1);
        chain_call(chain_of(task), CONTAINERD_METHOD(snapshots, snapshots, Remove), &in.base,
                   timeout_ns, removed_snapshot);
}
