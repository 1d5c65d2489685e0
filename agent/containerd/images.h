/* The images of this node: obtaining, listing, loading, removing.  All asynchronous; 'done' comes
 * on the loop, never inside the call, once. */
#pragma once
#include "agent/oci/image.h"
#include "api/node.pb-c.h"
#include "lib/base/mem.h"
#include "lib/os/loop.h"
#include "lib/os/worker.h"
#include "lib/rpc/client.h"

struct images;

struct images_options {
        struct loop *loop;
        struct worker_pool *pool;
        const char *address;       /* of containerd: "unix:/..." */
        const char *spool_folder;  /* for images that are being loaded */
        struct rpc_client *client; /* as from containerd_client_new(); borrowed */
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

/* --- loading --- */

/* An image that comes as a tar, piece by piece (made by docker save, skopeo or umoci): it is put on
 * disk, then handed to containerd's own client 'ctr', which is part of every containerd.  One piece
 * at a time: write the next when 'written' came. */
struct image_load;

struct image_load_events {
        void (*written)(void *context);
        /* Over, once; 'references' are the images' names.  ERR_INVALID for what is no image. */
        void (*done)(void *context, const char *const *references, size_t n, const struct err *err);
};

struct image_load *image_load_new(struct images *images, const struct image_load_events *events,
                                  void *context);

/* 'data' is copied. */
void image_load_write(struct image_load *load, const void *data, size_t size);

/* All was written. */
void image_load_finish(struct image_load *load);

/* Stops it; no callback comes any more.  Accepts NULL.  Also needed after 'done'. */
void image_load_free(struct image_load *load);

/* Which registry a reference means: "127.0.0.1:5000" of "127.0.0.1:5000/app:v1", "docker.io" of
 * "nginx". */
void image_registry(const char *reference, char *ret, size_t size);
