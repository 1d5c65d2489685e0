/* What formats of log servers share; private to agent/logs/format*.c. */
#pragma once
#include <jansson.h>

#include "agent/logs/format.h"

struct log_extra {
        const char *key, *value;
};

struct log_format {
        struct arena arena;
        struct log_config config;
        struct log_origin origin; /* strings are in the arena; no labels, no variables */
        const char *tag;
        struct log_extra *extra; /* the labels and variables that go along */
        size_t n_extra;
        struct str text; /* the message being written */
        uint64_t n_messages;
        char message_id[8]; /* GELF's, unlike other processes' */
};

/* Adds a frame of these bytes. */
void format_add_frame(struct str *frames, const void *data, size_t size);

void format_gelf(struct log_format *format, const struct log_line *line, struct str *frames);
void format_fluentd(struct log_format *format, const struct log_line *line, struct str *frames);
