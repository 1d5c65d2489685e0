/* Any bytes as docker's config.json: credentials, or none. */
#include <string.h>

#include "cli/docker_config.h"
#include "lib/base/check.h"
#include "lib/base/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(arena_done) struct arena arena = { 0 };
        json_t *config = json_loadb((const char *)data, size, 0, NULL);
        static const char *const registries[] = { "r", "index.docker.io", "reg:5000" };
        _cleanup_(freep) char *text = mem_alloc(size + 1);

        for (size_t i = 0; json_is_object(config) && i < COUNT_OF(registries); i++) {
                const Sk__RegistryAuth *auth = docker_config_auth(&arena, config, registries[i]);

                if (auth)
                        CHECK(str_is_utf8(auth->username, strlen(auth->username)));
                docker_config_set_auth(config, registries[i], "u", "p");
                CHECK(docker_config_auth(&arena, config, registries[i]));
        }
        if (size)
                memcpy(text, data, size);
        CHECK(image_registry(&arena, text)[0]);
        json_decref(config);
        return 0;
}
