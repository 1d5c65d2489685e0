/* Any content as the template of a config beside a secret, and any text as a variable's value: both
 * end within their limits, and what goes wrong never tells the secret. */
#include <string.h>

#include "lib/base/check.h"
#include "lib/expand/expand.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char secret[] = "hunter2xyzzy";

static void try_file(const uint8_t *data, size_t size)
{
        static const char *const env[] = { "A=b" };
        const struct expand_file files[] = {
                { "s", "s", secret, sizeof secret - 1, true, false },
                { "c", "c", data, size, false, true },
        };
        const struct expand_task task = { &expand_dummies, env, COUNT_OF(env), files,
                                          COUNT_OF(files) };
        _cleanup_(str_done) struct str out = { 0 };
        bool is_sensitive = false;
        struct err err = { 0 };

        if (expand_file(&files[1], &task, &out, &is_sensitive, &err) < 0) {
                CHECK(err.code == ERR_INVALID);
                CHECK(memmem(data, size, secret, sizeof secret - 1) || !strstr(err.text, secret));
                return;
        }
        CHECK(out.length <= 1024000);
        CHECK(expand_check_file(data, size, NULL) == 0);
        CHECK(is_sensitive || memmem(data, size, "hunter2", 7) ||
              !memmem(str_text(&out), out.length, secret, sizeof secret - 1));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(freep) char *text = mem_alloc(size + 1);
        _cleanup_(arena_done) struct arena arena = { 0 };
        Sk__ContainerSpec container = SK__CONTAINER_SPEC__INIT, *expanded;

        if (size)
                memcpy(text, data, size);
        container.hostname = text;
        if (expand_container(&container, &expand_dummies, &arena, &expanded, NULL) == 0)
                CHECK(strlen(expanded->hostname) <= size + (1 << 20));
        try_file(data, size);
        return 0;
}
