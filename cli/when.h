/* Points in time as people type them. */
#pragma once
#include <stdint.h>

#include "lib/base/err.h"

/* "2026-11-20T05:31:53Z", "2026-11-20", "42m" (before now), "1763600000.5" (since the epoch); NULL
 * or "" gives 0. */
int when_parse(const char *text, int64_t now_ns, int64_t *ret_ns, struct err *err);
