/* Any text as a template over any JSON: it ends, within its limits, in valid UTF-8. */
#include <string.h>

#include "lib/base/check.h"
#include "lib/template/template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool may_be_absent(const char *name)
{
        return name[0] == 'A';
}

/* The template, a NUL, and the value it is run over (a fixed one when that is no JSON). */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const char fixed[] = "{\"A\":{\"B\":[1,2,{\"C\":\"x\"}]},\"L\":{\"k\":\"v\"},"
                                    "\"N\":3,\"R\":0.5,\"S\":\"text\",\"T\":true,\"Z\":null}";
        const struct template_options options = { .may_be_absent = may_be_absent,
                                                  .steps_max = 5000,
                                                  .output_max = 100000 };
        _cleanup_(freep) char *text = mem_alloc(size + 1);
        _cleanup_(arena_done) struct arena arena = { 0 };
        _cleanup_(str_done) struct str out = { 0 };
        const struct template *template;
        struct err err = { 0 };
        json_t *value;
        size_t length;

        if (size)
                memcpy(text, data, size);
        length = strlen(text);
        value = length < size ? json_loads(text + length + 1, JSON_DECODE_ANY, NULL) : NULL;
        if (!value)
                value = json_loads(fixed, 0, NULL);
        if (template_parse(&arena, text, &template, &err) == 0) {
                if (template_run(template, &options, value, &out, &err) == 0 &&
                    str_is_utf8(text, length))
                        CHECK(str_is_utf8(str_text(&out), out.length));
                CHECK(out.length < 64 * options.output_max);
        }
        json_decref(value);
        return 0;
}
