/* What a person says a node has. */
#include "agent/assets.h"

#include <ctype.h>
#include <string.h>

#include "lib/base/str.h"

enum { ASSETS_MAX = 1000, NAME_MAX_LENGTH = 128 };

static bool is_name(const char *text)
{
        size_t length = strlen(text);

        for (const char *c = text; *c; c++)
                if (!isalnum((unsigned char)*c) && !strchr("-_./:", *c))
                        return false;
        return length && length <= NAME_MAX_LENGTH;
}

/* Calls 'take' for each "key=value" of a list. */
static int each(struct assets *assets, const char *what, const char *list,
                int (*take)(struct assets *assets, const char *key, const char *value,
                            struct err *err),
                struct err *err)
{
        char *rest = arena_strdup(&assets->arena, str_or(list, "")), *item, *value;
        size_t n = 0;

        while ((item = strsep(&rest, ","))) {
                if (!*item)
                        continue;
                value = strchr(item, '=');
                if (!value || ++n > ASSETS_MAX)
                        return err_set(err, ERR_INVALID,
                                       "%s: '%.64s' is not KEY=VALUE, or there are "
                                       "more than %d",
                                       what, item, ASSETS_MAX);
                *value++ = '\0';
                TRY(take(assets, item, value, err));
        }
        return 0;
}

static int take_generic(struct assets *assets, const char *kind, const char *value, struct err *err)
{
        Sk__GenericResource *generic = arena_alloc(&assets->arena, sizeof *generic);

        sk__generic_resource__init(generic);
        generic->kind = kind;
        if (!is_name(kind) || !is_name(value))
                return err_set(err, ERR_INVALID,
                               "generic resource '%.64s=%.64s' is no KIND=NAME and "
                               "no KIND=COUNT",
                               kind, value);
        generic->value_case = SK__GENERIC_RESOURCE__VALUE_COUNT;
        if (str_to_int64(value, &generic->count, NULL) < 0) {
                generic->value_case = SK__GENERIC_RESOURCE__VALUE_NAMED;
                generic->named = value;
        } else if (generic->count < 0) {
                return err_set(err, ERR_INVALID, "generic resource '%.64s' cannot be negative",
                               kind);
        }
        for (size_t i = 0; i < assets->n_generic; i++) {
                const Sk__GenericResource *other = assets->generic[i];

                if (strcmp(other->kind, kind) != 0)
                        continue;
                if (other->value_case != generic->value_case ||
                    other->value_case == SK__GENERIC_RESOURCE__VALUE_COUNT ||
                    strcmp(other->named, value) == 0)
                        return err_set(err, ERR_INVALID,
                                       "generic resource '%.64s' is given twice: a kind is counted "
                                       "once, or has several names",
                                       kind);
        }
        assets->generic[assets->n_generic++] = generic;
        return 0;
}

static int take_label(struct assets *assets, const char *key, const char *value, struct err *err)
{
        Sk__Label *label = arena_alloc(&assets->arena, sizeof *label);

        if (!is_name(key))
                return err_set(err, ERR_INVALID, "'%.64s' is no name of a label", key);
        sk__label__init(label);
        label->key = key;
        label->value = value;
        assets->labels[assets->n_labels++] = label;
        return 0;
}

int assets_parse(struct assets *assets, const char *generic, const char *labels, struct err *err)
{
        *assets = (struct assets){ 0 };
        assets->generic = arena_alloc(&assets->arena, ASSETS_MAX * sizeof *assets->generic);
        assets->labels = arena_alloc(&assets->arena, ASSETS_MAX * sizeof *assets->labels);
        TRY(each(assets, "generic-resources", generic, take_generic, err));
        return each(assets, "labels", labels, take_label, err);
}

void assets_done(struct assets *assets)
{
        arena_done(&assets->arena);
        *assets = (struct assets){ 0 };
}

void assets_describe(const struct assets *assets, struct arena *arena, Sk__NodeDescription *ret)
{
        Sk__Resources *resources = ret->resources;

        if (!resources) {
                resources = ret->resources = arena_alloc(arena, sizeof *resources);
                sk__resources__init(resources);
        }
        resources->generic =
                arena_copy(arena, assets->generic, assets->n_generic * sizeof *assets->generic);
        resources->n_generic = assets->n_generic;
        ret->engine_labels =
                arena_copy(arena, assets->labels, assets->n_labels * sizeof *assets->labels);
        ret->n_engine_labels = assets->n_labels;
}
