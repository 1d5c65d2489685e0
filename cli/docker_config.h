/* Docker's client configuration: ~/.docker/config.json, or in $DOCKER_CONFIG. */
#pragma once
#include <jansson.h>
#include <stdbool.h>

#include "api/specs.pb-c.h"
#include "lib/base/err.h"
#include "lib/base/mem.h"

/* The whole file; a file that is not there is an empty object.  ERR_INVALID: it is no JSON. */
int docker_config_read(const char *path, json_t **ret, struct err *err);

/* Replaces the file (mode 0600), making its folder when needed. */
int docker_config_write(const char *path, const json_t *config, struct err *err);

/* Where it is, in 'arena'. */
const char *docker_config_path(struct arena *arena);

/* The credentials for a registry ("index.docker.io", "host:5000"), in 'arena'; NULL when there are
 * none, or none that can be read. */
Sk__RegistryAuth *docker_config_auth(struct arena *arena, const json_t *config,
                                     const char *registry);
void docker_config_set_auth(json_t *config, const char *registry, const char *username,
                            const char *password);
bool docker_config_remove_auth(json_t *config, const char *registry);

/* The registry an image comes from: "10.0.0.1:5000" of "10.0.0.1:5000/web:1", "index.docker.io" of
 * "nginx". */
const char *image_registry(struct arena *arena, const char *image);
