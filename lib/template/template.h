/* Templates as docker's --format takes them: Go's text/template over JSON values.
 *
 * Known: fields, variables, pipelines, parentheses, if / else if / with / range / break / continue,
 * comments, trim markers; json join split lower upper title pad truncate, print printf println len
 * index slice and or not eq ne lt le gt ge.  Not: define, template, block.
 *
 * Pure, and bounded: a template of a stranger ends, and does not fill the memory. */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/base/err.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

struct template;

struct template_options {
        /* May a field of this name be absent from an object?  Such a field is empty when it is; any
         * other is an error, as Go finds it.  NULL: none may.  A name that begins with a lower case
         * letter is a key of a map, not a field: it gives "<no value>". */
        bool (*may_be_absent)(const char *name);
        size_t steps_max;  /* 0: 1,000,000 */
        size_t output_max; /* bytes; 0: 64 MiB */
};

/* The template lies in 'arena'; 'text' need not outlive the call.  ERR_INVALID with Go's sentence:
 * "template: :1: unclosed action". */
int template_parse(struct arena *arena, const char *text, const struct template **ret,
                   struct err *err);

/* Adds what the template makes of 'value' to 'out'; on failure 'out' holds what came before it.
 * ERR_INVALID: what was asked for is not there, with Go's sentence: "template: :1:2: executing ""
 * at <.Foo>: map has no entry for key "Foo"".  ERR_EXHAUSTED: beyond the limits. */
int template_run(const struct template *template, const struct template_options *options,
                 json_t *value, struct str *out, struct err *err);

/* Go's json.Marshal of a value, without HTML escapes. */
void template_add_json(struct str *out, const json_t *value);
