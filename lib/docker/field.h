/* Fields of a JSON object; those "unless empty" are left out as Go's omitempty does. */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/docker/docker.h"

void add_text(json_t *object, const char *key, const char *text);        /* unless empty */
void add_text_always(json_t *object, const char *key, const char *text); /* NULL as "" */
void add_number(json_t *object, const char *key, int64_t number);        /* unless 0 */
void add_number_always(json_t *object, const char *key, int64_t number);
void add_flag(json_t *object, const char *key, bool flag);       /* unless false */
void add_time(json_t *object, const char *key, int64_t time_ns); /* 0: year 1, as Go's */
void add_texts(json_t *object, const char *key, char *const *texts, size_t n); /* unless none */
void add_labels(json_t *object, const char *key, Sk__Label *const *labels,
                size_t n); /* unless none */
void add_labels_always(json_t *object, const char *key, Sk__Label *const *labels, size_t n);

/* ID, Version, CreatedAt, UpdatedAt: how each object begins. */
void add_head(json_t *object, const char *id, const Sk__Meta *meta, size_t part);

/* A new object under 'key', borrowed. */
json_t *add_object(json_t *object, const char *key);
json_t *add_array(json_t *object, const char *key);
json_t *append_object(json_t *array);

/* Pieces that several files need. */
json_t *task_template(const Sk__TaskSpec *task, enum docker_flags flags, bool with_runtime);
void add_ports(json_t *object, const char *key, Sk__PortConfig *const *ports, size_t n);
void add_generic(json_t *object, Sk__GenericResource *const *generic, size_t n);
