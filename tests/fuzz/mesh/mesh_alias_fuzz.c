/* Any bytes as the alias of a device or as a subnet: what is read can be written and read again. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/check.h"
#include "mesh/mesh.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(str_done) struct str again = { 0 };
        struct mesh_attachment attachment, second;
        char *text = strndup((const char *)data, size);
        struct mesh_subnet subnet;
        struct err err;

        if (mesh_subnet_parse(text, &subnet, &err) == 0)
                CHECK(subnet.first < subnet.last);
        if (mesh_alias_read(text, &attachment, &err) == 0) {
                mesh_alias_write(&attachment, &again);
                CHECK(mesh_alias_read(str_text(&again), &second, &err) == 0);
                CHECK(memcmp(&attachment, &second, sizeof second) == 0);
        }
        free(text);
        return 0;
}
