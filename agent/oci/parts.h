/* The sections of the OCI configuration; private to this folder. */
#pragma once
#include <jansson.h>

#include "agent/oci/oci.h"

/* "process": what runs, as whom, with which rights. */
int oci_process_section(const struct oci_input *input, uint64_t capabilities, json_t **ret,
                        struct err *err);

/* Sets a variable in place of an earlier one of the same name; one without '=' removes it. */
void oci_set_variable(json_t *env, const char *variable);
/* As execve would leave them: a user that is not root keeps them within reach only. */
json_t *oci_capability_sets(uint64_t capabilities, bool is_root);
json_t *oci_user_section(const struct oci_user *user);

/* "mounts": docker's standard ones, then the input's. */
json_t *oci_mounts_section(const struct oci_input *input);

/* "linux": namespaces, cgroup limits, what of /proc and /sys is hidden, seccomp. */
int oci_linux_section(const struct oci_input *input, uint64_t capabilities, json_t **ret,
                      struct err *err);

/* What devices by CDI change in the whole of it. */
void oci_apply_devices(const struct oci_input *input, json_t *root);

/* An array of strings. */
json_t *oci_strings(const char *const *texts, size_t n);
