/* A blocking client of dockerd, the peer that benchmarks measure beside Skep. */
#pragma once
#include <jansson.h>

#include "lib/base/err.h"

struct docker;

/* One connection to the socket of a dockerd, kept open between calls. */
int docker_new(const char *socket_path, struct docker **ret_docker, struct err *err);
void docker_free(struct docker *docker);

/* METHOD PATH ("/services/create") of API 1.41, with a JSON body unless NULL.  A status from 400 on
 * is ERR_UNKNOWN with the server's words.  'ret_answer' may be NULL; else release it by
 * json_decref(); it is NULL when there is no body. */
int docker_call(struct docker *docker, const char *method, const char *path, const char *body,
                json_t **ret_answer, struct err *err);
