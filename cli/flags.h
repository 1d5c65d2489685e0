/* Flags as docker's command line takes them: one table per command, read by the parser, by --help
 * and by completion. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "lib/base/err.h"
#include "lib/base/vec.h"

enum flag_type {
        FLAG_BOOL, /* --tty, --tty=false */
        FLAG_STRING,
        FLAG_LIST,   /* may be given again; every value is kept */
        FLAG_FILTER, /* a list of "key=value" */
        FLAG_INT,
        FLAG_UINT,
        FLAG_DURATION, /* "5s" */
        FLAG_BYTES,    /* "64m" */
        FLAG_DECIMAL,  /* "0.5" */
};

struct flag {
        const char *name;
        char letter; /* 0: none */
        enum flag_type type;
        const char
                *value_name; /* what --help calls the value: "list", "bytes"; NULL: by the type */
        const char *help;
        const char *refusal; /* not NULL: known, but not supported yet, and why */
};

/* What was typed. */
struct flag_value {
        const struct flag *flag;
        const char *text; /* "true" for a bare boolean flag */
};

struct arguments {
        struct vec values;     /* struct flag_value, in the order typed */
        struct vec positional; /* const char * */
};

/* 'tables' is a NULL-terminated list of flag tables (each ended by a zeroed row).  With
 * 'interspersed' flags may come after the first positional argument; otherwise everything after it
 * is positional.  Values are checked for their type.  Errors are docker's sentences ("unknown flag:
 * --x").  --help sets *ret_help. */
int flags_parse(const struct flag *const *tables, bool interspersed, int argc, char **argv,
                struct arguments *ret, bool *ret_help, struct err *err);
void arguments_done(struct arguments *arguments);

/* The last value given for a flag; NULL when it was not given. */
const char *argument(const struct arguments *arguments, const char *name);
bool argument_is_set(const struct arguments *arguments, const char *name);
bool argument_bool(const struct arguments *arguments, const char *name);
/* The n-th value of a list flag; NULL after the last. */
const char *argument_nth(const struct arguments *arguments, const char *name, size_t n);
const char *positional(const struct arguments *arguments, size_t i); /* NULL after the last */

/* "  -e, --env list        Set environment variables" lines, sorted by name. */
void flags_print(FILE *out, const struct flag *const *tables);
