/* CDI files, read: everything is checked, nothing is passed over. */
#include <ctype.h>
#include <jansson.h>
#include <string.h>

#include "agent/cdi/cdi.h"
#include "lib/base/check.h"
#include "lib/base/str.h"

enum { ITEMS_MAX = 1000, TEXT_MAX = 4096, NAME_MAX_LENGTH = 128 };

struct reader {
        struct arena *arena;
        struct err *err;
};

static bool is_word(const char *text, size_t length, const char *others)
{
        for (size_t i = 0; i < length; i++)
                if (!isalnum((unsigned char)text[i]) && !strchr(others, text[i]))
                        return false;
        return length && length <= NAME_MAX_LENGTH && isalnum((unsigned char)text[0]) &&
               isalnum((unsigned char)text[length - 1]);
}

bool cdi_is_name(const char *text)
{
        size_t vendor = strcspn(text, "/=");
        size_t class = text[vendor] == '/' ? strcspn(text + vendor + 1, "/=") : 0;
        const char *name = text + vendor + 1 + class + 1;

        return text[vendor] == '/' && text[vendor + 1 + class] == '=' &&
               is_word(text, vendor, "-_.") && is_word(text + vendor + 1, class, "-_.") &&
               is_word(name, strlen(name), "-_.:");
}

static int fail(struct reader *reader, const char *what)
{
        return err_set(reader->err, ERR_INVALID, "'%.64s' is missing, or not what it has to be",
                       what);
}

/* Only these members (a list by spaces) may be there. */
static int allow(struct reader *reader, json_t *object, const char *members)
{
        const char *key;
        json_t *value;

        if (!json_is_object(object))
                return fail(reader, members);
        json_object_foreach(object, key, value)
        {
                const char *found = strstr(members, key);
                size_t length = strlen(key);

                if (!found || !length || (found != members && found[-1] != ' ') ||
                    (found[length] && found[length] != ' '))
                        return err_set(reader->err, ERR_INVALID, "'%.64s' is not supported", key);
        }
        return 0;
}

/* A text that may be absent (NULL) unless it is required. */
static int read_text(struct reader *reader, json_t *object, const char *key, bool is_required,
                     const char **ret)
{
        json_t *value = json_object_get(object, key);
        const char *text = json_string_value(value);

        if ((value && !text) || (is_required && str_is_empty(text)) ||
            (text && strlen(text) > TEXT_MAX))
                return fail(reader, key);
        *ret = arena_strdup(reader->arena, text);
        return 0;
}

static int read_path(struct reader *reader, json_t *object, const char *key, bool is_required,
                     const char **ret)
{
        TRY(read_text(reader, object, key, is_required, ret));
        return *ret && **ret != '/' ? fail(reader, key) : 0;
}

static int read_number(struct reader *reader, json_t *object, const char *key, int64_t absent,
                       int64_t *ret)
{
        json_t *value = json_object_get(object, key);

        *ret = value ? json_integer_value(value) : absent;
        return value && (!json_is_integer(value) || *ret < 0 || *ret > UINT32_MAX)
                       ? fail(reader, key)
                       : 0;
}

static int read_list(struct reader *reader, json_t *object, const char *key, json_t **ret,
                     size_t *ret_n)
{
        *ret = json_object_get(object, key);
        *ret_n = json_array_size(*ret);
        return (*ret && !json_is_array(*ret)) || *ret_n > ITEMS_MAX ? fail(reader, key) : 0;
}

static int read_texts(struct reader *reader, json_t *object, const char *key, const char ***ret,
                      size_t *ret_n)
{
        json_t *list;

        TRY(read_list(reader, object, key, &list, ret_n));
        *ret = arena_alloc(reader->arena, *ret_n * sizeof **ret);
        for (size_t i = 0; i < *ret_n; i++) {
                const char *text = json_string_value(json_array_get(list, i));

                if (!text || strlen(text) > TEXT_MAX)
                        return fail(reader, key);
                (*ret)[i] = arena_strdup(reader->arena, text);
        }
        return 0;
}

static int read_node(struct reader *reader, json_t *object, struct cdi_node *ret)
{
        TRY(allow(reader, object, "path hostPath type major minor fileMode permissions uid gid"));
        TRY(read_path(reader, object, "path", true, &ret->path));
        TRY(read_path(reader, object, "hostPath", false, &ret->host_path));
        ret->host_path = str_or(ret->host_path, ret->path);
        TRY(read_text(reader, object, "type", false, &ret->type));
        ret->type = str_or(ret->type, "");
        if (strlen(ret->type) > 1 || (*ret->type && !strchr("cbup", *ret->type)))
                return fail(reader, "type");
        TRY(read_text(reader, object, "permissions", false, &ret->permissions));
        ret->permissions = str_or(ret->permissions, "rwm");
        if (strspn(ret->permissions, "rwm") != strlen(ret->permissions))
                return fail(reader, "permissions");
        TRY(read_number(reader, object, "major", -1, &ret->major));
        TRY(read_number(reader, object, "minor", -1, &ret->minor));
        TRY(read_number(reader, object, "fileMode", -1, &ret->mode));
        TRY(read_number(reader, object, "uid", -1, &ret->uid));
        return read_number(reader, object, "gid", -1, &ret->gid);
}

static int read_mount(struct reader *reader, json_t *object, struct cdi_mount *ret)
{
        const char *type;

        TRY(allow(reader, object, "hostPath containerPath options type"));
        TRY(read_path(reader, object, "hostPath", true, &ret->host_path));
        TRY(read_path(reader, object, "containerPath", true, &ret->path));
        TRY(read_text(reader, object, "type", false, &type));
        if (type && strcmp(type, "bind") != 0)
                return fail(reader, "type");
        return read_texts(reader, object, "options", &ret->options, &ret->n_options);
}

static int read_hook(struct reader *reader, json_t *object, struct cdi_hook *ret)
{
        static const char *const names[] = { "prestart",       "createRuntime", "createContainer",
                                             "startContainer", "poststart",     "poststop" };
        bool is_known = false;

        TRY(allow(reader, object, "hookName path args env timeout"));
        TRY(read_text(reader, object, "hookName", true, &ret->name));
        for (size_t i = 0; i < COUNT_OF(names); i++)
                is_known |= str_equal(names[i], ret->name);
        if (!is_known)
                return fail(reader, "hookName");
        TRY(read_path(reader, object, "path", true, &ret->path));
        TRY(read_texts(reader, object, "args", &ret->args, &ret->n_args));
        TRY(read_texts(reader, object, "env", &ret->env, &ret->n_env));
        return read_number(reader, object, "timeout", 0, &ret->timeout);
}

static int read_edits(struct reader *reader, json_t *object, struct cdi_edits *ret)
{
        json_t *nodes, *mounts, *hooks, *gids;

        if (!object)
                return 0;
        TRY(allow(reader, object, "env deviceNodes mounts hooks additionalGids"));
        TRY(read_texts(reader, object, "env", &ret->env, &ret->n_env));
        for (size_t i = 0; i < ret->n_env; i++)
                if (!strchr(ret->env[i], '=') || *ret->env[i] == '=')
                        return fail(reader, "env");
        TRY(read_list(reader, object, "deviceNodes", &nodes, &ret->n_nodes));
        ret->nodes = arena_alloc(reader->arena, ret->n_nodes * sizeof *ret->nodes);
        for (size_t i = 0; i < ret->n_nodes; i++)
                TRY(read_node(reader, json_array_get(nodes, i), &ret->nodes[i]));
        TRY(read_list(reader, object, "mounts", &mounts, &ret->n_mounts));
        ret->mounts = arena_alloc(reader->arena, ret->n_mounts * sizeof *ret->mounts);
        for (size_t i = 0; i < ret->n_mounts; i++)
                TRY(read_mount(reader, json_array_get(mounts, i), &ret->mounts[i]));
        TRY(read_list(reader, object, "hooks", &hooks, &ret->n_hooks));
        ret->hooks = arena_alloc(reader->arena, ret->n_hooks * sizeof *ret->hooks);
        for (size_t i = 0; i < ret->n_hooks; i++)
                TRY(read_hook(reader, json_array_get(hooks, i), &ret->hooks[i]));
        TRY(read_list(reader, object, "additionalGids", &gids, &ret->n_gids));
        ret->gids = arena_alloc(reader->arena, ret->n_gids * sizeof *ret->gids);
        for (size_t i = 0; i < ret->n_gids; i++) {
                json_t *gid = json_array_get(gids, i);

                if (!json_is_integer(gid) || json_integer_value(gid) < 1 ||
                    json_integer_value(gid) > UINT32_MAX)
                        return fail(reader, "additionalGids");
                ret->gids[i] = (uint32_t)json_integer_value(gid);
        }
        return 0;
}

static int read_device(struct reader *reader, json_t *object, const char *kind,
                       const struct cdi_edits *shared, struct cdi_device *ret)
{
        const char *name;

        TRY(allow(reader, object, "name annotations containerEdits"));
        TRY(read_text(reader, object, "name", true, &name));
        ret->name = arena_printf(reader->arena, "%s=%s", kind, name);
        if (!cdi_is_name(ret->name))
                return fail(reader, "name");
        ret->shared = *shared;
        return read_edits(reader, json_object_get(object, "containerEdits"), &ret->own);
}

static int read_root(struct reader *reader, json_t *root, struct vec *devices)
{
        struct cdi_edits shared = { 0 };
        const char *version, *kind;
        size_t n, n_before = devices->n;
        json_t *list;

        TRY(allow(reader, root, "cdiVersion kind annotations containerEdits devices"));
        TRY(read_text(reader, root, "cdiVersion", true, &version));
        TRY(read_text(reader, root, "kind", true, &kind));
        TRY(read_edits(reader, json_object_get(root, "containerEdits"), &shared));
        TRY(read_list(reader, root, "devices", &list, &n));
        for (size_t i = 0; i < n; i++) {
                struct cdi_device device = { 0 };
                int failed = read_device(reader, json_array_get(list, i), kind, &shared, &device);

                if (!failed && devices->n >= CDI_DEVICES_MAX)
                        failed = err_set(reader->err, ERR_INVALID, "there are more than %d devices",
                                         CDI_DEVICES_MAX);
                if (failed) {
                        devices->n = n_before;
                        return failed;
                }
                vec_push(devices, &device);
        }
        return 0;
}

int cdi_parse(const char *text, size_t size, struct arena *arena, struct vec *devices,
              struct err *err)
{
        struct reader reader = { arena, err };
        json_t *root =
                size <= CDI_FILE_MAX ? json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL) : NULL;
        int failed;

        if (!root)
                return err_set(err, ERR_INVALID, "it is no JSON, or larger than %d bytes",
                               CDI_FILE_MAX);
        failed = read_root(&reader, root, devices);
        json_decref(root);
        return failed;
}

const struct cdi_device *cdi_find(const struct vec *devices, const char *name)
{
        for (size_t i = devices->n; i-- > 0;) {
                const struct cdi_device *device = vec_at(devices, i);

                if (!strcmp(device->name, name))
                        return device;
        }
        return NULL;
}
