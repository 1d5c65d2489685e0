/* From text to a tree. */
#include <ctype.h>
#include <string.h>

#include "lib/template/template_private.h"

enum { DEPTH_MAX = 64, TEXT_MAX = 1 << 20 };

struct parser {
        const struct template_place *place;
        struct lexer lexer;
        struct arena *arena;
        struct token token; /* looked at, not taken yet */
        size_t depth, n_ranges;
        struct vec variables; /* const char *: in scope */
        bool is_else, is_end; /* what ended the body just read */
        bool has_else_if;     /* "else if", "else with": 'token' is the word after else */
};

static int fail_token(struct parser *parser, const char *where)
{
        const struct token *token = &parser->token;

        if (token->kind == TOKEN_END)
                return lex_fail(&parser->lexer, token->at, "unexpected \"}}\" in %s", where);
        return lex_fail(&parser->lexer, token->at, "unexpected \"%.*s\" in %s",
                        (int)(token->length > 40 ? 40 : token->length),
                        parser->lexer.text + token->at, where);
}

static int next(struct parser *parser)
{
        return lex_token(&parser->lexer, &parser->token);
}

static char *copy_text(struct parser *parser, size_t at, size_t length)
{
        char *text = arena_alloc(parser->arena, length + 1);

        memcpy(text, parser->lexer.text + at, length);
        return text;
}

static const char *token_text(struct parser *parser)
{
        return copy_text(parser, parser->token.at, parser->token.length);
}

static bool is_word(const struct parser *parser, const char *word)
{
        return parser->token.kind == TOKEN_WORD && strlen(word) == parser->token.length &&
               memcmp(parser->lexer.text + parser->token.at, word, parser->token.length) == 0;
}

static bool is_in_scope(const struct parser *parser, const char *name)
{
        if (strcmp(name, "$") == 0)
                return true;
        for (size_t i = 0; i < parser->variables.n; i++)
                if (strcmp(VEC_AT(&parser->variables, const char *, i), name) == 0)
                        return true;
        return false;
}

static void *array_of(struct parser *parser, const struct vec *items)
{
        return arena_copy(parser->arena, items->data, items->n * items->element_size);
}

/* --- operands --- */

static int parse_pipeline(struct parser *parser, enum token_kind end, struct pipeline **ret);

static int take_literal(struct parser *parser, struct operand *operand, struct literal literal)
{
        operand->kind = OPERAND_LITERAL;
        operand->literal = literal;
        return next(parser);
}

static int parse_word(struct parser *parser, struct operand *operand)
{
        if (is_word(parser, "true") || is_word(parser, "false"))
                return take_literal(parser, operand,
                                    (struct literal){ .kind = LITERAL_BOOL,
                                                      .integer = is_word(parser, "true") });
        if (is_word(parser, "nil"))
                return take_literal(parser, operand, (struct literal){ .kind = LITERAL_NIL });
        operand->kind = OPERAND_FUNCTION;
        operand->name = token_text(parser);
        if (!function_is_known(operand->name) && !function_of_place(parser->place, operand->name))
                return lex_fail(&parser->lexer, parser->token.at, "function \"%.60s\" not defined",
                                operand->name);
        return next(parser);
}

static int parse_parentheses(struct parser *parser, struct operand *operand)
{
        struct pipeline *pipeline;

        if (++parser->depth > DEPTH_MAX)
                return lex_fail(&parser->lexer, parser->token.at, "nested too deeply");
        TRY(next(parser));
        TRY(parse_pipeline(parser, TOKEN_CLOSE, &pipeline));
        if (pipeline->variables[0])
                return fail_token(parser, "parenthesized pipeline");
        parser->depth--;
        operand->kind = OPERAND_PIPE;
        operand->pipeline = pipeline;
        return next(parser);
}

static int parse_start(struct parser *parser, struct operand *operand)
{
        const struct token *token = &parser->token;

        switch (token->kind) {
        case TOKEN_STRING:
        case TOKEN_NUMBER:
                return take_literal(parser, operand, token->literal);
        case TOKEN_WORD:
                return parse_word(parser, operand);
        case TOKEN_OPEN:
                return parse_parentheses(parser, operand);
        case TOKEN_DOT:
                operand->kind = OPERAND_DOT;
                return next(parser);
        case TOKEN_VARIABLE:
                operand->kind = OPERAND_VARIABLE;
                operand->name = token_text(parser);
                if (!is_in_scope(parser, operand->name))
                        return lex_fail(&parser->lexer, token->at, "undefined variable \"%.60s\"",
                                        operand->name);
                return next(parser);
        default:
                return fail_token(parser, "operand");
        }
}

/* An operand with the fields that follow it without a space. */
static int parse_operand(struct parser *parser, const struct operand **ret)
{
        _cleanup_(vec_done) struct vec fields = VEC_OF(const char *);
        struct operand *operand = arena_alloc(parser->arena, sizeof *operand);
        size_t start = parser->token.at, end;
        bool starts_with_field = parser->token.kind == TOKEN_FIELD;

        operand->at = start;
        end = start + parser->token.length;
        if (!starts_with_field) {
                TRY(parse_start(parser, operand));
                end = parser->token.at;
        }
        while (parser->token.kind == TOKEN_FIELD &&
               (!parser->token.after_space || (starts_with_field && !fields.n))) {
                const char *name = token_text(parser) + 1;

                /* Go's errors point to the second field of a chain. */
                if (fields.n == 1 || (fields.n == 0 && !starts_with_field))
                        operand->at = parser->token.at;
                vec_push(&fields, &name);
                end = parser->token.at + parser->token.length;
                TRY(next(parser));
        }
        if (fields.n && (operand->kind == OPERAND_LITERAL || operand->kind == OPERAND_FUNCTION) &&
            !starts_with_field)
                return lex_fail(&parser->lexer, start, "unexpected . after term \"%s\"",
                                copy_text(parser, start, end - start > 40 ? 40 : end - start));
        while (end > start && isspace((unsigned char)parser->lexer.text[end - 1]))
                end--;
        operand->fields = array_of(parser, &fields);
        operand->n_fields = fields.n;
        operand->text = copy_text(parser, start, end - start);
        *ret = operand;
        return 0;
}

/* --- pipelines --- */

static int parse_command(struct parser *parser, enum token_kind end, const struct command **ret)
{
        _cleanup_(vec_done) struct vec operands = VEC_OF(const struct operand *);
        struct command *command = arena_alloc(parser->arena, sizeof *command);

        while (parser->token.kind != end && parser->token.kind != TOKEN_PIPE) {
                const struct operand *operand;

                if (operands.n && !parser->token.after_space && parser->token.kind != TOKEN_OPEN)
                        return fail_token(parser, "operand");
                TRY(parse_operand(parser, &operand));
                vec_push(&operands, &operand);
        }
        if (!operands.n)
                return lex_fail(&parser->lexer, parser->token.at, "missing value for command");
        command->operands = array_of(parser, &operands);
        command->n = operands.n;
        *ret = command;
        return 0;
}

static void declare(struct parser *parser, const char *name)
{
        vec_push(&parser->variables, &name);
}

/* "$x :=", "$x =", "$i, $x :=" at the start of a pipeline.  Reads ahead, and back when there is
 * none. */
static int parse_declaration(struct parser *parser, struct pipeline *pipeline)
{
        size_t before = parser->lexer.at;
        struct token first = parser->token;
        const char *names[2] = { NULL, NULL };

        if (first.kind != TOKEN_VARIABLE)
                return 0;
        names[0] = token_text(parser);
        TRY(next(parser));
        if (parser->token.kind == TOKEN_COMMA) {
                TRY(next(parser));
                if (parser->token.kind != TOKEN_VARIABLE)
                        return fail_token(parser, "range");
                names[1] = token_text(parser);
                TRY(next(parser));
        }
        if (parser->token.kind != TOKEN_DECLARE && parser->token.kind != TOKEN_ASSIGN) {
                if (names[1])
                        return fail_token(parser, "range");
                parser->lexer.at = before;
                parser->token = first;
                return 0;
        }
        pipeline->variables[0] = names[0];
        pipeline->variables[1] = names[1];
        pipeline->is_assignment = parser->token.kind == TOKEN_ASSIGN;
        for (int i = 0; i < 2 && pipeline->is_assignment; i++)
                if (names[i] && !is_in_scope(parser, names[i]))
                        return lex_fail(&parser->lexer, first.at, "undefined variable \"%.60s\"",
                                        names[i]);
        return next(parser);
}

/* Up to 'end', which stays the token looked at. */
static int parse_pipeline(struct parser *parser, enum token_kind end, struct pipeline **ret)
{
        _cleanup_(vec_done) struct vec commands = VEC_OF(const struct command *);
        struct pipeline *pipeline = arena_alloc(parser->arena, sizeof *pipeline);

        TRY(parse_declaration(parser, pipeline));
        for (;;) {
                const struct command *command;

                TRY(parse_command(parser, end, &command));
                if (commands.n && command->operands[0]->kind != OPERAND_FUNCTION)
                        return lex_fail(&parser->lexer, command->operands[0]->at,
                                        "non executable command in pipeline stage %zu",
                                        commands.n + 1);
                vec_push(&commands, &command);
                if (parser->token.kind == end)
                        break;
                TRY(next(parser));
        }
        for (int i = 0; i < 2 && !pipeline->is_assignment; i++)
                if (pipeline->variables[i])
                        declare(parser, pipeline->variables[i]);
        pipeline->commands = array_of(parser, &commands);
        pipeline->n = commands.n;
        *ret = pipeline;
        return 0;
}

/* --- actions and text --- */

static int parse_body(struct parser *parser, bool is_top, const struct node **ret);

/* What follows {{else}} or {{end}} of a block. */
static int parse_otherwise(struct parser *parser, const struct node **ret);

static int parse_block(struct parser *parser, enum node_kind kind, struct node *node)
{
        size_t n_variables = parser->variables.n, n_declared;
        struct pipeline *pipeline;

        if (++parser->depth > DEPTH_MAX)
                return lex_fail(&parser->lexer, parser->token.at, "nested too deeply");
        node->kind = kind;
        TRY(next(parser));
        TRY(parse_pipeline(parser, TOKEN_END, &pipeline));
        if (pipeline->variables[1] && kind != NODE_RANGE)
                return lex_fail(&parser->lexer, node->at, "too many declarations");
        node->pipeline = pipeline;
        parser->n_ranges += kind == NODE_RANGE;
        n_declared = parser->variables.n;
        TRY(parse_body(parser, false, &node->body));
        parser->variables.n = n_declared;
        parser->n_ranges -= kind == NODE_RANGE;
        if (parser->is_else)
                TRY(parse_otherwise(parser, &node->otherwise));
        parser->variables.n = n_variables;
        parser->depth--;
        return 0;
}

/* {{else}} BODY {{end}}, or {{else if X}} ... sharing its {{end}}. */
static int parse_otherwise(struct parser *parser, const struct node **ret)
{
        struct node *node;

        if (!parser->has_else_if) {
                TRY(parse_body(parser, false, ret));
                if (parser->is_else)
                        return lex_fail(&parser->lexer, parser->token.at, "unexpected {{else}}");
                return 0;
        }
        node = arena_alloc(parser->arena, sizeof *node);
        node->at = parser->token.at;
        *ret = node;
        return parse_block(parser, is_word(parser, "if") ? NODE_IF : NODE_WITH, node);
}

static int parse_jump(struct parser *parser, struct node *node)
{
        node->kind = is_word(parser, "break") ? NODE_BREAK : NODE_CONTINUE;
        if (!parser->n_ranges)
                return lex_fail(&parser->lexer, node->at, "{{%s}} outside {{range}}",
                                node->kind == NODE_BREAK ? "break" : "continue");
        TRY(next(parser));
        return parser->token.kind == TOKEN_END ? 0 : fail_token(parser, "{{break}}");
}

/* {{else}}, {{else if}}, {{end}}: tells the caller through is_else, is_end. */
static int parse_ending(struct parser *parser)
{
        parser->is_end = is_word(parser, "end");
        parser->is_else = !parser->is_end;
        parser->has_else_if = false;
        TRY(next(parser));
        if (parser->is_else && (is_word(parser, "if") || is_word(parser, "with"))) {
                parser->has_else_if = true;
                return 0;
        }
        return parser->token.kind == TOKEN_END
                       ? 0
                       : fail_token(parser, parser->is_end ? "end" : "else");
}

/* Behind "{{".  *ret is NULL for what leaves nothing in the tree. */
static int parse_action(struct parser *parser, struct node **ret)
{
        struct node *node = arena_alloc(parser->arena, sizeof *node);
        struct pipeline *pipeline;

        *ret = NULL;
        TRY(next(parser));
        node->at = parser->token.at;
        if (is_word(parser, "else") || is_word(parser, "end"))
                return parse_ending(parser);
        if (is_word(parser, "define") || is_word(parser, "template") || is_word(parser, "block"))
                return fail_token(parser, "command: it is not supported here");
        *ret = node;
        if (is_word(parser, "if"))
                return parse_block(parser, NODE_IF, node);
        if (is_word(parser, "with"))
                return parse_block(parser, NODE_WITH, node);
        if (is_word(parser, "range"))
                return parse_block(parser, NODE_RANGE, node);
        if (is_word(parser, "break") || is_word(parser, "continue"))
                return parse_jump(parser, node);
        if (parser->token.kind == TOKEN_END)
                return lex_fail(&parser->lexer, node->at, "missing value for command");
        TRY(parse_pipeline(parser, TOKEN_END, &pipeline));
        if (pipeline->variables[1])
                return lex_fail(&parser->lexer, node->at, "too many declarations in command");
        node->kind = NODE_ACTION;
        node->pipeline = pipeline;
        return 0;
}

/* The text up to the next "{{" (or the end); trims its end when the action says so. */
static struct node *take_text(struct parser *parser)
{
        struct lexer *lexer = &parser->lexer;
        const char *here = lexer->text + lexer->at, *open = strstr(here, "{{");
        size_t length = open ? (size_t)(open - here) : lexer->length - lexer->at;
        struct node *node;

        lexer->at += length;
        if (open && open[2] == '-' && isspace((unsigned char)open[3]))
                while (length && isspace((unsigned char)here[length - 1]))
                        length--;
        if (!length)
                return NULL;
        node = arena_alloc(parser->arena, sizeof *node);
        node->kind = NODE_TEXT;
        node->text = copy_text(parser, (size_t)(here - lexer->text), length);
        node->length = length;
        return node;
}

/* Over "{{", "{{- " and a whole comment; *ret_comment: it was one. */
static int open_action(struct parser *parser, bool *ret_comment)
{
        struct lexer *lexer = &parser->lexer;
        const char *here, *end;

        lexer->at += 2;
        if (lexer->text[lexer->at] == '-' && isspace((unsigned char)lexer->text[lexer->at + 1]))
                lexer->at += 2;
        here = lexer->text + lexer->at;
        *ret_comment = here[0] == '/' && here[1] == '*';
        if (!*ret_comment)
                return 0;
        end = strstr(here + 2, "*/");
        if (!end)
                return lex_fail(lexer, lexer->at, "unclosed comment");
        lexer->at = (size_t)(end - lexer->text) + 2;
        TRY(next(parser));
        if (parser->token.kind != TOKEN_END)
                return lex_fail(lexer, lexer->at, "comment ends before closing delimiter");
        return 0;
}

static int parse_body(struct parser *parser, bool is_top, const struct node **ret)
{
        const struct node **tail = ret;
        struct lexer *lexer = &parser->lexer;
        bool is_comment;

        *ret = NULL;
        for (;;) {
                struct node *node = take_text(parser);

                if (node) {
                        *tail = node;
                        tail = &node->next;
                }
                if (lexer->at >= lexer->length)
                        break;
                TRY(open_action(parser, &is_comment));
                if (is_comment)
                        continue;
                parser->is_else = parser->is_end = false;
                TRY(parse_action(parser, &node));
                if (!node && is_top)
                        return lex_fail(lexer, parser->token.at, "unexpected {{%s}}",
                                        parser->is_end ? "end" : "else");
                if (!node)
                        return 0;
                *tail = node;
                tail = &node->next;
        }
        return is_top ? 0 : lex_fail(lexer, lexer->length, "unexpected EOF");
}

int template_parse(struct arena *arena, const char *text, const struct template **ret,
                   struct err *err)
{
        return template_parse_for(arena, NULL, text, ret, err);
}

int template_parse_for(struct arena *arena, const struct template_place *place, const char *text,
                       const struct template **ret, struct err *err)
{
        static const struct template_function_row no_functions[] = { { 0 } };
        static const struct template_place nowhere = { "", no_functions };
        struct template *template = arena_alloc(arena, sizeof *template);
        struct parser parser = { .arena = arena, .variables = VEC_OF(const char *) };
        int result;

        if (strlen(text) > TEXT_MAX)
                return err_set(err, ERR_INVALID, "template: longer than %d bytes", TEXT_MAX);
        template->place = parser.place = place ? place : &nowhere;
        parser.lexer = (struct lexer){ .name = parser.place->name,
                                       .text = arena_strdup(arena, text),
                                       .length = strlen(text),
                                       .arena = arena,
                                       .err = err };
        template->text = parser.lexer.text;
        result = parse_body(&parser, true, &template->nodes);
        vec_done(&parser.variables);
        if (result < 0)
                return result;
        *ret = template;
        return 0;
}
