/* Reading image configurations. */
#include "agent/oci/image.h"

#include <jansson.h>

#include "lib/base/str.h"

enum { WORDS_MAX = 4096 };

/* "the image's configuration: ..." */
static int bad_image(const char *key, struct err *err)
{
        return err_set(err, ERR_INVALID, "the image's configuration is damaged: bad '%s'", key);
}

static int read_text(const json_t *object, const char *key, struct arena *arena, const char **ret,
                     struct err *err)
{
        const json_t *value = json_object_get(object, key);

        *ret = "";
        if (!value || json_is_null(value))
                return 0;
        if (!json_is_string(value))
                return bad_image(key, err);
        *ret = arena_strdup(arena, json_string_value(value));
        return 0;
}

static int read_words(const json_t *object, const char *key, struct arena *arena,
                      struct oci_words *ret, struct err *err)
{
        const json_t *value = json_object_get(object, key), *word;
        const char **words;
        size_t i;

        *ret = (struct oci_words){ 0 };
        if (!value || json_is_null(value))
                return 0;
        if (!json_is_array(value) || json_array_size(value) > WORDS_MAX)
                return bad_image(key, err);
        words = arena_alloc(arena, (json_array_size(value) + 1) * sizeof *words);
        json_array_foreach((json_t *)value, i, word)
        {
                if (!json_is_string(word))
                        return bad_image(key, err);
                words[i] = arena_strdup(arena, json_string_value(word));
        }
        *ret = (struct oci_words){ words, json_array_size(value) };
        return 0;
}

/* The members of {"/data": {}}. */
static int read_keys(const json_t *object, const char *key, struct arena *arena,
                     struct oci_words *ret, struct err *err)
{
        json_t *value = json_object_get(object, key), *ignored;
        const char *name, **words;
        size_t n = 0;

        *ret = (struct oci_words){ 0 };
        if (!value || json_is_null(value))
                return 0;
        if (!json_is_object(value) || json_object_size(value) > WORDS_MAX)
                return bad_image(key, err);
        words = arena_alloc(arena, (json_object_size(value) + 1) * sizeof *words);
        json_object_foreach(value, name, ignored) words[n++] = arena_strdup(arena, name);
        *ret = (struct oci_words){ words, n };
        return 0;
}

static int read_number(const json_t *object, const char *key, int64_t *ret, struct err *err)
{
        const json_t *value = json_object_get(object, key);

        *ret = 0;
        if (!value || json_is_null(value))
                return 0;
        if (!json_is_integer(value) || json_integer_value(value) < 0)
                return bad_image(key, err);
        *ret = json_integer_value(value);
        return 0;
}

/* Docker's extension of the OCI configuration. */
static int read_health(const json_t *health, struct arena *arena, struct oci_health *ret,
                       struct err *err)
{
        TRY(read_words(health, "Test", arena, &ret->test, err));
        TRY(read_number(health, "Interval", &ret->interval_ns, err));
        TRY(read_number(health, "Timeout", &ret->timeout_ns, err));
        TRY(read_number(health, "StartPeriod", &ret->start_period_ns, err));
        TRY(read_number(health, "StartInterval", &ret->start_interval_ns, err));
        return read_number(health, "Retries", &ret->retries, err);
}

static int read_image(const json_t *root, struct arena *arena, struct oci_image *ret,
                      struct err *err)
{
        const json_t *config = json_object_get(root, "config");
        struct oci_image image = { 0 };

        TRY(read_text(root, "architecture", arena, &image.architecture, err));
        TRY(read_text(root, "os", arena, &image.os, err));
        TRY(read_text(config, "User", arena, &image.user, err));
        TRY(read_text(config, "WorkingDir", arena, &image.working_folder, err));
        TRY(read_text(config, "StopSignal", arena, &image.stop_signal, err));
        TRY(read_words(config, "Entrypoint", arena, &image.entrypoint, err));
        TRY(read_words(config, "Cmd", arena, &image.command, err));
        TRY(read_words(config, "Env", arena, &image.env, err));
        TRY(read_keys(config, "Volumes", arena, &image.volumes, err));
        TRY(read_health(json_object_get(config, "Healthcheck"), arena, &image.health, err));
        *ret = image;
        return 0;
}

int oci_image_parse(const char *json, size_t size, struct arena *arena, struct oci_image *ret,
                    struct err *err)
{
        json_error_t error;
        json_t *root = json_loadb(json, size, 0, &error);
        int failed;

        if (!json_is_object(root)) {
                json_decref(root);
                return err_set(err, ERR_INVALID, "the image's configuration is no JSON object");
        }
        failed = read_image(root, arena, ret, err);
        json_decref(root);
        return failed;
}
