/* Reading what an image is for: its manifest or list of manifests, and its configuration.  Bytes
 * from outside: anything may come. */
#pragma once
#include <stddef.h>

#include "manager/api_server/check.h"

/* As Go calls them: "linux", "amd64"; "" is any. */
struct image_platform {
        char os[PLATFORM_WORD_SIZE], architecture[PLATFORM_WORD_SIZE];
};

/* Each once, in the image's order; none when it does not say what it is for. */
struct image_platforms {
        struct image_platform each[PLATFORMS_MAX];
        size_t n;
};

/* A document served as 'media_type', in docker's schema 2 or OCI's.  A list tells the platforms; a
 * single manifest names its configuration instead: its digest goes to 'ret_config', else "".
 * Errors: ERR_UNAVAILABLE, for whatever is no manifest. */
int manifest_read(const char *media_type, const char *body, size_t length,
                  struct image_platforms *ret, char ret_config[static 80], struct err *err);

/* The platform that the configuration of a single image tells. */
int manifest_read_config(const char *body, size_t length, struct image_platforms *ret,
                         struct err *err);
