/* Any file as a YAML file of settings. */
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/check.h"
#include "lib/run/settings.h"

struct config {
        const char *s, *a, *p;
        int64_t d, c, b;
        bool t;
        struct setting_list l;
};

static const struct setting rows[] = {
        { "s", SETTING_STRING, offsetof(struct config, s), NULL, "", 0, 0 },
        { "a", SETTING_ADDRESS, offsetof(struct config, a), NULL, "", 0, 0 },
        { "p", SETTING_PATH, offsetof(struct config, p), NULL, "", 0, 0 },
        { "d", SETTING_DURATION, offsetof(struct config, d), NULL, "", 0, 0 },
        { "c", SETTING_COUNT, offsetof(struct config, c), NULL, "", 5, 100 },
        { "b", SETTING_BYTES, offsetof(struct config, b), NULL, "", 0, 0 },
        { "t", SETTING_BOOL, offsetof(struct config, t), NULL, "", 0, 0 },
        { "l", SETTING_ADDRESSES, offsetof(struct config, l), NULL, "", 0, 0 },
        { 0 },
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct config config = { 0 };
        const struct settings set = { rows, &config };
        struct err err;

        if (settings_apply_yaml(&set, 1, "f", (const char *)data, size, &err) == 0)
                CHECK(!config.c || (config.c >= 5 && config.c <= 100));
        settings_done(&set, 1);
        return 0;
}
