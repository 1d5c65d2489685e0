/* Docker's filters. */
#include "manager/api_server/filter.h"

#include <string.h>
#include <strings.h>

#include "lib/base/str.h"

const Sk__Filter *filters_find(Sk__Filter *const *filters, size_t n_filters, const char *key)
{
        for (size_t i = 0; i < n_filters; i++)
                if (strcmp(filters[i]->key, key) == 0)
                        return filters[i];
        return NULL;
}

int filters_check(Sk__Filter *const *filters, size_t n_filters, const char *const *known,
                  struct err *err)
{
        for (size_t i = 0; i < n_filters; i++) {
                size_t k = 0;

                while (known[k] && strcmp(known[k], filters[i]->key) != 0)
                        k++;
                if (!known[k])
                        return err_set(err, ERR_INVALID, "invalid filter '%.64s'", filters[i]->key);
        }
        return 0;
}

static bool same_word(const char *a, const char *b)
{
        return strcasecmp(a, b) == 0;
}

int filters_check_words(Sk__Filter *const *filters, size_t n_filters, const char *key,
                        const char *const *words, struct err *err)
{
        const Sk__Filter *filter = filters_find(filters, n_filters, key);

        for (size_t i = 0; filter && i < filter->n_values; i++) {
                size_t k = 0;

                while (words[k] && !same_word(words[k], filter->values[i]))
                        k++;
                if (!words[k])
                        return err_set(err, ERR_INVALID, "Invalid %s filter: '%.64s'", key,
                                       filter->values[i]);
        }
        return 0;
}

static bool match_any(Sk__Filter *const *filters, size_t n_filters, const char *key,
                      const char *value, bool (*matches)(const char *, const char *))
{
        bool is_given = false;

        for (size_t i = 0; i < n_filters; i++) {
                if (strcmp(filters[i]->key, key) != 0)
                        continue;
                is_given = true;
                for (size_t v = 0; v < filters[i]->n_values; v++)
                        if (matches(str_or(value, ""), filters[i]->values[v]))
                                return true;
        }
        return !is_given;
}

bool filters_match_exact(Sk__Filter *const *filters, size_t n_filters, const char *key,
                         const char *value)
{
        return match_any(filters, n_filters, key, value, str_equal);
}

bool filters_match_word(Sk__Filter *const *filters, size_t n_filters, const char *key,
                        const char *value)
{
        return match_any(filters, n_filters, key, value, same_word);
}

bool filters_match_prefix(Sk__Filter *const *filters, size_t n_filters, const char *key,
                          const char *value)
{
        return match_any(filters, n_filters, key, value, str_starts_with);
}

static bool has_label(Sk__Label *const *labels, size_t n_labels, const char *wanted)
{
        const char *equals = strchr(wanted, '=');
        size_t key_length = equals ? (size_t)(equals - wanted) : strlen(wanted);

        for (size_t i = 0; i < n_labels; i++) {
                if (strlen(labels[i]->key) != key_length ||
                    memcmp(labels[i]->key, wanted, key_length) != 0)
                        continue;
                if (!equals || strcmp(labels[i]->value, equals + 1) == 0)
                        return true;
        }
        return false;
}

bool filters_match_labels(Sk__Filter *const *filters, size_t n_filters, const char *key,
                          Sk__Label *const *labels, size_t n_labels)
{
        for (size_t i = 0; i < n_filters; i++) {
                if (strcmp(filters[i]->key, key) != 0)
                        continue;
                for (size_t v = 0; v < filters[i]->n_values; v++)
                        if (!has_label(labels, n_labels, filters[i]->values[v]))
                                return false;
        }
        return true;
}
