/* The words of an action. */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/utf8.h"
#include "lib/template/template_private.h"

size_t line_of(const char *text, size_t at)
{
        size_t line = 1;

        for (size_t i = 0; i < at; i++)
                line += text[i] == '\n';
        return line;
}

int lex_fail(const struct lexer *lexer, size_t at, const char *format, ...)
{
        char why[200];
        va_list list;

        va_start(list, format);
        vsnprintf(why, sizeof why, format, list);
        va_end(list);
        return err_set(lexer->err, ERR_INVALID, "template: %s:%zu: %s", lexer->name,
                       line_of(lexer->text, at), why);
}

static bool is_word_char(char c)
{
        return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

static int unknown_character(struct lexer *lexer)
{
        const char *here = lexer->text + lexer->at;
        size_t n = utf8_next(here, lexer->length - lexer->at);

        return lex_fail(lexer, lexer->at, "unexpected \"%.*s\" in operand", (int)(n ? n : 1),
                        n && isprint((unsigned char)*here) ? here : "?");
}

static int hex_digits(struct lexer *lexer, size_t n, uint32_t *ret)
{
        uint32_t value = 0;

        for (size_t i = 0; i < n; i++) {
                char c = lexer->text[lexer->at];

                if (!isxdigit((unsigned char)c))
                        return lex_fail(lexer, lexer->at, "invalid syntax");
                value = value * 16 + (uint32_t)(isdigit((unsigned char)c)
                                                        ? c - '0'
                                                        : tolower((unsigned char)c) - 'a' + 10);
                lexer->at++;
        }
        *ret = value;
        return 0;
}

static int add_rune(struct lexer *lexer, struct str *out, uint32_t rune)
{
        if (rune == 0 || rune > 0x10ffff || (rune >= 0xd800 && rune < 0xe000))
                return lex_fail(lexer, lexer->at, "invalid syntax");
        if (rune < 0x80)
                str_add_char(out, (char)rune);
        else if (rune < 0x800)
                str_addf(out, "%c%c", 0xc0 | rune >> 6, 0x80 | (rune & 63));
        else if (rune < 0x10000)
                str_addf(out, "%c%c%c", 0xe0 | rune >> 12, 0x80 | (rune >> 6 & 63),
                         0x80 | (rune & 63));
        else
                str_addf(out, "%c%c%c%c", 0xf0 | rune >> 18, 0x80 | (rune >> 12 & 63),
                         0x80 | (rune >> 6 & 63), 0x80 | (rune & 63));
        return 0;
}

/* Behind the backslash. */
static int escape(struct lexer *lexer, struct str *out)
{
        static const char letters[] = "abfnrtv\\'\"", meanings[] = "\a\b\f\n\r\t\v\\'\"";
        char c = lexer->text[lexer->at++];
        const char *known = c ? strchr(letters, c) : NULL;
        uint32_t rune = 0;

        if (known) {
                str_add_char(out, meanings[known - letters]);
                return 0;
        }
        if (c != 'x' && c != 'u' && c != 'U')
                return lex_fail(lexer, lexer->at - 1, "invalid syntax");
        TRY(hex_digits(lexer, c == 'x' ? 2 : c == 'u' ? 4 : 8, &rune));
        return add_rune(lexer, out, rune);
}

/* "text with escapes", `raw text`. */
static int lex_string(struct lexer *lexer, struct token *token)
{
        _cleanup_(str_done) struct str text = { 0 };
        char quote = lexer->text[lexer->at++];

        for (;;) {
                char c = lexer->at < lexer->length ? lexer->text[lexer->at] : '\0';

                if (!c || (c == '\n' && quote == '"'))
                        return lex_fail(lexer, token->at, "unterminated %squoted string",
                                        quote == '"' ? "" : "raw ");
                lexer->at++;
                if (c == quote)
                        break;
                if (c == '\\' && quote == '"')
                        TRY(escape(lexer, &text));
                else
                        str_add_char(&text, c);
        }
        if (!str_is_utf8(str_text(&text), text.length))
                return lex_fail(lexer, token->at, "invalid syntax");
        token->kind = TOKEN_STRING;
        token->literal.kind = LITERAL_STRING;
        token->literal.text = arena_strdup(lexer->arena, str_text(&text));
        return 0;
}

/* 'c': the number of a character. */
static int lex_char(struct lexer *lexer, struct token *token)
{
        _cleanup_(str_done) struct str text = { 0 };
        size_t n;

        lexer->at++;
        n = utf8_next(lexer->text + lexer->at, lexer->length - lexer->at);
        if (!n || lexer->text[lexer->at] == '\'')
                return lex_fail(lexer, token->at, "unterminated character constant");
        if (lexer->text[lexer->at] == '\\') {
                lexer->at++;
                TRY(escape(lexer, &text));
        } else {
                str_add_bytes(&text, lexer->text + lexer->at, n);
                lexer->at += n;
        }
        if (lexer->text[lexer->at] != '\'' || text.length != 1)
                return lex_fail(lexer, token->at, "unterminated character constant");
        lexer->at++;
        token->kind = TOKEN_NUMBER;
        token->literal.kind = LITERAL_INTEGER;
        token->literal.integer = (unsigned char)text.text[0];
        return 0;
}

static int lex_number(struct lexer *lexer, struct token *token)
{
        const char *here = lexer->text + lexer->at;
        size_t n = strspn(here + 1, "0123456789abcdefABCDEFxX._") + 1;
        char text[64];

        if (n > 1 && (here[n - 1] == 'e' || here[n - 1] == 'E') &&
            (here[n] == '+' || here[n] == '-'))
                n += strspn(here + n + 1, "0123456789") + 1;
        snprintf(text, sizeof text, "%.*s", (int)(n < sizeof text ? n : sizeof text - 1), here);
        if (is_word_char(here[n]) || n >= sizeof text)
                return lex_fail(lexer, lexer->at, "bad number syntax: \"%s\"", text);
        token->kind = TOKEN_NUMBER;
        token->literal.kind = LITERAL_INTEGER;
        if (str_to_int64(text[0] == '+' ? text + 1 : text, &token->literal.integer, NULL) < 0) {
                token->literal.kind = LITERAL_REAL;
                if (str_to_double(text, &token->literal.real, NULL) < 0)
                        return lex_fail(lexer, lexer->at, "bad number syntax: \"%s\"", text);
        }
        lexer->at += n;
        return 0;
}

/* ".Name", "$name", "word". */
static void lex_name(struct lexer *lexer, struct token *token)
{
        char first = lexer->text[lexer->at];

        if (first == '.' || first == '$')
                lexer->at++;
        while (lexer->at < lexer->length && is_word_char(lexer->text[lexer->at]))
                lexer->at++;
        if (first == '.')
                token->kind = lexer->at == token->at + 1 ? TOKEN_DOT : TOKEN_FIELD;
        else
                token->kind = first == '$' ? TOKEN_VARIABLE : TOKEN_WORD;
}

static bool is_number_start(const char *here)
{
        return isdigit((unsigned char)here[0]) ||
               ((here[0] == '-' || here[0] == '+' || here[0] == '.') &&
                isdigit((unsigned char)here[1]));
}

/* "}}", or " -}}" which also eats the space that follows. */
static bool lex_end(struct lexer *lexer, bool after_space)
{
        const char *here = lexer->text + lexer->at;

        if (here[0] == '}' && here[1] == '}') {
                lexer->at += 2;
                return true;
        }
        if (!after_space || strncmp(here, "-}}", 3) != 0)
                return false;
        lexer->at += 3;
        while (lexer->at < lexer->length && isspace((unsigned char)lexer->text[lexer->at]))
                lexer->at++;
        return true;
}

int lex_token(struct lexer *lexer, struct token *ret)
{
        /* By token_kind; 0 for those that are not one sign. */
        static const char signs[] = "|,=()";
        static const enum token_kind kinds[] = { TOKEN_PIPE, TOKEN_COMMA, TOKEN_ASSIGN, TOKEN_OPEN,
                                                 TOKEN_CLOSE };
        size_t before = lexer->at;
        const char *here, *sign;

        while (lexer->at < lexer->length && isspace((unsigned char)lexer->text[lexer->at]))
                lexer->at++;
        here = lexer->text + lexer->at;
        *ret = (struct token){ .at = lexer->at, .after_space = lexer->at > before };
        if (lexer->at >= lexer->length)
                return lex_fail(lexer, lexer->at, "unclosed action");
        sign = strchr(signs, *here);
        if (lex_end(lexer, ret->after_space)) {
                ret->kind = TOKEN_END;
        } else if (sign) {
                ret->kind = kinds[sign - signs];
                lexer->at++;
        } else if (here[0] == ':' && here[1] == '=') {
                ret->kind = TOKEN_DECLARE;
                lexer->at += 2;
        } else if (*here == '"' || *here == '`') {
                TRY(lex_string(lexer, ret));
        } else if (*here == '\'') {
                TRY(lex_char(lexer, ret));
        } else if (is_number_start(here)) {
                TRY(lex_number(lexer, ret));
        } else if (*here == '.' || *here == '$' || is_word_char(*here)) {
                lex_name(lexer, ret);
        } else {
                return unknown_character(lexer);
        }
        ret->length = lexer->at - ret->at;
        return 0;
}
