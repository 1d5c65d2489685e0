/* Plugins' answers. */
#include "agent/plugin/answer.h"

#include <jansson.h>
#include <string.h>

#include "lib/base/str.h"

enum { STATUS_OK = 200, QUOTED = 200 };

static int damaged(const char *what, struct err *err)
{
        return err_set(err, ERR_DATA_LOSS, "the plugin's answer is damaged: bad %s", what);
}

static int read_text(const json_t *object, const char *key, struct arena *arena, const char **ret,
                     struct err *err)
{
        const json_t *value = json_object_get(object, key);

        *ret = "";
        if (!value || json_is_null(value))
                return 0;
        if (!json_is_string(value) || json_string_length(value) > PLUGIN_TEXT_MAX)
                return damaged(key, err);
        *ret = arena_strdup(arena, json_string_value(value));
        return 0;
}

static int read_path(const json_t *object, struct arena *arena, const char **ret, struct err *err)
{
        TRY(read_text(object, "Mountpoint", arena, ret, err));
        if ((*ret)[0] && (*ret)[0] != '/')
                return damaged("Mountpoint", err);
        return 0;
}

static bool implements(const json_t *root, const char *what)
{
        const json_t *all = json_object_get(root, "Implements");

        for (size_t i = 0; i < json_array_size(all); i++)
                if (str_equal(json_string_value(json_array_get(all, i)), what))
                        return true;
        return false;
}

static int read_answer(const json_t *root, struct arena *arena, struct plugin_answer *ret,
                       struct err *err)
{
        const char *said;

        *ret = (struct plugin_answer){ 0 };
        if (!json_is_object(root))
                return damaged("JSON", err);
        TRY(read_text(root, "Err", arena, &said, err));
        if (said[0])
                return err_set(err, ERR_UNKNOWN, "%.500s", said);
        ret->keeps_volumes = implements(root, "VolumeDriver");
        ret->has_volume = json_is_object(json_object_get(root, "Volume"));
        return read_path(root, arena, &ret->mountpoint, err);
}

static int refused(long status, const char *text, size_t size, struct err *err)
{
        _cleanup_(str_done) struct str said = { 0 }, quoted = { 0 };

        str_add_bytes(&said, text, size);
        str_add_quoted(&quoted, str_text(&said), QUOTED);
        return err_set(err, ERR_UNKNOWN, "the plugin answers with HTTP status %ld: %s", status,
                       str_text(&quoted));
}

int plugin_answer_read(long status, const char *text, size_t size, struct arena *arena,
                       struct plugin_answer *ret, struct err *err)
{
        json_t *root = size ? json_loadb(text, size, 0, NULL) : json_object();
        int failed = read_answer(root, arena, ret, err);

        json_decref(root);
        return status != STATUS_OK && failed != ERR_UNKNOWN ? refused(status, text, size, err)
                                                            : failed;
}
