/* skep secret and skep config: the same commands for two kinds. */
#include "cli/file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/spec_private.h"
#include "cli/tables.h"
#include "lib/base/check.h"
#include "lib/base/str.h"
#include "lib/docker/docker.h"
#include "lib/os/file.h"
#include "lib/state/object.h"

/* More than the cluster takes; what it does not take it refuses with docker's words. */
enum { CONTENT_MAX = 2 << 20 };

/* What is asked of the cluster about either kind; -1: it failed, told in cli->err. */
struct file_calls {
        const char *word;
        const struct list_kind *list_kind;
        int (*get)(struct cli *cli, const char *name, struct shown_file *ret, json_t **ret_json);
        int (*list)(struct cli *cli, const struct arguments *arguments, json_t *rows);
        int (*create)(struct cli *cli, const struct arguments *arguments, const struct str *content,
                      const char **ret_id);
        int (*update)(struct cli *cli, const struct arguments *arguments, const struct str *content,
                      const char **ret_name);
        int (*remove)(struct cli *cli, const char *name, const char ***ret_names, size_t *ret_n);
};

/* --- content --- */

static int read_stdin(struct str *ret, struct err *err)
{
        char piece[16 * 1024];
        ssize_t n;

        while (ret->length <= CONTENT_MAX && (n = read(STDIN_FILENO, piece, sizeof piece)) != 0) {
                if (n < 0 && errno != EINTR)
                        return err_set(err, ERR_UNAVAILABLE, "Error reading content from STDIN: %s",
                                       strerror(errno));
                if (n > 0)
                        str_add_bytes(ret, piece, (size_t)n);
        }
        explicit_bzero(piece, sizeof piece);
        return 0;
}

/* The path is quoted in the error, as docker does. */
static int read_content(const char *path, struct str *ret, struct err *err)
{
        int result;

        if (strcmp(path, "-") == 0)
                return read_stdin(ret, err);
        result = file_read(path, CONTENT_MAX, ret, err);
        return result < 0 ? err_prefix(err, "Error reading content from \"%s\"", path) : 0;
}

static ProtobufCBinaryData binary(const struct str *content)
{
        return (ProtobufCBinaryData){ .len = content->length, .data = (uint8_t *)content->text };
}

/* --- labels --- */

/* What --label, --label-add and --label-rm make of the labels that were there. */
static int apply_labels(struct cli *cli, const struct arguments *arguments,
                        Sk__Annotations *annotations)
{
        struct spec_edit edit = { .arena = &cli->arena, .err = &cli->err };
        static const char *const adding[] = { "label", "label-add" };
        const char *label;

        for (size_t i = 0; (label = argument_nth(arguments, "label-rm", i)); i++)
                label_remove(annotations->labels, &annotations->n_labels, label);
        for (size_t k = 0; k < COUNT_OF(adding); k++)
                for (size_t i = 0; (label = argument_nth(arguments, adding[k], i)); i++)
                        TRY(label_set(&edit, &annotations->labels, &annotations->n_labels, label));
        return 0;
}

static Sk__Annotations *annotations_for(struct cli *cli, const Sk__Annotations *before)
{
        Sk__Annotations *annotations = arena_alloc(&cli->arena, sizeof *annotations);

        *annotations = before ? *before : (Sk__Annotations)SK__ANNOTATIONS__INIT;
        return annotations;
}

/* --- calls: the same for both kinds but for the types --- */

#define FILE_CALLS(Kind, Kinds, kind, kinds, KIND)                                            \
        static int kind##_get(struct cli *cli, const char *name, struct shown_file *ret,      \
                              json_t **ret_json)                                              \
        {                                                                                     \
                Sk__Get##Kind##Request request = SK__GET_##KIND##_REQUEST__INIT;              \
                const Sk__##Kind *found;                                                      \
                const void *out;                                                              \
                                                                                              \
                request.id = name;                                                            \
                TRY(cli_call(cli, RPC_METHOD(control, Get##Kind), &request.base, &out));      \
                found = ((const Sk__Get##Kind##Response *)out)->kind;                         \
                kind##_shown(found, ret);                                                     \
                if (ret_json)                                                                 \
                        *ret_json = docker_##kind(found);                                     \
                return 0;                                                                     \
        }                                                                                     \
                                                                                              \
        static int kind##_list_rows(struct cli *cli, const struct arguments *arguments,       \
                                    json_t *rows)                                             \
        {                                                                                     \
                Sk__List##Kinds##Request request = SK__LIST_##KIND##S_REQUEST__INIT;          \
                const Sk__List##Kinds##Response *response;                                    \
                struct shown_file file;                                                       \
                const void *out;                                                              \
                                                                                              \
                filters_from(cli, arguments, &request.filters, &request.n_filters);           \
                TRY(cli_call(cli, RPC_METHOD(control, List##Kinds), &request.base, &out));    \
                response = out;                                                               \
                for (size_t i = 0; i < response->n_##kinds; i++) {                            \
                        kind##_shown(response->kinds[i], &file);                              \
                        json_array_append_new(rows, file_row(&file, loop_now(cli->loop)));    \
                }                                                                             \
                return 0;                                                                     \
        }                                                                                     \
                                                                                              \
        static int kind##_create(struct cli *cli, const struct arguments *arguments,          \
                                 const struct str *content, const char **ret_id)              \
        {                                                                                     \
                Sk__Create##Kind##Request request = SK__CREATE_##KIND##_REQUEST__INIT;        \
                Sk__##Kind##Spec spec = SK__##KIND##_SPEC__INIT;                              \
                const void *out;                                                              \
                                                                                              \
                spec.annotations = annotations_for(cli, NULL);                                \
                spec.annotations->name = positional(arguments, 0);                            \
                spec.template_driver = str_or(argument(arguments, "template-driver"), "");    \
                TRY(apply_labels(cli, arguments, spec.annotations));                          \
                kind##_take_driver(&spec, arguments);                                         \
                request.spec = &spec;                                                         \
                request.data = binary(content);                                               \
                TRY(cli_call(cli, RPC_METHOD(control, Create##Kind), &request.base, &out));   \
                *ret_id = ((const Sk__Create##Kind##Response *)out)->id;                      \
                return 0;                                                                     \
        }                                                                                     \
                                                                                              \
        static int kind##_update(struct cli *cli, const struct arguments *arguments,          \
                                 const struct str *content, const char **ret_name)            \
        {                                                                                     \
                Sk__Get##Kind##Request get = SK__GET_##KIND##_REQUEST__INIT;                  \
                Sk__Update##Kind##Request request = SK__UPDATE_##KIND##_REQUEST__INIT;        \
                const Sk__##Kind *found;                                                      \
                Sk__##Kind##Spec spec;                                                        \
                const void *out;                                                              \
                                                                                              \
                get.id = positional(arguments, 0);                                            \
                TRY(cli_call(cli, RPC_METHOD(control, Get##Kind), &get.base, &out));          \
                found = ((const Sk__Get##Kind##Response *)out)->kind;                         \
                spec = *found->spec;                                                          \
                spec.annotations = annotations_for(cli, spec.annotations);                    \
                TRY(apply_labels(cli, arguments, spec.annotations));                          \
                request.id = found->id;                                                       \
                request.version = object_part_version((const struct object_head *)found, 0);  \
                request.spec = &spec;                                                         \
                request.new_version = content != NULL;                                        \
                if (content)                                                                  \
                        request.data = binary(content);                                       \
                TRY(cli_call(cli, RPC_METHOD(control, Update##Kind), &request.base, &out));   \
                *ret_name = ((const Sk__Update##Kind##Response *)out)->name;                  \
                return 0;                                                                     \
        }                                                                                     \
                                                                                              \
        static int kind##_remove(struct cli *cli, const char *name, const char ***ret_names,  \
                                 size_t *ret_n)                                               \
        {                                                                                     \
                Sk__Remove##Kind##Request request = SK__REMOVE_##KIND##_REQUEST__INIT;        \
                const void *out;                                                              \
                                                                                              \
                request.id = name;                                                            \
                TRY(cli_call(cli, RPC_METHOD(control, Remove##Kind), &request.base, &out));   \
                *ret_names = (const char **)((const Sk__Remove##Kind##Response *)out)->names; \
                *ret_n = ((const Sk__Remove##Kind##Response *)out)->n_names;                  \
                return 0;                                                                     \
        }                                                                                     \
                                                                                              \
        static const struct file_calls kind##_calls = { #kind,         &kind##_list,          \
                                                        kind##_get,    kind##_list_rows,      \
                                                        kind##_create, kind##_update,         \
                                                        kind##_remove }

static void secret_take_driver(Sk__SecretSpec *spec, const struct arguments *arguments)
{
        spec->driver = str_or(argument(arguments, "driver"), "");
}

static void config_take_driver(Sk__ConfigSpec *spec, const struct arguments *arguments)
{
        (void)spec;
        (void)arguments;
}

FILE_CALLS(Secret, Secrets, secret, secrets, SECRET);
FILE_CALLS(Config, Configs, config, configs, CONFIG);

static const struct file_calls *calls_of(const struct cli *cli)
{
        return strcmp(cli->command->noun, "secret") == 0 ? &secret_calls : &config_calls;
}

/* --- commands --- */

static int file_create(struct cli *cli, const struct arguments *arguments)
{
        _cleanup_(str_done) struct str content = { 0 };
        const char *path = positional(arguments, 1), *id;

        if (path && read_content(path, &content, &cli->err) < 0)
                return print_failure(cli);
        if (calls_of(cli)->create(cli, arguments, &content, &id) < 0)
                return cli_fail(cli);
        printf("%s\n", id);
        return 0;
}

/* Changes labels, or makes a new version. */
static int file_update(struct cli *cli, const struct arguments *arguments)
{
        _cleanup_(str_done) struct str content = { 0 };
        const char *path = argument(arguments, "data"), *name;

        if (path && read_content(path, &content, &cli->err) < 0)
                return print_failure(cli);
        if (calls_of(cli)->update(cli, arguments, path ? &content : NULL, &name) < 0)
                return cli_fail(cli);
        printf("%s\n", path ? name : positional(arguments, 0));
        return 0;
}

static int file_ls(struct cli *cli, const struct arguments *arguments)
{
        const struct file_calls *calls = calls_of(cli);
        json_t *rows = json_array();

        if (calls->list(cli, arguments, rows) < 0) {
                json_decref(rows);
                return cli_fail(cli);
        }
        return print_list(cli, arguments, calls->list_kind, rows_sorted(rows, "Name"));
}

static json_t *get_json(struct cli *cli, const char *name)
{
        struct shown_file file;
        json_t *json;

        return calls_of(cli)->get(cli, name, &file, &json) < 0 ? NULL : json;
}

static int get_pretty(struct cli *cli, const char *name, struct str *out)
{
        struct shown_file file;

        TRY(calls_of(cli)->get(cli, name, &file, NULL));
        file_pretty(out, &file);
        return 0;
}

static void inspect_fail(struct cli *cli, const char *name)
{
        (void)name;
        cli_fail(cli);
}

static int file_inspect(struct cli *cli, const struct arguments *arguments)
{
        static const struct inspection inspection = { get_json, get_pretty, inspect_fail };

        return print_inspection(cli, arguments, &inspection);
}

static int by_name(const void *a, const void *b)
{
        return natural_compare(*(const char *const *)a, *(const char *const *)b);
}

/* As it was typed, unless that stood for several. */
static void print_removed(const char *typed, const char **names, size_t n)
{
        if (n == 1) {
                printf("%s\n", typed);
                return;
        }
        qsort(names, n, sizeof *names, by_name);
        for (size_t i = 0; i < n; i++)
                printf("%s\n", names[i]);
}

static int file_rm(struct cli *cli, const struct arguments *arguments)
{
        const char *name, **removed;
        size_t n;
        int status = 0;

        for (size_t i = 0; (name = positional(arguments, i)); i++) {
                if (calls_of(cli)->remove(cli, name, &removed, &n) < 0)
                        status = cli_fail(cli);
                else
                        print_removed(name, removed, n);
        }
        return status;
}

/* --- rows --- */

static const struct flag secret_create_flags[] = {
        { "driver", 'd', FLAG_STRING, NULL, "Secret driver", NULL },
        { "label", 'l', FLAG_LIST, NULL, "Secret labels", NULL },
        { "template-driver", 0, FLAG_STRING, NULL, "Template driver", NULL },
        { 0 },
};

static const struct flag config_create_flags[] = {
        { "label", 'l', FLAG_LIST, NULL, "Config labels", NULL },
        { "template-driver", 0, FLAG_STRING, NULL, "Template driver", NULL },
        { 0 },
};

static const struct flag update_flags[] = {
        { "data", 0, FLAG_STRING, "file",
          "Make a new version of this file's content (- for stdin); services that use NAME without "
          "a version are updated to it",
          NULL },
        { "label-add", 0, FLAG_LIST, NULL, "Add or update a label (\"key=value\")", NULL },
        { "label-rm", 0, FLAG_LIST, NULL, "Remove a label if exists", NULL },
        { 0 },
};

static const struct flag *const ls_tables[] = { list_flags, NULL };
static const struct flag *const inspect_tables[] = { inspect_flags, NULL };
static const struct flag *const secret_create_tables[] = { secret_create_flags, NULL };
static const struct flag *const config_create_tables[] = { config_create_flags, NULL };
static const struct flag *const update_tables[] = { update_flags, NULL };

/* clang-format off */
/*        noun      verb       usage                            summary                                            aliases   side  least most flags first  flags */
const struct command secret_commands[] = {
        { "secret", "create",  "[OPTIONS] SECRET [file|-]",     "Create a secret from a file or STDIN as content", NULL,     COMMAND_CONTROL, 1,  2, false, secret_create_tables, NULL, file_create },
        { "secret", "inspect", "[OPTIONS] SECRET [SECRET...]",  "Display detailed information on one or more secrets", NULL, COMMAND_CONTROL, 1, -1, false, inspect_tables, NULL, file_inspect },
        { "secret", "ls",      "[OPTIONS]",                     "List secrets",                                    "list",   COMMAND_CONTROL, 0,  0, false, ls_tables, NULL, file_ls },
        { "secret", "rm",      "SECRET [SECRET...]",            "Remove one or more secrets, or the unused versions of one", "remove", COMMAND_CONTROL, 1, -1, false, NULL, NULL, file_rm },
        { "secret", "update",  "[OPTIONS] SECRET",              "Change a secret's labels, or make a new version of it", NULL, COMMAND_CONTROL, 1, 1, false, update_tables, NULL, file_update },
        { 0 },
};

const struct command config_commands[] = {
        { "config", "create",  "[OPTIONS] CONFIG file|-",       "Create a config from a file or STDIN",            NULL,     COMMAND_CONTROL, 2,  2, false, config_create_tables, NULL, file_create },
        { "config", "inspect", "[OPTIONS] CONFIG [CONFIG...]",  "Display detailed information on one or more configs", NULL, COMMAND_CONTROL, 1, -1, false, inspect_tables, NULL, file_inspect },
        { "config", "ls",      "[OPTIONS]",                     "List configs",                                    "list",   COMMAND_CONTROL, 0,  0, false, ls_tables, NULL, file_ls },
        { "config", "rm",      "CONFIG [CONFIG...]",            "Remove one or more configs, or the unused versions of one", "remove", COMMAND_CONTROL, 1, -1, false, NULL, NULL, file_rm },
        { "config", "update",  "[OPTIONS] CONFIG",              "Change a config's labels, or make a new version of it", NULL, COMMAND_CONTROL, 1, 1, false, update_tables, NULL, file_update },
        { 0 },
};
/* clang-format on */
