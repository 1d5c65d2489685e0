/* Listing images. */
#include <jansson.h>
#include <string.h>

#include "agent/containerd/client.h"
#include "agent/containerd/images_private.h"
#include "api/containerd/cri.pb-c.h"
#include "lib/base/time.h"

static void copy_image(const Ctd__Cri__Image *from, struct arena *arena, Sk__Image *ret)
{
        sk__image__init(ret);
        ret->id = arena_strdup(arena, from->id);
        ret->size_bytes = (int64_t)from->size;
        ret->n_references = from->n_repo_tags;
        ret->references = arena_alloc(arena, (from->n_repo_tags + 1) * sizeof *ret->references);
        for (size_t i = 0; i < from->n_repo_tags; i++)
                ret->references[i] = arena_strdup(arena, from->repo_tags[i]);
        if (from->n_repo_tags == 0 && from->n_repo_digests > 0) {
                ret->references[0] = arena_strdup(arena, from->repo_digests[0]);
                ret->n_references = 1;
        }
        if (from->n_repo_digests > 0 && strchr(from->repo_digests[0], '@'))
                ret->digest = arena_strdup(arena, strchr(from->repo_digests[0], '@') + 1);
}

static void list_done(struct image_request *request, const struct err *err)
{
        request->listed(request->context, err ? NULL : request->list, err);
        free(request);
}

/* "2026-11-20T05:31:53Z" in the image's configuration; 0 when it does not say. */
static int64_t read_created(const Ctd__Cri__ImageStatusResponse *answer)
{
        int64_t created_ns = 0;

        for (size_t i = 0; i < answer->n_info; i++) {
                json_t *info = json_loads(answer->info[i]->value, 0, NULL);
                const json_t *image = json_object_get(info, "imageSpec");
                const char *text = json_string_value(json_object_get(image, "created"));

                if (text)
                        (void)str_to_time(text, &created_ns, NULL);
                json_decref(info);
        }
        return created_ns;
}

static void ask_next(struct image_request *request);

/* One that is gone meanwhile stays without its time. */
static void got_one(void *context, const void *out, const struct err *err)
{
        struct image_request *request = context;

        request->call = NULL;
        if (!err)
                request->list->images[request->at]->created_at_ns = read_created(out);
        request->at++;
        ask_next(request);
}

/* The list does not say when images were made: each is asked for. */
static void ask_next(struct image_request *request)
{
        if (request->at == request->list->n_images) {
                list_done(request, NULL);
                return;
        }
        request->reference = request->list->images[request->at]->id;
        image_ask_status(request, got_one);
}

static void got_images(void *context, const void *out, const struct err *err)
{
        struct image_request *request = context;
        const Ctd__Cri__ListImagesResponse *answer = out;
        Sk__ListImagesResponse *list;

        request->call = NULL;
        if (err) {
                list_done(request, err);
                return;
        }
        list = arena_alloc(request->arena, sizeof *list);
        sk__list_images_response__init(list);
        list->images = arena_alloc(request->arena, (answer->n_images + 1) * sizeof *list->images);
        list->n_images = answer->n_images;
        for (size_t i = 0; i < list->n_images; i++) {
                list->images[i] = arena_alloc(request->arena, sizeof **list->images);
                copy_image(answer->images[i], request->arena, list->images[i]);
        }
        request->list = list;
        ask_next(request);
}

struct image_request *image_list(struct images *images, struct arena *arena,
                                 void (*done)(void *context, const Sk__ListImagesResponse *images,
                                              const struct err *err),
                                 void *context)
{
        struct image_request *request = mem_alloc(sizeof *request);
        Ctd__Cri__ListImagesRequest in = CTD__CRI__LIST_IMAGES_REQUEST__INIT;

        request->images = images;
        request->arena = arena;
        request->listed = done;
        request->context = context;
        request->call =
                rpc_client_call(images->client, CONTAINERD_METHOD(cri, image_service, ListImages),
                                &in.base, IMAGES_TIMEOUT_NS, true, got_images, request);
        return request;
}
