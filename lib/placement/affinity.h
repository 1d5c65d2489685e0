/* Affinities: which tasks a task wants beside it, and which not.
 *
 *         service==db             beside a task of the service; "*": of any
 *         service.labels.tier==x  beside a task of a service with the label; "*": with any value
 *         image==redis:7          beside a task of the image, as it was written, with or without
 * tag
 *
 * and the same with "!=": not beside one.  A "~" as with constraints makes a wish of it.  All holds
 * for tasks on a node until they are over.  "!=" works both ways: a task that forbids another is
 * not joined by it.
 *
 * What others can name of a task, its traits, and what affinities name are compared as hashes. */
#pragma once
#include <stdbool.h>

#include "api/objects.pb-c.h"
#include "lib/base/err.h"
#include "lib/base/mem.h"
#include "lib/base/vec.h"

struct affinity {
        const char *text; /* as it was written, for people */
        uint64_t trait;
        bool is_equal, is_soft;
};

/* ERR_INVALID with a sentence.  Strings lie in the arena. */
int affinity_parse(struct arena *arena, const char *text, struct affinity *ret, struct err *err);

/* Calls 'take' with each trait of a task of the spec. */
void affinity_each_trait(const Sk__ServiceSpec *spec, void (*take)(void *context, uint64_t trait),
                         void *context);

bool affinity_names(const struct affinity *affinity, const Sk__ServiceSpec *spec);

/* Sets of traits: uint64_t, ascending, each once. */
void traits_add(struct vec *traits, uint64_t trait);
bool traits_have(const struct vec *traits, uint64_t trait);
