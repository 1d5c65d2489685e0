/* What an image says about how to run it: the part of the OCI image configuration that matters
 * here. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/base/mem.h"

struct oci_words {
        const char *const *words;
        size_t n;
};

/* A health check as an image or a spec has it; zeros: not said. */
struct oci_health {
        struct oci_words test; /* {"NONE"}, {"CMD", ...}, {"CMD-SHELL", command} */
        int64_t interval_ns, timeout_ns, start_period_ns, start_interval_ns, retries;
};

struct oci_image {
        struct oci_words entrypoint, command, env;
        struct oci_words volumes;                        /* paths the image declares as volumes */
        const char *user, *working_folder, *stop_signal; /* never NULL */
        const char *architecture, *os;
        struct oci_health health;
};

/* Reads an image configuration ({"config": {"Entrypoint": ...}, "os": ...}); everything is copied
 * to 'arena'.  Unknown members are ignored, wrong types are ERR_INVALID. */
int oci_image_parse(const char *json, size_t size, struct arena *arena, struct oci_image *ret,
                    struct err *err);
