/* Before a service is written: what is its image, exactly, and what does its timezone mean? */
#include "manager/api_server/resolve.h"

#include <string.h>

#include "lib/base/str.h"
#include "lib/base/time.h"
#include "lib/cron/zone.h"
#include "lib/os/file.h"
#include "manager/api_server/check.h"
#include "manager/api_server/registry.h"

#define ZONES "/usr/share/zoneinfo"

enum { ZONE_SIZE_MOST = 1 << 17 };

/* One lookup: inputs and result by value, so that a call that went away meanwhile does no harm. */
struct resolving {
        struct work work;
        struct api_server *api;
        struct rpc_call *rpc; /* NULL: the caller went away */
        const void *in;
        const struct serve_row *row;
        struct image_name image;
        char *username, *password, *identity_token, *registry_token;
        struct registry_image found;
        struct err err;
        const char *reference;
};

static void resolving_free(struct resolving *resolving)
{
        free(resolving->username);
        free(resolving->password);
        free(resolving->identity_token);
        free(resolving->registry_token);
        free(resolving);
}

static void resolving_work(struct work *work)
{
        struct resolving *resolving = (struct resolving *)work;
        const struct api_config *config = resolving->api->config;
        const struct registry_options options = {
                .insecure_registries = config->insecure_registries,
                .certificates = config->registry_certificates,
                .timeout_ns = config->resolve_timeout_ns,
                .username = resolving->username,
                .password = resolving->password,
                .identity_token = resolving->identity_token,
                .registry_token = resolving->registry_token,
        };

        registry_resolve(&options, &resolving->image, &resolving->found, &resolving->err);
}

static const struct resolved_image *resolved_image(const struct resolving *resolving,
                                                   struct arena *arena)
{
        const struct image_platforms *from = &resolving->found.platforms;
        struct resolved_image *ret = arena_alloc(arena, sizeof *ret);
        Sk__Platform *platforms = arena_alloc(arena, PLATFORMS_MAX * sizeof *platforms);

        ret->reference = resolving->image.digest[0]
                                 ? resolving->reference
                                 : arena_printf(arena, "%s@%s", resolving->reference,
                                                resolving->found.digest);
        ret->platforms = arena_alloc(arena, PLATFORMS_MAX * sizeof *ret->platforms);
        for (size_t i = 0; i < from->n; i++) {
                sk__platform__init(&platforms[i]);
                platforms[i].os = arena_strdup(arena, from->each[i].os);
                platforms[i].architecture = arena_strdup(arena, from->each[i].architecture);
                ret->platforms[ret->n_platforms++] = &platforms[i];
        }
        return ret;
}

static void resolving_done(struct work *work)
{
        struct resolving *resolving = (struct resolving *)work;
        struct rpc_call *rpc = resolving->rpc;
        const char *reference = resolving->reference, *warning = NULL;
        const struct resolved_image *resolved = NULL;

        if (rpc) {
                if (resolving->found.digest[0])
                        resolved = resolved_image(resolving, rpc_call_arena(rpc));
                else
                        warning = arena_printf(
                                rpc_call_arena(rpc),
                                "image %s could not be accessed on a registry to record\n"
                                "its digest. Each node will access %s independently,\n"
                                "possibly leading to different nodes running different\n"
                                "versions of the image.\n",
                                reference, reference);
                serve_write_resolved(resolving->api, rpc, resolving->in, resolving->row, resolved,
                                     warning);
        }
        resolving_free(resolving);
}

static void caller_gone(void *context, struct rpc_call *rpc)
{
        struct resolving *resolving = context;

        (void)rpc;
        resolving->rpc = NULL;
}

/* The image to look up, NULL when there is nothing to ask: not wanted, or no good. */
static const char *image_to_resolve(const struct resolve_request *request, struct image_name *ret)
{
        struct err err;

        if (!request->is_wanted || check_service_spec(request->spec, &err) < 0)
                return NULL;
        if (image_name_parse(request->spec->task->container->image, ret, &err) < 0)
                return NULL;
        return request->spec->task->container->image;
}

/* Fills in what the schedule's timezone means, here and now; none: nothing is known of it. */
static void resolve_zone(struct api_server *api, struct rpc_call *rpc, Sk__Schedule *schedule)
{
        int64_t now_s = loop_now(api->daemon->loop) / NS_PER_S;
        const char *name = str_or(schedule->timezone, "");
        _cleanup_(str_done) struct str file = { 0 }, path = { 0 };

        schedule->zone = NULL;
        if (!zone_name_is_valid(name))
                return;
        str_addf(&path, "%s/%s", ZONES, name);
        if (file_read(str_text(&path), ZONE_SIZE_MOST, &file, NULL) == 0)
                zone_read(rpc_call_arena(rpc), file.text, file.length, now_s, &schedule->zone,
                          NULL);
}

void resolve_then_write(struct api_server *api, struct rpc_call *rpc, const void *in,
                        const struct serve_row *row, const struct resolve_request *request)
{
        static const struct rpc_call_events events = { .closed = caller_gone };
        struct image_name image;
        const char *reference;
        struct resolving *resolving;

        if (request->spec && request->spec->schedule)
                resolve_zone(api, rpc, request->spec->schedule);
        reference = image_to_resolve(request, &image);
        if (!reference) {
                serve_write(api, rpc, in, row);
                return;
        }
        resolving = mem_alloc(sizeof *resolving);
        resolving->work = (struct work){ .work = resolving_work, .done = resolving_done };
        resolving->api = api;
        resolving->rpc = rpc;
        resolving->in = in;
        resolving->row = row;
        resolving->image = image;
        resolving->reference = reference;
        if (request->auth) {
                resolving->username = str_copy(request->auth->username);
                resolving->password = str_copy(request->auth->password);
                resolving->identity_token = str_copy(request->auth->identity_token);
                resolving->registry_token = str_copy(request->auth->registry_token);
        }
        rpc_call_on(rpc, &events, resolving);
        worker_submit(api->daemon->workers, &resolving->work);
}
