/* Placement constraints: docker's "node.labels.zone==east", and more.
 *
 *         KEY == VALUE, KEY != VALUE         docker's
 *         KEY =~ PATTERN                     as lib/base/pattern.h has it, anywhere in the value
 *         KEY in (A, B), KEY not in (A, B)
 *         exists KEY, KEY exists, not exists KEY
 *         KEY >= N, KEY <= N, KEY > N, KEY < N   both sides are numbers
 *
 * A "~" before the operator ("~==", "~in"), or as classic swarm has it before the value ("==~a"),
 * makes a wish of it: nodes that meet it come first, others are not ruled out.
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
        const char *text; /* as it was written, for people; NULL: it could not be read */
        const struct constraint_relation *relation;
        const struct constraint_key
                *key;      /* a row of the table of keys; NULL: no node can meet it */
        const char *label; /* of node.labels.LABEL and engine.labels.LABEL; else NULL */
        const char **values;
        size_t n_values;
        const struct pattern *pattern; /* of "=~" */
        double number;                 /* of comparisons */
        bool is_soft;
};

/* ERR_INVALID, with docker's sentence where docker has one.  Strings lie in the arena.  A key that
 * is well formed but unknown is no error. */
int constraint_parse(struct arena *arena, const char *text, struct constraint *ret,
                     struct err *err);

bool constraint_matches(const struct constraint *constraint, const Sk__Node *node);

/* Adds "node.labels.zone==east, the node has 'west'". */
void constraint_say(struct str *str, const struct constraint *constraint, const Sk__Node *node);

/* An expression taken apart, for all that is written this way. */
struct expression {
        const struct constraint_relation *relation; /* NULL: there is no operator; all else is 0 */
        const char *key, *value;                    /* trimmed, in the arena */
        bool is_soft;
};

/* ERR_INVALID when the key is none. */
int expression_parse(struct arena *arena, const char *text, struct expression *ret,
                     struct err *err);

/* For what is no more than "==" (true) or "!=" (false).  False when it is another relation. */
bool expression_is_equality(const struct expression *expression, bool *ret_is_equal);

/* The value of "node.labels.x" or "engine.labels.x" on the node; "" when it has none or
 * 'descriptor' is neither. */
const char *constraint_label(const Sk__Node *node, const char *descriptor);

/* "amd64" for "x86_64", "arm64" for "aarch64", any other name as it is. */
const char *placement_arch(const char *name);
