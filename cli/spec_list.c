/* Lists, labels and words inside a spec that is being written. */
#include <string.h>

#include "cli/spec_private.h"
#include "lib/base/str.h"

void pointers_add(struct spec_edit *edit, void ***list, size_t *n, void *item)
{
        void **grown = arena_alloc(edit->arena, (*n + 1) * sizeof *grown);

        if (*n)
                memcpy(grown, *list, *n * sizeof *grown);
        grown[(*n)++] = item;
        *list = grown;
}

void pointers_remove(void **list, size_t *n, size_t i)
{
        memmove(list + i, list + i + 1, (*n - i - 1) * sizeof *list);
        (*n)--;
}

void list_add(struct spec_edit *edit, const char ***list, size_t *n, const char *text)
{
        pointers_add(edit, (void ***)list, n, arena_strdup(edit->arena, text));
}

void list_remove(const char **list, size_t *n, const char *text)
{
        for (size_t i = *n; i-- > 0;)
                if (strcmp(list[i], text) == 0)
                        pointers_remove((void **)list, n, i);
}

static bool same_key(const char *entry, const char *key, size_t length)
{
        return strncmp(entry, key, length) == 0 && (entry[length] == '=' || !entry[length]);
}

void list_remove_key(const char **list, size_t *n, const char *key)
{
        for (size_t i = *n; i-- > 0;)
                if (same_key(list[i], key, strcspn(key, "=")))
                        pointers_remove((void **)list, n, i);
}

void list_set_key(struct spec_edit *edit, const char ***list, size_t *n, const char *text)
{
        for (size_t i = 0; i < *n; i++)
                if (same_key((*list)[i], text, strcspn(text, "="))) {
                        (*list)[i] = arena_strdup(edit->arena, text);
                        return;
                }
        list_add(edit, list, n, text);
}

int label_set(struct spec_edit *edit, Sk__Label ***labels, size_t *n, const char *text)
{
        size_t length = strcspn(text, "=");
        Sk__Label *label = NULL;
        char *key;

        if (!length)
                return err_set(edit->err, ERR_INVALID, "invalid label '%.64s': empty name", text);
        key = arena_copy(edit->arena, text, length + 1);
        key[length] = '\0';
        for (size_t i = 0; i < *n && !label; i++)
                if (strcmp((*labels)[i]->key, key) == 0)
                        label = (*labels)[i];
        if (!label) {
                label = arena_alloc(edit->arena, sizeof *label);
                *label = (Sk__Label)SK__LABEL__INIT;
                label->key = key;
                pointers_add(edit, (void ***)labels, n, label);
        }
        label->value = text[length] ? arena_strdup(edit->arena, text + length + 1) : "";
        return 0;
}

void label_remove(Sk__Label **labels, size_t *n, const char *key)
{
        for (size_t i = *n; i-- > 0;)
                if (strcmp(labels[i]->key, key) == 0)
                        pointers_remove((void **)labels, n, i);
}

/* Reads one word into 'word'; *at moves behind it. */
static int one_word(struct spec_edit *edit, const char **at, struct str *word)
{
        char quote = 0;

        for (; **at && (quote || !strchr(" \t\n", **at)); (*at)++) {
                if (quote ? **at == quote : (**at == '\'' || **at == '"'))
                        quote = quote ? 0 : **at;
                else if (**at == '\\' && quote != '\'' && (*at)[1])
                        str_add_char(word, *++*at);
                else
                        str_add_char(word, **at);
        }
        if (quote)
                return err_set(edit->err, ERR_INVALID,
                               "invalid command line: the closing %c is missing", quote);
        return 0;
}

int split_words(struct spec_edit *edit, const char *text, const char ***ret_words, size_t *ret_n)
{
        _cleanup_(str_done) struct str word = { 0 };
        const char *at = text;

        *ret_words = NULL;
        *ret_n = 0;
        for (;;) {
                at += strspn(at, " \t\n");
                if (!*at)
                        return 0;
                str_clear(&word);
                TRY(one_word(edit, &at, &word));
                list_add(edit, ret_words, ret_n, str_text(&word));
        }
}

int each_pair(struct spec_edit *edit, const char *text,
              int (*take)(struct spec_edit *edit, void *context, const char *key,
                          const char *value),
              void *context)
{
        char *copy = arena_strdup(edit->arena, text), *field;

        while ((field = strsep(&copy, ","))) {
                char *equals = strchr(field, '=');

                if (equals)
                        *equals = '\0';
                for (char *c = field; *c; c++)
                        if (*c >= 'A' && *c <= 'Z')
                                *c = (char)(*c - 'A' + 'a');
                TRY(take(edit, context, field, equals ? equals + 1 : NULL));
        }
        return 0;
}
