/* Lists and details as docker prints them: tables, --format, --quiet, JSON. */
#pragma once
#include <jansson.h>

#include "cli/command.h"
#include "cli/columns.h"

/* What a row has: the name that templates use, the header above it in a table. */
struct list_field {
        const char *name, *header;
};

/* A kind of list; its rows are JSON objects with these fields. */
struct list_kind {
        const struct list_field *fields; /* ended by a zeroed row */
        const char *table;               /* the template of a line: "{{.ID}}\t{{.Name}}" */
        const char *quiet;               /* the same with --quiet; NULL: there is none */
        const char *setting;             /* in docker's config.json: the --format to take instead */
};

/* Adds the rows (an array) to 'out'.  'format': NULL or "" or "table", "table TEMPLATE", "json", or
 * a template for each row. */
int list_render(const struct list_kind *kind, const char *format, bool is_quiet, json_t *rows,
                struct str *out, struct err *err);

/* Prints the rows as --format and --quiet ask and forgets them; returns the exit code. */
int print_list(struct cli *cli, const struct arguments *arguments, const struct list_kind *kind,
               json_t *rows);

/* Sorts rows by the text of one field, naturally. */
json_t *rows_sorted(json_t *rows, const char *field);

/* --- inspect --- */

struct inspection {
        /* Gets one object as JSON, a new value; NULL on failure, told in cli->err. */
        json_t *(*get)(struct cli *cli, const char *name);
        /* --pretty: gets it and adds it to 'out'. */
        int (*pretty)(struct cli *cli, const char *name, struct str *out);
        /* Says what went wrong with 'name'. */
        void (*fail)(struct cli *cli, const char *name);
};

/* The whole of an inspect command over its positional arguments; returns the exit code. */
int print_inspection(struct cli *cli, const struct arguments *arguments,
                     const struct inspection *inspection);

/* --format; NULL when it was not given or says nothing. */
const char *format_argument(const struct arguments *arguments);

/* Before anything is asked of anybody: is --format, when it was given, a template (or "json")?  0,
 * or EXIT_TEMPLATE, told.  (A list's that is none ends with 1 like any failure, as docker's.) */
int template_check(struct cli *cli, const struct arguments *arguments);

/* One value by a template, with a newline; ERR_INVALID with docker's sentence. */
int template_line(const char *format, json_t *value, struct str *out, struct err *err);

/* --- pieces --- */

/* "5 seconds ago", "About a minute ago", from 'now_ns' back. */
void add_ago(struct str *out, int64_t time_ns, int64_t now_ns);

/* The first 12 characters of an id, all of it with 'whole'. */
const char *short_id(struct arena *arena, const char *id, bool whole);

/* "nginx:1" of "docker.io/library/nginx:1@sha256:..."; with 'whole' the digest stays. */
const char *short_image(struct arena *arena, const char *image, bool whole);

/* "*:8080->80/tcp, *:90-92->90-92/udp" of those published in this mode. */
const char *ports_text(struct arena *arena, Sk__PortConfig *const *ports, size_t n,
                       Sk__PortConfig__PublishMode mode, const char *separator);

/* "Running" of "running". */
const char *capitalised(struct arena *arena, const char *word);

/* Writes to stdout what a command made. */
void print_text(const struct str *text);
/* The same for what a person reads: names, labels and reasons that others chose do not command the
 * terminal. */
void print_words(struct str *text);
/* One line of such words. */
void print_line(FILE *out, const char *text);

/* --filter key=value, given any number of times, as the API takes it.  Values of one key go
 * together. */
void filters_from(struct cli *cli, const struct arguments *arguments, Sk__Filter ***ret_filters,
                  size_t *ret_n);
void filter_add(struct arena *arena, Sk__Filter ***filters, size_t *n, const char *key,
                const char *value);

/* The flag rows that lists and inspections share. */
extern const struct flag list_flags[];    /* --filter --format --quiet */
extern const struct flag inspect_flags[]; /* --format --pretty */

/* What was wrong with what was typed: prints the sentence; returns exit code 1. */
int print_failure(struct cli *cli);
