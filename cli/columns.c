/* Text in columns. */
#include "cli/columns.h"

#include <ctype.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/utf8.h"
#include "lib/base/vec.h"

enum { WIDTH_LEAST = 10, PADDING = 3 };

size_t text_width(const char *text, size_t length)
{
        size_t width = 0;

        for (size_t at = 0, step; at < length; at += step ? step : 1, width++)
                step = utf8_next(text + at, length - at);
        return width;
}

struct cell {
        const char *text;
        size_t length, width;
        bool is_last; /* of its line: not part of a column */
};

/* One line's cells: cells[first .. first + n). */
struct line {
        size_t first, n;
};

static void split(const char *text, struct vec *cells, struct vec *lines)
{
        while (*text) {
                struct line *line = vec_add(lines);
                bool is_last;

                line->first = cells->n;
                do {
                        size_t length = strcspn(text, "\t\n");

                        is_last = text[length] != '\t';
                        vec_push(cells,
                                 &(struct cell){ text, length, text_width(text, length), is_last });
                        text += length + (text[length] != '\0');
                        line->n++;
                } while (!is_last);
        }
}

static struct cell *cell_at(const struct vec *cells, const struct vec *lines, size_t row,
                            size_t column)
{
        const struct line *line = vec_at(lines, row);
        struct cell *cell = column < line->n ? vec_at(cells, line->first + column) : NULL;

        return cell && !cell->is_last ? cell : NULL;
}

/* Gives the lines from 'row' on that have this column its width; returns the line behind them. */
static size_t widen(struct vec *cells, const struct vec *lines, size_t row, size_t column)
{
        size_t width = WIDTH_LEAST, end = row;
        const struct cell *cell;

        for (; end < lines->n && (cell = cell_at(cells, lines, end, column)); end++)
                if (cell->width + PADDING > width)
                        width = cell->width + PADDING;
        for (size_t i = row; i < end; i++)
                cell_at(cells, lines, i, column)->width = width;
        return end > row ? end : row + 1;
}

void columns_align(const char *text, struct str *out)
{
        _cleanup_(vec_done) struct vec cells = VEC_OF(struct cell), lines = VEC_OF(struct line);
        size_t n_columns = 0;

        split(text, &cells, &lines);
        for (size_t i = 0; i < lines.n; i++)
                if (VEC_AT(&lines, struct line, i).n > n_columns)
                        n_columns = VEC_AT(&lines, struct line, i).n;
        for (size_t column = 0; column < n_columns; column++)
                for (size_t row = 0; row < lines.n;)
                        row = widen(&cells, &lines, row, column);
        for (size_t i = 0; i < cells.n; i++) {
                const struct cell *cell = vec_at(&cells, i);

                str_add_bytes(out, cell->text, cell->length);
                if (cell->is_last)
                        str_add_char(out, '\n');
                else
                        str_addf(out, "%*s",
                                 (int)(cell->width - text_width(cell->text, cell->length)), "");
        }
}

void add_one_line(struct str *out, const char *text, size_t length)
{
        str_add_bytes(out, text, length);
        text_make_printable(out->text + out->length - length, length, "");
}

void add_ellipsis(struct str *out, const char *text, size_t limit)
{
        size_t length = strlen(text), at = 0;

        if (text_width(text, length) <= limit) {
                add_one_line(out, text, length);
                return;
        }
        for (size_t n = 0; n + 1 < limit; n++) {
                size_t step = utf8_next(text + at, length - at);

                at += step ? step : 1;
        }
        add_one_line(out, text, at);
        str_add(out, "…");
}

int natural_compare(const char *a, const char *b)
{
        while (*a && *b) {
                if (isdigit((unsigned char)*a) && isdigit((unsigned char)*b)) {
                        size_t n, m;

                        a += strspn(a, "0");
                        b += strspn(b, "0");
                        n = strspn(a, "0123456789");
                        m = strspn(b, "0123456789");
                        if (n != m)
                                return n < m ? -1 : 1;
                        if (memcmp(a, b, n) != 0)
                                return memcmp(a, b, n);
                        a += n;
                        b += m;
                } else if (*a != *b) {
                        return (unsigned char)*a < (unsigned char)*b ? -1 : 1;
                } else {
                        a++;
                        b++;
                }
        }
        return (*a != '\0') - (*b != '\0');
}
