/* Settings: fallbacks, arguments, values, help. */
#include "lib/run/settings.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/check.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/os/file.h"
#include "lib/run/settings_internal.h"

enum { YAML_SIZE_MAX = 64 * 1024, VALUE_LENGTH_MAX = 4096, PORT_MAX = 65535 };

const struct setting *settings_find(const struct settings *sets, size_t n_sets, const char *key,
                                    void **ret_config)
{
        for (size_t i = 0; i < n_sets; i++)
                for (const struct setting *row = sets[i].rows; row && row->key; row++)
                        if (str_equal(row->key, key)) {
                                *ret_config = sets[i].config;
                                return row;
                        }
        return NULL;
}

/* --- values --- */

static int check_address(const char *text, struct err *err)
{
        const char *colon = strrchr(text, ':');
        uint64_t port;

        if (str_starts_with(text, "unix:/"))
                return 0;
        if (!colon || colon == text || str_starts_with(text, "unix:"))
                return err_set(err, ERR_INVALID,
                               "'%s' is no address: write host:port, [v6]:port or unix:/path",
                               text);
        if (str_to_uint64(colon + 1, &port, NULL) < 0 || port > PORT_MAX)
                return err_set(err, ERR_INVALID, "'%s' ends in no port of 0 to %d", text, PORT_MAX);
        if (memchr(text, ':', (size_t)(colon - text)) && (*text != '[' || colon[-1] != ']'))
                return err_set(err, ERR_INVALID, "'%s': write an IPv6 address in brackets", text);
        return 0;
}

static int check_string(const struct setting *row, const char *text, struct err *err)
{
        if (strlen(text) > VALUE_LENGTH_MAX || !str_is_utf8(text, strlen(text)))
                return err_set(err, ERR_INVALID, "the value is no text of at most %d bytes",
                               VALUE_LENGTH_MAX);
        if (row->type == SETTING_PATH && *text != '/')
                return err_set(err, ERR_INVALID, "'%s' is no absolute path", text);
        if (row->type == SETTING_ADDRESS || row->type == SETTING_ADDRESSES)
                return check_address(text, err);
        return 0;
}

static int parse_number(const struct setting *row, const char *text, int64_t *ret, struct err *err)
{
        int64_t least = row->least, most = row->least || row->most ? row->most : INT64_MAX, number;

        if (row->type == SETTING_DURATION)
                TRY(str_to_duration(text, &number, err));
        else if (row->type == SETTING_BYTES)
                TRY(str_to_bytes(text, &number, err));
        else
                TRY(str_to_int64(text, &number, err));
        if (number < least || number > most)
                return err_set(err, ERR_RANGE, "'%s' is not between %lld and %lld", text,
                               (long long)least, (long long)most);
        *ret = number;
        return 0;
}

static void list_clear(struct setting_list *list)
{
        for (size_t i = 0; i < list->n; i++)
                free((char *)list->values[i]);
        *list = (struct setting_list){ 0 };
}

static int list_add(struct setting_list *list, const char *text, struct err *err)
{
        if (list->n == SETTING_LIST_MAX)
                return err_set(err, ERR_INVALID, "more than %d values", SETTING_LIST_MAX);
        list->values[list->n++] = str_copy(text);
        return 0;
}

static int set_member(const struct setting *row, void *member, const char *text, struct err *err)
{
        switch (row->type) {
        case SETTING_STRING:
        case SETTING_ADDRESS:
        case SETTING_PATH:
                TRY(check_string(row, text, err));
                free(*(char **)member);
                *(char **)member = str_copy(text);
                return 0;
        case SETTING_ADDRESSES:
                TRY(check_string(row, text, err));
                return list_add(member, text, err);
        case SETTING_DURATION:
        case SETTING_COUNT:
        case SETTING_BYTES:
                return parse_number(row, text, member, err);
        case SETTING_BOOL:
                return str_to_bool(text, member, err);
        }
        return err_set(err, ERR_INTERNAL, "setting '%s' is of no type", row->key);
}

/* Was it set from this source before?  Remembers that it is now. */
static bool was_seen(struct setting_source *source, const struct setting *row)
{
        for (size_t i = 0; i < source->n_seen; i++)
                if (source->seen[i] == row)
                        return true;
        CHECK(source->n_seen < COUNT_OF(source->seen));
        source->seen[source->n_seen++] = row;
        return false;
}

int settings_set(struct setting_source *source, const char *key, const char *text, struct err *err)
{
        void *config;
        const struct setting *row = settings_find(source->sets, source->n_sets, key, &config);

        if (!row)
                return err_set(err, ERR_INVALID, "there is no setting '%s'; see --help", key);
        if (was_seen(source, row)) {
                if (row->type != SETTING_ADDRESSES)
                        return err_set(err, ERR_INVALID, "'%s' is given twice", key);
        } else if (row->type == SETTING_ADDRESSES) {
                list_clear((struct setting_list *)((char *)config + row->offset));
        }
        if (set_member(row, (char *)config + row->offset, text, err) < 0)
                return err_prefix(err, "%s", key);
        return 0;
}

/* --- fallbacks, arguments --- */

static int set_fallback(const struct setting *row, void *config, struct err *err)
{
        const struct settings set = { .rows = row, .config = config };
        struct setting_source source = { .sets = &set, .n_sets = 1 };
        char *values, *rest, *value;
        int result = 0;

        if (!row->fallback)
                return 0;
        if (row->type != SETTING_ADDRESSES)
                return settings_set(&source, row->key, row->fallback, err);
        rest = values = str_copy(row->fallback);
        while ((value = strsep(&rest, ",")) && result == 0)
                result = settings_set(&source, row->key, value, err);
        free(values);
        return result;
}

static int set_argument(struct setting_source *source, int argc, char **argv, int *i,
                        struct err *err)
{
        const struct setting *row;
        const char *equals, *text;
        char key[64];
        void *config;
        size_t length;

        if (!str_starts_with(argv[*i], "--"))
                return err_set(err, ERR_INVALID, "'%s' is no option; see --help", argv[*i]);
        equals = strchr(argv[*i], '=');
        length = equals ? (size_t)(equals - argv[*i]) - 2 : strlen(argv[*i]) - 2;
        if (length >= sizeof key)
                return err_set(err, ERR_INVALID, "there is no option '%.70s'; see --help",
                               argv[*i]);
        memcpy(key, argv[*i] + 2, length);
        key[length] = 0;
        row = settings_find(source->sets, source->n_sets, key, &config);
        if (!row)
                return err_set(err, ERR_INVALID, "there is no option '--%s'; see --help", key);
        if (equals)
                text = equals + 1;
        else if (row->type == SETTING_BOOL)
                text = "true";
        else if (*i + 1 < argc)
                text = argv[++*i];
        else
                return err_set(err, ERR_INVALID, "--%s needs a value", key);
        if (settings_set(source, key, text, err) < 0)
                return err_prefix(err, "option --%s", key);
        return 0;
}

static int load_file(const struct settings *sets, size_t n_sets, const char *path, struct err *err)
{
        struct str text = { 0 };
        int result = file_read(path, YAML_SIZE_MAX, &text, err);

        if (result == 0)
                result = settings_apply_yaml(sets, n_sets, path, str_text(&text), text.length, err);
        str_done(&text);
        return result;
}

int settings_load_all(const struct settings *sets, size_t n_sets, const char *yaml_path, int argc,
                      char **argv, struct err *err)
{
        struct setting_source arguments = { .sets = sets, .n_sets = n_sets };

        for (size_t i = 0; i < n_sets; i++)
                for (const struct setting *row = sets[i].rows; row && row->key; row++)
                        if (set_fallback(row, sets[i].config, err) < 0)
                                return err_prefix(err, "the fallback");
        if (yaml_path)
                TRY(load_file(sets, n_sets, yaml_path, err));
        for (int i = 1; i < argc; i++)
                TRY(set_argument(&arguments, argc, argv, &i, err));
        return 0;
}

int settings_load(const struct setting *settings, void *config, const char *yaml_path, int argc,
                  char **argv, struct err *err)
{
        const struct settings set = { .rows = settings, .config = config };

        return settings_load_all(&set, 1, yaml_path, argc, argv, err);
}

static void member_done(const struct setting *row, void *member)
{
        switch (row->type) {
        case SETTING_STRING:
        case SETTING_ADDRESS:
        case SETTING_PATH:
                free(*(char **)member);
                *(char **)member = NULL;
                return;
        case SETTING_ADDRESSES:
                list_clear(member);
                return;
        default:
                return;
        }
}

void settings_done(const struct settings *sets, size_t n_sets)
{
        for (size_t i = 0; i < n_sets; i++)
                for (const struct setting *row = sets[i].rows; row && row->key; row++)
                        member_done(row, (char *)sets[i].config + row->offset);
}

/* --- help --- */

static const char *type_word(enum setting_type type)
{
        static const char *const words[] = {
                [SETTING_STRING] = "TEXT",  [SETTING_ADDRESS] = "ADDRESS",
                [SETTING_PATH] = "PATH",    [SETTING_DURATION] = "DURATION",
                [SETTING_COUNT] = "NUMBER", [SETTING_BYTES] = "BYTES",
                [SETTING_BOOL] = "",        [SETTING_ADDRESSES] = "ADDRESS...",
        };

        return words[type];
}

static void print_row(FILE *out, const char *key, const char *word, const char *help,
                      const char *fallback)
{
        char option[64];

        snprintf(option, sizeof option, "--%s %s", key, word);
        fprintf(out, "  %-28s %s", option, help);
        if (!str_is_empty(fallback))
                fprintf(out, " (default %s)", fallback);
        fputc('\n', out);
}

void settings_print_help_all(FILE *out, const char *program, const char *summary,
                             const struct settings *sets, size_t n_sets)
{
        fprintf(out,
                "Usage: %s [OPTIONS]\n\n%s %s.\n\nOptions, which may also be keys of the "
                "YAML file:\n",
                program, program, summary);
        for (size_t i = 0; i < n_sets; i++)
                for (const struct setting *row = sets[i].rows; row && row->key; row++)
                        print_row(out, row->key, type_word(row->type), row->help, row->fallback);
        print_row(out, "help", "", "print this and exit", NULL);
        print_row(out, "version", "", "print the version and exit", NULL);
}

void settings_print_help(FILE *out, const char *program, const char *summary,
                         const struct setting *settings)
{
        const struct settings set = { .rows = settings };

        settings_print_help_all(out, program, summary, &set, 1);
}
