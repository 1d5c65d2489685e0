/* A daemon's settings: one table, read from YAML and from the command line, printed by --help. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "lib/base/err.h"

enum setting_type {
        SETTING_STRING,    /* const char * */
        SETTING_ADDRESS,   /* const char *: "host:port", "[v6]:port", "unix:/path" */
        SETTING_PATH,      /* const char *: absolute */
        SETTING_DURATION,  /* int64_t ns: "300ms", "5s" */
        SETTING_COUNT,     /* int64_t, not negative */
        SETTING_BYTES,     /* int64_t: "64m" */
        SETTING_BOOL,      /* bool */
        SETTING_ADDRESSES, /* struct setting_list: may be repeated, is a list in YAML, has commas in
                              'fallback' */
};

enum { SETTING_LIST_MAX = 16 };
struct setting_list {
        size_t n;
        const char *values[SETTING_LIST_MAX];
};

/* One key of the YAML file, and --key on the command line.  The table ends with a zeroed row. */
struct setting {
        const char *key;
        enum setting_type type;
        size_t offset;        /* in the daemon's config struct */
        const char *fallback; /* as it would be typed; NULL: the member stays zeroed */
        const char *help;     /* "where the store listens" */
        int64_t least, most;  /* for numbers; both 0: any that is not negative */
};

/* A table and the struct it fills.  Strings in it belong to the struct: settings_done() frees them.
 */
struct settings {
        const struct setting *rows; /* NULL: no table */
        void *config;               /* zeroed, or filled before */
};

/* Fallbacks, then the YAML file (when not NULL; a missing file is an error, an unknown key too,
 * with its line), then
 * '--key value' and '--key=value' arguments (argv[0] is skipped; a bool may stand alone).  After a
 * failure the struct holds a mix. With several tables a key is looked for in each. */
int settings_load(const struct setting *settings, void *config, const char *yaml_path, int argc,
                  char **argv, struct err *err);
int settings_load_all(const struct settings *sets, size_t n_sets, const char *yaml_path, int argc,
                      char **argv, struct err *err);
void settings_done(const struct settings *sets, size_t n_sets);

/* The YAML alone: one mapping of keys to scalars (or lists of scalars).  'name' goes before the
 * line in errors. */
int settings_apply_yaml(const struct settings *sets, size_t n_sets, const char *name,
                        const char *text, size_t size, struct err *err);

void settings_print_help(FILE *out, const char *program, const char *summary,
                         const struct setting *settings);
void settings_print_help_all(FILE *out, const char *program, const char *summary,
                             const struct settings *sets, size_t n_sets);
