/* Placement constraints: "node.labels.zone==east", docker's grammar.
 *
 * Keys and values are compared without regard to case (a label's own name is not); a label that a
 * node does not have equals the empty string; architectures are compared after x86_64 became amd64
 * and aarch64 became arm64. */
#pragma once
#include <stdbool.h>

#include "api/objects.pb-c.h"
#include "lib/base/err.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

struct constraint {
        const struct constraint_key
                *key;      /* a row of the table of keys; NULL: no node can meet it */
        const char *label; /* of node.labels.LABEL and engine.labels.LABEL; else NULL */
        const char *value;
        bool is_equal; /* "==" or "!=" */
};

/* ERR_INVALID with docker's sentence.  Strings lie in the arena.  A key that is well formed but
 * unknown is no error. */
int constraint_parse(struct arena *arena, const char *text, struct constraint *ret,
                     struct err *err);

bool constraint_matches(const struct constraint *constraint, const Sk__Node *node);

/* Adds "node.labels.zone==east, the node has 'west'". */
void constraint_say(struct str *str, const struct constraint *constraint, const Sk__Node *node);

/* The value of "node.labels.x" or "engine.labels.x" on the node; "" when it has none or
 * 'descriptor' is neither. */
const char *constraint_label(const Sk__Node *node, const char *descriptor);

/* "amd64" for "x86_64", "arm64" for "aarch64", any other name as it is. */
const char *placement_arch(const char *name);
