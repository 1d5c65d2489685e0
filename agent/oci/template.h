/* Docker's placeholders in env values, hostnames and mount sources:
 * "{{.Node.Hostname}}-{{.Task.Slot}}".
 *
 * Of Go's templates this knows what such places use: {{.Field.Path}}, {{index .Service.Labels
 * "key"}}, {{.Service.Labels.key}} and the trimming "{{-" and "-}}".  Anything else is refused with
 * its text, not passed on. */
#pragma once
#include "api/specs.pb-c.h"
#include "lib/base/err.h"
#include "lib/base/mem.h"

struct template_values {
        const char *service_id, *service_name;
        const Sk__Label *const *service_labels;
        size_t n_service_labels;
        const char *node_id, *node_hostname, *node_os, *node_architecture;
        const char *task_id, *task_name, *task_slot;
};

/* 'text' with its placeholders replaced, in 'arena'; 'text' itself when it has none. */
int template_expand(const char *text, const struct template_values *values, struct arena *arena,
                    const char **ret, struct err *err);
