/* Regular expressions that cannot take long: the time is that of the pattern times that of the
 * text, whatever they say.
 *
 * Literals, ".", "[a-z]", "[^a-z]", "\d \w \s", "\" before what is no letter, "( )", "|", "*",
 * "+", "?", "^", "$".  Counts ("{2}"), back references and named classes ("[[:alpha:]]") there are
 * none. */
#pragma once
#include <stdbool.h>

#include "lib/base/err.h"
#include "lib/base/mem.h"

enum { PATTERN_SIZE_MAX = 128 };

struct pattern;

enum pattern_case { PATTERN_ANY_CASE, PATTERN_EXACT_CASE };

/* ERR_INVALID with a sentence about the pattern.  The result lies in the arena. */
int pattern_compile(struct arena *arena, const char *text, enum pattern_case letters,
                    const struct pattern **ret, struct err *err);

/* Is it found anywhere in the text? */
bool pattern_found(const struct pattern *pattern, const char *text);
