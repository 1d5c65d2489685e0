/* Fluentd's forward protocol, message mode: [tag, time, {...}] in MessagePack. */
#include <string.h>

#include "agent/logs/format_private.h"
#include "lib/base/time.h"

enum { MAP_16 = 0xde, STR_32 = 0xdb, ARRAY_3 = 0x93, EVENT_TIME = 0xd7, UINT_32 = 0xce };
enum { OWN_FIELDS = 4 };

static void add_number(struct str *text, uint32_t value)
{
        for (int i = 3; i >= 0; i--)
                str_add_char(text, (char)(value >> 8 * i));
}

static void add_string(struct str *text, const char *value, size_t size)
{
        str_add_char(text, (char)STR_32);
        add_number(text, (uint32_t)size);
        str_add_bytes(text, value, size);
}

static void add_pair(struct str *text, const char *key, const char *value)
{
        add_string(text, key, strlen(key));
        add_string(text, value, strlen(value));
}

static void add_time(struct str *text, int64_t at_ns, bool has_sub_seconds)
{
        if (!has_sub_seconds) {
                str_add_char(text, (char)UINT_32);
                add_number(text, (uint32_t)(at_ns / NS_PER_S));
                return;
        }
        str_add_char(text, (char)EVENT_TIME);
        str_add_char(text, 0);
        add_number(text, (uint32_t)(at_ns / NS_PER_S));
        add_number(text, (uint32_t)(at_ns % NS_PER_S));
}

void format_fluentd(struct log_format *format, const struct log_line *line, struct str *frames)
{
        size_t n = OWN_FIELDS + format->n_extra + line->is_partial;
        struct str *text = &format->text;

        str_clear(text);
        str_add_char(text, (char)ARRAY_3);
        add_string(text, format->tag, strlen(format->tag));
        add_time(text, line->at_ns, format->config.has_sub_seconds);
        str_add_char(text, (char)MAP_16);
        str_add_char(text, (char)(n >> 8));
        str_add_char(text, (char)n);
        add_pair(text, "container_id", format->origin.id);
        add_pair(text, "container_name", format->origin.name);
        add_pair(text, "source", line->stream == LOG_STDERR ? "stderr" : "stdout");
        add_string(text, "log", strlen("log"));
        add_string(text, line->data, line->size);
        if (line->is_partial)
                add_pair(text, "partial_message", "true");
        for (size_t i = 0; i < format->n_extra; i++)
                add_pair(text, format->extra[i].key, format->extra[i].value);
        format_add_frame(frames, text->text, text->length);
}
