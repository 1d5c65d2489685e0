/* Volume drivers outside of the agent, by docker's volume-plugin protocol: HTTP and JSON over the
 * unix socket FOLDER/NAME.sock or FOLDER/NAME/NAME.sock.  Blocking, for the worker pool; a plugin
 * that says nothing is given up after half a minute. */
#pragma once
#include "agent/plugin/answer.h"
#include "api/specs.pb-c.h"

/* Where plugins lay their sockets, as docker has it. */
#define PLUGIN_FOLDER "/run/docker/plugins"

struct plugin {
        const char *folder, *name;
};

/* The names of all sockets there; in 'arena', NULL-terminated. */
const char **plugin_names(const char *folder, struct arena *arena);

/* ERR_INVALID: there is no such volume driver here, in docker's words.  Otherwise as
 * plugin_answer_read(), ERR_UNAVAILABLE and ERR_DEADLINE; "VolumeDriver.Mount: what it said".  What
 * the plugin knows already is not made again. */
int plugin_create(const struct plugin *plugin, const char *volume, Sk__Label *const *options,
                  size_t n_options, struct arena *arena, struct err *err);
int plugin_mount(const struct plugin *plugin, const char *volume, const char *id,
                 struct arena *arena, const char **ret_path, struct err *err);
int plugin_unmount(const struct plugin *plugin, const char *volume, const char *id,
                   struct err *err);
int plugin_remove(const struct plugin *plugin, const char *volume, struct err *err);
