/* Any words as the arguments of service create and update: a spec, or a sentence why not. */
#include <string.h>

#include "cli/spec.h"
#include "lib/base/check.h"
#include "lib/base/str.h"
#include "lib/message/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { WORDS_MAX = 64 };

static void try_words(bool is_update, int argc, char **argv)
{
        const struct flag *const tables[] = { is_update ? spec_update_flags() : spec_create_flags(),
                                              NULL };
        _cleanup_(arguments_done) struct arguments arguments = { 0 };
        _cleanup_(arena_done) struct arena arena = { 0 };
        bool wants_help = false;
        struct err err = { 0 };
        struct spec_edit edit = {
                .spec = spec_new(&arena), .arena = &arena, .err = &err, .is_update = is_update
        };

        if (flags_parse(tables, true, argc, argv, &arguments, &wants_help, &err) < 0 ||
            spec_apply(&edit, &arguments) < 0) {
                CHECK(err.code < 0 && err.text[0]);
                return;
        }
        CHECK(message_copy(&arena, &edit.spec->base));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(freep) char *text = mem_alloc(size + 1);
        char *words[WORDS_MAX], *rest = text, *word;
        int n = 0;

        if (size)
                memcpy(text, data, size);
        /* What a shell hands over is UTF-8, or is refused before it is sent.  Files are not read.
         */
        if (!str_is_utf8(text, strlen(text)) || strstr(text, "env-file"))
                return 0;
        while (n < WORDS_MAX && (word = strsep(&rest, "\n")))
                words[n++] = word;
        try_words(false, n, words);
        try_words(true, n, words);
        return 0;
}
