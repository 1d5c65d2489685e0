/* Any text as a constraint and as an affinity: what is accepted can be asked and told. */
#include <string.h>

#include "lib/base/check.h"
#include "lib/base/pattern.h"
#include "lib/placement/affinity.h"
#include "lib/placement/constraint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_constraint(struct arena *arena, const char *text, const Sk__Node *node)
{
        _cleanup_(str_done) struct str said = { 0 };
        struct constraint constraint, again;
        struct err err;

        if (constraint_parse(arena, text, &constraint, &err) < 0) {
                CHECK(err.code == ERR_INVALID);
                return;
        }
        constraint_say(&said, &constraint, node);
        CHECK(constraint_parse(arena, constraint.text, &again, NULL) == 0);
        CHECK(constraint_matches(&constraint, node) == constraint_matches(&again, node));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        Sk__Label label = SK__LABEL__INIT, *labels = &label;
        Sk__Annotations annotations = SK__ANNOTATIONS__INIT;
        Sk__NodeSpec node_spec = SK__NODE_SPEC__INIT;
        Sk__ServiceSpec spec = SK__SERVICE_SPEC__INIT;
        const struct pattern *pattern;
        struct arena arena = { 0 };
        struct affinity affinity;
        Sk__Node node = SK__NODE__INIT;
        char *text = arena_alloc(&arena, size + 1);

        memcpy(text, data, size);
        label.key = label.value = text;
        annotations.labels = &labels;
        annotations.n_labels = 1;
        annotations.name = text;
        node_spec.annotations = &annotations;
        node.spec = &node_spec;
        spec.annotations = &annotations;
        try_constraint(&arena, text, &node);
        if (affinity_parse(&arena, text, &affinity, NULL) == 0)
                affinity_names(&affinity, &spec);
        if (pattern_compile(&arena, text, PATTERN_ANY_CASE, &pattern, NULL) == 0)
                pattern_found(pattern, text);
        arena_done(&arena);
        return 0;
}
