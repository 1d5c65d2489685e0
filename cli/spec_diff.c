/* What differs between two specs: as JSON, which has docker's names for everything. */
#include "cli/spec_diff.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/vec.h"
#include "lib/docker/docker.h"

enum { SUMMARY_MAX = 3, DEPTH_MAX = 32 };

/* Where we are: the names from the top, and what is to be told of a difference. */
struct walk {
        const char *path[DEPTH_MAX];
        size_t depth;
        struct vec *differences; /* struct difference */
};

struct difference {
        char *path;
        json_t *before, *after; /* borrowed; NULL: absent */
};

static void add_difference(struct walk *walk, json_t *before, json_t *after)
{
        struct str path = { 0 };

        for (size_t i = 0; i < walk->depth; i++)
                str_addf(&path, "%s%s", i ? "." : "", walk->path[i]);
        *(struct difference *)vec_add(walk->differences) =
                (struct difference){ str_take(&path), before, after };
}

static void compare(struct walk *walk, json_t *before, json_t *after);

static void compare_at(struct walk *walk, const char *name, json_t *before, json_t *after)
{
        if (walk->depth == DEPTH_MAX)
                return;
        walk->path[walk->depth++] = name;
        compare(walk, before, after);
        walk->depth--;
}

/* An object that is there on one side only is taken as empty on the other. */
static void compare(struct walk *walk, json_t *before, json_t *after)
{
        const char *name;
        json_t *value;

        if (before && after && json_equal(before, after))
                return;
        if ((before && !json_is_object(before)) || (after && !json_is_object(after))) {
                add_difference(walk, before, after);
                return;
        }
        json_object_foreach(before, name, value)
                compare_at(walk, name, value, json_object_get(after, name));
        json_object_foreach(after, name, value) if (!json_object_get(before, name))
                compare_at(walk, name, NULL, value);
}

static void add_value(struct str *out, const json_t *value)
{
        char *text;

        if (json_is_string(value)) {
                str_add(out, json_string_value(value)[0] ? json_string_value(value) : "\"\"");
                return;
        }
        text = json_dumps(value, DOCKER_JSON_FLAGS | JSON_COMPACT);
        str_add(out, text ? text : "");
        free(text);
}

static bool has_item(const json_t *list, const json_t *wanted)
{
        size_t i;
        json_t *item;

        json_array_foreach(list, i, item) if (json_equal(item, wanted)) return true;
        return false;
}

static size_t add_items(struct str *out, const char *path, char sign, const json_t *list,
                        const json_t *other)
{
        size_t i, n = 0;
        json_t *item;

        json_array_foreach(list, i, item) if (!has_item(other, item))
        {
                str_addf(out, "%s: %c ", path, sign);
                add_value(out, item);
                str_add_char(out, '\n');
                n++;
        }
        return n;
}

static void add_line(struct str *out, const struct difference *difference)
{
        const char *path = difference->path;
        bool is_list = (!difference->before || json_is_array(difference->before)) &&
                       (!difference->after || json_is_array(difference->after));

        if (is_list && add_items(out, path, '-', difference->before, difference->after) +
                               add_items(out, path, '+', difference->after, difference->before))
                return;
        str_addf(out, "%s: ", path);
        if (!difference->before) {
                str_add(out, "+ ");
                add_value(out, difference->after);
        } else if (!difference->after) {
                str_add(out, "- ");
                add_value(out, difference->before);
        } else {
                add_value(out, difference->before);
                str_add(out, " -> ");
                add_value(out, difference->after);
        }
        str_add_char(out, '\n');
}

static void each_difference(const Sk__ServiceSpec *before, const Sk__ServiceSpec *after,
                            void (*tell)(struct str *out, const struct vec *differences),
                            struct str *out)
{
        /* With what was not said, as it works out: to say it is no change. */
        json_t *a = docker_service_spec(before, DOCKER_INSERT_DEFAULTS),
               *b = docker_service_spec(after, DOCKER_INSERT_DEFAULTS);
        struct vec differences = VEC_OF(struct difference);
        struct walk walk = { .differences = &differences };

        compare(&walk, a, b);
        tell(out, &differences);
        for (size_t i = 0; i < differences.n; i++)
                free(VEC_AT(&differences, struct difference, i).path);
        vec_done(&differences);
        json_decref(a);
        json_decref(b);
}

static void tell_lines(struct str *out, const struct vec *differences)
{
        for (size_t i = 0; i < differences->n; i++)
                add_line(out, &VEC_AT(differences, struct difference, i));
}

static void tell_summary(struct str *out, const struct vec *differences)
{
        for (size_t i = 0; i < differences->n && i < SUMMARY_MAX; i++) {
                const char *path = VEC_AT(differences, struct difference, i).path;
                const char *dot = strrchr(path, '.');

                str_addf(out, "%s%s", i ? ", " : "", dot ? dot + 1 : path);
        }
        if (differences->n > SUMMARY_MAX)
                str_addf(out, " and %zu more", differences->n - SUMMARY_MAX);
        if (!differences->n)
                str_add(out, "nothing");
}

void spec_diff(const Sk__ServiceSpec *before, const Sk__ServiceSpec *after, struct str *out)
{
        each_difference(before, after, tell_lines, out);
}

void spec_diff_summary(const Sk__ServiceSpec *before, const Sk__ServiceSpec *after, struct str *out)
{
        each_difference(before, after, tell_summary, out);
}
