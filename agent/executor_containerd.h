/* The executor that runs tasks as containers of containerd.
 *
 * A container is called by its task's id.  Under 'state_folder' each task has a folder tasks/ID:
 * what is mounted into the container (hosts, hostname, resolv.conf), how it ended, and its log
 * (agent/logs/read.h reads it).  Under 'run_folder', which must be forgotten at a reboot, are its
 * FIFOs and, in memory only, its secrets and configs. */
#pragma once
#include "agent/containerd/images.h"
#include "agent/executor.h"
#include "agent/network/network.h"
#include "lib/base/str.h"
#include "lib/os/loop.h"
#include "lib/os/worker.h"

struct executor_containerd_options {
        struct loop *loop;
        struct worker_pool *pool; /* two threads or more */
        /* For tasks with volumes, whose plugins may keep a thread waiting; NULL: the pool. */
        struct worker_pool *volume_pool;
        const char *state_folder;       /* "/var/lib/skep" */
        const char *run_folder;         /* "/run/skep" */
        const char *containerd_address; /* "unix:/run/containerd/containerd.sock"; NULL or "": one
                                           of our own */
        const char *containerd_program; /* "containerd" */
        const char *registries_folder;  /* "/etc/skep/registries": HOST/hosts.toml per registry */
        const char *cgroup_parent;      /* "skep" */
        const char *dns_server;  /* what containers with a network of their own ask; NULL: what the
                                    node asks */
        struct network *network; /* NULL: containers share the node's network; borrowed */
        int64_t log_size_max,
                log_files_max;   /* unless the service says otherwise; 0: 10 MiB, 5 files */
        int64_t pull_silence_ns; /* 0: 60 s */
        const char *cdi_folders; /* "/etc/cdi,/var/run/cdi" */
        int64_t n_starts_most, n_pulls_most; /* at once; 0: 32 per processor, and three */
        /* For a private containerd: images that nobody uses go, oldest first, when the disk is
         * fuller than 'high', until it is at 'low'; per cent; 0: 85 and 80. */
        int64_t disk_high_percent, disk_low_percent;
        bool has_keeper; /* this program's main() runs keeper_main() when it is to */
};

int executor_containerd_new(const struct executor_containerd_options *options,
                            struct executor **ret_executor, struct err *err);

/* The node's images, for who answers node.sock. */
struct images *executor_containerd_images(struct executor *executor);

/* "containerd 1.6.20, runc"; "" until containerd has answered. */
const char *executor_containerd_version(const struct executor *executor);

/* Where the log of a task is: for log_reader_new(). */
void executor_containerd_log_folder(const char *state_folder, const char *task_id, char *ret,
                                    size_t size);

/* Adds a sentence when the log of a task is not kept here, with what is wrong on its way; false: it
 * is. */
bool executor_containerd_log_is_elsewhere(struct executor *executor, const char *task_id,
                                          struct str *ret);

/* Adds Prometheus text. */
void executor_containerd_metrics(struct executor *executor, struct str *str);
