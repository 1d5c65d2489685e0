/* skep-mesh's shell: wanted attachments come in, one worker thread carries them out, reports go
 * back. */
#pragma once
#include "lib/run/daemon.h"

struct mesh_config {
        const char *subnet;     /* of this node's attachments */
        const char *run_folder; /* namespaces are bound to <run>/netns/<id> */
};

extern const struct rpc_service mesh_service;

int mesh_start(struct daemon *daemon, struct err *err);
void mesh_stop(struct daemon *daemon);
