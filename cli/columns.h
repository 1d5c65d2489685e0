/* Text in columns, as Go's tabwriter lays it out for docker. */
#pragma once
#include "lib/base/str.h"

/* Lines whose cells end in tabs become columns: at least 10 wide, 3 spaces between.  A column goes
 * on as long as the lines one below the other have it; what follows the last tab of a line is left
 * as it is. */
void columns_align(const char *text, struct str *out);

/* In characters, not bytes. */
size_t text_width(const char *text, size_t length);

/* The text on one line: what is not printable becomes spaces. */
void add_one_line(struct str *out, const char *text, size_t length);

/* The first 'limit' characters, on one line, the last of them "…" when that is not all. */
void add_ellipsis(struct str *out, const char *text, size_t limit);

/* "web.2" before "web.10". */
int natural_compare(const char *a, const char *b);
