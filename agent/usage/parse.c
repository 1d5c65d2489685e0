/* What the kernel writes, read. */
#include <stdlib.h>
#include <string.h>

#include "agent/usage/usage.h"

static const char *next_line(const char *at)
{
        const char *end = strchr(at, '\n');

        return end ? end + 1 : at + strlen(at);
}

uint64_t usage_value(const char *text, const char *key)
{
        size_t length = strlen(key);

        for (const char *at = text; *at; at = next_line(at))
                if (strncmp(at, key, length) == 0 && at[length] == ' ')
                        return strtoull(at + length, NULL, 10);
        return 0;
}

uint64_t usage_sum(const char *text, const char *word)
{
        size_t length = strlen(word);
        uint64_t sum = 0;

        for (const char *at = text; (at = strstr(at, word)); at += length)
                if (at > text && at[-1] == ' ')
                        sum += strtoull(at + length, NULL, 10);
        return sum;
}

enum { FIELDS_TO_SENT = 9 };

void usage_network(const char *text, uint64_t *ret_received, uint64_t *ret_sent)
{
        *ret_received = *ret_sent = 0;
        for (const char *line = text; *line; line = next_line(line)) {
                const char *name = line + strspn(line, " ");
                size_t length = strcspn(name, ":\n");
                char *at = (char *)name + length;
                uint64_t values[FIELDS_TO_SENT] = { 0 };

                if (*at != ':' || (length == 2 && strncmp(name, "lo", 2) == 0))
                        continue;
                at++;
                for (int i = 0; i < FIELDS_TO_SENT; i++)
                        values[i] = strtoull(at, &at, 10);
                *ret_received += values[0];
                *ret_sent += values[FIELDS_TO_SENT - 1];
        }
}

/* "7 (a name) S 1 ...": the name may hold anything, so its end is the last parenthesis. */
bool usage_stat(const char *text, struct usage_stat *ret)
{
        enum { STATE, PARENT, TERMINAL = 4, USER = 11, SYSTEM = 12, STARTED = 19, FIELDS };
        const char *open = strchr(text, '('), *close = strrchr(text, ')');
        long long values[FIELDS] = { 0 };
        size_t length;
        char *at;

        if (!open || !close || close < open || strlen(close) < 3)
                return false;
        length = (size_t)(close - open) - 1;
        if (length >= sizeof ret->command)
                length = sizeof ret->command - 1;
        memcpy(ret->command, open + 1, length);
        ret->command[length] = '\0';
        at = (char *)close + 3;
        for (int i = PARENT; i < FIELDS; i++)
                values[i] = strtoll(at, &at, 10);
        ret->parent_pid = values[PARENT];
        ret->terminal = values[TERMINAL];
        ret->ticks = (uint64_t)values[USER] + (uint64_t)values[SYSTEM];
        ret->started_ticks = (uint64_t)values[STARTED];
        return true;
}
