/* What templates see; for the files of this folder. */
#pragma once
#include <jansson.h>

#include "lib/expand/expand.h"

/* The value of "." for a task's templates; the caller's. */
json_t *expand_context(const struct expand_values *values);

/* join "-" "a" "b": a function of every template. */
int expand_join(void *context, json_t *const *arguments, size_t n, json_t **ret, struct err *err);
