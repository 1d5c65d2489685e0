/* Secrets and configs, as lists and details show them. */
#pragma once
#include "cli/print.h"

/* What is shown of either. */
struct shown_file {
        const char *id, *name, *driver;
        const Sk__Annotations *annotations;
        const Sk__Meta *meta;
        const ProtobufCBinaryData *data; /* NULL: a secret's */
};

void secret_shown(const Sk__Secret *secret, struct shown_file *ret);
void config_shown(const Sk__Config *config, struct shown_file *ret);

/* The columns of ls. */
extern const struct list_kind secret_list, config_list;
json_t *file_row(const struct shown_file *file, int64_t now_ns);

/* As 'inspect --pretty' tells of it. */
void file_pretty(struct str *out, const struct shown_file *file);
