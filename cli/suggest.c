#include "cli/suggest.h"

#include <string.h>

enum { WORD_MAX = 40, SHORT_WORD = 4 };

static size_t least(size_t a, size_t b)
{
        return a < b ? a : b;
}

/* Row by row: how many slips make the first i letters of 'a' the first k of 'b'. */
static size_t count_slips(const char *a, size_t n_a, const char *b, size_t n_b)
{
        size_t rows[3][WORD_MAX + 1];
        size_t *before = rows[0], *above = rows[1], *row = rows[2], *spare;

        for (size_t k = 0; k <= n_b; k++)
                row[k] = k;
        for (size_t i = 1; i <= n_a; i++) {
                spare = before;
                before = above;
                above = row;
                row = spare;
                row[0] = i;
                for (size_t k = 1; k <= n_b; k++) {
                        row[k] = least(above[k - 1] + (a[i - 1] != b[k - 1]),
                                       least(above[k], row[k - 1]) + 1);
                        if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1])
                                row[k] = least(row[k], before[k - 2] + 1);
                }
        }
        return row[n_b];
}

void suggest_consider(struct suggestion *suggestion, const char *word)
{
        size_t length = strlen(word), most = suggestion->length > SHORT_WORD ? 2 : 1, n_slips;

        if (length > WORD_MAX || suggestion->length > WORD_MAX || suggestion->length < 2)
                return;
        n_slips = count_slips(suggestion->typed, suggestion->length, word, length);
        if (n_slips > most || (suggestion->word && n_slips >= suggestion->n_slips))
                return;
        suggestion->word = word;
        suggestion->n_slips = n_slips;
}
