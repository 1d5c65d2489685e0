/* The insides of a node's images; private to this folder. */
#pragma once
#include "agent/containerd/images.h"
#include "agent/containerd/pull.h"
#include "lib/base/str.h"
#include "lib/base/time.h"

#define IMAGES_TIMEOUT_NS (30 * NS_PER_S)

struct images {
        struct loop *loop;
        struct worker_pool *pool;
        struct rpc_client *client;
        struct pulls *pulls;
        char *address, *spool_folder;
};

struct image_request {
        struct images *images;
        const char *reference;
        const Sk__RegistryAuth *auth;
        struct arena *arena;
        struct image_events events;
        void (*listed)(void *context, const Sk__ListImagesResponse *images, const struct err *err);
        void (*removed)(void *context, const Sk__RemoveImageResponse *removed,
                        const struct err *err);
        void *context;
        struct pull_waiter waiter;
        struct rpc_request *call;
        struct rpc_stream *stream;
        struct image image; /* being put together */
        struct str config;  /* its configuration, as far as it was read */
        bool has_pulled, pull_failed;
        struct err pull_err;
        Sk__RemoveImageResponse response;
        Sk__ListImagesResponse *list; /* being put together, up to 'at' */
        size_t at;
};

/* Asks the CRI plugin for the image that the request names. */
void image_ask_status(struct image_request *request, rpc_answered *answered);
