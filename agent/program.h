/* skep-agent put together: the executor, the task side, the node side. */
#pragma once
#include "lib/run/daemon.h"

struct program_config {
        const char *state_folder, *run_folder, *hostname;
        const char *executor; /* "containerd" or "fake" */
        const char *containerd, *containerd_program, *registries, *cgroup_parent;
        bool host_network;
        int64_t log_size, log_files, pull_silence_ns;
        int64_t disk_high, disk_low;
        const char *generic_resources, *labels, *cdi_folders;
        int64_t starts_most, pulls_most;
        const char *backend, *program_folder, *daemon_options;
};

int program_start(struct daemon *daemon, struct err *err);
void program_stop(struct daemon *daemon);

/* For GET /state. */
void program_dump(struct daemon *daemon, struct str *str);

extern const struct rpc_service *const program_services[];
