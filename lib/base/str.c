/* A growing string, and questions about text. */
#include "lib/base/str.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/check.h"
#include "lib/base/mem.h"

/* Room for 'more' bytes and the NUL. */
static void reserve(struct str *str, size_t more)
{
        size_t capacity = str->capacity ? str->capacity : 32;

        CHECK(more < SIZE_MAX / 4 - str->length);
        if (str->capacity > str->length + more)
                return;
        while (capacity <= str->length + more)
                capacity *= 2;
        str->text = mem_resize(str->text, capacity);
        str->capacity = capacity;
}

void str_add_bytes(struct str *str, const void *data, size_t size)
{
        reserve(str, size);
        if (size)
                memcpy(str->text + str->length, data, size);
        str->length += size;
        str->text[str->length] = '\0';
}

void str_add(struct str *str, const char *text)
{
        str_add_bytes(str, text, strlen(text));
}

void str_add_char(struct str *str, char c)
{
        str_add_bytes(str, &c, 1);
}

void str_addf(struct str *str, const char *format, ...)
{
        va_list args, again;
        int n;

        reserve(str, 64);
        va_start(args, format);
        va_copy(again, args);
        n = vsnprintf(str->text + str->length, str->capacity - str->length, format, args);
        va_end(args);
        CHECK(n >= 0);
        if ((size_t)n >= str->capacity - str->length) {
                reserve(str, (size_t)n);
                vsnprintf(str->text + str->length, (size_t)n + 1, format, again);
        }
        va_end(again);
        str->length += (size_t)n;
}

void str_add_base64(struct str *str, const void *data, size_t size)
{
        static const char digits[] =
                "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        const uint8_t *bytes = data;

        for (size_t i = 0; i < size; i += 3) {
                size_t n = size - i;
                uint32_t bits = (uint32_t)bytes[i] << 16 |
                                (n > 1 ? (uint32_t)bytes[i + 1] << 8 : 0) |
                                (n > 2 ? bytes[i + 2] : 0);

                str_add_char(str, digits[bits >> 18]);
                str_add_char(str, digits[bits >> 12 & 63]);
                str_add_char(str, n > 1 ? digits[bits >> 6 & 63] : '=');
                str_add_char(str, n > 2 ? digits[bits & 63] : '=');
        }
}

void str_clear(struct str *str)
{
        str->length = 0;
        if (str->text)
                str->text[0] = '\0';
}

void str_done(struct str *str)
{
        free(str->text);
        *str = (struct str){ 0 };
}

char *str_take(struct str *str)
{
        char *text = str->text ? str->text : str_copy("");

        *str = (struct str){ 0 };
        return text;
}

const char *str_text(const struct str *str)
{
        return str->text ? str->text : "";
}

bool str_equal(const char *a, const char *b)
{
        return a && b ? strcmp(a, b) == 0 : a == b;
}

bool str_is_empty(const char *text)
{
        return !text || !*text;
}

bool str_starts_with(const char *text, const char *prefix)
{
        return text && strncmp(text, prefix, strlen(prefix)) == 0;
}

bool str_ends_with(const char *text, const char *suffix)
{
        size_t n = text ? strlen(text) : 0, n_suffix = strlen(suffix);

        return text && n >= n_suffix && memcmp(text + n - n_suffix, suffix, n_suffix) == 0;
}

const char *str_or(const char *text, const char *otherwise)
{
        return str_is_empty(text) ? otherwise : text;
}
