/* UTF-8, one character at a time. */
#pragma once
#include <stddef.h>

/* The length in bytes (1 to 4) of the well-formed character that 'text' begins with; 0 when it
 * begins with none: a stray or missing continuation byte, an overlong form, a surrogate, more than
 * U+10FFFF, or n == 0.  NUL is a character here. */
size_t utf8_next(const char *text, size_t n);
