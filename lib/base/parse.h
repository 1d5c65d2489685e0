/* What the parsers of this folder share. */
#pragma once
#include "lib/base/err.h"

/* ERR_INVALID: "'12x' is not <wanted>"; the text is cut and made printable.  Takes NULL for "". */
int parse_error(const char *text, const char *wanted, struct err *err);
