/* Logging: a constant sentence plus typed fields, one line each; never a format string, never a
 * secret.
 *
 * Only shells log.  lib/ and the pure cores return errors and reasons instead, so that each failure
 * is logged once.  Lines go to standard error, as text ("2026-11-20T05:31:53.519Z INFO task moved
 * task=web.1 to=RUNNING") or as JSON; when standard error is systemd's journal, with the <N>
 * priority prefix and without time and name. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

struct log_field {
        const char *key;
        enum { LOG_FIELD_END, LOG_FIELD_STR, LOG_FIELD_INT } type;
        union {
                const char *str; /* NULL is shown as "-" */
                int64_t number;
        };
};

/* clang-format off */
#define STR(key_, value_) { .key = (key_), .type = LOG_FIELD_STR, .str = (value_) }
#define INT(key_, value_) { .key = (key_), .type = LOG_FIELD_INT, .number = (value_) }
/* clang-format on */

#define LOG(level, sentence, ...)             \
        log_write(LOG_##level, sentence,      \
                  (const struct log_field[]){ \
                          __VA_ARGS__ __VA_OPT__(, ){ .type = LOG_FIELD_END } })

/* Thread-safe; values are quoted where needed and cut at 1 KiB each. */
void log_write(enum log_level level, const char *sentence, const struct log_field *fields);

/* The name goes before each sentence ("skep-store: "), as several daemons may share a terminal;
 * NULL for none; copied and cut at 31 bytes.  Call before threads are made; until then lines of
 * INFO and above are written as text. */
void log_configure(const char *program, enum log_level least, bool as_json);
enum log_level log_get_level(void);
void log_set_level(enum log_level least);
int log_level_from_name(const char *name); /* "debug" "info" "warn" "error"; -1 for another word */
