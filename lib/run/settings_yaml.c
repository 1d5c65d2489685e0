/* The YAML file: one mapping of keys to scalars, or to lists of scalars. */
#include <stdbool.h>
#include <string.h>
#include <yaml.h>

#include "lib/base/str.h"
#include "lib/run/settings_internal.h"

enum { KEY_SIZE = 64 };

struct reader {
        yaml_parser_t parser;
        yaml_event_t event;
        bool has_event;
        const char *name;
        struct setting_source source;
};

/* Puts the file and line of the current event before the sentence. */
static int at_line(struct reader *reader, struct err *err)
{
        return err_prefix(err, "%s:%zu", reader->name, reader->event.start_mark.line + 1);
}

static int fail(struct reader *reader, const char *sentence, struct err *err)
{
        err_set(err, ERR_INVALID, "%s", sentence);
        return at_line(reader, err);
}

static int next(struct reader *reader, struct err *err)
{
        if (reader->has_event)
                yaml_event_delete(&reader->event);
        reader->has_event = yaml_parser_parse(&reader->parser, &reader->event);
        if (!reader->has_event)
                return err_set(err, ERR_INVALID, "%s:%zu: %s", reader->name,
                               reader->parser.problem_mark.line + 1,
                               str_or(reader->parser.problem, "this is no YAML"));
        if (reader->event.type == YAML_ALIAS_EVENT)
                return fail(reader, "aliases (*name) are not supported", err);
        return 0;
}

/* The scalar's text; refuses what C text cannot hold. */
static int scalar(struct reader *reader, const char **ret, struct err *err)
{
        const char *text = (const char *)reader->event.data.scalar.value;

        if (strlen(text) != reader->event.data.scalar.length)
                return fail(reader, "a NUL character", err);
        *ret = text;
        return 0;
}

static int set(struct reader *reader, const char *key, struct err *err)
{
        const char *text = NULL;

        TRY(scalar(reader, &text, err));
        return settings_set(&reader->source, key, text, err) < 0 ? at_line(reader, err) : 0;
}

static int read_list(struct reader *reader, const char *key, struct err *err)
{
        void *config;
        const struct setting *row =
                settings_find(reader->source.sets, reader->source.n_sets, key, &config);

        if (!row || row->type != SETTING_ADDRESSES)
                return fail(reader,
                            row ? "one value is expected here, not a list"
                                : "there is no such setting; see --help",
                            err);
        for (;;) {
                TRY(next(reader, err));
                if (reader->event.type == YAML_SEQUENCE_END_EVENT)
                        return 0;
                if (reader->event.type != YAML_SCALAR_EVENT)
                        return fail(reader, "a list holds plain values only", err);
                TRY(set(reader, key, err));
        }
}

static int read_value(struct reader *reader, const char *key, struct err *err)
{
        TRY(next(reader, err));
        if (reader->event.type == YAML_SCALAR_EVENT)
                return set(reader, key, err);
        if (reader->event.type == YAML_SEQUENCE_START_EVENT)
                return read_list(reader, key, err);
        return fail(reader, "a value is expected here, not a mapping", err);
}

static int read_mapping(struct reader *reader, struct err *err)
{
        char key[KEY_SIZE];
        const char *text = NULL;

        for (;;) {
                TRY(next(reader, err));
                if (reader->event.type == YAML_MAPPING_END_EVENT)
                        return 0;
                if (reader->event.type != YAML_SCALAR_EVENT)
                        return fail(reader, "a key is expected here", err);
                TRY(scalar(reader, &text, err));
                if (strlen(text) >= sizeof key)
                        return fail(reader, "there is no such setting; see --help", err);
                strcpy(key, text);
                TRY(read_value(reader, key, err));
        }
}

static int read_document(struct reader *reader, struct err *err)
{
        TRY(next(reader, err)); /* the stream starts */
        TRY(next(reader, err));
        if (reader->event.type == YAML_STREAM_END_EVENT)
                return 0;
        TRY(next(reader, err));
        if (reader->event.type == YAML_SCALAR_EVENT && !reader->event.data.scalar.length)
                TRY(next(reader, err)); /* nothing but comments behind "---" */
        else if (reader->event.type == YAML_MAPPING_START_EVENT)
                TRY(read_mapping(reader, err));
        else
                return fail(reader, "settings are written as 'key: value' lines", err);
        while (reader->event.type != YAML_STREAM_END_EVENT) {
                TRY(next(reader, err));
                if (reader->event.type == YAML_DOCUMENT_START_EVENT)
                        return fail(reader, "one document is enough", err);
        }
        return 0;
}

int settings_apply_yaml(const struct settings *sets, size_t n_sets, const char *name,
                        const char *text, size_t size, struct err *err)
{
        struct reader reader = { .name = name, .source = { .sets = sets, .n_sets = n_sets } };
        int result;

        if (!yaml_parser_initialize(&reader.parser))
                return err_set(err, ERR_INTERNAL, "out of memory");
        yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
        yaml_parser_set_input_string(&reader.parser, (const unsigned char *)text, size);
        result = read_document(&reader, err);
        if (reader.has_event)
                yaml_event_delete(&reader.event);
        yaml_parser_delete(&reader.parser);
        return result;
}
