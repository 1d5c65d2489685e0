/* Numbers and words that people type. */
#include "lib/base/parse.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/check.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

enum { QUOTE_LIMIT = 64, DOUBLE_TEXT_LIMIT = 64 };

int parse_error(const char *text, const char *wanted, struct err *err)
{
        _cleanup_(str_done) struct str quoted = { 0 };

        str_add_quoted(&quoted, str_or(text, ""), QUOTE_LIMIT);
        return err_set(err, ERR_INVALID, "%s is not %s", quoted.text, wanted);
}

/* Digits to the end of 'text', at least one. */
static bool read_digits(const char *text, uint64_t *ret)
{
        uint64_t value = 0;

        if (!*text)
                return false;
        for (const char *at = text; *at; at++) {
                if (*at < '0' || *at > '9')
                        return false;
                if (__builtin_mul_overflow(value, 10, &value) ||
                    __builtin_add_overflow(value, (uint64_t)(*at - '0'), &value))
                        return false;
        }
        *ret = value;
        return true;
}

int str_to_uint64(const char *text, uint64_t *ret, struct err *err)
{
        if (!text || !read_digits(text, ret))
                return parse_error(text, "a whole number from 0 to 18446744073709551615", err);
        return 0;
}

int str_to_int64(const char *text, int64_t *ret, struct err *err)
{
        bool is_negative = text && *text == '-', is_signed = is_negative || (text && *text == '+');
        uint64_t magnitude;

        if (!text || !read_digits(text + is_signed, &magnitude) ||
            magnitude > (uint64_t)INT64_MAX + is_negative)
                return parse_error(text, "a whole number (64 bits)", err);
        *ret = is_negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
        return 0;
}

static const char *skip_digits(const char *at)
{
        while (*at >= '0' && *at <= '9')
                at++;
        return at;
}

/* strtod alone would take spaces, hexadecimal, "inf" and "nan". */
static bool is_decimal(const char *text)
{
        const char *at = text + (*text == '-' || *text == '+'), *digits = at;
        size_t n_digits;

        at = skip_digits(at);
        n_digits = (size_t)(at - digits);
        if (*at == '.') {
                digits = ++at;
                at = skip_digits(at);
                n_digits += (size_t)(at - digits);
        }
        if (n_digits == 0)
                return false;
        if (*at == 'e' || *at == 'E') {
                at++;
                at += *at == '-' || *at == '+';
                digits = at;
                at = skip_digits(at);
                if (at == digits)
                        return false;
        }
        return *at == '\0';
}

int str_to_double(const char *text, double *ret, struct err *err)
{
        double value;

        if (!text || strnlen(text, DOUBLE_TEXT_LIMIT + 1) > DOUBLE_TEXT_LIMIT || !is_decimal(text))
                return parse_error(text, "a decimal number", err);
        value = strtod(text, NULL);
        if (!isfinite(value))
                return parse_error(text, "a number that fits a double", err);
        *ret = value;
        return 0;
}

int str_to_bool(const char *text, bool *ret, struct err *err)
{
        static const char *const yes[] = { "1", "t", "T", "true", "TRUE", "True" };
        static const char *const no[] = { "0", "f", "F", "false", "FALSE", "False" };

        for (size_t i = 0; i < COUNT_OF(yes); i++) {
                bool is_yes = str_equal(text, yes[i]);

                if (!is_yes && !str_equal(text, no[i]))
                        continue;
                *ret = is_yes;
                return 0;
        }
        return parse_error(text, "true or false", err);
}
