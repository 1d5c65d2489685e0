/* Which managers there are to talk to: those this node was joined by, and those the managers told
 * of.  Pure. */
#pragma once
#include <stdbool.h>

#include "lib/base/str.h"
#include "lib/base/vec.h"

struct managers {
        struct vec joined, told; /* char *, "host:port" */
        size_t at;               /* the current one, counted over both */
};

void managers_init(struct managers *managers);
void managers_done(struct managers *managers);

/* An address the node was joined by; kept for ever, as the way back when all else changed. */
void managers_add_joined(struct managers *managers, const char *address);

/* What a manager tells replaces what was told before.  Returns whether anything changed.  The
 * current one stays current when it is still among them. */
bool managers_set_told(struct managers *managers, const char *const *addresses, size_t n);

size_t managers_count(const struct managers *managers);

/* The current one; NULL when there is none. */
const char *managers_current(const struct managers *managers);
void managers_choose(struct managers *managers, size_t i); /* any number */
void managers_next(struct managers *managers);

/* As lines "joined HOST:PORT" and "told HOST:PORT"; lines that are neither are skipped. */
void managers_print(const struct managers *managers, struct str *ret);
void managers_parse(struct managers *managers, const char *lines);
