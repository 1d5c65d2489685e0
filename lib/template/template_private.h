/* What the files of this folder share: tokens, the tree, values. */
#pragma once
#include <stdint.h>

#include "lib/base/vec.h"
#include "lib/template/template.h"

/* --- tokens of an action --- */

enum token_kind {
        TOKEN_END,      /* }} */
        TOKEN_DOT,      /* . alone */
        TOKEN_FIELD,    /* .Name, with the dot */
        TOKEN_VARIABLE, /* $name */
        TOKEN_WORD,     /* if, json, true, ... */
        TOKEN_STRING,
        TOKEN_NUMBER,
        TOKEN_PIPE,
        TOKEN_COMMA,
        TOKEN_DECLARE, /* := */
        TOKEN_ASSIGN,  /* = */
        TOKEN_OPEN,
        TOKEN_CLOSE,
};

enum literal_kind { LITERAL_NIL, LITERAL_BOOL, LITERAL_INTEGER, LITERAL_REAL, LITERAL_STRING };

struct literal {
        enum literal_kind kind;
        const char *text; /* in the arena */
        int64_t integer;  /* also of bool */
        double real;
};

struct token {
        enum token_kind kind;
        size_t at, length; /* in the template's text */
        bool after_space;
        struct literal literal; /* of strings and numbers */
};

struct lexer {
        const char *name; /* of the template, for errors */
        const char *text; /* the whole template */
        size_t length, at;
        struct arena *arena;
        struct err *err;
};

/* The next token of the action the lexer is in; after TOKEN_END it stands behind the "}}". */
int lex_token(struct lexer *lexer, struct token *ret);
/* "template: :LINE: ..." */
int lex_fail(const struct lexer *lexer, size_t at, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
size_t line_of(const char *text, size_t at);

/* --- the tree, in the template's arena --- */

enum operand_kind {
        OPERAND_DOT,
        OPERAND_VARIABLE,
        OPERAND_LITERAL,
        OPERAND_FUNCTION,
        OPERAND_PIPE
};

/* A start and the fields taken from it: ".A.B", "$x.A", "(pipe).A", "join". */
struct operand {
        enum operand_kind kind;
        const char *name; /* of a variable (with $) or function */
        struct literal literal;
        const struct pipeline *pipeline;
        const char **fields;
        size_t n_fields;
        size_t at;        /* where errors point to */
        const char *text; /* as written, for errors */
};

struct command {
        const struct operand **operands; /* the first may be a function */
        size_t n;
};

struct pipeline {
        const char *variables[2]; /* declared or assigned; NULL: none */
        bool is_assignment;
        const struct command **commands;
        size_t n;
};

enum node_kind {
        NODE_TEXT,
        NODE_ACTION,
        NODE_IF,
        NODE_WITH,
        NODE_RANGE,
        NODE_BREAK,
        NODE_CONTINUE
};

struct node {
        enum node_kind kind;
        const struct node *next;
        const char *text; /* of NODE_TEXT */
        size_t length, at;
        const struct pipeline *pipeline;
        const struct node *body, *otherwise;
};

struct template
{
        const struct template_place *place;
        const char *text;
        const struct node *nodes;
};

/* --- values: json_t; NULL is Go's "<no value>" --- */

bool value_is_true(const json_t *value);
/* As %v prints it. */
void value_print(struct str *out, const json_t *value);
const char *value_type(const json_t *value);   /* as Go names it, for sentences */
const char *value_struct(const json_t *value); /* the type of a template_struct(), else NULL */
json_t *sorted_keys(const json_t *object);     /* an array of strings; the caller's */

/* --- functions --- */

enum { MADE_MAX = 64 << 20 }; /* bytes of text that one call makes, at most */

/* Called with evaluated arguments; *ret is a new reference.  Errors are bare sentences. */
typedef int template_function(json_t *const *arguments, size_t n, json_t **ret, struct err *err);

/* NULL for a word that is no function; 'and' and 'or' are the runner's. */
template_function *function_find(const char *name);
bool function_is_known(const char *name);
/* Of the place; NULL: none. */
const struct template_function_row *function_of_place(const struct template_place *place,
                                                      const char *name);

int function_printf(json_t *const *arguments, size_t n, json_t **ret, struct err *err);
