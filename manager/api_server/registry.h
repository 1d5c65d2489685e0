/* What a registry says of an image, over the distribution API.  Blocking: for worker threads. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "manager/api_server/manifest.h"

struct registry_options {
        const char *insecure_registries; /* "host:port,...": plain HTTP; loopback registries always
                                            are */
        const char *certificates;        /* folder: <host:port>/ca.crt */
        int64_t timeout_ns;              /* for everything together */
        const char *username, *password, *identity_token, *registry_token; /* NULL or "": none */
};

/* An image's name, taken apart as docker does: "web" is docker.io/library/web:latest. */
struct image_name {
        char registry[256];   /* "registry-1.docker.io", "127.0.0.1:5000" */
        char repository[256]; /* "library/web" */
        char tag[129];
        char digest[80]; /* "sha256:..." when it was given, else "" */
};

int image_name_parse(const char *reference, struct image_name *ret, struct err *err);

/* What an image is, exactly, and what it is for: the two belong together. */
struct registry_image {
        char digest[80]; /* of the manifest, or list of them: "sha256:..." */
        struct image_platforms platforms;
};

/* Asks for name@digest when there is one, else for name:tag.  What came is hashed, so the digest is
 * that of a manifest that was there and could be read.  A single image whose configuration cannot
 * be had has no platforms, as with docker. */
int registry_resolve(const struct registry_options *options, const struct image_name *image,
                     struct registry_image *ret, struct err *err);

/* Are the credentials good for 'server'? */
int registry_check_auth(const struct registry_options *options, const char *server,
                        struct err *err);
