/* A few texts for people and Prometheus, by HTTP/1.0 over a local socket that the file mode guards.
 */
#pragma once
#include "lib/base/str.h"
#include "lib/os/loop.h"

struct text_server;

/* Answers a request by adding the body to 'ret_body'; "GET /metrics" comes as ("GET", "/metrics").
 * false: there is no such page. */
typedef bool text_server_answer(void *context, const char *method, const char *path,
                                struct str *ret_body);

/* 'address' is "unix:/path"; a stale socket file is replaced.  At most 16 connections at a time, of
 * 5 s each. */
int text_server_new(struct loop *loop, const char *address, text_server_answer *answer,
                    void *context, struct text_server **ret_server, struct err *err);
void text_server_free(struct text_server *server); /* accepts NULL; removes the socket file */
