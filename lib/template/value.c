/* Values as Go sees and prints them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/check.h"
#include "lib/template/template_private.h"

/* The key under which a struct's type stands; no field is called so. */
static const char struct_key[] = "\1struct";

json_t *template_struct(const char *type)
{
        json_t *made = json_object();

        json_object_set_new(made, struct_key, json_string(type));
        return made;
}

const char *value_struct(const json_t *value)
{
        return json_string_value(json_object_get(value, struct_key));
}

bool value_is_true(const json_t *value)
{
        switch (value ? json_typeof(value) : JSON_NULL) {
        case JSON_TRUE:
                return true;
        case JSON_STRING:
                return json_string_length(value) > 0;
        case JSON_INTEGER:
                return json_integer_value(value) != 0;
        case JSON_REAL:
                return json_real_value(value) != 0;
        case JSON_ARRAY:
                return json_array_size(value) > 0;
        case JSON_OBJECT:
                return json_object_size(value) > 0;
        default:
                return false;
        }
}

const char *value_type(const json_t *value)
{
        switch (value ? json_typeof(value) : JSON_NULL) {
        case JSON_TRUE:
        case JSON_FALSE:
                return "bool";
        case JSON_STRING:
                return "string";
        case JSON_INTEGER:
                return "int64";
        case JSON_REAL:
                return "float64";
        case JSON_ARRAY:
                return "[]interface {}";
        case JSON_OBJECT:
                return value_struct(value) ? value_struct(value) : "map[string]interface {}";
        default:
                return "nil";
        }
}

static int by_text(const void *a, const void *b)
{
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

json_t *sorted_keys(const json_t *object)
{
        _cleanup_(vec_done) struct vec keys = VEC_OF(const char *);
        json_t *sorted = json_array(), *value;
        const char *key;

        json_object_foreach((json_t *)object, key, value) vec_push(&keys, &key);
        vec_sort(&keys, by_text);
        for (size_t i = 0; i < keys.n; i++)
                json_array_append_new(sorted, json_string(VEC_AT(&keys, const char *, i)));
        return sorted;
}

/* Go's shortest form that reads back the same: 0.1, 1e+21. */
static void print_real(struct str *out, double number)
{
        char text[40];

        for (int digits = 1; digits <= 17; digits++) {
                snprintf(text, sizeof text, "%.*g", digits, number);
                if (strtod(text, NULL) == number)
                        break;
        }
        str_add(out, text);
}

/* The fields, in the order they were set. */
static void print_struct(struct str *out, const json_t *value)
{
        const char *key, *separator = "";
        json_t *field;

        str_add_char(out, '{');
        json_object_foreach((json_t *)value, key, field)
        {
                if (strcmp(key, struct_key) == 0)
                        continue;
                str_add(out, separator);
                value_print(out, field);
                separator = " ";
        }
        str_add_char(out, '}');
}

static void print_object(struct str *out, const json_t *value)
{
        json_t *keys = sorted_keys(value), *key;
        size_t i;

        str_add(out, "map[");
        json_array_foreach(keys, i, key)
        {
                str_addf(out, "%s%s:", i ? " " : "", json_string_value(key));
                value_print(out, json_object_get(value, json_string_value(key)));
        }
        str_add_char(out, ']');
        json_decref(keys);
}

void value_print(struct str *out, const json_t *value)
{
        json_t *item;
        size_t i;

        if (!value) {
                str_add(out, "<no value>");
                return;
        }
        switch (json_typeof(value)) {
        case JSON_NULL:
                str_add(out, "<nil>");
                break;
        case JSON_TRUE:
        case JSON_FALSE:
                str_add(out, json_is_true(value) ? "true" : "false");
                break;
        case JSON_STRING:
                str_add_bytes(out, json_string_value(value), json_string_length(value));
                break;
        case JSON_INTEGER:
                str_addf(out, "%lld", (long long)json_integer_value(value));
                break;
        case JSON_REAL:
                print_real(out, json_real_value(value));
                break;
        case JSON_ARRAY:
                str_add_char(out, '[');
                json_array_foreach(value, i, item)
                {
                        str_add(out, i ? " " : "");
                        value_print(out, item);
                }
                str_add_char(out, ']');
                break;
        case JSON_OBJECT:
                if (value_struct(value))
                        print_struct(out, value);
                else
                        print_object(out, value);
                break;
        }
}

static int add_dumped(const char *data, size_t size, void *out)
{
        str_add_bytes(out, data, size);
        return 0;
}

void template_add_json(struct str *out, const json_t *value)
{
        if (!value)
                str_add(out, "null");
        else
                CHECK(json_dump_callback(value, add_dumped, out,
                                         JSON_COMPACT | JSON_ENCODE_ANY |
                                                 JSON_REAL_PRECISION(15)) == 0);
}
