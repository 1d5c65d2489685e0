/* Room on the disk: images that no container uses go, the longest here first, when the disk is too
 * full.  Ended containers hold nothing, so images are all there is to give. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

#include "agent/executor_containerd_task.h"
#include "api/containerd/containers.pb-c.h"
#include "api/containerd/cri.pb-c.h"
#include "api/containerd/images.pb-c.h"
#include "lib/base/str.h"
#include "lib/base/vec.h"
#include "lib/os/log.h"

static const int64_t look_ns = 60 * NS_PER_S, timeout_ns = 120 * NS_PER_S;

struct candidate {
        const char *id;
        int64_t since_s;
};

struct disk_care {
        struct executor_containerd *executor;
        struct loop_timer timer;
        struct chain chain;
        struct arena arena; /* of one round */
        struct vec candidates;
        struct map used; /* ids of images; values mean nothing */
        size_t at;       /* the candidate to be removed next */
        int64_t used_percent;
};

/* --- how full is it? --- */

static int measure_on_pool(void *context, struct err *err)
{
        struct disk_care *disk = context;
        const char *path = disk->executor->options.state_folder;
        struct statvfs status;

        containerd_server_trim_log(disk->executor->server);
        if (statvfs(path, &status) < 0 || status.f_blocks == 0)
                return err_set(err, ERR_UNAVAILABLE, "look at the disk of '%s': %s", path,
                               strerror(errno));
        /* As df counts: of what anybody but root may use. */
        disk->used_percent = (int64_t)((status.f_blocks - status.f_bfree) * 100 /
                                       (status.f_blocks - status.f_bfree + status.f_bavail + 1));
        return 0;
}

static void measure(void *context)
{
        struct disk_care *disk = context;

        chain_work(&disk->chain, measure_on_pool);
}

/* --- what may go? --- */

static void got_images(void *context, const void *out, const struct err *err)
{
        struct disk_care *disk = context;
        const Ctd__Images__ListResponse *answer = out;

        if (err) {
                chain_fail(&disk->chain, err);
                return;
        }
        for (size_t i = 0; i < answer->n_images; i++) {
                const Ctd__Images__Image *image = answer->images[i];
                struct candidate *candidate = vec_add(&disk->candidates);

                candidate->id = arena_strdup(&disk->arena, image->name);
                candidate->since_s = image->created_at ? image->created_at->seconds : 0;
        }
        chain_next(&disk->chain);
}

/* The CRI plugin keeps, for each image, a name that is its id. */
static void list_images(void *context)
{
        struct disk_care *disk = context;
        Ctd__Images__ListRequest in = CTD__IMAGES__LIST_REQUEST__INIT;
        const char *filters[] = { "name~=^sha256:" };

        in.filters = filters;
        in.n_filters = 1;
        chain_call(&disk->chain, CONTAINERD_METHOD(images, images, List), &in.base, timeout_ns,
                   got_images);
}

static void note_used(struct disk_care *disk, const char *image_id)
{
        if (!str_is_empty(image_id))
                map_put(&disk->used, arena_strdup(&disk->arena, image_id), disk);
}

/* Its own, or one that is mounted into it. */
static bool is_image_label(const char *key)
{
        return str_equal(key, EXECUTOR_IMAGE_LABEL) ||
               str_starts_with(key, EXECUTOR_IMAGE_LABEL ".");
}

static void got_container(void *context, const void *out)
{
        struct disk_care *disk = context;
        const Ctd__Containers__ListMessage *message = out;
        const Ctd__Containers__Container *container = message->container;

        for (size_t i = 0; container && i < container->n_labels; i++)
                if (is_image_label(container->labels[i]->key))
                        note_used(disk, container->labels[i]->value);
}

static void list_containers(void *context)
{
        struct disk_care *disk = context;
        Ctd__Containers__ListRequest in = CTD__CONTAINERS__LIST_REQUEST__INIT;

        chain_stream(&disk->chain, CONTAINERD_METHOD(containers, containers, ListStream), &in.base,
                     timeout_ns, got_container);
}

/* --- removing --- */

static bool is_of_task(const struct executor_task *task, const char *image_id)
{
        size_t n_mounts = task->images ? task->spec->task->container->n_mounts : 0;

        for (size_t i = 0; i < n_mounts; i++)
                if (task->images[i].id && str_equal(task->images[i].id, image_id))
                        return true;
        return str_equal(task->image.id, image_id);
}

static bool is_used(const struct disk_care *disk, const char *image_id)
{
        const struct executor_task *task;

        /* Those being prepared have no container yet. */
        for (size_t at = 0; (task = map_next(&disk->executor->tasks, &at));) {
                if (!task->is_clean && is_of_task(task, image_id))
                        return true;
        }
        return map_find(&disk->used, image_id) != NULL;
}

static void removed(void *context, const void *out, const struct err *err)
{
        struct disk_care *disk = context;
        const char *id = VEC_AT(&disk->candidates, struct candidate, disk->at).id;

        (void)out;
        if (err)
                LOG(WARN, "an unused image could not be removed", STR("image", id),
                    STR("err", err->text));
        else
                LOG(INFO, "an unused image made room", STR("image", id),
                    INT("disk_percent", disk->used_percent));
        disk->at++;
        chain_next(&disk->chain);
}

static void remove_next(void *context)
{
        struct disk_care *disk = context;
        Ctd__Cri__RemoveImageRequest in = CTD__CRI__REMOVE_IMAGE_REQUEST__INIT;
        Ctd__Cri__ImageSpec image = CTD__CRI__IMAGE_SPEC__INIT;

        while (disk->at < disk->candidates.n &&
               is_used(disk, VEC_AT(&disk->candidates, struct candidate, disk->at).id))
                disk->at++;
        if (disk->at == disk->candidates.n) {
                chain_next(&disk->chain);
                return;
        }
        image.image = VEC_AT(&disk->candidates, struct candidate, disk->at).id;
        in.image = &image;
        chain_call(&disk->chain, CONTAINERD_METHOD(cri, image_service, RemoveImage), &in.base,
                   timeout_ns, removed);
}

/* --- rounds --- */

static void round_over(struct disk_care *disk)
{
        vec_clear(&disk->candidates);
        map_done(&disk->used);
        disk->used = (struct map){ 0 };
        arena_clear(&disk->arena);
        loop_timer_set(disk->executor->options.loop, &disk->timer, look_ns);
}

static int compare_age(const void *a, const void *b)
{
        const struct candidate *x = a, *y = b;

        return (x->since_s > y->since_s) - (x->since_s < y->since_s);
}

/* One image at a time, for a look at the disk after each. */
static void one_removed(void *context, const struct err *err)
{
        static chain_step *const again[] = { remove_next, measure, NULL };
        struct disk_care *disk = context;

        if (err)
                LOG(WARN, "the disk could not be looked after", STR("err", err->text));
        if (err || disk->at == disk->candidates.n ||
            disk->used_percent <= disk->executor->options.disk_low_percent)
                round_over(disk);
        else
                chain_begin(&disk->chain, again, one_removed);
}

static void listed(void *context, const struct err *err)
{
        struct disk_care *disk = context;

        vec_sort(&disk->candidates, compare_age);
        disk->at = 0;
        one_removed(disk, err);
}

static void measured(void *context, const struct err *err)
{
        static chain_step *const list[] = { list_images, list_containers, NULL };
        struct disk_care *disk = context;

        if (err || disk->used_percent < disk->executor->options.disk_high_percent) {
                round_over(disk);
                return;
        }
        chain_begin(&disk->chain, list, listed);
}

static void look(void *context)
{
        static chain_step *const steps[] = { measure, NULL };
        struct disk_care *disk = context;

        chain_begin(&disk->chain, steps, measured);
}

struct disk_care *disk_care_new(struct executor_containerd *executor)
{
        struct disk_care *disk = mem_alloc(sizeof *disk);

        disk->executor = executor;
        disk->candidates = VEC_OF(struct candidate);
        disk->timer = (struct loop_timer){ .fire = look, .context = disk };
        disk->chain = (struct chain){
                .loop = executor->options.loop,
                .pool = executor->options.pool,
                .client = executor->client,
                .context = disk,
        };
        look(disk);
        return disk;
}

static void destroy(void *context)
{
        struct disk_care *disk = context;

        vec_done(&disk->candidates);
        map_done(&disk->used);
        arena_done(&disk->arena);
        free(disk);
}

void disk_care_free(struct disk_care *disk)
{
        if (!disk)
                return;
        loop_timer_cancel(&disk->timer);
        if (chain_cancel(&disk->chain, destroy))
                destroy(disk);
}
