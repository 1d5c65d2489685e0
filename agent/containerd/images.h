/* The images of this node: obtaining, listing, loading, removing.  All asynchronous; 'done' comes
 * on the loop, never inside the call, once. */
#pragma once
#include "agent/oci/image.h"
#include "api/node.pb-c.h"
#include "lib/base/mem.h"
#include "lib/os/loop.h"
#include "lib/rpc/client.h"

struct images;

struct images_options {
        struct loop *loop;
        struct rpc_client *client; /* as from containerd_client_new(), without a lease; borrowed */
        int n_pulls_most;          /* at once */
        int64_t silence_ns; /* how long a registry may send nothing before a pull is given up */
};

struct images *images_new(const struct images_options *options);
void images_free(struct images *images); /* nothing may be under way; accepts NULL */

/* What runs: where its layers are, and what it says of itself. */
struct image {
        const char *id;       /* digest of its configuration */
        const char *digest;   /* of its manifest; "" when it came by no registry */
        const char *chain_id; /* the snapshot that holds its layers */
        struct oci_image config;
};

struct image_events {
        void (*progress)(void *context, const char *message);
        void (*done)(void *context, const struct image *image, const struct err *err);
};

struct image_request;

/* Sees to it that the image is here, unpacked.  A reference with a digest that is here is not
 * pulled again; any other is, and when that fails, what is here under its name will do.  'image'
 * lives in 'arena'.  Errors: ERR_NOT_FOUND "No such image: ...", or ERR_UNAVAILABLE for a registry
 * that cannot be reached; both keep the registry's words.  'reference' and 'auth' (may be NULL) are
 * borrowed until then. */
struct image_request *image_obtain(struct images *images, const char *reference,
                                   const Sk__RegistryAuth *auth, struct arena *arena,
                                   const struct image_events *events, void *context);

/* 'done' is not called any more; a pull that nobody else waits for ends. */
void image_request_cancel(struct image_request *request);

/* All images; 'images' lives in 'arena'. */
struct image_request *image_list(struct images *images, struct arena *arena,
                                 void (*done)(void *context, const Sk__ListImagesResponse *images,
                                              const struct err *err),
                                 void *context);

/* Removes the image a reference or an id names, with all its names.  ERR_NOT_FOUND when there is
 * none.  Containers that run from it keep their layers. */
struct image_request *image_remove(
        struct images *images, const char *reference, struct arena *arena,
        void (*done)(void *context, const Sk__RemoveImageResponse *removed, const struct err *err),
        void *context);
