/* Lines for log servers: what all have, syslog, and journald. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent/logs/format_private.h"
#include "lib/base/time.h"
#include "lib/base/vec.h"
#include "lib/os/file.h"
#include "lib/template/template.h"

enum { SHORT_ID = 12, INFO = 6, ERROR = 3 };

/* --- what goes along --- */

static bool is_listed(const char *list, const char *key)
{
        size_t length = strlen(key);

        for (const char *at = list ? list : ""; *at; at += strcspn(at, ","), at += *at == ',')
                if (strcspn(at, ",") == length && memcmp(at, key, length) == 0)
                        return true;
        return false;
}

static void add_extra(struct log_format *format, struct vec *extra, const char *key, size_t length,
                      const char *value)
{
        vec_push(extra, &(struct log_extra){ arena_printf(&format->arena, "%.*s", (int)length, key),
                                             arena_strdup(&format->arena, value) });
}

static bool is_wanted(const char *list, const struct pattern *pattern, const char *key)
{
        return is_listed(list, key) || (pattern && pattern_found(pattern, key));
}

static void choose_labels(struct log_format *format, const struct log_origin *origin,
                          struct vec *extra)
{
        const struct log_config *config = &format->config;

        for (size_t i = 0; i < origin->n_labels; i++) {
                const char *key = origin->labels[i].key;

                if (is_wanted(config->labels, config->labels_pattern, key))
                        add_extra(format, extra, key, strlen(key), origin->labels[i].value);
        }
}

static void choose_variables(struct log_format *format, const struct log_origin *origin,
                             struct vec *extra)
{
        const struct log_config *config = &format->config;

        for (size_t i = 0; i < origin->n_env; i++) {
                size_t length = strcspn(origin->env[i], "=");
                _cleanup_(str_done) struct str key = { 0 };

                str_add_bytes(&key, origin->env[i], length);
                if (origin->env[i][length] == '=' &&
                    is_wanted(config->env, config->env_pattern, str_text(&key)))
                        add_extra(format, extra, str_text(&key), length,
                                  origin->env[i] + length + 1);
        }
}

static void choose_extra(struct log_format *format, const struct log_origin *origin)
{
        _cleanup_(vec_done) struct vec extra = VEC_OF(struct log_extra);

        choose_labels(format, origin, &extra);
        choose_variables(format, origin, &extra);
        format->config.labels_pattern = format->config.env_pattern = NULL;
        format->n_extra = extra.n;
        format->extra = arena_copy(&format->arena, extra.data, extra.n * sizeof *format->extra);
}

/* --- making --- */

static int expand_tag(struct log_format *format, struct err *err)
{
        static const struct template_options options = { 0 };
        const struct log_origin *origin = &format->origin;
        _cleanup_(str_done) struct str text = { 0 };
        const struct template *template;
        json_t *value;
        int result;

        TRY(template_parse(&format->arena, format->config.tag ? format->config.tag : "{{.ID}}",
                           &template, err));
        value = json_pack("{ss% ss ss ss ss ss% ss ss ss}", "ID", origin->id,
                          strnlen(origin->id, SHORT_ID), "FullID", origin->id, "Name", origin->name,
                          "FullName", origin->name, "ImageName", origin->image, "ImageID",
                          origin->image_id, strnlen(origin->image_id, SHORT_ID), "ImageFullID",
                          origin->image_id, "Command", origin->command, "DaemonName", "skep");
        result = template_run(template, &options, value, &text, err);
        json_decref(value);
        text_make_printable(text.text, text.length, "");
        format->tag = arena_strdup(&format->arena, str_text(&text));
        return result;
}

static void copy_texts(struct log_format *format)
{
        const char **const texts[] = {
                &format->config.tag,      &format->config.labels,      &format->config.env,
                &format->config.host,     &format->config.port,        &format->config.path,
                &format->config.ca,       &format->config.certificate, &format->config.key,
                &format->origin.id,       &format->origin.name,        &format->origin.image,
                &format->origin.image_id, &format->origin.command,     &format->origin.host,
        };

        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
                *texts[i] = arena_strdup(&format->arena, *texts[i]);
}

int log_format_new(const struct log_config *config, const struct log_origin *origin,
                   struct log_format **ret, struct err *err)
{
        struct log_format *format = mem_alloc(sizeof *format);
        int failed;

        format->config = *config;
        format->origin = *origin;
        format->origin.n_labels = format->origin.n_env = 0;
        copy_texts(format);
        choose_extra(format, origin);
        os_random(format->message_id, sizeof format->message_id);
        failed = expand_tag(format, err);
        if (failed) {
                log_format_free(format);
                return failed;
        }
        *ret = format;
        return 0;
}

void log_format_free(struct log_format *format)
{
        if (!format)
                return;
        arena_done(&format->arena);
        str_done(&format->text);
        free(format);
}

const struct log_config *log_format_config(const struct log_format *format)
{
        return &format->config;
}

static int by_key(const void *a, const void *b)
{
        return strcmp(((const struct log_extra *)a)->key, ((const struct log_extra *)b)->key);
}

void log_format_details(const struct log_format *format, struct str *ret)
{
        _cleanup_(vec_done) struct vec all = VEC_OF(struct log_extra);

        for (size_t i = 0; i < format->n_extra; i++)
                vec_push(&all, &format->extra[i]);
        if (format->config.tag)
                vec_push(&all, &(struct log_extra){ "tag", format->tag });
        vec_sort(&all, by_key);
        for (size_t i = 0; i < all.n; i++) {
                const struct log_extra *extra = vec_at(&all, i);

                str_addf(ret, "%s%s=%s", i ? "," : "", extra->key, extra->value);
        }
}

/* --- frames --- */

void format_add_frame(struct str *frames, const void *data, size_t size)
{
        uint32_t head = (uint32_t)size;

        static_assert(sizeof head == LOG_FRAME_HEAD, "as the header says");
        str_add_bytes(frames, &head, sizeof head);
        str_add_bytes(frames, data, size);
}

bool log_frame_first(const char *frames, size_t size, const char **ret, size_t *ret_size)
{
        uint32_t head;

        if (size < sizeof head)
                return false;
        memcpy(&head, frames, sizeof head);
        if (head > size - sizeof head)
                return false;
        *ret = frames + sizeof head;
        *ret_size = head;
        return true;
}

/* --- syslog --- */

static void add_time(struct str *text, int64_t at_ns, enum log_syslog_format format)
{
        time_t at = (time_t)(at_ns / NS_PER_S);
        char buffer[40] = "";
        struct tm tm;

        if (format == SYSLOG_UNIX || format == SYSLOG_RFC3164) {
                localtime_r(&at, &tm);
                strftime(buffer, sizeof buffer, "%b %e %H:%M:%S", &tm);
                str_add(text, buffer);
                return;
        }
        gmtime_r(&at, &tm);
        strftime(buffer, sizeof buffer, "%Y-%m-%dT%H:%M:%S", &tm);
        str_add(text, buffer);
        if (format == SYSLOG_RFC5424_MICRO)
                str_addf(text, ".%06d", (int)(at_ns % NS_PER_S / 1000));
        str_add_char(text, 'Z');
}

/* A name within a header: no spaces. */
static void add_word(struct str *text, const char *word)
{
        for (const char *at = word; *at; at++)
                str_add_char(text, *at == ' ' ? '_' : *at);
}

static void format_syslog(struct log_format *format, const struct log_line *line,
                          struct str *frames)
{
        const struct log_config *config = &format->config;
        bool is_new = config->syslog_format >= SYSLOG_RFC5424;
        bool is_stream = config->transport == LOG_TCP || config->transport == LOG_TLS ||
                         config->transport == LOG_UNIX;
        struct str *text = &format->text;

        str_clear(text);
        str_addf(text, "<%d>%s",
                 config->facility << 3 | (line->stream == LOG_STDERR ? ERROR : INFO),
                 is_new ? "1 " : "");
        add_time(text, line->at_ns, config->syslog_format);
        str_add_char(text, ' ');
        if (config->syslog_format != SYSLOG_UNIX) {
                add_word(text, format->origin.host);
                str_add_char(text, ' ');
        }
        add_word(text, format->tag);
        if (is_new) {
                str_addf(text, " %d ", (int)getpid());
                add_word(text, format->tag);
                str_add(text, " - ");
        } else {
                str_addf(text, "[%d]: ", (int)getpid());
        }
        str_add_bytes(text, line->data, line->size);
        if (is_stream && !(is_new && config->transport == LOG_TLS)) {
                str_add_char(text, '\n');
        } else if (is_stream) {
                /* RFC 5425: each message with its length before it. */
                _cleanup_(str_done) struct str counted = { 0 };

                str_addf(&counted, "%zu ", text->length);
                str_add_bytes(&counted, text->text, text->length);
                format_add_frame(frames, counted.text, counted.length);
                return;
        }
        format_add_frame(frames, text->text, text->length);
}

/* --- journald --- */

/* Its own protocol: a name, a newline, the length in 64 bits, the bytes, a newline. */
static void add_field(struct str *text, const char *key, const void *data, size_t size)
{
        uint8_t length[8];

        for (int i = 0; i < 8; i++)
                length[i] = (uint8_t)((uint64_t)size >> 8 * i);
        str_addf(text, "%s\n", key);
        str_add_bytes(text, length, sizeof length);
        str_add_bytes(text, data, size);
        str_add_char(text, '\n');
}

static void add_text(struct str *text, const char *key, const char *value)
{
        add_field(text, key, value, strlen(value));
}

/* What a container's own labels may not say. */
static bool is_own_field(const char *key)
{
        static const char *const names[] = { "MESSAGE",           "PRIORITY",
                                             "CONTAINER_ID",      "CONTAINER_ID_FULL",
                                             "CONTAINER_TAG",     "IMAGE_NAME",
                                             "SYSLOG_IDENTIFIER", "CONTAINER_PARTIAL_MESSAGE",
                                             "CONTAINER_NAME" };

        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
                if (str_equal(key, names[i]))
                        return true;
        return false;
}

/* Field names are of capitals, digits and underscores, and begin with a capital, as docker makes
 * them.  Without a name, the value would be read as fields, and as messages. */
static void add_extra_field(struct str *text, const struct log_extra *extra)
{
        _cleanup_(str_done) struct str key = { 0 };
        const char *start = extra->key;

        while (*start && !isalnum((unsigned char)*start))
                start++;
        for (const char *at = start; *at && key.length < 64; at++) {
                char c = *at >= 'a' && *at <= 'z' ? (char)(*at - 'a' + 'A') : *at;

                str_add_char(&key, (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ? c : '_');
        }
        if (key.length && key.text[0] >= 'A' && !is_own_field(key.text))
                add_text(text, key.text, extra->value);
}

static void format_journald(struct log_format *format, const struct log_line *line,
                            struct str *frames)
{
        const struct log_origin *origin = &format->origin;
        struct str *text = &format->text;
        char id[SHORT_ID + 1];

        snprintf(id, sizeof id, "%s", origin->id);
        str_clear(text);
        add_field(text, "MESSAGE", line->data, line->size);
        add_text(text, "PRIORITY", line->stream == LOG_STDERR ? "3" : "6");
        add_text(text, "CONTAINER_ID", id);
        add_text(text, "CONTAINER_ID_FULL", origin->id);
        add_text(text, "CONTAINER_NAME", origin->name);
        add_text(text, "CONTAINER_TAG", format->tag);
        add_text(text, "IMAGE_NAME", origin->image);
        add_text(text, "SYSLOG_IDENTIFIER", format->tag);
        if (line->is_partial)
                add_text(text, "CONTAINER_PARTIAL_MESSAGE", "true");
        for (size_t i = 0; i < format->n_extra; i++)
                add_extra_field(text, &format->extra[i]);
        format_add_frame(frames, text->text, text->length);
}

void log_format_line(struct log_format *format, const struct log_line *line, struct str *frames)
{
        format->n_messages++;
        if (format->config.driver == LOG_SYSLOG)
                format_syslog(format, line, frames);
        else if (format->config.driver == LOG_JOURNALD)
                format_journald(format, line, frames);
        else if (format->config.driver == LOG_GELF)
                format_gelf(format, line, frames);
        else if (format->config.driver == LOG_FLUENTD)
                format_fluentd(format, line, frames);
}
