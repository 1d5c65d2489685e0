/* What a volume plugin answers: what is accepted can be used. */
#include <string.h>

#include "agent/plugin/answer.h"
#include "lib/base/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct plugin_answer answer;
        struct arena arena = { 0 };

        if (plugin_answer_read(size % 3 ? 200 : 500, (const char *)data, size, &arena, &answer,
                               NULL) == 0)
                CHECK(!answer.mountpoint[0] || answer.mountpoint[0] == '/');
        arena_done(&arena);
        return 0;
}
