/* A containerd of our own: its configuration, root, state and socket lie in folders of ours.
 *
 * It outlives the agent, as the containers do: it runs in a session of its own, and the next agent
 * adopts it.  When it dies it is started again, after 100 ms at first, 10 s at most; containers run
 * on meanwhile.  What it prints goes to "containerd.log" in its state folder. */
#pragma once
#include "lib/os/loop.h"

struct containerd_server;

struct containerd_server_options {
        struct loop *loop;
        const char *program;           /* "containerd", or a path */
        const char *state_folder;      /* kept over reboots: images, layers */
        const char *run_folder;        /* emptied by a reboot: socket, pid */
        const char *registries_folder; /* HOST/hosts.toml files of registries, read at each pull */
        /* On the loop: it died (or could not be started) and will be tried again. */
        void (*died)(void *context, const struct err *err);
        void *context;
};

/* Adopts the one that an earlier agent left, or starts one.  It answers some time later. */
int containerd_server_new(const struct containerd_server_options *options,
                          struct containerd_server **ret_server, struct err *err);

/* Forgets it; it runs on.  Accepts NULL. */
void containerd_server_free(struct containerd_server *server);

/* "unix:/run/skep/containerd/containerd.sock" */
const char *containerd_server_address(const struct containerd_server *server);

/* Where it keeps what its shims begin with, a folder each. */
const char *containerd_server_bundles(const struct containerd_server *server);

/* It does not answer: ends the process, which starts another. */
void containerd_server_replace(struct containerd_server *server);

/* Keeps what containerd prints from filling the disk.  Blocking: for the worker pool. */
void containerd_server_trim_log(const struct containerd_server *server);
