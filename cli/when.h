/* Points in time as people type and read them. */
#pragma once
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/base/str.h"

/* "2026-11-20T05:31:53Z", "2026-11-20", "42m" (before now), "1763600000.5" (since the epoch); NULL
 * or "" gives 0. */
int when_parse(const char *text, int64_t now_ns, int64_t *ret_ns, struct err *err);

/* "2026-11-20 05:31:52.666451472 +0000 utc": as Go's Time prints it, in lower case as docker does.
 */
void add_go_time(struct str *out, int64_t time_ns);
