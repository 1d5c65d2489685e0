/* A daemon's settings: one table, read from YAML and from the command line, printed by --help. */
#pragma once
#include <stddef.h>
#include <stdio.h>

#include "lib/base/err.h"

enum setting_type {
        SETTING_STRING,   /* const char * */
        SETTING_ADDRESS,  /* const char *: "host:port", "[v6]:port", "unix:/path" */
        SETTING_PATH,     /* const char *: absolute */
        SETTING_DURATION, /* int64_t ns: "300ms", "5s" */
        SETTING_COUNT,    /* int64_t, not negative */
        SETTING_BYTES,    /* int64_t: "64m" */
        SETTING_BOOL,     /* bool */
};

/* One key of the YAML file, and --key on the command line.  The table ends with a zeroed row. */
struct setting {
        const char *key;
        enum setting_type type;
        size_t offset;        /* in the daemon's config struct */
        const char *fallback; /* as it would be typed */
        const char *help;     /* "where the store listens" */
        int64_t least, most;  /* for numbers; both 0: any that is not negative */
};

/* Fallbacks, then the YAML file (when not NULL; a missing file is an error, an unknown key too, with its line), then
 * '--key value' and '--key=value' arguments.  Strings live as long as the process. */
int settings_load(const struct setting *settings, void *config, const char *yaml_path, int argc, char **argv, struct err *err);

void settings_print_help(FILE *out, const char *program, const char *summary, const struct setting *settings);
