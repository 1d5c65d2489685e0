/* Any words as a log driver and its options: settings, or a sentence why not; and what they make of
 * any line is whole frames. */
#include <string.h>

#include "agent/logs/format.h"
#include "lib/base/check.h"
#include "lib/base/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { OPTIONS_MAX = 16 };

static void try_line(const struct log_config *config, const char *text)
{
        const char *env[] = { "STAGE=test", text };
        Sk__Label label = SK__LABEL__INIT;
        const struct log_origin origin = { .id = "id",
                                           .name = text,
                                           .image = "i",
                                           .image_id = "",
                                           .command = text,
                                           .host = "h",
                                           .labels = &label,
                                           .n_labels = 1,
                                           .env = env,
                                           .n_env = 2 };
        const struct log_line line = { .data = text, .size = strlen(text), .at_ns = 1 };
        _cleanup_(str_done) struct str frames = { 0 };
        const char *frame = NULL, *at;
        struct log_format *format;
        size_t n = 0;

        label.key = text;
        label.value = text;
        if (log_format_new(config, &origin, &format, NULL) < 0)
                return;
        log_format_line(format, &line, &frames);
        at = str_text(&frames);
        for (size_t left = frames.length; left; left -= LOG_FRAME_HEAD + n) {
                CHECK(log_frame_first(at, left, &frame, &n));
                at = frame + n;
        }
        log_format_free(format);
}

static bool is_text(const char *text)
{
        return str_is_utf8(text, strlen(text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(freep) char *text = mem_alloc(size + 1);
        Sk__Label options[OPTIONS_MAX], *list[OPTIONS_MAX];
        struct arena arena = { 0 };
        Sk__LogDriver driver = SK__LOG_DRIVER__INIT;
        struct log_config config;
        struct err err = { 0 };
        char *rest = text, *word;

        if (size)
                memcpy(text, data, size);
        driver.name = str_or(strsep(&rest, "\n"), "");
        driver.options = list;
        while (driver.n_options < OPTIONS_MAX && (word = strsep(&rest, "\n"))) {
                Sk__Label *option = &options[driver.n_options];

                sk__label__init(option);
                option->key = strsep(&word, "=");
                option->value = str_or(word, "");
                list[driver.n_options++] = option;
        }
        if (!is_text(text))
                return 0;
        if (log_config_read(&driver, &arena, &config, &err) < 0)
                CHECK(err.code < 0 && err.text[0]);
        else
                try_line(&config, str_or(rest, driver.n_options ? options[0].value : "line"));
        arena_done(&arena);
        return 0;
}
