/* Whatever a registry says: header lines, challenges, token answers. */
#include <stdint.h>
#include <string.h>

#include "lib/base/check.h"
#include "lib/base/mem.h"
#include "manager/api_server/answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const char *const keys[] = { "realm", "service", "scope" };
        _cleanup_(str_done) struct str text = { 0 }, token = { 0 };
        char value[80];

        if (answer_header((const char *)data, size, "Docker-Content-Digest", value, sizeof value))
                CHECK(strlen(value) < sizeof value);
        str_add_bytes(&text, data, size);
        for (size_t i = 0; i < COUNT_OF(keys); i++) {
                answer_challenge(str_text(&text), keys[i], value, sizeof value);
                CHECK(strlen(value) < sizeof value);
        }
        answer_token((const char *)data, size, &token);
        return 0;
}
