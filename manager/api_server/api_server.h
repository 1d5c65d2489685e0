/* The API server's shell: what its parts share. */
#pragma once
#include "lib/run/committer.h"
#include "lib/run/daemon.h"
#include "lib/run/mirror.h"

struct api_config {
        const char *store, *dispatcher, *ca; /* addresses */
        const char *insecure_registries; /* "host:port,..." spoken to in plain HTTP, beside loopback
                                            ones */
        const char *registry_certificates; /* folder: <host:port>/ca.crt per registry with a CA of
                                              its own */
        int64_t resolve_timeout_ns;        /* how long an image's digest may take */
};

struct api_server {
        struct daemon *daemon;
        const struct api_config *config;
        struct rpc_client *store, *dispatcher, *ca;
        struct mirror *mirror;
        struct committer *committer;
        struct watcher *watchers; /* streams that follow the view (watch.h) */
        bool is_ready;
};

/* daemon_spec.start and .stop */
int api_server_start(struct daemon *daemon, struct err *err);
void api_server_stop(struct daemon *daemon);
