/* Affinities: parsing, and what a task can be named by. */
#include "lib/placement/affinity.h"

#include <ctype.h>
#include <string.h>

#include "lib/base/str.h"
#include "lib/placement/constraint.h"

static const char label_prefix[] = "service.labels.";

enum { TRAIT_SIZE_MAX = 512 };

/* Values are compared without regard to case, as constraints' are. */
static uint64_t trait_of(const char *key, const char *value)
{
        char text[TRAIT_SIZE_MAX];
        size_t n = 0;

        for (; *key && n < TRAIT_SIZE_MAX / 2; key++)
                text[n++] = *key;
        text[n++] = '=';
        for (; *value && n < TRAIT_SIZE_MAX; value++)
                text[n++] = (char)tolower((unsigned char)*value);
        return hash_bytes(text, n);
}

int affinity_parse(struct arena *arena, const char *text, struct affinity *ret, struct err *err)
{
        struct expression expression;

        TRY(expression_parse(arena, text, &expression, err));
        if (!expression_is_equality(&expression, &ret->is_equal))
                return err_set(err, ERR_INVALID,
                               "affinity '%.64s' expected one operator from ==, !=", text);
        if (!*expression.value)
                return err_set(err, ERR_INVALID, "value '' is invalid");
        if (strcmp(expression.key, "service") != 0 && strcmp(expression.key, "image") != 0 &&
            (!str_starts_with(expression.key, label_prefix) ||
             !expression.key[strlen(label_prefix)]))
                return err_set(err, ERR_INVALID,
                               "key '%.64s' is no affinity: service, service.labels.NAME and image "
                               "are",
                               expression.key);
        ret->text = arena_strdup(arena, text);
        ret->trait = trait_of(expression.key, expression.value);
        ret->is_soft = expression.is_soft;
        return 0;
}

/* "redis:7@sha256:..." goes by that, by "redis:7" and by "redis". */
static void each_image_trait(const char *image, void (*take)(void *context, uint64_t trait),
                             void *context)
{
        char name[TRAIT_SIZE_MAX];
        char *end;

        take(context, trait_of("image", image));
        strncpy(name, image, sizeof name - 1);
        name[sizeof name - 1] = '\0';
        if ((end = strchr(name, '@'))) {
                *end = '\0';
                take(context, trait_of("image", name));
        }
        /* A colon after the last slash begins a tag; one before it, a port. */
        end = strrchr(name, '/');
        if ((end = strchr(end ? end : name, ':'))) {
                *end = '\0';
                take(context, trait_of("image", name));
        }
}

void affinity_each_trait(const Sk__ServiceSpec *spec, void (*take)(void *context, uint64_t trait),
                         void *context)
{
        const Sk__Annotations *annotations = spec->annotations;
        char key[TRAIT_SIZE_MAX];

        take(context, trait_of("service", "*"));
        if (annotations)
                take(context, trait_of("service", annotations->name));
        for (size_t i = 0; annotations && i < annotations->n_labels; i++) {
                strcpy(key, label_prefix);
                strncat(key, annotations->labels[i]->key, sizeof key - sizeof label_prefix);
                take(context, trait_of(key, "*"));
                take(context, trait_of(key, annotations->labels[i]->value));
        }
        if (spec->task && spec->task->container)
                each_image_trait(spec->task->container->image, take, context);
}

struct search {
        uint64_t trait;
        bool is_found;
};

static void look_for(void *context, uint64_t trait)
{
        struct search *search = context;

        search->is_found |= trait == search->trait;
}

bool affinity_names(const struct affinity *affinity, const Sk__ServiceSpec *spec)
{
        struct search search = { .trait = affinity->trait };

        affinity_each_trait(spec, look_for, &search);
        return search.is_found;
}

static size_t place_of(const struct vec *traits, uint64_t trait)
{
        const uint64_t *all = traits->data;
        size_t low = 0, high = traits->n;

        while (low < high) {
                size_t middle = (low + high) / 2;

                if (all[middle] < trait)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

bool traits_have(const struct vec *traits, uint64_t trait)
{
        size_t place = place_of(traits, trait);

        return place < traits->n && VEC_AT(traits, uint64_t, place) == trait;
}

void traits_add(struct vec *traits, uint64_t trait)
{
        size_t place = place_of(traits, trait);
        uint64_t *all;

        if (place < traits->n && VEC_AT(traits, uint64_t, place) == trait)
                return;
        vec_push(traits, &trait);
        all = traits->data;
        memmove(all + place + 1, all + place, (traits->n - 1 - place) * sizeof trait);
        all[place] = trait;
}
