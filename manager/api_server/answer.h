/* Reading what a registry answers: headers, challenges, tokens.  Bytes from outside: anything may
 * come. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "lib/base/str.h"

/* Is the line "NAME: value"?  Then 'ret' gets the value without blanks around it; a value that does
 * not fit is none. */
bool answer_header(const char *line, size_t length, const char *name, char *ret, size_t ret_size);

/* The value of key="..." in a WWW-Authenticate challenge; "" when it is absent or does not fit. */
void answer_challenge(const char *challenge, const char *key, char *ret, size_t size);

/* Adds the token of a token service's JSON answer; nothing when there is none. */
void answer_token(const char *body, size_t length, struct str *ret);
