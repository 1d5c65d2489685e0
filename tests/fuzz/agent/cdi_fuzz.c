/* Any text as a file of devices by CDI. */
#include "agent/cdi/cdi.h"
#include "lib/base/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct vec devices = VEC_OF(struct cdi_device);
        struct arena arena = { 0 };

        if (cdi_parse((const char *)data, size, &arena, &devices, NULL) == 0)
                for (size_t i = 0; i < devices.n; i++) {
                        const struct cdi_device *device = vec_at(&devices, i);

                        CHECK(cdi_is_name(device->name));
                        CHECK(cdi_find(&devices, device->name) != NULL);
                }
        else
                CHECK(devices.n == 0);
        vec_done(&devices);
        arena_done(&arena);
        return 0;
}
