/* What paths mean to docker cp. */
#include "lib/copy/rules.h"

#include <string.h>

#include "lib/base/str.h"

void copy_split_word(struct arena *arena, const char *word, const char **ret_task,
                     const char **ret_path)
{
        const char *colon = strchr(word, ':');

        *ret_task = NULL;
        *ret_path = word;
        if (!colon || word[0] == '/' || word[0] == '.')
                return;
        *ret_task = arena_printf(arena, "%.*s", (int)(colon - word), word);
        *ret_path = colon + 1;
}

/* --- paths --- */

/* How long it is without the slashes at its end; "/" stays. */
static size_t trimmed_length(const char *path)
{
        size_t n = strlen(path);

        while (n > 1 && path[n - 1] == '/')
                n--;
        return n;
}

/* Where the last part begins. */
static size_t last_part(const char *path, size_t n)
{
        while (n > 0 && path[n - 1] != '/')
                n--;
        return n;
}

static bool says_current(const char *path)
{
        size_t n = trimmed_length(path);

        return n == 0 || (path[n - 1] == '.' && last_part(path, n) == n - 1);
}

static bool ends_in_slash(const char *path)
{
        return str_ends_with(path, "/");
}

bool copy_path_says_folder(const char *path)
{
        return ends_in_slash(path) || says_current(path);
}

/* Takes back the last part of 'out', which never becomes shorter than 'least'. */
static void drop_part(struct str *out, size_t least)
{
        while (out->length > least && out->text[out->length - 1] != '/')
                out->length--;
        if (out->length > least)
                out->length--;
        out->text[out->length] = '\0';
}

static void add_part(struct str *out, const char *part, size_t n)
{
        if (out->length > 0 && out->text[out->length - 1] != '/')
                str_add_char(out, '/');
        str_add_bytes(out, part, n);
}

/* As Go's filepath.Clean: "." for nothing; ".." that lead out of a relative path stay. */
static const char *clean(struct arena *arena, const char *path)
{
        _cleanup_(str_done) struct str out = { 0 };
        const bool is_rooted = path[0] == '/';
        size_t least = is_rooted, n;

        str_add(&out, is_rooted ? "/" : "");
        for (const char *part = path; *part; part += n + (part[n] == '/')) {
                n = strcspn(part, "/");
                if (n == 0 || (n == 1 && part[0] == '.'))
                        continue;
                if (n != 2 || strncmp(part, "..", 2) != 0) {
                        add_part(&out, part, n);
                } else if (out.length > least) {
                        drop_part(&out, least);
                } else if (!is_rooted) {
                        add_part(&out, part, n);
                        least = out.length;
                }
        }
        return arena_strdup(arena, out.length ? str_text(&out) : ".");
}

const char *copy_path_in(struct arena *arena, const char *folder, const char *path)
{
        const char *whole = path[0] == '/' ? path : arena_printf(arena, "%s/%s", folder, path);
        const char *cleaned = clean(arena, whole);

        if (says_current(path) && !says_current(cleaned))
                return arena_printf(arena, "%s%s.", cleaned, ends_in_slash(cleaned) ? "" : "/");
        if (ends_in_slash(path) && !ends_in_slash(cleaned))
                return arena_printf(arena, "%s/", cleaned);
        return cleaned;
}

const char *copy_path_base(struct arena *arena, const char *path)
{
        size_t n = trimmed_length(path), begin = last_part(path, n);

        return begin == n ? "/" : arena_printf(arena, "%.*s", (int)(n - begin), path + begin);
}

const char *copy_path_parent(struct arena *arena, const char *path)
{
        size_t n = last_part(path, trimmed_length(path));

        while (n > 1 && path[n - 1] == '/')
                n--;
        return n == 0 ? "." : arena_printf(arena, "%.*s", (int)n, path);
}

/* --- where it goes --- */

struct copy_plan copy_plan(struct arena *arena, const struct copy_destination *to)
{
        const char *path = to->path;

        if (to->exists && to->is_folder)
                return (struct copy_plan){ .folder = path };
        if (str_equal(copy_path_base(arena, path), ".")) /* "new/." */
                path = copy_path_parent(arena, path);
        return (struct copy_plan){ .folder = copy_path_parent(arena, path),
                                   .name = copy_path_base(arena, path) };
}

int copy_check_kind(bool is_folder, const struct copy_destination *to, struct err *err)
{
        if (to->exists && !to->is_folder && is_folder)
                return err_set(err, ERR_PRECONDITION, "cannot copy directory");
        if (!to->exists && !is_folder && copy_path_says_folder(to->path))
                return err_set(err, ERR_PRECONDITION, "no such directory");
        return 0;
}

/* --- members --- */

int copy_member_path(struct arena *arena, const char *name, const char **ret, struct err *err)
{
        const char *cleaned;

        while (*name == '/')
                name++;
        cleaned = clean(arena, name);
        if (str_equal(cleaned, "..") || str_starts_with(cleaned, "../"))
                return err_set(err, ERR_INVALID, "the archive's member \"%.200s\" leads out of it",
                               name);
        *ret = cleaned;
        return 0;
}

int copy_member_rename(struct arena *arena, const char *name, const char *from, const char *to,
                       const char **ret, struct err *err)
{
        const size_t n = strlen(from);
        const char *rest = name;

        if (!str_equal(from, ".")) {
                if (strncmp(name, from, n) != 0 || (name[n] != '\0' && name[n] != '/'))
                        return err_set(
                                err, ERR_INVALID,
                                "the archive's member \"%.200s\" is not of what was asked for",
                                name);
                rest = name[n] ? name + n + 1 : ".";
        }
        if (!to)
                *ret = name;
        else if (str_equal(rest, "."))
                *ret = to;
        else
                *ret = arena_printf(arena, "%s/%s", to, rest);
        return 0;
}
