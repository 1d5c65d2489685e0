/* Reading what an image is for. */
#include "manager/api_server/manifest.h"

#include <jansson.h>
#include <string.h>
#include <strings.h>

#include "lib/base/check.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

static const struct {
        const char *name;
        bool is_list;
} media_types[] = {
        { "application/vnd.oci.image.index.v1+json", true },
        { "application/vnd.docker.distribution.manifest.list.v2+json", true },
        { "application/vnd.oci.image.manifest.v1+json", false },
        { "application/vnd.docker.distribution.manifest.v2+json", false },
};

static void release_json(json_t **json)
{
        json_decref(*json);
}

static int bad(struct err *err, const char *what)
{
        return err_set(err, ERR_UNAVAILABLE, "the registry's answer is no manifest: %s", what);
}

/* A word of a platform; absent ones are "". */
static int read_word(const json_t *platform, const char *key, char ret[static PLATFORM_WORD_SIZE],
                     struct err *err)
{
        const json_t *value = json_object_get(platform, key);
        const char *text = value ? json_string_value(value) : "";

        if (!text || !check_is_platform_word(text))
                return bad(err, "a platform's name is none");
        memcpy(ret, text, strlen(text) + 1);
        return 0;
}

static int read_platform(const json_t *from, struct image_platform *ret, struct err *err)
{
        *ret = (struct image_platform){ 0 };
        TRY(read_word(from, "os", ret->os, err));
        TRY(read_word(from, "architecture", ret->architecture, err));
        /* As docker: nodes call themselves armv7l, so of an image for arm only the system counts.
         */
        if (!strcasecmp(ret->architecture, "arm"))
                ret->architecture[0] = '\0';
        return 0;
}

/* What is beside the images in a list: attestations. */
static bool is_unknown(const struct image_platform *platform)
{
        return str_equal(platform->os, "unknown") && str_equal(platform->architecture, "unknown");
}

static int add_platform(struct image_platforms *platforms, const struct image_platform *platform,
                        struct err *err)
{
        for (size_t i = 0; i < platforms->n; i++)
                if (str_equal(platforms->each[i].os, platform->os) &&
                    str_equal(platforms->each[i].architecture, platform->architecture))
                        return 0;
        if (platforms->n == PLATFORMS_MAX)
                return bad(err, "it lists too many platforms");
        platforms->each[platforms->n++] = *platform;
        return 0;
}

static int read_list(const json_t *list, struct image_platforms *ret, struct err *err)
{
        struct image_platforms found = { 0 };
        bool is_for_any = false;
        struct image_platform platform;
        const json_t *entry;
        size_t i;

        json_array_foreach(list, i, entry)
        {
                const json_t *from = json_object_get(entry, "platform");

                if (!json_is_object(entry) || (from && !json_is_object(from)))
                        return bad(err, "an entry of the list is none");
                TRY(read_platform(from, &platform, err));
                is_for_any |= !platform.os[0] && !platform.architecture[0];
                if (!is_unknown(&platform))
                        TRY(add_platform(&found, &platform, err));
        }
        /* An entry that does not say what it is for may be for any node. */
        *ret = is_for_any ? (struct image_platforms){ 0 } : found;
        return 0;
}

static int read_config_digest(const json_t *manifest, char ret[static 80], struct err *err)
{
        const char *digest =
                json_string_value(json_object_get(json_object_get(manifest, "config"), "digest"));

        if (!digest || !check_is_digest(digest))
                return bad(err, "it names no configuration");
        memcpy(ret, digest, strlen(digest) + 1);
        return 0;
}

int manifest_read(const char *media_type, const char *body, size_t length,
                  struct image_platforms *ret, char ret_config[static 80], struct err *err)
{
        _cleanup_(release_json) json_t *root = json_loadb(body, length, 0, NULL);
        const json_t *list = json_object_get(root, "manifests"),
                     *own_type = json_object_get(root, "mediaType");
        size_t kind = 0;

        while (kind < COUNT_OF(media_types) && strcasecmp(media_types[kind].name, media_type) != 0)
                kind++;
        if (kind == COUNT_OF(media_types))
                return bad(err, "its media type is none of a manifest");
        if (!json_is_object(root))
                return bad(err, "it is no JSON object");
        /* One that could be read in two ways would be read in the other by some node. */
        if (own_type && !str_equal(json_string_value(own_type), media_types[kind].name))
                return bad(err, "its media type is not the one it came as");
        if (media_types[kind].is_list
                    ? json_object_get(root, "config") || json_object_get(root, "layers")
                    : list != NULL)
                return bad(err, "it is a list and a single one");
        if (media_types[kind].is_list && !json_is_array(list))
                return bad(err, "it lists nothing");
        if (!media_types[kind].is_list) {
                *ret = (struct image_platforms){ 0 };
                return read_config_digest(root, ret_config, err);
        }
        ret_config[0] = '\0';
        return read_list(list, ret, err);
}

int manifest_read_config(const char *body, size_t length, struct image_platforms *ret,
                         struct err *err)
{
        _cleanup_(release_json) json_t *root = json_loadb(body, length, 0, NULL);
        struct image_platform platform;

        if (!json_is_object(root))
                return bad(err, "its configuration is no JSON object");
        TRY(read_platform(root, &platform, err));
        *ret = (struct image_platforms){ 0 };
        if (!platform.os[0] && !platform.architecture[0])
                return 0;
        return add_platform(ret, &platform, err);
}
