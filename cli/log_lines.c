/* Log lines of many tasks as docker prints them. */
#include "cli/log_lines.h"

#include <string.h>

#include "lib/base/time.h"
#include "lib/state/task_life.h"

/* More than this is printed in several sorted pieces. */
enum { HELD_MAX = 64 << 20, LINE_MAX_BYTES = 1 << 20 };

struct held_line {
        int64_t at_ns;
        size_t order, length;
        const struct log_source *source;
        char *text;
        Sk__LogLine__Stream stream;
};

void log_lines_init(struct log_lines *lines, FILE *out, FILE *err_out, bool follows)
{
        *lines = (struct log_lines){
                .out = out, .err_out = err_out, .follows = follows, .held = VEC_OF(struct held_line)
        };
}

/* What the lines themselves hold is the containers' own; names before them are not. */
static const char *printable(struct arena *arena, const char *name)
{
        char *copy = arena_strdup(arena, name);

        text_make_printable(copy, strlen(copy), "");
        return copy;
}

void log_source_name(struct arena *arena, struct log_source *source, const Sk__TaskView *task)
{
        const Sk__TaskDefinition *definition = task->task ? task->task->definition : NULL;

        if (!definition)
                return;
        source->service = arena_strdup(arena, str_or(task->service_name, definition->service_id));
        source->slot = definition->slot ? arena_printf(arena, "%llu",
                                                       (unsigned long long)task_number(definition))
                                        : arena_strdup(arena, definition->node_id);
        if (!str_is_empty(task->node_name))
                source->node = printable(arena, task->node_name);
}

static struct log_source *find_source(struct log_lines *lines, const Sk__LogLine *line)
{
        struct log_source *source = map_find(&lines->sources, line->task_id);

        if (source)
                return source;
        source = arena_alloc(&lines->arena, sizeof *source);
        source->task_id = arena_strdup(&lines->arena, line->task_id);
        source->node_id = source->node = arena_strdup(&lines->arena, line->node_id);
        source->details = printable(&lines->arena, line->details);
        map_put(&lines->sources, source->task_id, source);
        if (lines->name && !lines->style.raw && !lines->style.no_resolve)
                lines->name(lines->name_context, source->task_id, source);
        return source;
}

/* --- printing --- */

/* RFC 3339 with all nine digits. */
static void print_time(FILE *out, int64_t time_ns)
{
        _cleanup_(str_done) struct str text = { 0 };

        str_add_time(&text, time_ns - (time_ns % NS_PER_S + NS_PER_S) % NS_PER_S);
        fprintf(out, "%.19s.%09lldZ ", str_text(&text),
                (long long)((time_ns % NS_PER_S + NS_PER_S) % NS_PER_S));
}

static size_t count_digits(uint64_t number)
{
        size_t n = 1;

        for (; number >= 10; number /= 10)
                n++;
        return n;
}

/* "web.1.274z61gq3vpl@n1    | " */
static void print_prefix(const struct log_lines *lines, FILE *out, const struct log_source *source)
{
        const struct log_style *style = &lines->style;
        size_t digits = count_digits(style->slots), used = source->slot ? strlen(source->slot) : 0;
        const char *task_id = source->task_id;

        if (source->service)
                fprintf(out, "%s.%s", source->service, source->slot);
        if (!source->service || !style->no_task_ids)
                fprintf(out, "%s%.*s", source->service ? "." : "",
                        style->whole ? (int)strlen(task_id) : 12, task_id);
        fprintf(out, "@%s%*s    | ", source->node, used && used < digits ? (int)(digits - used) : 0,
                "");
}

static void print_line(const struct log_lines *lines, const struct log_source *source,
                       Sk__LogLine__Stream stream, int64_t at_ns, const char *text, size_t length)
{
        FILE *out = stream == SK__LOG_LINE__STREAM__STDERR ? lines->err_out : lines->out;

        if (lines->style.timestamps)
                print_time(out, at_ns);
        if (!lines->style.raw)
                print_prefix(lines, out, source);
        if (lines->style.details)
                fprintf(out, "%s ", source->details);
        fwrite(text, 1, length, out);
        fputc('\n', out);
        if (lines->follows)
                fflush(out);
}

/* --- order --- */

static int by_time(const void *a, const void *b)
{
        const struct held_line *x = a, *y = b;

        if (x->at_ns != y->at_ns)
                return x->at_ns < y->at_ns ? -1 : 1;
        return (x->order > y->order) - (x->order < y->order);
}

static void print_held(struct log_lines *lines)
{
        vec_sort(&lines->held, by_time);
        for (size_t i = 0; i < lines->held.n; i++) {
                struct held_line *line = vec_at(&lines->held, i);

                print_line(lines, line->source, line->stream, line->at_ns, line->text,
                           line->length);
                free(line->text);
        }
        vec_clear(&lines->held);
        lines->held_bytes = 0;
        fflush(lines->out);
        fflush(lines->err_out);
}

static void line_is_whole(struct log_lines *lines, const struct log_source *source,
                          const Sk__LogLine *line, const char *text, size_t length)
{
        if (lines->follows) {
                print_line(lines, source, line->stream, line->at_ns, text, length);
                return;
        }
        vec_push(&lines->held,
                 &(struct held_line){ line->at_ns, lines->held.n, length, source,
                                      mem_copy(text, length ? length : 1), line->stream });
        lines->held_bytes += length + sizeof(struct held_line);
        if (lines->held_bytes > HELD_MAX)
                print_held(lines);
}

void log_lines_take(struct log_lines *lines, const Sk__LogLine *line)
{
        struct log_source *source = find_source(lines, line);
        size_t stream = line->stream < 3 ? line->stream : 0;
        struct str *pending = &source->pending[stream];

        if (!line->is_partial && !pending->length) {
                line_is_whole(lines, source, line,
                              line->data.len ? (const char *)line->data.data : "", line->data.len);
                return;
        }
        str_add_bytes(pending, line->data.data, line->data.len);
        source->pending_at_ns[stream] = line->at_ns;
        if (line->is_partial && pending->length < LINE_MAX_BYTES)
                return;
        line_is_whole(lines, source, line, str_text(pending), pending->length);
        str_clear(pending);
}

void log_lines_finish(struct log_lines *lines)
{
        struct log_source *source;

        for (size_t at = 0; (source = map_next(&lines->sources, &at));)
                for (int stream = 0; stream < 3; stream++) {
                        Sk__LogLine rest = SK__LOG_LINE__INIT;
                        struct str *pending = &source->pending[stream];

                        rest.stream = (Sk__LogLine__Stream)stream;
                        rest.at_ns = source->pending_at_ns[stream];
                        if (pending->length)
                                line_is_whole(lines, source, &rest, str_text(pending),
                                              pending->length);
                }
        print_held(lines);
}

void log_lines_done(struct log_lines *lines)
{
        struct log_source *source;

        for (size_t at = 0; (source = map_next(&lines->sources, &at));)
                for (int stream = 0; stream < 3; stream++)
                        str_done(&source->pending[stream]);
        for (size_t i = 0; i < lines->held.n; i++)
                free(VEC_AT(&lines->held, struct held_line, i).text);
        vec_done(&lines->held);
        map_done(&lines->sources);
        arena_done(&lines->arena);
}
