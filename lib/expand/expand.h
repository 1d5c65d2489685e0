/* Docker's templates in a service's spec and in secrets and configs: "{{.Node.Hostname}}".
 *
 * In a spec they stand in environment values, the hostname, and in sources, targets, labels and
 * options of mounts.  In a secret or config (of the template driver "golang") they may also ask for
 * {{env "NAME"}}, and for {{secret "TARGET"}} and {{config "TARGET"}} of the same task.
 *
 * Pure, and bounded in steps and output.  Errors are ERR_INVALID, with docker's sentence. */
#pragma once
#include "api/dispatcher.pb-c.h"
#include "lib/base/err.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

/* What a task's templates speak of. */
struct expand_values {
        const char *service_id, *service_name;
        const Sk__Label *const *service_labels;
        size_t n_service_labels;
        const char *node_id, *node_hostname, *node_os, *node_architecture;
        const char *task_id, *task_name, *task_slot;
};

/* Values of no task, to see whether templates can be expanded at all. */
extern const struct expand_values expand_dummies;

/* 'text' expanded, in 'arena'; 'text' itself when it has no template. */
int expand_text(const char *text, const struct expand_values *values, struct arena *arena,
                const char **ret, struct err *err);

/* The container's spec with all that can be a template expanded; shares the rest with 'container'.
 */
int expand_container(const Sk__ContainerSpec *container, const struct expand_values *values,
                     struct arena *arena, Sk__ContainerSpec **ret, struct err *err);

/* A secret or config of a task, as it was sent. */
struct expand_file {
        const char *name, *target;
        const void *content;
        size_t size;
        bool is_secret, is_template;
};

/* All that a task's secrets and configs may ask for. */
struct expand_task {
        const struct expand_values *values;
        const char *const *env; /* "NAME=value" */
        size_t n_env;
        const struct expand_file *files;
        size_t n_files;
};

/* Is this content a template that can be understood? */
int expand_check_file(const void *content, size_t size, struct err *err);

/* Adds the content of 'file' to 'ret', expanded when it is a template.  *ret_is_sensitive: a secret
 * went into it.  What is said of what went wrong never quotes what is secret. */
int expand_file(const struct expand_file *file, const struct expand_task *task, struct str *ret,
                bool *ret_is_sensitive, struct err *err);
