/* Lists and details as docker prints them. */
#include "cli/print.h"

#include <string.h>

#include "cli/docker_config.h"
#include "lib/base/check.h"
#include "lib/base/str.h"
#include "lib/base/time.h"
#include "lib/docker/docker.h"
#include "lib/template/template.h"

const struct flag list_flags[] = {
        { "filter", 'f', FLAG_FILTER, NULL, "Filter output based on conditions provided", NULL },
        { "format", 0, FLAG_STRING, NULL,
          "Format output using a custom template: 'table', 'table TEMPLATE', 'json', or TEMPLATE",
          NULL },
        { "quiet", 'q', FLAG_BOOL, NULL, "Only display IDs", NULL },
        { 0 },
};

const struct flag inspect_flags[] = {
        { "format", 'f', FLAG_STRING, NULL,
          "Format output using a custom template: 'json', or TEMPLATE", NULL },
        { "pretty", 0, FLAG_BOOL, NULL, "Print the information in a human friendly format", NULL },
        { 0 },
};

int print_failure(struct cli *cli)
{
        text_make_printable(cli->err.text, strlen(cli->err.text), "\n\t");
        fprintf(stderr, "%s\n", cli->err.text);
        return 1;
}

void print_text(const struct str *text)
{
        fwrite(str_text(text), 1, text->length, stdout);
        fflush(stdout);
}

void print_words(struct str *text)
{
        text_make_printable(text->text, text->length, "\n\t");
        print_text(text);
}

void print_line(FILE *out, const char *text)
{
        _cleanup_(str_done) struct str line = { 0 };

        add_one_line(&line, text, strlen(text));
        fprintf(out, "%s\n", str_text(&line));
}

/* --- templates --- */

/* A person types \t and \n in a shell as two characters. */
static char *unescaped(struct arena *arena, const char *format)
{
        char *copy = arena_strdup(arena, format), *to = copy;

        for (const char *from = format; *from; from++) {
                if (from[0] == '\\' && (from[1] == 't' || from[1] == 'n'))
                        *to++ = *++from == 't' ? '\t' : '\n';
                else
                        *to++ = *from;
        }
        *to = '\0';
        return copy;
}

static int run_template(const struct template *template, json_t *value, const char *failure,
                        struct str *out, struct err *err)
{
        static const struct template_options options = { .may_be_absent =
                                                                 docker_field_may_be_absent };

        if (template_run(template, &options, value, out, err) < 0)
                return err_prefix(err, "%s", failure);
        return 0;
}

static int parse_template(struct arena *arena, const char *format, const struct template **ret,
                          struct err *err)
{
        if (template_parse(arena, format, ret, err) < 0)
                return err_prefix(err, "template parsing error");
        return 0;
}

const char *format_argument(const struct arguments *arguments)
{
        const char *format = argument(arguments, "format");

        return str_is_empty(format) ? NULL : format;
}

int template_check(struct cli *cli, const struct arguments *arguments)
{
        const char *format = format_argument(arguments);
        _cleanup_(arena_done) struct arena arena = { 0 };
        const struct template *template;

        if (!format || strcmp(format, "json") == 0 ||
            parse_template(&arena, unescaped(&arena, format), &template, &cli->err) == 0)
                return 0;
        print_failure(cli);
        return EXIT_TEMPLATE;
}

int template_line(const char *format, json_t *value, struct str *out, struct err *err)
{
        _cleanup_(arena_done) struct arena arena = { 0 };
        _cleanup_(str_done) struct str line = { 0 };
        const struct template *template;

        if (strcmp(format, "json") == 0)
                format = "{{json .}}";
        TRY(parse_template(&arena, unescaped(&arena, format), &template, err));
        TRY(run_template(template, value, "template parsing error", &line, err));
        str_add_bytes(out, str_text(&line), line.length);
        str_add_char(out, '\n');
        return 0;
}

/* --- lists --- */

static json_t *headers(const struct list_kind *kind)
{
        json_t *row = json_object();

        for (const struct list_field *field = kind->fields; field->name; field++)
                json_object_set_new(row, field->name, json_string(field->header));
        return row;
}

/* One JSON object per line, keys sorted, and <, >, & escaped as Go's encoder does. */
static void render_json(json_t *rows, struct str *out)
{
        json_t *row;
        size_t i;

        json_array_foreach(rows, i, row)
        {
                char *text = json_dumps(row, JSON_COMPACT | JSON_SORT_KEYS | DOCKER_JSON_FLAGS);

                for (const char *c = text; *c; c++) {
                        if (*c == '<' || *c == '>' || *c == '&')
                                str_addf(out, "\\u%04x", (unsigned)*c);
                        else
                                str_add_char(out, *c);
                }
                str_add_char(out, '\n');
                free(text);
        }
}

static int render_lines(const struct template *template, json_t *rows, struct str *out,
                        struct err *err)
{
        json_t *row;
        size_t i;

        json_array_foreach(rows, i, row)
        {
                TRY(run_template(template, row, "failed to execute template", out, err));
                str_add_char(out, '\n');
        }
        return 0;
}

/* Nodes name themselves: no value ends a cell or a line. */
static void make_cells(json_t *rows)
{
        const char *key;
        json_t *row, *value;
        size_t i;

        json_array_foreach(rows, i, row) json_object_foreach(row, key, value)
        {
                _cleanup_(str_done) struct str cell = { 0 };

                if (!json_is_string(value))
                        continue;
                add_one_line(&cell, json_string_value(value), json_string_length(value));
                json_string_set(value, str_text(&cell));
        }
}

static int render_table(const struct list_kind *kind, const struct template *template, json_t *rows,
                        struct str *out, struct err *err)
{
        _cleanup_(str_done) struct str text = { 0 };
        json_t *above = headers(kind);
        int result = run_template(template, above, "failed to execute template", &text, err);

        json_decref(above);
        if (result < 0)
                return result;
        str_add_char(&text, '\n');
        make_cells(rows);
        TRY(render_lines(template, rows, &text, err));
        columns_align(str_text(&text), out);
        return 0;
}

int list_render(const struct list_kind *kind, const char *format, bool is_quiet, json_t *rows,
                struct str *out, struct err *err)
{
        _cleanup_(arena_done) struct arena arena = { 0 };
        const struct template *template;
        bool is_table;

        format = str_or(format, "table");
        if (is_quiet && kind->quiet && strcmp(format, "table") == 0)
                format = kind->quiet;
        if (strcmp(format, "json") == 0) {
                render_json(rows, out);
                return 0;
        }
        is_table = strcmp(format, "table") == 0 || str_starts_with(format, "table ");
        if (is_table)
                format = format[5] ? format + 6 : kind->table;
        TRY(parse_template(&arena, unescaped(&arena, format), &template, err));
        return is_table ? render_table(kind, template, rows, out, err)
                        : render_lines(template, rows, out, err);
}

/* What a person has set as the format of such lists, as docker does; NULL: nothing. */
static const char *format_setting(struct cli *cli, const char *name)
{
        const char *format;
        json_t *config;
        struct err err;

        if (!name || docker_config_read(docker_config_path(&cli->arena), &config, &err) < 0)
                return NULL;
        format = json_string_value(json_object_get(config, name));
        format = format ? arena_strdup(&cli->arena, format) : NULL;
        json_decref(config);
        return format;
}

int print_list(struct cli *cli, const struct arguments *arguments, const struct list_kind *kind,
               json_t *rows)
{
        _cleanup_(str_done) struct str out = { 0 };
        const char *format = argument(arguments, "format");
        bool is_quiet = argument_bool(arguments, "quiet");
        int result;

        if (!format && !is_quiet)
                format = format_setting(cli, kind->setting);
        result = list_render(kind, format, is_quiet, rows, &out, &cli->err);

        json_decref(rows);
        print_text(&out);
        return result < 0 ? print_failure(cli) : 0;
}

struct keyed {
        const char *key;
        json_t *row;
        size_t order; /* equal keys stay as they were */
};

static int by_key(const void *a, const void *b)
{
        const struct keyed *x = a, *y = b;
        int order = natural_compare(x->key, y->key);

        return order ? order : (x->order > y->order) - (x->order < y->order);
}

json_t *rows_sorted(json_t *rows, const char *field)
{
        _cleanup_(vec_done) struct vec keyed = VEC_OF(struct keyed);
        json_t *sorted = json_array(), *row;
        size_t i;

        json_array_foreach(rows, i, row)
                vec_push(&keyed,
                         &(struct keyed){ json_string_value(json_object_get(row, field)), row, i });
        vec_sort(&keyed, by_key);
        for (i = 0; i < keyed.n; i++)
                json_array_append(sorted, VEC_AT(&keyed, struct keyed, i).row);
        json_decref(rows);
        return sorted;
}

/* --- inspect --- */

static void print_values(json_t *values)
{
        _cleanup_(freep) char *text = json_dumps(values, JSON_INDENT(4) | DOCKER_JSON_FLAGS);

        printf("%s\n", text);
        fflush(stdout);
}

static int inspect_pretty(struct cli *cli, const struct arguments *arguments,
                          const struct inspection *inspection)
{
        _cleanup_(str_done) struct str out = { 0 };
        const char *name;
        int status = 0;

        for (size_t i = 0; (name = positional(arguments, i)) && !status; i++)
                if (inspection->pretty(cli, name, &out) < 0)
                        status = 1;
        print_words(&out);
        if (status)
                inspection->fail(cli, positional(arguments, 0));
        return status;
}

/* Tells of all that could not be found, after what was. */
static int inspect_values(struct cli *cli, const struct arguments *arguments,
                          const struct inspection *inspection, const char *format,
                          struct vec *failures)
{
        _cleanup_(str_done) struct str out = { 0 };
        json_t *values = json_array(), *value;
        const char *name;
        int result = 0;

        for (size_t i = 0; (name = positional(arguments, i)) && result == 0; i++) {
                value = inspection->get(cli, name);
                if (!value) {
                        vec_push(failures, &cli->err);
                        continue;
                }
                if (format)
                        result = template_line(format, value, &out, &cli->err);
                json_array_append_new(values, value);
        }
        if (format && !out.length && result == 0)
                str_add_char(&out, '\n');
        if (format)
                print_text(&out);
        else
                print_values(values);
        json_decref(values);
        return result;
}

int print_inspection(struct cli *cli, const struct arguments *arguments,
                     const struct inspection *inspection)
{
        _cleanup_(vec_done) struct vec failures = VEC_OF(struct err);
        const char *format = format_argument(arguments);
        size_t n = 0;

        if (argument_bool(arguments, "pretty") && format) {
                fprintf(stderr, "--format is incompatible with human friendly format\n");
                return 1;
        }
        if (argument_bool(arguments, "pretty"))
                return inspect_pretty(cli, arguments, inspection);
        if (template_check(cli, arguments))
                return EXIT_TEMPLATE;
        if (inspect_values(cli, arguments, inspection, format, &failures) < 0)
                return print_failure(cli);
        for (; n < failures.n; n++) {
                cli->err = VEC_AT(&failures, struct err, n);
                inspection->fail(cli, NULL);
        }
        return n ? 1 : 0;
}

/* --- pieces --- */

void add_ago(struct str *out, int64_t time_ns, int64_t now_ns)
{
        str_add_human_duration(out, now_ns > time_ns ? now_ns - time_ns : 0);
        str_add(out, " ago");
}

const char *short_id(struct arena *arena, const char *id, bool whole)
{
        return whole || strlen(id) <= 12 ? id : arena_printf(arena, "%.12s", id);
}

const char *short_image(struct arena *arena, const char *image, bool whole)
{
        const char *digest = strchr(image, '@'), *slash, *colon;

        if (str_starts_with(image, "docker.io/library/"))
                image += strlen("docker.io/library/");
        else if (str_starts_with(image, "docker.io/"))
                image += strlen("docker.io/");
        slash = strrchr(image, '/');
        colon = strchr(slash ? slash : image, ':');
        if (whole || !digest || !colon || colon > digest)
                return image;
        return arena_printf(arena, "%.*s", (int)(digest - image), image);
}

const char *capitalised(struct arena *arena, const char *word)
{
        char *copy = arena_strdup(arena, word);

        if (*copy >= 'a' && *copy <= 'z')
                *copy = (char)(*copy - 'a' + 'A');
        return copy;
}

static int by_port(const void *a, const void *b)
{
        const Sk__PortConfig *x = *(const Sk__PortConfig *const *)a,
                             *y = *(const Sk__PortConfig *const *)b;

        if (x->protocol != y->protocol)
                return x->protocol < y->protocol ? -1 : 1;
        return (x->published_port > y->published_port) - (x->published_port < y->published_port);
}

static void add_port_range(struct str *out, uint32_t first, uint32_t n)
{
        if (n > 1)
                str_addf(out, "%u-%u", first, first + n - 1);
        else
                str_addf(out, "%u", first);
}

const char *ports_text(struct arena *arena, Sk__PortConfig *const *ports, size_t n,
                       Sk__PortConfig__PublishMode mode, const char *separator)
{
        _cleanup_(vec_done) struct vec chosen = VEC_OF(Sk__PortConfig *);
        _cleanup_(str_done) struct str out = { 0 };

        for (size_t i = 0; i < n; i++)
                if (ports[i]->publish_mode == mode && ports[i]->published_port)
                        vec_push(&chosen, &ports[i]);
        vec_sort(&chosen, by_port);
        for (size_t i = 0, run; i < chosen.n; i += run) {
                const Sk__PortConfig *port = VEC_AT(&chosen, Sk__PortConfig *, i), *next;

                for (run = 1; i + run < chosen.n; run++) {
                        next = VEC_AT(&chosen, Sk__PortConfig *, i + run);
                        if (next->protocol != port->protocol ||
                            next->published_port != port->published_port + run ||
                            next->target_port != port->target_port + run)
                                break;
                }
                str_addf(&out, "%s*:", out.length ? separator : "");
                add_port_range(&out, port->published_port, (uint32_t)run);
                str_add(&out, "->");
                add_port_range(&out, port->target_port, (uint32_t)run);
                str_addf(&out, "/%s", docker_protocol(port->protocol));
        }
        return arena_strdup(arena, str_text(&out));
}

/* --- filters --- */

void filter_add(struct arena *arena, Sk__Filter ***filters, size_t *n, const char *key,
                const char *value)
{
        Sk__Filter *filter = NULL;
        const char **values;

        for (size_t i = 0; i < *n && !filter; i++)
                if (strcmp((*filters)[i]->key, key) == 0)
                        filter = (*filters)[i];
        if (!filter) {
                Sk__Filter **grown = arena_alloc(arena, (*n + 1) * sizeof *grown);

                if (*n)
                        memcpy(grown, *filters, *n * sizeof *grown);
                filter = arena_alloc(arena, sizeof *filter);
                *filter = (Sk__Filter)SK__FILTER__INIT;
                filter->key = arena_strdup(arena, key);
                grown[(*n)++] = filter;
                *filters = grown;
        }
        values = arena_alloc(arena, (filter->n_values + 1) * sizeof *values);
        if (filter->n_values)
                memcpy(values, filter->values, filter->n_values * sizeof *values);
        values[filter->n_values++] = arena_strdup(arena, value);
        filter->values = (void *)values;
}

void filters_from(struct cli *cli, const struct arguments *arguments, Sk__Filter ***ret_filters,
                  size_t *ret_n)
{
        const char *typed;

        for (size_t i = 0; (typed = argument_nth(arguments, "filter", i)); i++) {
                size_t length = strcspn(typed, "=");
                char *key = arena_printf(&cli->arena, "%.*s", (int)length, typed);

                for (char *c = key; *c; c++)
                        if (*c >= 'A' && *c <= 'Z')
                                *c = (char)(*c - 'A' + 'a');
                filter_add(&cli->arena, ret_filters, ret_n, key, typed + length + 1);
        }
}
