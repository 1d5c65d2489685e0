/* Expanding placeholders. */
#include "agent/oci/template.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>

#include "lib/base/check.h"
#include "lib/base/str.h"

enum { RESULT_MAX = 1 << 20 };

static const struct {
        const char *path;
        size_t offset;
} fields[] = {
        { ".Service.ID", offsetof(struct template_values, service_id) },
        { ".Service.Name", offsetof(struct template_values, service_name) },
        { ".Node.ID", offsetof(struct template_values, node_id) },
        { ".Node.Hostname", offsetof(struct template_values, node_hostname) },
        { ".Node.Platform.OS", offsetof(struct template_values, node_os) },
        { ".Node.Platform.Architecture", offsetof(struct template_values, node_architecture) },
        { ".Task.ID", offsetof(struct template_values, task_id) },
        { ".Task.Name", offsetof(struct template_values, task_name) },
        { ".Task.Slot", offsetof(struct template_values, task_slot) },
};

static const char labels_path[] = ".Service.Labels";

static const char *find_label(const struct template_values *values, const char *key, size_t length)
{
        for (size_t i = 0; i < values->n_service_labels; i++) {
                const Sk__Label *label = values->service_labels[i];

                if (strlen(label->key) == length && memcmp(label->key, key, length) == 0)
                        return label->value;
        }
        return "";
}

static bool is_text(const char *text, size_t length, const char *wanted)
{
        return strlen(wanted) == length && memcmp(text, wanted, length) == 0;
}

/* 'index .Service.Labels "key"': NULL when it is not that. */
static const char *find_indexed(const char *action, size_t length,
                                const struct template_values *values)
{
        const char *at = action, *end = action + length;

        if (length < 5 || memcmp(at, "index", 5) != 0)
                return NULL;
        for (at += 5; at < end && *at == ' '; at++)
                ;
        if ((size_t)(end - at) < strlen(labels_path) ||
            memcmp(at, labels_path, strlen(labels_path)) != 0)
                return NULL;
        for (at += strlen(labels_path); at < end && *at == ' '; at++)
                ;
        if (end - at < 2 || *at != end[-1] || (*at != '"' && *at != '`') ||
            memchr(at + 1, '\\', (size_t)(end - at) - 1))
                return NULL;
        return find_label(values, at + 1, (size_t)(end - at) - 2);
}

static const char *find_value(const char *action, size_t length,
                              const struct template_values *values)
{
        size_t n = strlen(labels_path);

        for (size_t i = 0; i < COUNT_OF(fields); i++) {
                if (is_text(action, length, fields[i].path))
                        return *(const char *const *)((const char *)values + fields[i].offset);
        }
        if (length > n + 1 && memcmp(action, labels_path, n) == 0 && action[n] == '.' &&
            !memchr(action + n + 1, '.', length - n - 1))
                return find_label(values, action + n + 1, length - n - 1);
        return find_indexed(action, length, values);
}

/* Cuts spaces and the trimming dashes; tells which sides they were on. */
static void strip(const char **at, size_t *length, bool *ret_left, bool *ret_right)
{
        const char *start = *at, *end = *at + *length;

        *ret_left = end - start >= 2 && start[0] == '-' && start[1] == ' ';
        *ret_right = end - start >= 2 && end[-1] == '-' && end[-2] == ' ';
        start += *ret_left;
        end -= *ret_right && end > start;
        while (start < end && isspace((unsigned char)*start))
                start++;
        while (end > start && isspace((unsigned char)end[-1]))
                end--;
        *at = start;
        *length = (size_t)(end - start);
}

static void trim_end(struct str *str)
{
        while (str->length > 0 && isspace((unsigned char)str->text[str->length - 1]))
                str->text[--str->length] = '\0';
}

static int expand_into(const char *text, const struct template_values *values, struct str *ret,
                       struct err *err)
{
        const char *open;

        while ((open = strstr(text, "{{"))) {
                const char *close = strstr(open, "}}"), *action = open + 2, *value;
                bool left, right;
                size_t length;

                if (!close)
                        return err_set(err, ERR_INVALID, "template: unclosed action in '%.100s'",
                                       text);
                length = (size_t)(close - action);
                strip(&action, &length, &left, &right);
                str_add_bytes(ret, text, (size_t)(open - text));
                if (left)
                        trim_end(ret);
                value = find_value(action, length, values);
                if (!value)
                        return err_set(err, ERR_INVALID,
                                       "template: '{{%.*s}}' is not supported here",
                                       (int)(length > 100 ? 100 : length), action);
                str_add(ret, value);
                for (text = close + 2; right && isspace((unsigned char)*text); text++)
                        ;
                if (ret->length > RESULT_MAX)
                        return err_set(err, ERR_INVALID, "template: the result is too long");
        }
        str_add(ret, text);
        return 0;
}

int template_expand(const char *text, const struct template_values *values, struct arena *arena,
                    const char **ret, struct err *err)
{
        struct str str = { 0 };
        int failed;

        if (!strstr(text, "{{")) {
                *ret = text;
                return 0;
        }
        failed = expand_into(text, values, &str, err);
        if (!failed)
                *ret = arena_strdup(arena, str_text(&str));
        str_done(&str);
        return failed;
}
