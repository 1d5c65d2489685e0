/* Templates in secrets and configs. */
#include <stdio.h>
#include <string.h>

#include "lib/base/check.h"
#include "lib/expand/context.h"
#include "lib/template/template.h"

enum { RESULT_MAX = 1024000, STEPS_MAX = 1000000 };

/* A template being run: what its functions look into. */
struct payload {
        const struct expand_task *task;
        bool is_sensitive;
};

static int one_name(json_t *const *arguments, size_t n, const char *function, const char **ret,
                    struct err *err)
{
        if (n != 1)
                return err_set(err, ERR_INVALID, "wrong number of args for %s: want 1 got %zu",
                               function, n);
        if (!json_is_string(arguments[0]))
                return err_set(err, ERR_INVALID, "wrong type for value; expected string");
        *ret = json_string_value(arguments[0]);
        return 0;
}

static int call_env(void *context, json_t *const *arguments, size_t n, json_t **ret,
                    struct err *err)
{
        const struct expand_task *task = ((const struct payload *)context)->task;
        const char *name, *value = "";
        size_t length;

        TRY(one_name(arguments, n, "env", &name, err));
        length = strlen(name);
        for (size_t i = 0; i < task->n_env; i++)
                if (strncmp(task->env[i], name, length) == 0 && task->env[i][length] == '=')
                        value = task->env[i] + length + 1;
        *ret = json_string_nocheck(value);
        return 0;
}

/* As it was sent: a template in a template is not expanded, as docker has it. */
static int find_file(const struct expand_task *task, bool is_secret, const char *target,
                     json_t **ret, struct err *err)
{
        for (size_t i = 0; i < task->n_files; i++) {
                const struct expand_file *file = &task->files[i];

                if (file->is_secret != is_secret || !str_equal(file->target, target))
                        continue;
                *ret = json_stringn_nocheck(file->content, file->size);
                return 0;
        }
        return err_set(err, ERR_INVALID, "error calling %s: %s target %.64s not found",
                       is_secret ? "secret" : "config", is_secret ? "secret" : "config", target);
}

static int call_secret(void *context, json_t *const *arguments, size_t n, json_t **ret,
                       struct err *err)
{
        struct payload *payload = context;
        const char *target;

        TRY(one_name(arguments, n, "secret", &target, err));
        TRY(find_file(payload->task, true, target, ret, err));
        payload->is_sensitive = true;
        return 0;
}

static int call_config(void *context, json_t *const *arguments, size_t n, json_t **ret,
                       struct err *err)
{
        const char *target;

        TRY(one_name(arguments, n, "config", &target, err));
        return find_file(((const struct payload *)context)->task, false, target, ret, err);
}

static const struct template_function_row functions[] = {
        { "config", call_config },
        { "env", call_env },
        { "join", expand_join },
        { "secret", call_secret },
        { 0 },
};

static const struct template_place place = { "expansion", functions };

static int parse(struct arena *arena, const void *content, size_t size, const struct template **ret,
                 struct err *err)
{
        char *text;

        if (!str_is_utf8(content, size))
                return err_set(err, ERR_INVALID, "template: it must be UTF-8 text");
        text = arena_alloc(arena, size + 1);
        memcpy(text, content, size);
        return template_parse_for(arena, &place, text, ret, err);
}

int expand_check_file(const void *content, size_t size, struct err *err)
{
        _cleanup_(arena_done) struct arena arena = { 0 };
        const struct template *template;

        return parse(&arena, content, size, &template, err);
}

/* What went wrong quotes the template and what went into it: of secrets only the place is told. */
static int refuse(const struct expand_file *file, bool is_sensitive, const struct err *why,
                  struct err *err)
{
        int line = 1, column = 0;

        if (!file->is_secret && !is_sensitive)
                return err_set(err, ERR_INVALID, "failed to expand templated config %.64s: %s",
                               file->name, why->text);
        (void)sscanf(why->text, "template: expansion:%d:%d", &line, &column);
        return err_set(err, ERR_INVALID,
                       "failed to expand templated %s %.64s: something is wrong at line %d, column "
                       "%d of it",
                       file->is_secret ? "secret" : "config", file->name, line, column);
}

static int run(const struct expand_file *file, struct payload *payload, json_t *context,
               struct str *ret, struct err *err)
{
        _cleanup_(arena_done) struct arena arena = { 0 };
        const struct template_options options = { .has_maps = true,
                                                  .steps_max = STEPS_MAX,
                                                  .output_max = RESULT_MAX,
                                                  .context = payload };
        const struct template *template;

        TRY(parse(&arena, file->content, file->size, &template, err));
        TRY(template_run(template, &options, context, ret, err));
        if (ret->length > RESULT_MAX)
                return err_set(err, ERR_INVALID, "template: it prints too much");
        return 0;
}

int expand_file(const struct expand_file *file, const struct expand_task *task, struct str *ret,
                bool *ret_is_sensitive, struct err *err)
{
        struct payload payload = { .task = task };
        json_t *context;
        struct err why;
        int result;

        *ret_is_sensitive = file->is_secret;
        if (!file->is_template) {
                str_add_bytes(ret, file->content, file->size);
                return 0;
        }
        context = expand_context(task->values);
        result = run(file, &payload, context, ret, &why);
        json_decref(context);
        *ret_is_sensitive |= payload.is_sensitive;
        return result < 0 ? refuse(file, payload.is_sensitive, &why, err) : 0;
}
