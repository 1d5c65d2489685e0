/* What settings.c and settings_yaml.c share. */
#pragma once
#include "lib/run/settings.h"

/* One place where values come from.  A list's first value from a new source replaces what older
 * ones gave. */
struct setting_source {
        const struct settings *sets;
        size_t n_sets;
        const struct setting *seen[128]; /* rows this source has set already */
        size_t n_seen;
};

/* Sets 'key' from text, or says why not (without saying where). */
int settings_set(struct setting_source *source, const char *key, const char *text, struct err *err);

/* NULL when no table has it; *ret_config is its table's struct. */
const struct setting *settings_find(const struct settings *sets, size_t n_sets, const char *key,
                                    void **ret_config);
