/* Text: a growing string, and strict parsing of what people type. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"

/* A growing string.  A zeroed struct is an empty one; 'text' is NULL until something was added,
 * then always ends in NUL.  What is added must not lie in the string itself. */
struct str {
        char *text;
        size_t length, capacity;
};

void str_add(struct str *str, const char *text);
void str_add_bytes(struct str *str, const void *data, size_t size);
void str_add_char(struct str *str, char c);
void str_addf(struct str *str, const char *format, ...) __attribute__((format(printf, 2, 3)));
void str_add_base64(struct str *str, const void *data, size_t size);
void str_clear(struct str *str); /* empty, memory kept */
void str_done(struct str *str);  /* frees */
char *str_take(struct str *str); /* the text, now the caller's ("" when empty); 'str' is empty */
const char *str_text(const struct str *str); /* never NULL */

bool str_equal(const char *a, const char *b); /* NULL equals only NULL */
bool str_is_empty(const char *text);          /* NULL or "" */
bool str_starts_with(const char *text, const char *prefix);
bool str_ends_with(const char *text, const char *suffix);
const char *str_or(const char *text, const char *otherwise); /* 'otherwise' when NULL or "" */

/* Is this well-formed UTF-8 without NUL?  (protobuf-c checks neither.) */
bool str_is_utf8(const char *text, size_t length);

/* Whole-string parsers: nothing may follow, nothing is skipped, overflow is an error.  'text' is
 * quoted in the error. */
int str_to_int64(const char *text, int64_t *ret, struct err *err);
int str_to_uint64(const char *text, uint64_t *ret, struct err *err);

/* Plain decimal or with an exponent, finite. */
int str_to_double(const char *text, double *ret, struct err *err);

/* What Go's ParseBool takes: 1 t T TRUE true True, 0 f F FALSE false False. */
int str_to_bool(const char *text, bool *ret, struct err *err);

/* Go's duration: "1h30m", "300ms", "1.5s", "0"; units ns us µs ms s m h; result in nanoseconds. */
int str_to_duration(const char *text, int64_t *ret_ns, struct err *err);

/* As Go prints it: "1h30m0s", "5s", "1.5s", "0s". */
void str_add_duration(struct str *str, int64_t ns);

/* Bytes as docker reads them: "512", "64m", "1.5g", "10kb", "1GiB": 1024-based, case ignored. */
int str_to_bytes(const char *text, int64_t *ret_bytes, struct err *err);

/* "23.54GiB", as docker prints memory. */
void str_add_bytes_iec(struct str *str, double bytes);

/* Adds 'text' in single quotes, fit for a message: control characters and what is no UTF-8 become
 * '?', and "..." stands for what is beyond 'limit' bytes. */
void str_add_quoted(struct str *str, const char *text, size_t limit);

/* Makes spaces of what is not fit for a terminal: control characters other than those in 'kept'
 * ("\n\t"), and bytes that are no UTF-8. */
void text_make_printable(char *text, size_t length, const char *kept);

/* Adds 'text' as the inside of a JSON string (no quotes around it).  The result is printable UTF-8
 * on one line whatever comes in: control characters are escaped, other bytes become U+FFFD. */
void str_add_json(struct str *str, const char *text);

/* 64- and 128-bit hashes: SipHash-2-4 under a fixed, public key, so equal on every machine and in
 * every run. */
uint64_t hash_bytes(const void *data, size_t size);
void hash_bytes_128(const void *data, size_t size, uint64_t ret[2]);
