/* Obtaining images: looking, pulling, reading what they say. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "agent/containerd/client.h"
#include "agent/containerd/images_private.h"
#include "api/containerd/content.pb-c.h"
#include "api/containerd/cri.pb-c.h"
#include "lib/base/check.h"
#include "lib/base/str.h"

enum { ERROR_WORDS_MAX = 300, CONFIG_MAX = 4 << 20 };

/* What the CRI plugin says of an image: which digest, and where its layers are. */
static int read_image(const Ctd__Cri__ImageStatusResponse *answer, struct arena *arena,
                      struct image *ret, struct err *err)
{
        struct image image = { .id = arena_strdup(arena, answer->image->id), .digest = "" };
        const char *text = "";
        json_t *info;

        for (size_t i = 0; i < answer->image->n_repo_digests; i++) {
                const char *at = strchr(answer->image->repo_digests[i], '@');

                if (at && !*image.digest)
                        image.digest = arena_strdup(arena, at + 1);
        }
        for (size_t i = 0; i < answer->n_info; i++) {
                if (str_equal(answer->info[i]->key, "info"))
                        text = answer->info[i]->value;
        }
        info = json_loads(text, 0, NULL);
        image.chain_id = arena_strdup(arena, json_string_value(json_object_get(info, "chainID")));
        json_decref(info);
        if (!image.chain_id)
                return err_set(err, ERR_INTERNAL, "containerd does not say where '%s' lies",
                               image.id);
        *ret = image;
        return 0;
}

static void obtain_done(struct image_request *request, const struct image *image,
                        const struct err *err)
{
        struct image_events events = request->events;
        void *context = request->context;
        struct image copy;

        if (image)
                copy = *image;
        image = image ? &copy : NULL;
        str_done(&request->config);
        free(request);
        events.done(context, image, err);
}

/* The registry's words without containerd's repetitions: what comes after the last but one "failed
 * to ...: ". */
static const char *registry_words(const char *text)
{
        const char *found = text, *at;

        while ((at = strstr(found, "failed to ")) && (at = strstr(at, ": ")))
                found = at + 2;
        return found;
}

static void fail_obtain(struct image_request *request)
{
        const char *words = registry_words(request->pull_err.text), *name = request->reference;
        bool is_away = request->pull_err.code == ERR_UNAVAILABLE || strstr(words, "dial tcp") ||
                       strstr(words, "timeout");
        struct err err;

        /* What "no such image" says already. */
        if (str_starts_with(words, name) && str_equal(words + strlen(name), ": not found"))
                words = "";
        err_set(&err, is_away ? ERR_UNAVAILABLE : ERR_NOT_FOUND, "No such image: %s%s%.*s%s", name,
                *words ? " (" : "", ERROR_WORDS_MAX, words, *words ? ")" : "");
        obtain_done(request, NULL, &err);
}

static void pull_progressed(void *context, const char *message)
{
        struct image_request *request = context;

        if (request->events.progress)
                request->events.progress(request->context, message);
}

static void got_status(void *context, const void *out, const struct err *err);

static void pull_ended(void *context, const struct err *err)
{
        struct image_request *request = context;

        request->has_pulled = true;
        request->pull_failed = err != NULL;
        if (err)
                request->pull_err = *err;
        image_ask_status(request, got_status);
}

static void join_pull(struct image_request *request)
{
        char message[256];

        snprintf(message, sizeof message, "pulling %s", request->reference);
        pull_progressed(request, message);
        request->waiter = (struct pull_waiter){
                .progress = pull_progressed,
                .done = pull_ended,
                .context = request,
        };
        pull_join(request->images->pulls, request->reference, request->auth, &request->waiter);
}

/* --- its configuration, whole: the CRI plugin leaves out docker's health check --- */

static void got_config(void *context, const void *out)
{
        struct image_request *request = context;
        const Ctd__Content__ReadResponse *answer = out;

        if (request->config.length + answer->data.len <= CONFIG_MAX)
                str_add_bytes(&request->config, answer->data.data, answer->data.len);
}

static void config_ended(void *context, const struct err *err)
{
        struct image_request *request = context;
        struct err bad;

        request->stream = NULL;
        if (err && err->code != ERR_OK)
                obtain_done(request, NULL, err);
        else if (oci_image_parse(str_text(&request->config), request->config.length, request->arena,
                                 &request->image.config, &bad) < 0)
                obtain_done(request, NULL, &bad);
        else
                obtain_done(request, &request->image, NULL);
}

static void read_config(struct image_request *request)
{
        static const struct rpc_stream_events events = {
                .message = got_config,
                .closed = config_ended,
        };
        Ctd__Content__ReadRequest in = CTD__CONTENT__READ_REQUEST__INIT;

        in.digest = request->image.id;
        request->stream = rpc_client_stream(request->images->client,
                                            CONTAINERD_METHOD(content, content, Read), &in.base,
                                            &events, request);
}

static void got_status(void *context, const void *out, const struct err *err)
{
        struct image_request *request = context;
        const Ctd__Cri__ImageStatusResponse *answer = out;
        struct err bad;

        request->call = NULL;
        if (err && !request->pull_failed)
                obtain_done(request, NULL, err);
        else if ((err || !answer->image) && request->has_pulled)
                fail_obtain(request);
        else if (!answer->image)
                join_pull(request);
        else if (read_image(answer, request->arena, &request->image, &bad) < 0)
                obtain_done(request, NULL, &bad);
        else
                read_config(request);
}

struct image_request *image_obtain(struct images *images, const char *reference,
                                   const Sk__RegistryAuth *auth, struct arena *arena,
                                   const struct image_events *events, void *context)
{
        struct image_request *request = mem_alloc(sizeof *request);

        request->images = images;
        request->reference = reference;
        request->auth = auth;
        request->arena = arena;
        request->events = *events;
        request->context = context;
        if (strchr(reference, '@'))
                image_ask_status(request, got_status);
        else
                join_pull(request);
        return request;
}
