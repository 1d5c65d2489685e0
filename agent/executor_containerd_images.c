/* The images a task is made from: its own, and those that are mounted into it.
 *
 * Of a mount's image the task has a snapshot that nobody can write, for as long as it has its own:
 * so the layers stay, whatever becomes of the image. */
#include "agent/executor_containerd_task.h"
#include "lib/base/str.h"

static const int64_t timeout_ns = 30 * NS_PER_S;

enum { REGISTRY_MAX = 256 };

static void image_progressed(void *context, const char *message)
{
        struct executor_task *task = context;

        if (task->events.progress)
                task->events.progress(task->context, message);
}

/* --- its own --- */

static void got_image(void *context, const struct image *image, const struct err *err)
{
        struct executor_task *task = context;
        struct err bad;

        task->image_request = NULL;
        if (err) {
                chain_fail(&task->verb, err);
                return;
        }
        task->image = *image;
        task->facts.image_digest = str_or(image->digest, image->id);
        if (oci_stop_signal(task->spec->task->container, &image->config, &task->stop_signal, &bad) <
            0)
                chain_fail(&task->verb, &bad);
        else
                chain_next(&task->verb);
}

void executor_obtain_image(void *context)
{
        static const struct image_events events = { image_progressed, got_image };
        struct executor_task *task = context;
        const Sk__ContainerSpec *container = task->spec->task->container;

        task->image_request = image_obtain(task->executor->images, container->image,
                                           container->registry_auth, &task->arena, &events, task);
}

/* --- those of mounts, one after the other --- */

/* False: none is left, and the next step begins with the first again. */
static bool find_image(struct executor_task *task)
{
        const Sk__ContainerSpec *container = task->spec->task->container;

        for (; task->image_at < container->n_mounts; task->image_at++)
                if (container->mounts[task->image_at]->type == SK__MOUNT__TYPE__IMAGE)
                        return true;
        task->image_at = 0;
        return false;
}

/* What a tag means is asked once: all mounts of the task show the same. */
static bool is_here(struct executor_task *task, const char *reference, struct bundle_image *ret)
{
        ret->reference = reference;
        if (str_equal(reference, task->spec->task->container->image)) {
                ret->id = task->image.id;
                ret->chain_id = task->image.chain_id;
                return true;
        }
        for (size_t i = 0; i < task->image_at; i++) {
                if (task->images[i].reference && str_equal(reference, task->images[i].reference)) {
                        *ret = task->images[i];
                        return true;
                }
        }
        return false;
}

/* Credentials were handed over for the registry of the task's own image; no other sees them. */
static const Sk__RegistryAuth *find_auth(const struct executor_task *task, const char *reference)
{
        const Sk__ContainerSpec *container = task->spec->task->container;
        char own[REGISTRY_MAX], other[REGISTRY_MAX];

        image_registry(container->image, own, sizeof own);
        image_registry(reference, other, sizeof other);
        return str_equal(own, other) ? container->registry_auth : NULL;
}

static void obtain_next(struct executor_task *task);

static void got_mount_image(void *context, const struct image *image, const struct err *err)
{
        struct executor_task *task = context;

        task->image_request = NULL;
        if (err) {
                chain_fail(&task->verb, err);
                return;
        }
        task->images[task->image_at].id = image->id;
        task->images[task->image_at].chain_id = image->chain_id;
        task->image_at++;
        obtain_next(task);
}

static void obtain_next(struct executor_task *task)
{
        static const struct image_events events = { image_progressed, got_mount_image };
        Sk__Mount *const *mounts = task->spec->task->container->mounts;
        struct arena *arena = &task->arena;
        const char *reference;
        struct err err;

        for (; find_image(task); task->image_at++) {
                if (expand_text(mounts[task->image_at]->source, &task->values, arena, &reference,
                                &err) < 0) {
                        chain_fail(&task->verb, &err);
                        return;
                }
                if (!is_here(task, reference, &task->images[task->image_at])) {
                        task->image_request =
                                image_obtain(task->executor->images, reference,
                                             find_auth(task, reference), arena, &events, task);
                        return;
                }
        }
        chain_next(&task->verb);
}

void executor_obtain_mount_images(void *context)
{
        struct executor_task *task = context;
        size_t n = task->spec->task->container->n_mounts;

        task->images = arena_alloc(&task->arena, (n + 1) * sizeof *task->images);
        task->image_at = 0;
        obtain_next(task);
}

/* --- where their layers are --- */

static void keep_view(struct executor_task *task, Ctd__Types__Mount *const *mounts, size_t n)
{
        const Ctd__Snapshots__PrepareResponse *kept;
        struct err err;

        if (executor_keep_snapshot(task, mounts, n, &kept, &task->images[task->image_at].rootfs,
                                   &err) < 0) {
                chain_fail(&task->verb, &err);
                return;
        }
        task->image_at++;
        executor_view_mount_images(task);
}

static void got_mounts(void *context, const void *out, const struct err *err)
{
        struct executor_task *task = context;
        const Ctd__Snapshots__MountsResponse *answer = out;

        if (err)
                chain_fail(&task->verb, err);
        else
                keep_view(task, answer->mounts, answer->n_mounts);
}

/* It names its layers, so that one that is there already shows the same, whoever made it. */
static const char *view_key(const struct executor_task *task, struct arena *arena)
{
        return arena_printf(arena, "%s.%s", task->id, task->images[task->image_at].chain_id);
}

static void got_view(void *context, const void *out, const struct err *err)
{
        struct executor_task *task = context;
        const Ctd__Snapshots__PrepareResponse *answer = out;
        Ctd__Snapshots__MountsRequest in = CTD__SNAPSHOTS__MOUNTS_REQUEST__INIT;
        struct arena arena = { 0 };

        if (err && err->code == ERR_EXISTS) {
                in.snapshotter = CONTAINERD_SNAPSHOTTER;
                in.key = view_key(task, &arena);
                chain_call(&task->verb, CONTAINERD_METHOD(snapshots, snapshots, Mounts), &in.base,
                           timeout_ns, got_mounts);
                arena_done(&arena);
        } else if (err) {
                chain_fail(&task->verb, err);
        } else {
                keep_view(task, answer->mounts, answer->n_mounts);
        }
}

void executor_view_mount_images(void *context)
{
        struct executor_task *task = context;
        Ctd__Snapshots__PrepareRequest in = CTD__SNAPSHOTS__PREPARE_REQUEST__INIT;
        struct arena arena = { 0 };

        if (!find_image(task)) {
                chain_next(&task->verb);
                return;
        }
        task->has_snapshots = true;
        executor_describe_snapshot(task, &arena, view_key(task, &arena),
                                   task->images[task->image_at].chain_id, &in);
        chain_call(&task->verb, CONTAINERD_METHOD(snapshots, snapshots, View), &in.base, timeout_ns,
                   got_view);
        arena_done(&arena);
}
