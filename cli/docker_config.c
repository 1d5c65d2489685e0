/* Docker's client configuration. */
#include "cli/docker_config.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/str.h"
#include "lib/os/file.h"

#define HUB "index.docker.io"
/* The key that docker keeps the hub's credentials under. */
#define HUB_KEY "https://index.docker.io/v1/"

enum { CONFIG_MAX = 1 << 20, AUTH_MAX = 64 << 10 };

const char *docker_config_path(struct arena *arena)
{
        const char *folder = getenv("DOCKER_CONFIG"), *home = getenv("HOME");

        if (!str_is_empty(folder))
                return arena_printf(arena, "%s/config.json", folder);
        return arena_printf(arena, "%s/.docker/config.json", str_or(home, ""));
}

int docker_config_read(const char *path, json_t **ret, struct err *err)
{
        _cleanup_(str_done) struct str text = { 0 };
        json_error_t error;
        struct err why;
        json_t *config;

        if (file_read(path, CONFIG_MAX, &text, &why) < 0) {
                if (why.code == ERR_NOT_FOUND) {
                        *ret = json_object();
                        return 0;
                }
                return err_set(err, why.code, "%s", why.text);
        }
        config = json_loadb(str_text(&text), text.length, 0, &error);
        if (!config)
                return err_set(err, ERR_INVALID, "loading config file %.200s: %.160s", path,
                               error.text);
        if (!json_is_object(config)) {
                json_decref(config);
                return err_set(err, ERR_INVALID, "loading config file %.200s: it is no object",
                               path);
        }
        *ret = config;
        return 0;
}

int docker_config_write(const char *path, const json_t *config, struct err *err)
{
        char *text = json_dumps(config, JSON_INDENT(8));
        const char *slash = strrchr(path, '/');
        char folder[4096];
        int result = 0;

        snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) : 0, path);
        if (folder[0])
                result = file_make_folders(folder, 0700, err);
        if (result == 0)
                result = file_write_atomic(path, text, strlen(text), 0600, err);
        explicit_bzero(text, strlen(text));
        free(text);
        return result;
}

/* --- credentials --- */

static const char *registry_key(const char *registry)
{
        return strcmp(registry, HUB) == 0 || strcmp(registry, "docker.io") == 0 ? HUB_KEY
                                                                                : registry;
}

/* "https://host:5000/v2/" means host:5000. */
static bool is_same_registry(const char *key, const char *registry)
{
        size_t length = strlen(registry);

        if (strcmp(key, registry_key(registry)) == 0)
                return true;
        if (str_starts_with(key, "https://"))
                key += strlen("https://");
        else if (str_starts_with(key, "http://"))
                key += strlen("http://");
        return strncmp(key, registry, length) == 0 && (!key[length] || key[length] == '/');
}

/* What a login here wrote comes before what others wrote in their own way. */
static json_t *find_entry(const json_t *config, const char *registry, const char **ret_key)
{
        json_t *auths = json_object_get(config, "auths");
        json_t *entry = json_object_get(auths, registry_key(registry));
        const char *key;

        *ret_key = registry_key(registry);
        if (entry)
                return entry;
        json_object_foreach(auths, key, entry)
        {
                if (!is_same_registry(key, registry))
                        continue;
                *ret_key = key;
                return entry;
        }
        return NULL;
}

/* base64("user:password") */
static void split_auth(struct arena *arena, const char *encoded, Sk__RegistryAuth *auth)
{
        size_t length = strlen(encoded), padding = 0;
        char *text, *colon;
        int n;

        if (!length || length % 4 || length > AUTH_MAX)
                return;
        text = arena_alloc(arena, length + 1);
        n = EVP_DecodeBlock((unsigned char *)text, (const unsigned char *)encoded, (int)length);
        while (padding < 2 && encoded[length - 1 - padding] == '=')
                padding++;
        if (n < (int)padding)
                return;
        text[n - (int)padding] = '\0';
        colon = strchr(text, ':');
        if (!colon || !str_is_utf8(text, strlen(text)))
                return;
        *colon = '\0';
        auth->username = text;
        auth->password = colon + 1;
}

static const char *text_of(struct arena *arena, const json_t *entry, const char *key)
{
        const char *text = json_string_value(json_object_get(entry, key));

        return arena_strdup(arena, text ? text : "");
}

Sk__RegistryAuth *docker_config_auth(struct arena *arena, const json_t *config,
                                     const char *registry)
{
        const char *key, *encoded;
        json_t *entry = find_entry(config, registry, &key);
        Sk__RegistryAuth *auth;

        if (!json_is_object(entry))
                return NULL;
        auth = arena_alloc(arena, sizeof *auth);
        *auth = (Sk__RegistryAuth)SK__REGISTRY_AUTH__INIT;
        auth->username = text_of(arena, entry, "username");
        auth->password = text_of(arena, entry, "password");
        auth->identity_token = text_of(arena, entry, "identitytoken");
        auth->registry_token = text_of(arena, entry, "registrytoken");
        auth->server = arena_strdup(arena, registry);
        encoded = json_string_value(json_object_get(entry, "auth"));
        if (encoded)
                split_auth(arena, encoded, auth);
        if (str_is_empty(auth->username) && str_is_empty(auth->identity_token) &&
            str_is_empty(auth->registry_token))
                return NULL;
        return auth;
}

void docker_config_set_auth(json_t *config, const char *registry, const char *username,
                            const char *password)
{
        _cleanup_(str_done) struct str pair = { 0 };
        json_t *auths = json_object_get(config, "auths"), *entry = json_object();
        char *encoded;

        str_addf(&pair, "%s:%s", username, password);
        encoded = mem_alloc(pair.length * 2 + 8);
        EVP_EncodeBlock((unsigned char *)encoded, (const unsigned char *)pair.text,
                        (int)pair.length);
        json_object_set_new(entry, "auth", json_string(encoded));
        if (!json_is_object(auths)) {
                auths = json_object();
                json_object_set_new(config, "auths", auths);
        }
        json_object_set_new(auths, registry_key(registry), entry);
        explicit_bzero(pair.text, pair.length);
        free(encoded);
}

bool docker_config_remove_auth(json_t *config, const char *registry)
{
        const char *key = NULL;

        if (!find_entry(config, registry, &key))
                return false;
        return json_object_del(json_object_get(config, "auths"), key) == 0;
}

const char *image_registry(struct arena *arena, const char *image)
{
        size_t length = strcspn(image, "/");
        char *host = arena_printf(arena, "%.*s", (int)length, image);

        if (!image[length] || (!strpbrk(host, ".:") && strcmp(host, "localhost") != 0) ||
            strcmp(host, "docker.io") == 0)
                return HUB;
        return host;
}
