/* The functions of Go's text/template and those docker adds. */
#include <ctype.h>
#include <string.h>

#include "lib/base/check.h"
#include "lib/template/template_private.h"

static int want(size_t n, size_t wanted, const char *name, struct err *err)
{
        if (n == wanted)
                return 0;
        return err_set(err, ERR_INVALID, "wrong number of args for %s: want %zu got %zu", name,
                       wanted, n);
}

static int want_text(const json_t *value, const char *name, const char **ret, struct err *err)
{
        if (!json_is_string(value))
                return err_set(err, ERR_INVALID,
                               "error calling %s: wrong type for value; expected string; got %s",
                               name, value_type(value));
        *ret = json_string_value(value);
        return 0;
}

static int want_number(const json_t *value, const char *name, json_int_t *ret, struct err *err)
{
        if (!json_is_integer(value))
                return err_set(err, ERR_INVALID,
                               "error calling %s: wrong type for value; expected int; got %s", name,
                               value_type(value));
        *ret = json_integer_value(value);
        return 0;
}

/* Text that may have been cut in the middle of a character. */
static json_t *text_value(const char *text, size_t length)
{
        json_t *value = json_stringn(text, length);

        return value ? value : json_string("\xef\xbf\xbd");
}

static json_t *take_text(struct str *text)
{
        json_t *value = text_value(str_text(text), text->length);

        str_done(text);
        return value;
}

/* --- text --- */

static int change_case(json_t *const *arguments, size_t n, const char *name, int (*change)(int),
                       bool only_first, json_t **ret, struct err *err)
{
        struct str changed = { 0 };
        const char *text;
        char before = ' ';

        TRY(want(n, 1, name, err));
        TRY(want_text(arguments[0], name, &text, err));
        for (; *text; before = *text++) {
                bool is_ascii = (unsigned char)*text < 0x80;
                bool is_first = !isalnum((unsigned char)before) && before != '_' &&
                                before != '\'' && (unsigned char)before < 0x80;

                str_add_char(&changed, is_ascii && (!only_first || is_first)
                                               ? (char)change((unsigned char)*text)
                                               : *text);
        }
        *ret = take_text(&changed);
        return 0;
}

static int call_lower(json_t *const *arguments, size_t n, json_t **ret, struct err *err)
{
        return change_case(arguments, n, "lower", tolower, false, ret, err);
}

static int call_upper(json_t *const *arguments, size_t n, json_t **ret, struct err *err)
{
        return change_case(arguments, n, "upper", toupper, false, ret, err);
}

static int call_title(json_t *const *arguments, size_t n, json_t **ret, struct err *err)
{
        return change_case(arguments, n, "title", toupper, true, ret, err);
}

static int call_json(json_t *const *arguments, size_t n, json_t **ret, struct err *err)
{
        struct str text = { 0 };

        TRY(want(n, 1, "json", err));
        template_add_json(&text, arguments[0]);
        *ret = take_text(&text);
        return 0;
}

static int call_join(json_t *const *arguments, size_t n, json_t **ret, struct err *err)
{
        struct str joined = { 0 };
        const char *separator;
        json_t *item;
        size_t i;

        TRY(want(n, 2, "join", err));
        if (arguments[0] && !json_is_array(arguments[0]) && value_is_true(arguments[0]))
                return err_set(
                        err, ERR_INVALID,
                        "error calling join: wrong type for value; expected []string; got %s",
                        value_type(arguments[0]));
        TRY(want_text(arguments[1], "join", &separator, err));
        json_array_foreach(arguments[0], i, item)
        {
                str_add(&joined, i ? separator : "");
                value_print(&joined, item);
                if (joined.length > MADE_MAX) {
                        str_done(&joined);
                        return err_set(err, ERR_INVALID, "error calling join: too much text");
                }
        }
        *ret = take_text(&joined);
        return 0;
}

static int call_split(json_t *const *arguments, size_t n, json_t **ret, struct err *err)
{
        const char *text, *separator, *found;
        json_t *parts;

        TRY(want(n, 2, "split", err));
        TRY(want_text(arguments[0], "split", &text, err));
        TRY(want_text(arguments[1], "split", &separator, err));
        parts = json_array();
        if (!separator[0])
                separator = "\n";
        while ((found = strstr(text, separator))) {
                json_array_append_new(parts, text_value(text, (size_t)(found - text)));
                text = found + strlen(separator);
        }
        json_array_append_new(parts, json_string(text));
        *ret = parts;
        return 0;
}

/* pad "x" 1 2: spaces before and after what is not empty. */
static int call_pad(json_t *const *arguments, size_t n, json_t **ret, struct err *err)
{
        json_int_t before, after;
        const char *text;
        struct str padded = { 0 };

        TRY(want(n, 3, "pad", err));
        TRY(want_text(arguments[0], "pad", &text, err));
        TRY(want_number(arguments[1], "pad", &before, err));
        TRY(want_number(arguments[2], "pad", &after, err));
        if (before < 0 || after < 0 || before > 10000 || after > 10000)
                return err_set(err, ERR_INVALID, "error calling pad: width out of range");
        if (text[0])
                str_addf(&padded, "%*s%s%*s", (int)before, "", text, (int)after, "");
        *ret = take_text(&padded);
        return 0;
}

static int call_truncate(json_t *const *arguments, size_t n, json_t **ret, struct err *err)
{
        const char *text;
        json_int_t limit;
        size_t length;

        TRY(want(n, 2, "truncate", err));
        TRY(want_text(arguments[0], "truncate", &text, err));
        TRY(want_number(arguments[1], "truncate", &limit, err));
        if (limit < 0)
                return err_set(err, ERR_INVALID, "error calling truncate: slice out of range");
        length = strlen(text);
        if ((json_int_t)length > limit)
                for (length = (size_t)limit;
                     length && ((unsigned char)text[length] & 0xc0) == 0x80;)
                        length--;
        *ret = text_value(text, length);
        return 0;
}

/* Go's Sprint puts spaces between operands when neither is a string, Sprintln always. */
static int call_print(json_t *const *arguments, size_t n, json_t **ret, struct err *err)
{
        struct str text = { 0 };

        (void)err;
        for (size_t i = 0; i < n; i++) {
                if (i && !json_is_string(arguments[i]) && !json_is_string(arguments[i - 1]))
                        str_add_char(&text, ' ');
                value_print(&text, arguments[i]);
        }
        *ret = take_text(&text);
        return 0;
}

static int call_println(json_t *const *arguments, size_t n, json_t **ret, struct err *err)
{
        struct str text = { 0 };

        (void)err;
        for (size_t i = 0; i < n; i++) {
                str_add(&text, i ? " " : "");
                value_print(&text, arguments[i]);
        }
        str_add_char(&text, '\n');
        *ret = take_text(&text);
        return 0;
}

/* --- parts --- */

static int call_len(json_t *const *arguments, size_t n, json_t **ret, struct err *err)
{
        const json_t *value = n ? arguments[0] : NULL;

        TRY(want(n, 1, "len", err));
        if (json_is_string(value))
                *ret = json_integer((json_int_t)json_string_length(value));
        else if (json_is_array(value))
                *ret = json_integer((json_int_t)json_array_size(value));
        else if (json_is_object(value))
                *ret = json_integer((json_int_t)json_object_size(value));
        else
                return err_set(err, ERR_INVALID, "error calling len: len of %s",
                               value ? value_type(value) : "nil pointer");
        return 0;
}

static int index_array(const json_t *array, const json_t *at, json_t **ret, struct err *err)
{
        json_int_t i;

        if (!json_is_integer(at))
                return err_set(err, ERR_INVALID,
                               "error calling index: cannot index slice/array with type %s",
                               value_type(at));
        i = json_integer_value(at);
        if (i < 0 || i >= (json_int_t)json_array_size(array))
                return err_set(err, ERR_INVALID, "error calling index: index out of range: %lld",
                               (long long)i);
        *ret = json_array_get(array, (size_t)i);
        return 0;
}

static int index_once(json_t *from, const json_t *at, json_t *empty, json_t **ret, struct err *err)
{
        const char *key;

        if (json_is_array(from))
                return index_array(from, at, ret, err);
        if (json_is_string(from) && json_string_length(from) && json_is_integer(at))
                return err_set(err, ERR_INVALID,
                               "error calling index: text is not indexed, use "
                               "slice");
        if (!from || json_is_null(from))
                return err_set(err, ERR_INVALID, "error calling index: index of untyped nil");
        if (json_is_string(from) && !json_string_length(from)) {
                *ret = empty;
                return 0;
        }
        if (!json_is_object(from))
                return err_set(err, ERR_INVALID, "error calling index: can't index item of type %s",
                               value_type(from));
        TRY(want_text(at, "index", &key, err));
        *ret = json_object_get(from, key);
        if (!*ret)
                *ret = empty;
        return 0;
}

static int call_index(json_t *const *arguments, size_t n, json_t **ret, struct err *err)
{
        json_t *value, *empty;
        int result = 0;

        if (!n)
                return want(n, 1, "index", err);
        value = arguments[0];
        empty = json_string("");
        for (size_t i = 1; i < n && result == 0; i++)
                result = index_once(value, arguments[i], empty, &value, err);
        if (result == 0)
                *ret = json_incref(value);
        json_decref(empty);
        return result;
}

/* slice x 1 3 is x[1:3]. */
static int call_slice(json_t *const *arguments, size_t n, json_t **ret, struct err *err)
{
        const json_t *value = n ? arguments[0] : NULL;
        json_int_t from = 0, to, length;

        if (n < 1 || n > 3)
                return want(n, 2, "slice", err);
        if (!json_is_string(value) && !json_is_array(value))
                return err_set(err, ERR_INVALID, "error calling slice: can't slice item of type %s",
                               value_type(value));
        length = to = json_is_string(value) ? (json_int_t)json_string_length(value)
                                            : (json_int_t)json_array_size(value);
        if (n > 1)
                TRY(want_number(arguments[1], "slice", &from, err));
        if (n > 2)
                TRY(want_number(arguments[2], "slice", &to, err));
        if (from < 0 || to < from || to > length)
                return err_set(err, ERR_INVALID, "error calling slice: index out of range: %lld",
                               (long long)(from < 0 || from > length ? from : to));
        if (json_is_string(value)) {
                *ret = text_value(json_string_value(value) + from, (size_t)(to - from));
                return 0;
        }
        *ret = json_array();
        for (json_int_t i = from; i < to; i++)
                json_array_append(*ret, json_array_get(value, (size_t)i));
        return 0;
}

/* --- comparing --- */

static int compare(const json_t *a, const json_t *b, const char *name, int *ret, struct err *err)
{
        double x = json_number_value(a), y = json_number_value(b);

        if (json_is_string(a) && json_is_string(b)) {
                *ret = strcmp(json_string_value(a), json_string_value(b));
        } else if (json_is_integer(a) && json_is_integer(b)) {
                json_int_t i = json_integer_value(a), j = json_integer_value(b);

                *ret = (i > j) - (i < j);
        } else if (json_is_number(a) && json_is_number(b)) {
                *ret = (x > y) - (x < y);
        } else {
                return err_set(err, ERR_INVALID,
                               "error calling %s: incompatible types for comparison", name);
        }
        return 0;
}

static bool is_equal_kind(const json_t *a, const json_t *b)
{
        return !a || !b || json_is_null(a) || json_is_null(b) ||
               (json_is_boolean(a) && json_is_boolean(b));
}

static int equal(const json_t *a, const json_t *b, const char *name, bool *ret, struct err *err)
{
        int sign;

        if (is_equal_kind(a, b)) {
                *ret = a == b || (a && b && json_typeof(a) == json_typeof(b));
                return 0;
        }
        TRY(compare(a, b, name, &sign, err));
        *ret = sign == 0;
        return 0;
}

static int call_eq(json_t *const *arguments, size_t n, json_t **ret, struct err *err)
{
        bool is_equal = false;

        if (n < 2)
                return err_set(err, ERR_INVALID,
                               "error calling eq: missing argument for comparison");
        for (size_t i = 1; i < n && !is_equal; i++)
                TRY(equal(arguments[0], arguments[i], "eq", &is_equal, err));
        *ret = json_boolean(is_equal);
        return 0;
}

static int call_ne(json_t *const *arguments, size_t n, json_t **ret, struct err *err)
{
        bool is_equal;

        TRY(want(n, 2, "ne", err));
        TRY(equal(arguments[0], arguments[1], "ne", &is_equal, err));
        *ret = json_boolean(!is_equal);
        return 0;
}

static int order(json_t *const *arguments, size_t n, const char *name, int *ret, struct err *err)
{
        TRY(want(n, 2, name, err));
        return compare(arguments[0], arguments[1], name, ret, err);
}

static int call_lt(json_t *const *arguments, size_t n, json_t **ret, struct err *err)
{
        int sign;

        TRY(order(arguments, n, "lt", &sign, err));
        *ret = json_boolean(sign < 0);
        return 0;
}

static int call_le(json_t *const *arguments, size_t n, json_t **ret, struct err *err)
{
        int sign;

        TRY(order(arguments, n, "le", &sign, err));
        *ret = json_boolean(sign <= 0);
        return 0;
}

static int call_gt(json_t *const *arguments, size_t n, json_t **ret, struct err *err)
{
        int sign;

        TRY(order(arguments, n, "gt", &sign, err));
        *ret = json_boolean(sign > 0);
        return 0;
}

static int call_ge(json_t *const *arguments, size_t n, json_t **ret, struct err *err)
{
        int sign;

        TRY(order(arguments, n, "ge", &sign, err));
        *ret = json_boolean(sign >= 0);
        return 0;
}

static int call_not(json_t *const *arguments, size_t n, json_t **ret, struct err *err)
{
        TRY(want(n, 1, "not", err));
        *ret = json_boolean(!value_is_true(arguments[0]));
        return 0;
}

static const struct {
        const char *name;
        template_function *call; /* NULL: the runner's, which does not evaluate all arguments */
} functions[] = {
        { "and", NULL },
        { "eq", call_eq },
        { "ge", call_ge },
        { "gt", call_gt },
        { "index", call_index },
        { "join", call_join },
        { "json", call_json },
        { "le", call_le },
        { "len", call_len },
        { "lower", call_lower },
        { "lt", call_lt },
        { "ne", call_ne },
        { "not", call_not },
        { "or", NULL },
        { "pad", call_pad },
        { "print", call_print },
        { "printf", function_printf },
        { "println", call_println },
        { "slice", call_slice },
        { "split", call_split },
        { "title", call_title },
        { "truncate", call_truncate },
        { "upper", call_upper },
};

bool function_is_known(const char *name)
{
        for (size_t i = 0; i < COUNT_OF(functions); i++)
                if (strcmp(functions[i].name, name) == 0)
                        return true;
        return false;
}

template_function *function_find(const char *name)
{
        for (size_t i = 0; i < COUNT_OF(functions); i++)
                if (strcmp(functions[i].name, name) == 0)
                        return functions[i].call;
        return NULL;
}

const struct template_function_row *function_of_place(const struct template_place *place,
                                                      const char *name)
{
        for (const struct template_function_row *row = place->functions; row->name; row++)
                if (strcmp(row->name, name) == 0)
                        return row;
        return NULL;
}
