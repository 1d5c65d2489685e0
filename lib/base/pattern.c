/* Regular expressions: a small program, all of whose threads go on side by side. */
#include "lib/base/pattern.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

enum op {
        OP_SET,   /* one character of the set */
        OP_SPLIT, /* goes on at both places */
        OP_JUMP,
        OP_BEGIN,
        OP_END,
        OP_FOUND,
};

/* Places are relative, so that a piece of program may be moved as a whole. */
struct step {
        enum op op;
        int16_t x, y;
        uint8_t set[32];
};

/* Every character makes at most two steps; then FOUND. */
enum { STEPS_MAX = 2 * PATTERN_SIZE_MAX + 1, DEPTH_MAX = 64 };

struct pattern {
        size_t n_steps;
        struct step steps[];
};

/* --- compiling --- */

struct compiler {
        const char *rest;
        struct step *steps;
        size_t n;
        unsigned depth;
        enum pattern_case letters;
        struct err *err;
};

static int compile_choice(struct compiler *compiler);

static void emit(struct compiler *compiler, enum op op, int x, int y)
{
        compiler->steps[compiler->n++] = (struct step){ op, (int16_t)x, (int16_t)y, { 0 } };
}

/* Makes room for one step before what begins at 'at'. */
static void insert(struct compiler *compiler, size_t at, enum op op, int x, int y)
{
        struct step *steps = compiler->steps;

        memmove(steps + at + 1, steps + at, (compiler->n++ - at) * sizeof *steps);
        steps[at] = (struct step){ op, (int16_t)x, (int16_t)y, { 0 } };
}

static void set_add(uint8_t set[32], int c)
{
        set[c / 8] |= (uint8_t)(1 << c % 8);
}

static void set_add_range(uint8_t set[32], int first, int last)
{
        for (int c = first; c <= last; c++)
                set_add(set, c);
}

/* Letters of one case bring those of the other along. */
static void set_fold(const struct compiler *compiler, uint8_t set[32])
{
        for (int c = 'a'; c <= 'z' && compiler->letters == PATTERN_ANY_CASE; c++) {
                int other = toupper(c);

                if ((set[c / 8] >> c % 8 | set[other / 8] >> other % 8) & 1) {
                        set_add(set, c);
                        set_add(set, other);
                }
        }
}

/* What stands after a backslash.  Other letters mean something elsewhere, which is not known here.
 */
static int set_add_escaped(const struct compiler *compiler, uint8_t set[32], char c)
{
        if (isalpha((unsigned char)c) && !strchr("dws", c))
                return err_set(compiler->err, ERR_INVALID, "\\%c is not known", c);
        if (c == 'd' || c == 'w')
                set_add_range(set, '0', '9');
        if (c == 'w') {
                set_add_range(set, 'a', 'z');
                set_add_range(set, 'A', 'Z');
                set_add(set, '_');
        }
        if (c == 's') {
                set_add_range(set, '\t', '\r');
                set_add(set, ' ');
        }
        if (!strchr("dws", c))
                set_add(set, (unsigned char)c);
        return 0;
}

static int compile_class(struct compiler *compiler, uint8_t set[32])
{
        const char *c = compiler->rest + 1;
        bool is_negated = *c == '^', is_first = true;

        for (c += is_negated; *c && (*c != ']' || is_first); c++, is_first = false) {
                if (*c == '\\' && c[1]) {
                        TRY(set_add_escaped(compiler, set, *++c));
                } else if (*c == '[' && c[1] == ':') {
                        return err_set(compiler->err, ERR_INVALID, "[: is not known");
                } else if (c[1] == '-' && c[2] && c[2] != ']') {
                        if ((unsigned char)c[2] < (unsigned char)*c)
                                return err_set(compiler->err, ERR_INVALID,
                                               "a range in [ ] runs backwards");
                        set_add_range(set, (unsigned char)*c, (unsigned char)c[2]);
                        c += 2;
                } else {
                        set_add(set, (unsigned char)*c);
                }
        }
        if (!*c)
                return err_set(compiler->err, ERR_INVALID, "a [ has no ]");
        set_fold(compiler, set);
        for (int i = 0; is_negated && i < 32; i++)
                set[i] = (uint8_t)~set[i];
        compiler->rest = c + 1;
        return 0;
}

static int compile_group(struct compiler *compiler)
{
        if (++compiler->depth > DEPTH_MAX)
                return err_set(compiler->err, ERR_INVALID, "groups are nested too deep");
        compiler->rest++;
        TRY(compile_choice(compiler));
        if (*compiler->rest != ')')
                return err_set(compiler->err, ERR_INVALID, "a ( has no )");
        compiler->rest++;
        compiler->depth--;
        return 0;
}

static int compile_atom(struct compiler *compiler)
{
        char c = *compiler->rest;
        uint8_t *set;

        if (c == '(')
                return compile_group(compiler);
        if (strchr("*+?{", c))
                return err_set(compiler->err, ERR_INVALID,
                               c == '{' ? "counts in { } are not known"
                                        : "there is nothing to repeat before a %c",
                               c);
        emit(compiler, c == '^' ? OP_BEGIN : c == '$' ? OP_END : OP_SET, 1, 0);
        set = compiler->steps[compiler->n - 1].set;
        if (c == '[')
                return compile_class(compiler, set);
        if (c == '\\') {
                if (!*++compiler->rest || isdigit((unsigned char)*compiler->rest))
                        return err_set(compiler->err, ERR_INVALID, "a \\ has nothing to stand for");
                TRY(set_add_escaped(compiler, set, *compiler->rest));
        } else if (c == '.') {
                memset(set, 0xff, 32);
        } else {
                set_add(set, (unsigned char)c);
        }
        set_fold(compiler, set);
        compiler->rest++;
        return 0;
}

/* An atom and what says how often. */
static int compile_piece(struct compiler *compiler)
{
        size_t at = compiler->n;
        int length;

        TRY(compile_atom(compiler));
        length = (int)(compiler->n - at);
        switch (*compiler->rest) {
        case '*':
                insert(compiler, at, OP_SPLIT, 1, length + 2);
                emit(compiler, OP_JUMP, -(length + 1), 0);
                break;
        case '+':
                emit(compiler, OP_SPLIT, -length, 1);
                break;
        case '?':
                insert(compiler, at, OP_SPLIT, 1, length + 1);
                break;
        case '{':
                return err_set(compiler->err, ERR_INVALID, "counts in { } are not known");
        default:
                return 0;
        }
        compiler->rest++;
        return 0;
}

static int compile_choice(struct compiler *compiler)
{
        size_t at = compiler->n, jump;

        while (*compiler->rest && *compiler->rest != '|' && *compiler->rest != ')')
                TRY(compile_piece(compiler));
        if (*compiler->rest != '|')
                return 0;
        insert(compiler, at, OP_SPLIT, 1, (int)(compiler->n - at) + 2);
        jump = compiler->n;
        emit(compiler, OP_JUMP, 0, 0);
        compiler->rest++;
        /* A chain of choices nests as groups do. */
        if (++compiler->depth > DEPTH_MAX)
                return err_set(compiler->err, ERR_INVALID, "there are too many choices");
        TRY(compile_choice(compiler));
        compiler->depth--;
        compiler->steps[jump].x = (int16_t)(compiler->n - jump);
        return 0;
}

int pattern_compile(struct arena *arena, const char *text, enum pattern_case letters,
                    const struct pattern **ret, struct err *err)
{
        struct step steps[STEPS_MAX];
        struct compiler compiler = { .rest = text, .steps = steps, .letters = letters, .err = err };
        struct pattern *pattern;

        if (strlen(text) > PATTERN_SIZE_MAX)
                return err_set(err, ERR_INVALID, "it is longer than %d bytes", PATTERN_SIZE_MAX);
        TRY(compile_choice(&compiler));
        if (*compiler.rest)
                return err_set(err, ERR_INVALID, "a ) has no (");
        emit(&compiler, OP_FOUND, 0, 0);
        pattern = arena_alloc(arena, sizeof *pattern + compiler.n * sizeof *steps);
        pattern->n_steps = compiler.n;
        memcpy(pattern->steps, steps, compiler.n * sizeof *steps);
        *ret = pattern;
        return 0;
}

/* --- matching --- */

/* Where threads stand, each place once. */
struct threads {
        size_t n;
        int16_t at[STEPS_MAX];
        bool has[STEPS_MAX];
};

/* Adds the place and all that is reached from it without a character.  True: it is found. */
static bool add_thread(const struct pattern *pattern, struct threads *threads, int at,
                       bool is_begin, bool is_end)
{
        int16_t stack[2 * STEPS_MAX];
        size_t n = 0;

        stack[n++] = (int16_t)at;
        while (n) {
                int place = stack[--n];
                const struct step *step = &pattern->steps[place];

                if (threads->has[place])
                        continue;
                threads->has[place] = true;
                if (step->op == OP_FOUND)
                        return true;
                if (step->op == OP_SET)
                        threads->at[threads->n++] = (int16_t)place;
                if (step->op == OP_SPLIT)
                        stack[n++] = (int16_t)(place + step->y);
                if (step->op == OP_SPLIT || step->op == OP_JUMP ||
                    (step->op == OP_BEGIN && is_begin) || (step->op == OP_END && is_end))
                        stack[n++] = (int16_t)(place + step->x);
        }
        return false;
}

bool pattern_found(const struct pattern *pattern, const char *text)
{
        struct threads now = { 0 };

        for (const char *c = text;; c++) {
                struct threads next = { 0 };
                uint8_t byte = (uint8_t)*c;

                if (add_thread(pattern, &now, 0, c == text, !*c))
                        return true;
                if (!*c)
                        return false;
                for (size_t i = 0; i < now.n; i++) {
                        const struct step *step = &pattern->steps[now.at[i]];

                        if ((step->set[byte / 8] >> byte % 8 & 1) &&
                            add_thread(pattern, &next, now.at[i] + step->x, false, !c[1]))
                                return true;
                }
                now = next;
        }
}
