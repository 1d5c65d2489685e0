/* Go's Sprintf over values. */
#include <string.h>

#include "lib/base/utf8.h"
#include "lib/template/template_private.h"

enum { WIDTH_MAX = 10000 };

/* "%-08.3f" taken apart. */
struct verb {
        bool left, zeros, plus, sharp, space;
        int width, precision; /* -1: none */
        char letter;
};

static const char *read_number(const char *at, int *ret)
{
        int number = 0;

        for (; *at >= '0' && *at <= '9'; at++)
                number = number * 10 + (*at - '0') > WIDTH_MAX ? WIDTH_MAX
                                                               : number * 10 + (*at - '0');
        *ret = number;
        return at;
}

/* Behind the '%'; returns what follows the verb. */
static const char *read_verb(const char *at, struct verb *ret)
{
        *ret = (struct verb){ .width = -1, .precision = -1 };
        for (;; at++) {
                if (*at == '-')
                        ret->left = true;
                else if (*at == '0')
                        ret->zeros = true;
                else if (*at == '+')
                        ret->plus = true;
                else if (*at == '#')
                        ret->sharp = true;
                else if (*at == ' ')
                        ret->space = true;
                else
                        break;
        }
        if (*at >= '1' && *at <= '9')
                at = read_number(at, &ret->width);
        if (*at == '.')
                at = read_number(at + 1, &ret->precision);
        ret->letter = *at;
        return *at ? at + 1 : at;
}

static size_t count_characters(const char *text, size_t length)
{
        size_t n = 0;

        for (size_t at = 0, step; at < length; at += step ? step : 1, n++)
                step = utf8_next(text + at, length - at);
        return n;
}

static void add_padded(struct str *out, const struct verb *verb, const struct str *text)
{
        int width = verb->width < 0 ? 0 : verb->width;
        size_t n = count_characters(str_text(text), text->length);
        int missing = (int)n < width ? width - (int)n : 0;

        if (!verb->left)
                str_addf(out, "%*s", missing, "");
        str_add_bytes(out, str_text(text), text->length);
        if (verb->left)
                str_addf(out, "%*s", missing, "");
}

static void add_cut(struct str *out, const struct verb *verb, const char *text, size_t length)
{
        size_t at = 0;

        for (int n = 0; at < length && (verb->precision < 0 || n < verb->precision); n++) {
                size_t step = utf8_next(text + at, length - at);

                at += step ? step : 1;
        }
        str_add_bytes(out, text, at);
}

static void add_integer(struct str *out, const struct verb *verb, json_int_t number)
{
        static const char formats[][8] = { "%0*llx", "%0*llX", "%0*llo" };
        bool has_sign = number < 0 || verb->plus || verb->space;
        int zeros = verb->zeros && !verb->left && verb->width > 0 ? verb->width - has_sign : 0;
        unsigned long long magnitude =
                number < 0 ? -(unsigned long long)number : (unsigned long long)number;
        const char *sign = number < 0 ? "-" : verb->plus ? "+" : verb->space ? " " : "";

        str_add(out, sign);
        if (verb->letter == 'x')
                str_addf(out, formats[0], zeros, magnitude);
        else if (verb->letter == 'X')
                str_addf(out, formats[1], zeros, magnitude);
        else if (verb->letter == 'o')
                str_addf(out, formats[2], zeros, magnitude);
        else
                str_addf(out, "%0*llu", zeros, magnitude);
}

static void add_real(struct str *out, const struct verb *verb, double number)
{
        int precision = verb->precision < 0 ? 6 : verb->precision > 300 ? 300 : verb->precision;
        int width = verb->zeros && !verb->left && verb->width > 0 ? verb->width : 0;

        if (verb->letter == 'e')
                str_addf(out, "%0*.*e", width, precision, number);
        else if (verb->letter == 'g' && verb->precision < 0)
                str_addf(out, "%.15g", number);
        else if (verb->letter == 'g')
                str_addf(out, "%0*.*g", width, precision, number);
        else
                str_addf(out, "%0*.*f", width, precision, number);
}

static void add_mismatch(struct str *out, const struct verb *verb, const json_t *value)
{
        str_addf(out, "%%!%c(%s=", verb->letter ? verb->letter : '(', value_type(value));
        value_print(out, value);
        str_add_char(out, ')');
}

static void add_hex(struct str *out, const struct verb *verb, const json_t *value)
{
        const char *text = json_string_value(value);

        for (size_t i = 0; i < json_string_length(value); i++)
                str_addf(out, verb->letter == 'x' ? "%02x" : "%02X", (unsigned char)text[i]);
}

static void add_value(struct str *out, const struct verb *verb, const json_t *value)
{
        char letter = verb->letter;
        struct str text = { 0 };

        if (letter == 'v' || (letter == 't' && json_is_boolean(value))) {
                value_print(&text, value);
        } else if (letter == 's' && (json_is_string(value) || json_is_array(value))) {
                value_print(&text, value);
                if (verb->precision >= 0) {
                        struct str cut = { 0 };

                        add_cut(&cut, verb, str_text(&text), text.length);
                        str_done(&text);
                        text = cut;
                }
        } else if (letter == 'q' && json_is_string(value)) {
                str_add_char(&text, '"');
                str_add_json(&text, json_string_value(value));
                str_add_char(&text, '"');
        } else if (letter && strchr("dxXo", letter) && json_is_integer(value)) {
                add_integer(&text, verb, json_integer_value(value));
        } else if (letter && strchr("xX", letter) && json_is_string(value)) {
                add_hex(&text, verb, value);
        } else if (letter && strchr("feg", letter) && json_is_real(value)) {
                add_real(&text, verb, json_real_value(value));
        } else {
                add_mismatch(&text, verb, value);
        }
        add_padded(out, verb, &text);
        str_done(&text);
}

int function_printf(json_t *const *arguments, size_t n, json_t **ret, struct err *err)
{
        struct str out = { 0 };
        size_t used = 1;

        if (!n || !json_is_string(arguments[0]))
                return err_set(err, ERR_INVALID, "printf needs a format");
        for (const char *at = json_string_value(arguments[0]); *at;) {
                struct verb verb;

                if (*at != '%') {
                        str_add_char(&out, *at++);
                        continue;
                }
                at = read_verb(at + 1, &verb);
                if (verb.letter == '%')
                        str_add_char(&out, '%');
                else if (!verb.letter)
                        str_add(&out, "%!(NOVERB)");
                else if (used >= n)
                        str_addf(&out, "%%!%c(MISSING)", verb.letter);
                else
                        add_value(&out, &verb, arguments[used++]);
        }
        if (used < n)
                str_add(&out, "%!(EXTRA)");
        *ret = json_stringn(str_text(&out), out.length);
        if (!*ret)
                *ret = json_string("\xef\xbf\xbd");
        str_done(&out);
        return 0;
}
