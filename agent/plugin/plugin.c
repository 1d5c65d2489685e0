/* Calling volume plugins. */
#include "agent/plugin/plugin.h"

#include <curl/curl.h>
#include <dirent.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/str.h"
#include "lib/base/vec.h"
#include "lib/os/file.h"

enum { TIMEOUT_MS = 30000, NAME_LIMIT = 64, PLUGINS_MAX = 100, SOCKET_PATH_MAX = 107 };

static const char *const accept_header = "Accept: application/vnd.docker.plugins.v1.2+json";

static bool is_name(const char *name)
{
        return name[0] && name[0] != '.' && strlen(name) <= NAME_LIMIT && !strchr(name, '/') &&
               str_is_utf8(name, strlen(name));
}

static const char *find_socket(const struct plugin *plugin, struct arena *arena)
{
        const char *flat = arena_printf(arena, "%s/%s.sock", plugin->folder, plugin->name);
        const char *nested =
                arena_printf(arena, "%s/%s/%s.sock", plugin->folder, plugin->name, plugin->name);
        const char *path = file_exists(flat) ? flat : nested;

        return is_name(plugin->name) && file_exists(path) && strlen(path) <= SOCKET_PATH_MAX ? path
                                                                                             : NULL;
}

const char **plugin_names(const char *folder, struct arena *arena)
{
        const char **names = arena_alloc(arena, (PLUGINS_MAX + 1) * sizeof *names);
        DIR *all = opendir(folder);
        const struct dirent *entry;
        size_t n = 0;

        while (all && n < PLUGINS_MAX && (entry = readdir(all))) {
                size_t length = strlen(entry->d_name);
                struct plugin plugin = { folder, entry->d_name };

                if (str_ends_with(entry->d_name, ".sock"))
                        plugin.name = arena_printf(arena, "%.*s", (int)(length - 5), entry->d_name);
                if (find_socket(&plugin, arena))
                        names[n++] = arena_strdup(arena, plugin.name);
        }
        if (all)
                closedir(all);
        return names;
}

/* --- one call --- */

static size_t take(char *data, size_t one, size_t n, void *context)
{
        struct str *answer = context;

        if (answer->length + n > PLUGIN_ANSWER_MAX)
                return 0;
        str_add_bytes(answer, data, one * n);
        return one * n;
}

static int perform(CURL *curl, const char *name, long *ret_status, struct err *err)
{
        CURLcode code = curl_easy_perform(curl);

        if (code == CURLE_OK)
                code = curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, ret_status);
        if (code == CURLE_OK)
                return 0;
        return err_set(err, code == CURLE_OPERATION_TIMEDOUT ? ERR_DEADLINE : ERR_UNAVAILABLE,
                       "the volume plugin '%.64s' does not answer: %s", name,
                       code == CURLE_WRITE_ERROR ? "its answer is too long"
                                                 : curl_easy_strerror(code));
}

static int post(const char *socket, const char *name, const char *method, const char *body,
                struct str *answer, long *ret_status, struct err *err)
{
        struct curl_slist *headers = curl_slist_append(NULL, accept_header);
        CURL *curl = curl_easy_init();
        char url[128];
        int failed;

        snprintf(url, sizeof url, "http://plugin/%s", method);
        curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, socket);
        curl_easy_setopt(curl, CURLOPT_URL, url);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
        curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
        curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)TIMEOUT_MS);
        curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(curl, CURLOPT_PROXY, "");
        curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http");
        curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
        curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
        failed = perform(curl, name, ret_status, err);
        curl_easy_cleanup(curl);
        curl_slist_free_all(headers);
        return failed;
}

/* 'request' is given up. */
static int call(const struct plugin *plugin, const char *method, json_t *request,
                struct arena *arena, struct plugin_answer *ret, struct err *err)
{
        const char *socket = find_socket(plugin, arena);
        _cleanup_(str_done) struct str answer = { 0 };
        char *body = json_dumps(request, JSON_COMPACT);
        long status = 0;
        int failed;

        json_decref(request);
        if (!socket)
                failed = err_set(err, ERR_INVALID,
                                 "error looking up volume plugin %.64s: plugin \"%.64s\" not found",
                                 plugin->name, plugin->name);
        else
                failed = post(socket, plugin->name, method, body ? body : "{}", &answer, &status,
                              err);
        free(body);
        TRY(failed);
        failed = plugin_answer_read(status, str_text(&answer), answer.length, arena, ret, err);
        return failed < 0 ? err_prefix(err, "%s", method) : 0;
}

static int activate(const struct plugin *plugin, struct arena *arena, struct err *err)
{
        struct plugin_answer answer;

        TRY(call(plugin, "Plugin.Activate", json_object(), arena, &answer, err));
        if (!answer.keeps_volumes)
                return err_set(err, ERR_INVALID,
                               "error looking up volume plugin %.64s: plugin does not implement "
                               "\"volumedriver\"",
                               plugin->name);
        return 0;
}

/* --- what can be asked --- */

/* One that was made elsewhere, or before this node, is not made again. */
static int has_volume(const struct plugin *plugin, const char *volume, struct arena *arena,
                      bool *ret, struct err *err)
{
        struct plugin_answer answer = { 0 };
        int failed = call(plugin, "VolumeDriver.Get", json_pack("{ss}", "Name", volume), arena,
                          &answer, err);

        *ret = failed == 0 && answer.has_volume;
        return failed == ERR_UNKNOWN || failed == ERR_DATA_LOSS ? 0 : failed;
}

int plugin_create(const struct plugin *plugin, const char *volume, Sk__Label *const *options,
                  size_t n_options, struct arena *arena, struct err *err)
{
        struct plugin_answer answer;
        json_t *given;
        bool is_there;

        TRY(activate(plugin, arena, err));
        TRY(has_volume(plugin, volume, arena, &is_there, err));
        if (is_there)
                return 0;
        given = json_object();
        for (size_t i = 0; i < n_options; i++)
                json_object_set_new(given, options[i]->key, json_string(options[i]->value));
        return call(plugin, "VolumeDriver.Create",
                    json_pack("{ss so}", "Name", volume, "Opts", given), arena, &answer, err);
}

int plugin_mount(const struct plugin *plugin, const char *volume, const char *id,
                 struct arena *arena, const char **ret_path, struct err *err)
{
        struct plugin_answer answer;

        TRY(call(plugin, "VolumeDriver.Mount", json_pack("{ss ss}", "Name", volume, "ID", id),
                 arena, &answer, err));
        if (!answer.mountpoint[0])
                return err_set(err, ERR_DATA_LOSS, "VolumeDriver.Mount: the answer names no path");
        *ret_path = answer.mountpoint;
        return 0;
}

int plugin_unmount(const struct plugin *plugin, const char *volume, const char *id, struct err *err)
{
        _cleanup_(arena_done) struct arena arena = { 0 };
        struct plugin_answer answer;

        return call(plugin, "VolumeDriver.Unmount", json_pack("{ss ss}", "Name", volume, "ID", id),
                    &arena, &answer, err);
}

int plugin_remove(const struct plugin *plugin, const char *volume, struct err *err)
{
        _cleanup_(arena_done) struct arena arena = { 0 };
        struct plugin_answer answer;

        return call(plugin, "VolumeDriver.Remove", json_pack("{ss}", "Name", volume), &arena,
                    &answer, err);
}
