/* Strict UTF-8, and renderings of text that may be none. */
#include "lib/base/utf8.h"

#include <string.h>

#include "lib/base/check.h"
#include "lib/base/str.h"

/* What may lead a character, and what its second byte may be: this table is Unicode's own (table
 * 3-7). */
static const struct {
        unsigned char first_least, first_most, second_least, second_most, length;
} forms[] = {
        { 0xc2, 0xdf, 0x80, 0xbf, 2 }, { 0xe0, 0xe0, 0xa0, 0xbf, 3 }, { 0xe1, 0xec, 0x80, 0xbf, 3 },
        { 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 }, { 0xf0, 0xf0, 0x90, 0xbf, 4 },
        { 0xf1, 0xf3, 0x80, 0xbf, 4 }, { 0xf4, 0xf4, 0x80, 0x8f, 4 },
};

size_t utf8_next(const char *text, size_t n)
{
        const unsigned char *byte = (const unsigned char *)text;
        size_t form = 0;

        if (n == 0)
                return 0;
        if (byte[0] < 0x80)
                return 1;
        while (form < COUNT_OF(forms) && byte[0] > forms[form].first_most)
                form++;
        if (form == COUNT_OF(forms) || byte[0] < forms[form].first_least || n < forms[form].length)
                return 0;
        if (byte[1] < forms[form].second_least || byte[1] > forms[form].second_most)
                return 0;
        for (size_t i = 2; i < forms[form].length; i++)
                if ((byte[i] & 0xc0) != 0x80)
                        return 0;
        return forms[form].length;
}

bool str_is_utf8(const char *text, size_t length)
{
        size_t step;

        for (size_t i = 0; i < length; i += step) {
                step = utf8_next(text + i, length - i);
                if (!step || !text[i])
                        return false;
        }
        return true;
}

/* C0, DEL and C1 (which UTF-8 writes as C2 80 to C2 9F). */
static bool is_control(const char *text, size_t length)
{
        const unsigned char *byte = (const unsigned char *)text;

        return byte[0] < 0x20 || byte[0] == 0x7f ||
               (length == 2 && byte[0] == 0xc2 && byte[1] < 0xa0);
}

void str_add_quoted(struct str *str, const char *text, size_t limit)
{
        size_t n = strlen(text), step;

        str_add_char(str, '\'');
        for (size_t i = 0; i < n; i += step) {
                size_t length = utf8_next(text + i, n - i);

                step = length ? length : 1;
                if (i + step > limit) {
                        str_add(str, "...");
                        break;
                }
                if (!length || is_control(text + i, length))
                        str_add_char(str, '?');
                else
                        str_add_bytes(str, text + i, length);
        }
        str_add_char(str, '\'');
}

void text_make_printable(char *text, size_t length, const char *kept)
{
        for (size_t i = 0, step; i < length; i += step) {
                size_t whole = utf8_next(text + i, length - i);

                step = whole ? whole : 1;
                if (!whole || (is_control(text + i, whole) && !(text[i] && strchr(kept, text[i]))))
                        memset(text + i, ' ', step);
        }
}

/* A quote, a backslash or a control character; the last byte of one of C1 is its number. */
static void add_json_escape(struct str *str, char last)
{
        static const char letters[] = "\"\"\\\\\bb\ff\nn\rr\tt";

        for (const char *pair = letters; *pair; pair += 2)
                if (*pair == last) {
                        str_add_char(str, '\\');
                        str_add_char(str, pair[1]);
                        return;
                }
        str_addf(str, "\\u%04x", (unsigned char)last);
}

void str_add_json(struct str *str, const char *text)
{
        size_t n = strlen(text), step;

        for (size_t i = 0; i < n; i += step) {
                size_t length = utf8_next(text + i, n - i);

                step = length ? length : 1;
                if (!length)
                        str_add(str, "\\ufffd");
                else if (text[i] == '"' || text[i] == '\\' || is_control(text + i, length))
                        add_json_escape(str, text[i + length - 1]);
                else
                        str_add_bytes(str, text + i, length);
        }
}
