/* Names in an archive: whatever they are, what is accepted leads nowhere else.  And paths that
 * people type: what they are cleaned to is clean. */
#include <string.h>

#include "lib/base/check.h"
#include "lib/base/str.h"
#include "lib/copy/rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* No empty part, no "." and no "..". */
static bool is_clean(const char *path)
{
        for (size_t n; *path; path += n + (path[n] == '/')) {
                n = strcspn(path, "/");
                if (n == 0 || (n == 1 && path[0] == '.') || (n == 2 && strncmp(path, "..", 2) == 0))
                        return false;
        }
        return true;
}

static void try_member(struct arena *arena, const char *name, const char *from)
{
        const char *cleaned, *renamed;

        if (copy_member_path(arena, name, &cleaned, NULL) < 0)
                return;
        CHECK(str_equal(cleaned, ".") || is_clean(cleaned));
        if (copy_member_rename(arena, cleaned, from, "to", &renamed, NULL) < 0)
                return;
        CHECK(is_clean(renamed) && (str_equal(renamed, "to") || str_starts_with(renamed, "to/")));
}

static void try_path(struct arena *arena, const char *text)
{
        const char *path = copy_path_in(arena, "/folder", text), *task, *rest;
        size_t n = strlen(path);

        CHECK(path[0] == '/');
        if (str_ends_with(path, "/."))
                n -= 2;
        CHECK(is_clean(arena_printf(arena, "%.*s", (int)n, path) + 1));
        CHECK(!strchr(copy_path_base(arena, path), '/') ||
              str_equal(copy_path_base(arena, path), "/"));
        CHECK(copy_path_parent(arena, path)[0] == '/');
        copy_split_word(arena, text, &task, &rest);
        CHECK(!task || strlen(task) + 1 + strlen(rest) == strlen(text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct arena arena = { 0 };
        const char *text = arena_printf(&arena, "%.*s", (int)size, size ? (const char *)data : "");
        const char *colon = strchr(text, ':');

        try_path(&arena, text);
        if (colon)
                try_member(&arena, colon + 1,
                           arena_printf(&arena, "%.*s", (int)(colon - text), text));
        arena_done(&arena);
        return 0;
}
