/* Docker's filters: values of one key are alternatives, different keys must all match. */
#pragma once
#include <stdbool.h>

#include "api/control.pb-c.h"
#include "lib/base/err.h"

/* Refuses keys that are not in 'known' (NULL-terminated): ERR_INVALID "invalid filter 'x'". */
int filters_check(Sk__Filter *const *filters, size_t n_filters, const char *const *known,
                  struct err *err);

/* Refuses values of 'key' that are none of 'words' (NULL-terminated; case does not matter), with
 * docker's text: ERR_INVALID "Invalid role filter: 'x'". */
int filters_check_words(Sk__Filter *const *filters, size_t n_filters, const char *key,
                        const char *const *words, struct err *err);

/* Does some value given for 'key' match, or was the key not given at all? */
bool filters_match_exact(Sk__Filter *const *filters, size_t n_filters, const char *key,
                         const char *value);
bool filters_match_word(Sk__Filter *const *filters, size_t n_filters, const char *key,
                        const char *value); /* case does not matter */
bool filters_match_prefix(Sk__Filter *const *filters, size_t n_filters, const char *key,
                          const char *value);
/* "k" asks for the label, "k=v" for its value too; all given labels must match. */
bool filters_match_labels(Sk__Filter *const *filters, size_t n_filters, const char *key,
                          Sk__Label *const *labels, size_t n_labels);

/* The filter of that key, NULL when it was not given. */
const Sk__Filter *filters_find(Sk__Filter *const *filters, size_t n_filters, const char *key);
