/* Flags as docker's command line takes them. */
#include "cli/flags.h"

#include <stdlib.h>
#include <string.h>

#include "cli/suggest.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

static const struct flag *find_name(const struct flag *const *tables, const char *name,
                                    size_t length)
{
        for (; *tables; tables++)
                for (const struct flag *flag = *tables; flag->name; flag++)
                        if (strlen(flag->name) == length && memcmp(flag->name, name, length) == 0)
                                return flag;
        return NULL;
}

static const struct flag *find_letter(const struct flag *const *tables, char letter)
{
        for (; *tables; tables++)
                for (const struct flag *flag = *tables; flag->name; flag++)
                        if (flag->letter == letter)
                                return flag;
        return NULL;
}

static void flag_words(const struct flag *flag, char *ret, size_t size)
{
        if (flag->letter)
                snprintf(ret, size, "-%c, --%s", flag->letter, flag->name);
        else
                snprintf(ret, size, "--%s", flag->name);
}

/* Is the text a value of the flag's type? */
static int check_value(const struct flag *flag, const char *text, struct err *err)
{
        struct err why = { 0 };
        char words[80];
        uint64_t count;
        int64_t number;
        double decimal;
        bool truth;
        int result = 0;

        if (flag->type == FLAG_BOOL)
                result = str_to_bool(text, &truth, &why);
        else if (flag->type == FLAG_FILTER && (!strchr(text, '=') || text[0] == '='))
                result = err_set(&why, ERR_INVALID, "bad format of filter (expected name=value)");
        else if (flag->type == FLAG_INT)
                result = str_to_int64(text, &number, &why);
        else if (flag->type == FLAG_UINT)
                result = str_to_uint64(text, &count, &why);
        else if (flag->type == FLAG_DURATION)
                result = str_to_duration(text, &number, &why);
        else if (flag->type == FLAG_BYTES)
                result = str_to_bytes(text, &number, &why);
        else if (flag->type == FLAG_DECIMAL)
                result = str_to_double(text, &decimal, &why);
        if (result == 0)
                return 0;
        flag_words(flag, words, sizeof words);
        return err_set(err, ERR_INVALID, "invalid argument \"%.64s\" for \"%s\" flag: %s", text,
                       words, why.text);
}

static int take_value(const struct flag *flag, const char *text, struct arguments *ret,
                      struct err *err)
{
        if (flag->refusal)
                return err_set(err, ERR_UNIMPLEMENTED, "--%s is not supported yet: %s", flag->name,
                               flag->refusal);
        TRY(check_value(flag, text, err));
        vec_push(&ret->values, &(struct flag_value){ flag, text });
        return 0;
}

static int unknown_flag(const struct flag *const *tables, const char *name, size_t length,
                        struct err *err)
{
        struct suggestion suggestion = { .typed = name, .length = length };
        int shown = (int)(length > 64 ? 64 : length);

        for (; *tables; tables++)
                for (const struct flag *flag = *tables; flag->name; flag++)
                        if (!flag->refusal)
                                suggest_consider(&suggestion, flag->name);
        if (!suggestion.word)
                return err_set(err, ERR_INVALID, "unknown flag: --%.*s", shown, name);
        return err_set(err, ERR_INVALID, "unknown flag: --%.*s\n\nDid you mean --%s?", shown, name,
                       suggestion.word);
}

/* "--name", "--name=value", "--name value"; moves *at over what it took. */
static int take_long(const struct flag *const *tables, int argc, char **argv, int *at,
                     struct arguments *ret, struct err *err)
{
        const char *name = argv[*at] + 2, *equals = strchr(name, '=');
        size_t length = equals ? (size_t)(equals - name) : strlen(name);
        const struct flag *flag = find_name(tables, name, length);

        if (!flag)
                return unknown_flag(tables, name, length, err);
        if (equals)
                return take_value(flag, equals + 1, ret, err);
        if (flag->type == FLAG_BOOL)
                return take_value(flag, "true", ret, err);
        if (*at + 1 >= argc)
                return err_set(err, ERR_INVALID, "flag needs an argument: --%s", flag->name);
        return take_value(flag, argv[++*at], ret, err);
}

/* "-it", "-p 80:80", "-p80:80", "-p=80:80". */
static int take_short(const struct flag *const *tables, int argc, char **argv, int *at,
                      struct arguments *ret, struct err *err)
{
        const char *letters = argv[*at];

        for (const char *letter = letters + 1; *letter; letter++) {
                const struct flag *flag = find_letter(tables, *letter);

                if (!flag)
                        return err_set(err, ERR_INVALID, "unknown shorthand flag: '%c' in %.64s",
                                       *letter, letters);
                if (flag->type == FLAG_BOOL && letter[1] != '=') {
                        TRY(take_value(flag, "true", ret, err));
                        continue;
                }
                if (letter[1])
                        return take_value(flag, letter + (letter[1] == '=' ? 2 : 1), ret, err);
                if (*at + 1 >= argc)
                        return err_set(err, ERR_INVALID, "flag needs an argument: '%c' in %.64s",
                                       *letter, letters);
                return take_value(flag, argv[++*at], ret, err);
        }
        return 0;
}

int flags_parse(const struct flag *const *tables, bool interspersed, int argc, char **argv,
                struct arguments *ret, bool *ret_help, struct err *err)
{
        bool only_positional = false;

        ret->values = VEC_OF(struct flag_value);
        ret->positional = VEC_OF(const char *);
        for (int at = 0; at < argc; at++) {
                const char *word = argv[at];

                if (only_positional || word[0] != '-' || !word[1]) {
                        vec_push(&ret->positional, &word);
                        only_positional = only_positional || !interspersed;
                } else if (strcmp(word, "--") == 0) {
                        only_positional = true;
                } else if (strcmp(word, "--help") == 0 ||
                           (strcmp(word, "-h") == 0 && !find_letter(tables, 'h'))) {
                        *ret_help = true;
                } else if (word[1] == '-') {
                        TRY(take_long(tables, argc, argv, &at, ret, err));
                } else {
                        TRY(take_short(tables, argc, argv, &at, ret, err));
                }
        }
        return 0;
}

void arguments_done(struct arguments *arguments)
{
        vec_done(&arguments->values);
        vec_done(&arguments->positional);
}

const char *argument(const struct arguments *arguments, const char *name)
{
        for (size_t i = arguments->values.n; i-- > 0;) {
                const struct flag_value *value = vec_at(&arguments->values, i);

                if (strcmp(value->flag->name, name) == 0)
                        return value->text;
        }
        return NULL;
}

bool argument_is_set(const struct arguments *arguments, const char *name)
{
        return argument(arguments, name) != NULL;
}

bool argument_bool(const struct arguments *arguments, const char *name)
{
        const char *text = argument(arguments, name);
        bool truth = false;

        if (text)
                str_to_bool(text, &truth, NULL);
        return truth;
}

const char *argument_nth(const struct arguments *arguments, const char *name, size_t n)
{
        for (size_t i = 0; i < arguments->values.n; i++) {
                const struct flag_value *value = vec_at(&arguments->values, i);

                if (strcmp(value->flag->name, name) == 0 && n-- == 0)
                        return value->text;
        }
        return NULL;
}

const char *positional(const struct arguments *arguments, size_t i)
{
        return i < arguments->positional.n ? VEC_AT(&arguments->positional, const char *, i) : NULL;
}

static int by_name(const void *a, const void *b)
{
        const struct flag *const *x = a, *const *y = b;

        return strcmp((*x)->name, (*y)->name);
}

static const char *value_word(const struct flag *flag)
{
        static const char *const words[] = {
                [FLAG_BOOL] = "",
                [FLAG_STRING] = "string",
                [FLAG_LIST] = "list",
                [FLAG_FILTER] = "filter",
                [FLAG_INT] = "int",
                [FLAG_UINT] = "uint",
                [FLAG_DURATION] = "duration",
                [FLAG_BYTES] = "bytes",
                [FLAG_DECIMAL] = "decimal",
        };

        return flag->value_name ? flag->value_name : words[flag->type];
}

void flags_print(FILE *out, const struct flag *const *tables)
{
        _cleanup_(vec_done) struct vec flags = VEC_OF(const struct flag *);
        size_t widest = 0;

        for (; *tables; tables++)
                for (const struct flag *flag = *tables; flag->name; flag++)
                        vec_push(&flags, &flag);
        vec_sort(&flags, by_name);
        for (size_t i = 0; i < flags.n; i++) {
                const struct flag *flag = VEC_AT(&flags, const struct flag *, i);
                size_t width = strlen(flag->name) + strlen(value_word(flag)) + 1;

                widest = width > widest ? width : widest;
        }
        for (size_t i = 0; i < flags.n; i++) {
                const struct flag *flag = VEC_AT(&flags, const struct flag *, i);
                char letter[5] = "    ";

                if (flag->letter)
                        snprintf(letter, sizeof letter, "-%c, ", flag->letter);
                fprintf(out, "  %s--%s %s%*s   %s%s\n", letter, flag->name, value_word(flag),
                        (int)(widest - strlen(flag->name) - strlen(value_word(flag)) - 1), "",
                        flag->help, flag->refusal ? " (not supported yet)" : "");
        }
}
