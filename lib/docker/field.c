/* Fields of a JSON object. */
#include "lib/docker/field.h"

#include <string.h>

#include "lib/base/str.h"
#include "lib/base/time.h"

void add_text_always(json_t *object, const char *key, const char *text)
{
        json_object_set_new(object, key, json_string(text ? text : ""));
}

void add_text(json_t *object, const char *key, const char *text)
{
        if (!str_is_empty(text))
                add_text_always(object, key, text);
}

void add_number_always(json_t *object, const char *key, int64_t number)
{
        json_object_set_new(object, key, json_integer(number));
}

void add_number(json_t *object, const char *key, int64_t number)
{
        if (number)
                add_number_always(object, key, number);
}

void add_flag(json_t *object, const char *key, bool flag)
{
        if (flag)
                json_object_set_new(object, key, json_true());
}

void add_time(json_t *object, const char *key, int64_t time_ns)
{
        struct str text = { 0 };

        if (time_ns)
                str_add_time(&text, time_ns);
        else
                str_add(&text, "0001-01-01T00:00:00Z");
        add_text_always(object, key, str_text(&text));
        str_done(&text);
}

void add_texts(json_t *object, const char *key, char *const *texts, size_t n)
{
        json_t *array = n ? add_array(object, key) : NULL;

        for (size_t i = 0; i < n; i++)
                json_array_append_new(array, json_string(texts[i]));
}

void add_labels_always(json_t *object, const char *key, Sk__Label *const *labels, size_t n)
{
        json_t *map = add_object(object, key);

        for (size_t i = 0; i < n; i++)
                add_text_always(map, labels[i]->key, labels[i]->value);
}

void add_labels(json_t *object, const char *key, Sk__Label *const *labels, size_t n)
{
        if (n)
                add_labels_always(object, key, labels, n);
}

void add_head(json_t *object, const char *id, const Sk__Meta *meta, size_t part)
{
        static const Sk__Meta none = SK__META__INIT;

        if (!meta)
                meta = &none;
        add_text_always(object, "ID", id);
        add_number(add_object(object, "Version"), "Index",
                   part < meta->n_versions ? (int64_t)meta->versions[part] : 0);
        add_time(object, "CreatedAt", meta->created_at_ns);
        add_time(object, "UpdatedAt", meta->updated_at_ns);
}

json_t *add_object(json_t *object, const char *key)
{
        json_t *made = json_object();

        json_object_set_new(object, key, made);
        return made;
}

json_t *add_array(json_t *object, const char *key)
{
        json_t *made = json_array();

        json_object_set_new(object, key, made);
        return made;
}

json_t *append_object(json_t *array)
{
        json_t *made = json_object();

        json_array_append_new(array, made);
        return made;
}
