/* What is mounted into a container: its own /etc files, secrets and configs, and what the spec asks
 * for. */
#pragma once
#include "agent/executor_containerd_bundle.h"
#include "lib/base/vec.h"

struct mount_list {
        struct bundle *bundle;
        struct vec mounts;  /* of struct oci_mount, outer folders before inner ones */
        struct vec names;   /* of const char *: the volumes that have one */
        struct vec volumes; /* of struct mount_volume: those still to be filled from the image */
};

/* Makes the sources (volumes, secret files, ...) and the list.  ERR_INVALID tells which mount
 * cannot be. */
int mount_list_build(struct mount_list *list, struct err *err);

/* Adds one; of the options those that are NULL are left out. */
void mount_list_add(struct mount_list *list, const char *type, const char *source,
                    const char *target, const char *const *options, size_t n_options);

/* Makes the files of secrets and configs, and adds them.  ERR_INVALID: one is gone, or a template
 * cannot be expanded. */
int mount_list_add_files(struct mount_list *list, struct err *err);

/* ERR_INVALID: what is mounted where 'source' lies is not propagated so. */
int bind_check_propagation(const char *source, const char *propagation, struct err *err);

/* New volumes get what the image has at their place. */
int mount_list_fill_volumes(struct mount_list *list, int root_fd, struct err *err);

void mount_list_done(struct mount_list *list);

/* Writes a file that need not survive a power failure. */
int file_write_plain(const char *path, const void *data, size_t size, mode_t mode, struct err *err);
