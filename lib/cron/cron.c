/* Reading a schedule. */
#include "lib/cron/cron.h"

#include <string.h>
#include <strings.h>

#include "lib/base/check.h"
#include "lib/base/str.h"

enum { TEXT_MAX = 200, FIELDS = 5 };

static const char *const month_names[] = { "jan", "feb", "mar", "apr", "may", "jun", "jul",
                                           "aug", "sep", "oct", "nov", "dec", NULL };
static const char *const weekday_names[] = {
        "sun", "mon", "tue", "wed", "thu", "fri", "sat", NULL
};

static const struct field {
        const char *name;
        int least, most;
        const char *const *names; /* of the numbers from 'least' on */
} fields[FIELDS] = {
        { "minute", 0, 59, NULL },
        { "hour", 0, 23, NULL },
        { "day of the month", 1, 31, NULL },
        { "month", 1, 12, month_names },
        { "day of the week", 0, 7, weekday_names },
};

static const struct {
        const char *word, *meaning;
} shortcuts[] = {
        { "@yearly", "0 0 1 1 *" }, { "@annually", "0 0 1 1 *" }, { "@monthly", "0 0 1 * *" },
        { "@weekly", "0 0 * * 0" }, { "@daily", "0 0 * * *" },    { "@midnight", "0 0 * * *" },
        { "@hourly", "0 * * * *" },
};

static bool is_digit(char c)
{
        return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* A number or a name at the beginning of *text, which moves on. */
static int take_number(const char **text, const struct field *field, int *ret, struct err *err)
{
        size_t length = 0;
        int number = 0;

        while (is_digit((*text)[length]) && length < 4)
                number = number * 10 + ((*text)[length++] - '0');
        while (!length && field->names && is_letter((*text)[0]) && field->names[number]) {
                if (strncasecmp(*text, field->names[number], 3) == 0 && !is_letter((*text)[3]))
                        length = 3;
                else
                        number++;
        }
        if (length == 3 && is_letter((*text)[0]))
                number += field->least;
        if (!length)
                return err_set(err, ERR_INVALID, "%s: '%.20s' is neither a number nor *",
                               field->name, *text);
        if (number < field->least || number > field->most)
                return err_set(err, ERR_INVALID, "%s: %d is not between %d and %d", field->name,
                               number, field->least, field->most);
        *text += length;
        *ret = number;
        return 0;
}

/* "/5": 1 when there is none. */
static int take_step(const char **text, const struct field *field, int *ret, struct err *err)
{
        int step = 0;

        *ret = 1;
        if (**text != '/')
                return 0;
        for (++*text; is_digit(**text) && step < 1000; ++*text)
                step = step * 10 + (**text - '0');
        if (!step || is_digit(**text))
                return err_set(err, ERR_INVALID, "%s: a step is a number from 1 on", field->name);
        *ret = step;
        return 0;
}

/* One item of a list: "*", "7", "1-5", each perhaps with a step. */
static int take_item(const char **text, const struct field *field, uint64_t *bits, struct err *err)
{
        int first = field->least, last = field->most, step;
        bool is_single = false;

        if (**text == '*') {
                ++*text;
        } else {
                TRY(take_number(text, field, &first, err));
                is_single = **text != '-';
                if (!is_single) {
                        ++*text;
                        TRY(take_number(text, field, &last, err));
                }
        }
        if (first > last)
                return err_set(err, ERR_INVALID, "%s: the range %d-%d ends before it begins",
                               field->name, first, last);
        if (is_single && **text != '/')
                last = first;
        TRY(take_step(text, field, &step, err));
        for (int number = first; number <= last; number += step)
                *bits |= UINT64_C(1) << number;
        return 0;
}

static int parse_field(const char *text, const struct field *field, uint64_t *ret_bits,
                       struct err *err)
{
        *ret_bits = 0;
        for (;;) {
                TRY(take_item(&text, field, ret_bits, err));
                if (!*text)
                        return 0;
                if (*text != ',')
                        return err_set(err, ERR_INVALID, "%s: '%.20s' is not understood",
                                       field->name, text);
                text++;
        }
}

/* Days of the month that none of the months has. */
static bool is_never(const struct cron *cron)
{
        for (int month = 1; month <= 12; month++) {
                int length = month == 2                                              ? 29
                             : month == 4 || month == 6 || month == 9 || month == 11 ? 30
                                                                                     : 31;

                if (cron->months >> month & 1 && cron->days & ((UINT64_C(1) << (length + 1)) - 1))
                        return false;
        }
        return !cron->either_day;
}

static int split(char *text, char *ret_words[FIELDS], struct err *err)
{
        size_t n = 0;
        char *word;

        while ((word = strsep(&text, " \t"))) {
                if (*word && n < FIELDS)
                        ret_words[n] = word;
                n += *word != '\0';
        }
        if (n != FIELDS)
                return err_set(err, ERR_INVALID,
                               "there are %zu fields where 5 are expected: minute, hour, day of "
                               "the month, month, day of the week",
                               n);
        return 0;
}

static int parse(char *text, struct cron *ret, struct err *err)
{
        char *words[FIELDS];
        uint64_t bits[FIELDS];

        TRY(split(text, words, err));
        for (size_t i = 0; i < FIELDS; i++)
                TRY(parse_field(words[i], &fields[i], &bits[i], err));
        *ret = (struct cron){
                .minutes = bits[0],
                .hours = (uint32_t)bits[1],
                .days = (uint32_t)bits[2],
                .months = (uint32_t)bits[3],
                .weekdays = (uint32_t)(bits[4] | bits[4] >> 7) & 0x7f,
                .either_day = words[2][0] != '*' && words[4][0] != '*',
        };
        if (is_never(ret))
                return err_set(err, ERR_INVALID, "no month has such a day: it would never run");
        return 0;
}

int cron_parse(const char *text, struct cron *ret, struct err *err)
{
        const char *meaning = text;
        char copy[TEXT_MAX + 1];

        if (strlen(text) > TEXT_MAX)
                return err_set(err, ERR_INVALID, "it is longer than %d characters", TEXT_MAX);
        for (size_t i = 0; i < COUNT_OF(shortcuts); i++)
                if (strcasecmp(text, shortcuts[i].word) == 0)
                        meaning = shortcuts[i].meaning;
        if (meaning[0] == '@')
                return err_set(err, ERR_INVALID,
                               "'%.20s' is none of @hourly, @daily, @midnight, @weekly, @monthly, "
                               "@yearly and @annually",
                               text);
        strcpy(copy, meaning);
        return parse(copy, ret, err);
}
