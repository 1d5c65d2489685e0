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

/* A function beside those above, or instead of one.  *ret is a new reference; errors are bare
 * sentences. */
struct template_function_row {
        const char *name;
        int (*call)(void *context, json_t *const *arguments, size_t n, json_t **ret,
                    struct err *err);
};

/* Where templates are of use: how errors call them ("expansion"), and further functions, ended by a
 * zeroed row. */
struct template_place {
        const char *name;
        const struct template_function_row *functions;
};

struct template_options {
        /* May a field of this name be absent from an object?  Such a field is empty when it is; any
         * other is an error, as Go finds it.  NULL: none may.  A name that begins with a lower case
         * letter is a key of a map, not a field: it gives "<no value>". */
        bool (*may_be_absent)(const char *name);
        bool has_maps;     /* every object that is no struct is a map: any key may be absent */
        size_t steps_max;  /* 0: 1,000,000 */
        size_t output_max; /* bytes; 0: 64 MiB */
        void *context;     /* of the place's functions */
};

/* The template lies in 'arena'; 'text' need not outlive the call.  ERR_INVALID with Go's sentence:
 * "template: :1: unclosed action". */
int template_parse(struct arena *arena, const char *text, const struct template **ret,
                   struct err *err);
/* The same for a place, which outlives the template; NULL: as above. */
int template_parse_for(struct arena *arena, const struct template_place *place, const char *text,
                       const struct template **ret, struct err *err);

/* An object with the fields of one of Go's structs: a field that it has not is an error that names
 * this type, and it is printed as "{a b}". */
json_t *template_struct(const char *type);

/* Adds what the template makes of 'value' to 'out'; on failure 'out' holds what came before it.
 * ERR_INVALID: what was asked for is not there, with Go's sentence: "template: :1:2: executing ""
 * at <.Foo>: map has no entry for key "Foo"".  ERR_EXHAUSTED: beyond the limits. */
int template_run(const struct template *template, const struct template_options *options,
                 json_t *value, struct str *out, struct err *err);

/* Go's json.Marshal of a value, without HTML escapes. */
void template_add_json(struct str *out, const json_t *value);
