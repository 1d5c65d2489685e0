/* Any bytes as an image's name: what is accepted has all its parts. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/check.h"
#include "manager/api_server/registry.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char *text = strndup((const char *)data, size);
        struct image_name name;
        struct err err;

        if (image_name_parse(text, &name, &err) == 0)
                CHECK(name.registry[0] && name.repository[0] && name.tag[0]);
        free(text);
        return 0;
}
