/* Log lines: built in memory, handed to the kernel in one write. */
#include "lib/os/log.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/check.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/base/time.h"
#include "lib/base/utf8.h"

enum { VALUE_LIMIT = 1024 };

/* The only state of a process that no function is handed: whoever fails must be able to say so. */
static struct {
        char program[32];
        bool is_json, is_journal;
        atomic_int least;
} config = { .least = LOG_INFO };

static const struct {
        const char *name, *shown;
        int priority; /* as syslog counts */
} levels[] = {
        [LOG_DEBUG] = { "debug", "DEBUG", 7 },
        [LOG_INFO] = { "info", "INFO", 6 },
        [LOG_WARN] = { "warn", "WARN", 4 },
        [LOG_ERROR] = { "error", "ERROR", 3 },
};

/* systemd says in JOURNAL_STREAM which file its journal is: standard error may have been redirected
 * since. */
static bool is_journal(void)
{
        const char *named = getenv("JOURNAL_STREAM");
        char actual[64];
        struct stat info;

        if (!named || fstat(STDERR_FILENO, &info) < 0)
                return false;
        snprintf(actual, sizeof actual, "%ju:%ju", (uintmax_t)info.st_dev, (uintmax_t)info.st_ino);
        return str_equal(named, actual);
}

void log_configure(const char *program, enum log_level least, bool as_json)
{
        snprintf(config.program, sizeof config.program, "%s", str_or(program, ""));
        config.is_json = as_json;
        config.is_journal = is_journal();
        log_set_level(least);
}

enum log_level log_get_level(void)
{
        return (enum log_level)atomic_load_explicit(&config.least, memory_order_relaxed);
}

void log_set_level(enum log_level least)
{
        atomic_store_explicit(&config.least, (int)least, memory_order_relaxed);
}

int log_level_from_name(const char *name)
{
        for (size_t i = 0; i < COUNT_OF(levels); i++)
                if (str_equal(name, levels[i].name))
                        return (int)i;
        return -1;
}

static void add_now(struct str *line)
{
        struct timespec now;

        clock_gettime(CLOCK_REALTIME, &now);
        /* Always three digits: a zero millisecond would otherwise shift the columns. */
        str_add_time(line, now.tv_sec * NS_PER_S);
        line->length--;
        str_addf(line, ".%03ldZ", now.tv_nsec / 1000000);
}

static void add_json_string(struct str *line, const char *text)
{
        str_add_char(line, '"');
        str_add_json(line, text);
        str_add_char(line, '"');
}

/* Could a reader of the line take it for something else than one word? */
static bool needs_quotes(const char *text)
{
        size_t n = strlen(text);

        if (n == 0 || !str_is_utf8(text, n))
                return true;
        for (size_t i = 0; i < n; i++)
                if ((unsigned char)text[i] <= ' ' || strchr("\"=\\\x7f\xc2", text[i]))
                        return true;
        return false;
}

/* The value, or a copy in 'cut' that ends before the limit, between two characters. */
static const char *within_limit(const char *value, char cut[static VALUE_LIMIT + 4])
{
        size_t n = strnlen(value, VALUE_LIMIT + 1), kept = 0, step;

        if (n <= VALUE_LIMIT)
                return value;
        for (; kept < VALUE_LIMIT; kept += step) {
                step = utf8_next(value + kept, n - kept);
                step = step ? step : 1;
                if (kept + step > VALUE_LIMIT)
                        break;
        }
        memcpy(cut, value, kept);
        memcpy(cut + kept, "...", 4);
        return cut;
}

static void add_value(struct str *line, const struct log_field *field)
{
        char cut[VALUE_LIMIT + 4];
        const char *text;

        if (field->type == LOG_FIELD_INT) {
                str_addf(line, "%lld", (long long)field->number);
                return;
        }
        text = within_limit(field->str ? field->str : "-", cut);
        if (config.is_json || needs_quotes(text))
                add_json_string(line, text);
        else
                str_add(line, text);
}

static void add_text_line(struct str *line, enum log_level level, const char *sentence,
                          const struct log_field *fields)
{
        if (!config.is_journal) {
                add_now(line);
                str_addf(line, " %s ", levels[level].shown);
                if (config.program[0])
                        str_addf(line, "%s: ", config.program);
        }
        str_add(line, sentence);
        for (; fields->type != LOG_FIELD_END; fields++) {
                str_addf(line, " %s=", fields->key);
                add_value(line, fields);
        }
}

static void add_json_line(struct str *line, enum log_level level, const char *sentence,
                          const struct log_field *fields)
{
        str_addf(line, "{\"level\":\"%s\",\"message\":", levels[level].name);
        add_json_string(line, sentence);
        if (!config.is_journal) {
                str_add(line, ",\"time\":\"");
                add_now(line);
                str_add(line, "\"");
                if (config.program[0])
                        str_addf(line, ",\"program\":\"%s\"", config.program);
        }
        for (; fields->type != LOG_FIELD_END; fields++) {
                str_addf(line, ",\"%s\":", fields->key);
                add_value(line, fields);
        }
        str_add_char(line, '}');
}

void log_write(enum log_level level, const char *sentence, const struct log_field *fields)
{
        _cleanup_(str_done) struct str line = { 0 };
        int error = errno;
        ssize_t n;

        if (level < log_get_level())
                return;
        if (config.is_journal)
                str_addf(&line, "<%d>", levels[level].priority);
        if (config.is_json)
                add_json_line(&line, level, sentence, fields);
        else
                add_text_line(&line, level, sentence, fields);
        str_add_char(&line, '\n');
        /* Nobody is left to be told when this fails; a reader that is too slow loses lines rather
         * than stop a daemon. */
        for (size_t at = 0; at < line.length; at += (size_t)n) {
                n = write(STDERR_FILENO, line.text + at, line.length - at);
                if (n < 0 && errno == EINTR)
                        n = 0;
                if (n < 0)
                        break;
        }
        errno = error;
}
