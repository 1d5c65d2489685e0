/* Any bytes as a manifest, a list of them, or a configuration: what is taken from them is bounded
 * and fit for a spec. */
#include <stdint.h>

#include "lib/base/check.h"
#include "manager/api_server/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_platforms(const struct image_platforms *platforms)
{
        CHECK(platforms->n <= PLATFORMS_MAX);
        for (size_t i = 0; i < platforms->n; i++)
                CHECK(check_is_platform_word(platforms->each[i].os) &&
                      check_is_platform_word(platforms->each[i].architecture));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const char *const types[] = { "application/vnd.oci.image.index.v1+json",
                                             "application/vnd.oci.image.manifest.v1+json" };
        const char *text = (const char *)data;
        struct image_platforms platforms;
        char config[80];

        for (size_t i = 0; i < COUNT_OF(types); i++) {
                if (manifest_read(types[i], text, size, &platforms, config, NULL) < 0)
                        continue;
                check_platforms(&platforms);
                CHECK(!config[0] || check_is_digest(config));
        }
        if (manifest_read_config(text, size, &platforms, NULL) == 0)
                check_platforms(&platforms);
        return 0;
}
