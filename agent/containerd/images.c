/* A node's images, and removing one, by containerd's CRI plugin. */
#include "agent/containerd/images.h"

#include <string.h>

#include "agent/containerd/client.h"
#include "agent/containerd/images_private.h"
#include "api/containerd/cri.pb-c.h"
#include "lib/base/check.h"
#include "lib/base/str.h"

struct images *images_new(const struct images_options *options)
{
        struct images *images = mem_alloc(sizeof *images);

        images->loop = options->loop;
        images->pool = options->pool;
        images->client = options->client;
        images->address = str_copy(options->address);
        images->spool_folder = str_copy(options->spool_folder);
        images->pulls = pulls_new(options->loop, options->client, options->n_pulls_most,
                                  options->silence_ns);
        return images;
}

void images_free(struct images *images)
{
        if (!images)
                return;
        pulls_free(images->pulls);
        free(images->address);
        free(images->spool_folder);
        free(images);
}

void image_request_cancel(struct image_request *request)
{
        if (request->call)
                rpc_request_cancel(request->call);
        if (request->stream)
                rpc_stream_cancel(request->stream);
        pull_leave(&request->waiter);
        str_done(&request->config);
        free(request);
}

void image_ask_status(struct image_request *request, rpc_answered *answered)
{
        Ctd__Cri__ImageStatusRequest in = CTD__CRI__IMAGE_STATUS_REQUEST__INIT;
        Ctd__Cri__ImageSpec spec = CTD__CRI__IMAGE_SPEC__INIT;

        spec.image = request->reference;
        in.image = &spec;
        in.verbose = true;
        request->call = rpc_client_call(request->images->client,
                                        CONTAINERD_METHOD(cri, image_service, ImageStatus),
                                        &in.base, IMAGES_TIMEOUT_NS, true, answered, request);
}

static void remove_done(struct image_request *request, const struct err *err)
{
        request->removed(request->context, err ? NULL : &request->response, err);
        free(request);
}

static void removed(void *context, const void *out, const struct err *err)
{
        struct image_request *request = context;

        (void)out;
        request->call = NULL;
        remove_done(request, err);
}

static void note_names(struct image_request *request, const Ctd__Cri__Image *image)
{
        Sk__RemoveImageResponse *response = &request->response;

        response->untagged =
                arena_alloc(request->arena, (image->n_repo_tags + 1) * sizeof *response->untagged);
        response->n_untagged = image->n_repo_tags;
        for (size_t i = 0; i < image->n_repo_tags; i++)
                response->untagged[i] = arena_strdup(request->arena, image->repo_tags[i]);
        response->deleted = arena_alloc(request->arena, sizeof *response->deleted);
        response->deleted[0] = arena_strdup(request->arena, image->id);
        response->n_deleted = 1;
}

static void got_status_to_remove(void *context, const void *out, const struct err *err)
{
        struct image_request *request = context;
        const Ctd__Cri__ImageStatusResponse *answer = out;
        Ctd__Cri__RemoveImageRequest in = CTD__CRI__REMOVE_IMAGE_REQUEST__INIT;
        Ctd__Cri__ImageSpec spec = CTD__CRI__IMAGE_SPEC__INIT;
        struct err missing;

        request->call = NULL;
        if (err || !answer->image) {
                err_set(&missing, ERR_NOT_FOUND, "No such image: %s", request->reference);
                remove_done(request, err ? err : &missing);
                return;
        }
        note_names(request, answer->image);
        spec.image = answer->image->id;
        in.image = &spec;
        request->call = rpc_client_call(request->images->client,
                                        CONTAINERD_METHOD(cri, image_service, RemoveImage),
                                        &in.base, IMAGES_TIMEOUT_NS, true, removed, request);
}

struct image_request *image_remove(
        struct images *images, const char *reference, struct arena *arena,
        void (*done)(void *context, const Sk__RemoveImageResponse *removed, const struct err *err),
        void *context)
{
        struct image_request *request = mem_alloc(sizeof *request);

        request->images = images;
        request->arena = arena;
        request->reference = arena_strdup(arena, reference);
        request->removed = done;
        request->context = context;
        sk__remove_image_response__init(&request->response);
        image_ask_status(request, got_status_to_remove);
        return request;
}
