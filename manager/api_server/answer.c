/* Reading what a registry answers. */
#include "manager/api_server/answer.h"

#include <jansson.h>
#include <string.h>
#include <strings.h>

bool answer_header(const char *line, size_t length, const char *name, char *ret, size_t ret_size)
{
        size_t name_length = strlen(name);

        if (length <= name_length + 1 || strncasecmp(line, name, name_length) != 0 ||
            line[name_length] != ':')
                return false;
        line += name_length + 1;
        length -= name_length + 1;
        while (length && (*line == ' ' || *line == '\t'))
                line++, length--;
        while (length &&
               (line[length - 1] == '\r' || line[length - 1] == '\n' || line[length - 1] == ' '))
                length--;
        if (length >= ret_size)
                return false;
        memcpy(ret, line, length);
        ret[length] = '\0';
        return true;
}

void answer_challenge(const char *challenge, const char *key, char *ret, size_t size)
{
        size_t key_length = strlen(key);
        const char *at = challenge, *end;

        ret[0] = '\0';
        while ((at = strcasestr(at, key))) {
                if (at[key_length] == '=' && at[key_length + 1] == '"')
                        break;
                at += key_length;
        }
        if (!at)
                return;
        at += key_length + 2;
        end = strchr(at, '"');
        if (!end || (size_t)(end - at) >= size)
                return;
        memcpy(ret, at, (size_t)(end - at));
        ret[end - at] = '\0';
}

void answer_token(const char *body, size_t length, struct str *ret)
{
        json_t *root = json_loadb(body, length, 0, NULL);
        const json_t *token = json_object_get(root, "token");

        if (!token)
                token = json_object_get(root, "access_token");
        if (json_is_string(token))
                str_add(ret, json_string_value(token));
        json_decref(root);
}
