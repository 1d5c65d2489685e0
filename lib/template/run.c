/* Running a tree over a value. */
#include <stdarg.h>
#include <string.h>

#include "lib/template/template_private.h"

enum { STEPS_MAX = 1000000, OUTPUT_MAX = 64 << 20, ARGUMENTS_MAX = 32, ITEM_SIZE = 64 };

enum flow { FLOW_ON, FLOW_BREAK, FLOW_CONTINUE };

struct variable {
        const char *name;
        json_t *value;
};

struct run {
        const struct template *template;
        const struct template_options *options;
        json_t *root;
        struct str *out;
        struct vec variables; /* struct variable */
        struct vec garbage;   /* json_t *: values made on the way */
        size_t steps_left, output_max;
        size_t n_made; /* bytes that functions made */
        enum flow flow;
        struct err *err;
};

static json_t *keep(struct run *run, json_t *value)
{
        vec_push(&run->garbage, &value);
        return value;
}

/* Go's sentence, pointing to the operand. */
static int fail_at(const struct run *run, const struct operand *operand, const char *format, ...)
{
        const char *text = run->template->text;
        size_t column = 0;
        char why[200];
        va_list list;

        va_start(list, format);
        vsnprintf(why, sizeof why, format, list);
        va_end(list);
        while (column < operand->at && text[operand->at - column - 1] != '\n')
                column++;
        return err_set(run->err, ERR_INVALID,
                       "template: %s:%zu:%zu: executing \"%s\" at <%.100s>: %s",
                       run->template->place->name, line_of(text, operand->at), column,
                       run->template->place->name, operand->text, why);
}

static int step(struct run *run)
{
        if (!run->steps_left)
                return err_set(run->err, ERR_EXHAUSTED, "template: it takes too many steps");
        run->steps_left--;
        if (run->out->length > run->output_max)
                return err_set(run->err, ERR_EXHAUSTED, "template: it prints too much");
        return 0;
}

/* --- operands --- */

static int take_field(struct run *run, const struct operand *operand, json_t *from,
                      const char *name, json_t **ret)
{
        bool (*may_be_absent)(const char *) = run->options->may_be_absent;

        TRY(step(run));
        if (!from || json_is_null(from))
                return fail_at(run, operand, "nil data; no entry for key \"%.60s\"", name);
        if (!json_is_object(from))
                return fail_at(run, operand, "can't evaluate field %.60s in type %s", name,
                               value_type(from));
        *ret = json_object_get(from, name);
        if (!*ret && value_struct(from))
                return fail_at(run, operand, "can't evaluate field %.60s in type %s", name,
                               value_struct(from));
        if (*ret || run->options->has_maps || (name[0] >= 'a' && name[0] <= 'z'))
                return 0;
        if (!may_be_absent || !may_be_absent(name))
                return fail_at(run, operand, "map has no entry for key \"%.60s\"", name);
        *ret = keep(run, json_string(""));
        return 0;
}

static json_t *literal_value(struct run *run, const struct literal *literal)
{
        switch (literal->kind) {
        case LITERAL_BOOL:
                return keep(run, json_boolean(literal->integer));
        case LITERAL_INTEGER:
                return keep(run, json_integer(literal->integer));
        case LITERAL_REAL:
                return keep(run, json_real(literal->real));
        case LITERAL_STRING:
                return keep(run, json_string(literal->text));
        default:
                return keep(run, json_null());
        }
}

static json_t **variable_place(struct run *run, const char *name)
{
        for (size_t i = run->variables.n; i-- > 0;) {
                struct variable *variable = vec_at(&run->variables, i);

                if (strcmp(variable->name, name) == 0)
                        return &variable->value;
        }
        return &run->root;
}

static int run_pipeline(struct run *run, const struct pipeline *pipeline, json_t *dot,
                        json_t **ret);
static int call_function(struct run *run, const struct command *command, json_t *dot,
                         json_t *const *last, json_t **ret);

static int evaluate(struct run *run, const struct operand *operand, json_t *dot, json_t **ret)
{
        json_t *value = dot;

        TRY(step(run));
        switch (operand->kind) {
        case OPERAND_DOT:
                break;
        case OPERAND_VARIABLE:
                value = *variable_place(run, operand->name);
                break;
        case OPERAND_LITERAL:
                value = literal_value(run, &operand->literal);
                break;
        case OPERAND_PIPE:
                TRY(run_pipeline(run, operand->pipeline, dot, &value));
                break;
        case OPERAND_FUNCTION:
                TRY(call_function(run,
                                  &(struct command){ (const struct operand *[]){ operand }, 1 },
                                  dot, NULL, &value));
                break;
        }
        for (size_t i = 0; i < operand->n_fields; i++) {
                /* What is empty because it is absent has empty fields. */
                if (i && json_is_string(value) && !json_string_length(value) &&
                    run->options->may_be_absent && run->options->may_be_absent(operand->fields[i]))
                        continue;
                TRY(take_field(run, operand, value, operand->fields[i], &value));
        }
        *ret = value;
        return 0;
}

/* --- commands --- */

/* 'and' and 'or' stop at the first argument that decides. */
static int call_logic(struct run *run, const struct command *command, json_t *dot,
                      json_t *const *last, bool stops_at, json_t **ret)
{
        for (size_t i = 1; i < command->n; i++) {
                TRY(evaluate(run, command->operands[i], dot, ret));
                if (value_is_true(*ret) == stops_at)
                        return 0;
        }
        if (last)
                *ret = *last;
        return 0;
}

/* About what it takes in memory; lists that functions make are lists of text. */
static size_t size_of(const json_t *value)
{
        size_t size = json_string_length(value);
        json_t *item;
        size_t i;

        json_array_foreach(value, i, item) size += ITEM_SIZE + json_string_length(item);
        return size;
}

static int call_function(struct run *run, const struct command *command, json_t *dot,
                         json_t *const *last, json_t **ret)
{
        const struct operand *function = command->operands[0];
        const struct template_function_row *row =
                function_of_place(run->template->place, function->name);
        template_function *call = row ? NULL : function_find(function->name);
        json_t *arguments[ARGUMENTS_MAX], *result = NULL;
        size_t n = 0;
        struct err why;

        if (command->n + 1 > ARGUMENTS_MAX)
                return fail_at(run, function, "too many arguments for %s", function->name);
        if (!row && !call && command->n == 1 && !last)
                return fail_at(run, function, "wrong number of args for %s: want at least 1 got 0",
                               function->name);
        if (!row && !call)
                return call_logic(run, command, dot, last, strcmp(function->name, "or") == 0, ret);
        for (size_t i = 1; i < command->n; i++)
                TRY(evaluate(run, command->operands[i], dot, &arguments[n++]));
        if (last)
                arguments[n++] = *last;
        if ((row ? row->call(run->options->context, arguments, n, &result, &why)
                 : call(arguments, n, &result, &why)) < 0)
                return fail_at(run, function, "%s", why.text);
        *ret = keep(run, result);
        /* What functions make is bounded too: no doubling of text without end. */
        run->n_made += size_of(result);
        if (run->n_made > run->output_max)
                return err_set(run->err, ERR_EXHAUSTED, "template: it makes too much text");
        return 0;
}

static int run_command(struct run *run, const struct command *command, json_t *dot,
                       json_t *const *last, json_t **ret)
{
        const struct operand *first = command->operands[0];

        if (first->kind == OPERAND_FUNCTION)
                return call_function(run, command, dot, last, ret);
        if (command->n > 1)
                return fail_at(run, first, "can't give argument to non-function %.60s",
                               first->text);
        return evaluate(run, first, dot, ret);
}

static int run_pipeline(struct run *run, const struct pipeline *pipeline, json_t *dot, json_t **ret)
{
        json_t *value = NULL;

        for (size_t i = 0; i < pipeline->n; i++) {
                json_t *last = value;

                TRY(step(run));
                TRY(run_command(run, pipeline->commands[i], dot, i ? &last : NULL, &value));
        }
        if (pipeline->variables[0] && !pipeline->variables[1]) {
                if (pipeline->is_assignment)
                        *variable_place(run, pipeline->variables[0]) = value;
                else
                        vec_push(&run->variables,
                                 &(struct variable){ pipeline->variables[0], value });
        }
        *ret = value;
        return 0;
}

/* --- nodes --- */

static int run_nodes(struct run *run, const struct node *nodes, json_t *dot);

static int run_condition(struct run *run, const struct node *node, json_t *dot)
{
        size_t n_variables = run->variables.n;
        json_t *value;

        TRY(run_pipeline(run, node->pipeline, dot, &value));
        if (!value_is_true(value))
                TRY(run_nodes(run, node->otherwise, dot));
        else
                TRY(run_nodes(run, node->body, node->kind == NODE_WITH ? value : dot));
        run->variables.n = n_variables;
        return 0;
}

/* One round; the variables are $i, $v or $v. */
static int run_round(struct run *run, const struct node *node, json_t *key, json_t *value)
{
        const char *const *names = node->pipeline->variables;
        size_t n_variables = run->variables.n;

        TRY(step(run));
        for (int i = 0; i < 2 && names[i]; i++) {
                json_t *given = names[1] && i == 0 ? key : value;

                if (node->pipeline->is_assignment)
                        *variable_place(run, names[i]) = given;
                else
                        vec_push(&run->variables, &(struct variable){ names[i], given });
        }
        TRY(run_nodes(run, node->body, value));
        run->variables.n = n_variables;
        if (run->flow == FLOW_CONTINUE)
                run->flow = FLOW_ON;
        return 0;
}

static int range_array(struct run *run, const struct node *node, json_t *array)
{
        for (size_t i = 0; i < json_array_size(array) && run->flow == FLOW_ON; i++)
                TRY(run_round(run, node, keep(run, json_integer((json_int_t)i)),
                              json_array_get(array, i)));
        return 0;
}

static int range_object(struct run *run, const struct node *node, json_t *object)
{
        json_t *keys = keep(run, sorted_keys(object));

        for (size_t i = 0; i < json_array_size(keys) && run->flow == FLOW_ON; i++) {
                json_t *key = json_array_get(keys, i);

                TRY(run_round(run, node, key, json_object_get(object, json_string_value(key))));
        }
        return 0;
}

static int range_count(struct run *run, const struct node *node, json_int_t count)
{
        for (json_int_t i = 0; i < count && run->flow == FLOW_ON; i++) {
                json_t *number = keep(run, json_integer(i));

                TRY(run_round(run, node, number, number));
        }
        return 0;
}

static int run_range(struct run *run, const struct node *node, json_t *dot)
{
        size_t n_variables = run->variables.n;
        json_t *value;

        TRY(run_pipeline(run, node->pipeline, dot, &value));
        run->variables.n = n_variables;
        if (value && value_is_true(value) &&
            (value_struct(value) ||
             (!json_is_array(value) && !json_is_object(value) && !json_is_integer(value))))
                return fail_at(run, node->pipeline->commands[0]->operands[0],
                               "range can't iterate over %.40s",
                               json_is_string(value) ? json_string_value(value)
                                                     : value_type(value));
        if (!value_is_true(value))
                return run_nodes(run, node->otherwise, dot);
        if (json_is_array(value))
                TRY(range_array(run, node, value));
        else if (json_is_object(value))
                TRY(range_object(run, node, value));
        else
                TRY(range_count(run, node, json_integer_value(value)));
        run->flow = FLOW_ON;
        return 0;
}

static int run_action(struct run *run, const struct node *node, json_t *dot)
{
        json_t *value;

        TRY(run_pipeline(run, node->pipeline, dot, &value));
        if (!node->pipeline->variables[0])
                value_print(run->out, value);
        return 0;
}

static int run_nodes(struct run *run, const struct node *nodes, json_t *dot)
{
        size_t n_variables = run->variables.n;

        for (const struct node *node = nodes; node && run->flow == FLOW_ON; node = node->next) {
                TRY(step(run));
                switch (node->kind) {
                case NODE_TEXT:
                        str_add_bytes(run->out, node->text, node->length);
                        break;
                case NODE_ACTION:
                        TRY(run_action(run, node, dot));
                        break;
                case NODE_IF:
                case NODE_WITH:
                        TRY(run_condition(run, node, dot));
                        break;
                case NODE_RANGE:
                        TRY(run_range(run, node, dot));
                        break;
                case NODE_BREAK:
                        run->flow = FLOW_BREAK;
                        break;
                case NODE_CONTINUE:
                        run->flow = FLOW_CONTINUE;
                        break;
                }
        }
        run->variables.n = n_variables;
        return 0;
}

int template_run(const struct template *template, const struct template_options *options,
                 json_t *value, struct str *out, struct err *err)
{
        static const struct template_options defaults = { 0 };
        struct run run = { .template = template,
                           .options = options ? options : &defaults,
                           .root = value,
                           .out = out,
                           .variables = VEC_OF(struct variable),
                           .garbage = VEC_OF(json_t *),
                           .err = err };
        int result;

        run.steps_left = run.options->steps_max ? run.options->steps_max : STEPS_MAX;
        run.output_max = run.options->output_max ? run.options->output_max : OUTPUT_MAX;
        result = run_nodes(&run, template->nodes, value);
        for (size_t i = 0; i < run.garbage.n; i++)
                json_decref(VEC_AT(&run.garbage, json_t *, i));
        vec_done(&run.garbage);
        vec_done(&run.variables);
        return result;
}
