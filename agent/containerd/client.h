/* How containerd's methods are called: lib/rpc/client.h, with these names and this metadata. */
#pragma once
#include "lib/rpc/client.h"

/* CONTAINERD_METHOD(tasks, tasks, Create): method Create of service Tasks in
 * api/containerd/tasks.proto. */
#define CONTAINERD_METHOD(package_, service_, Method) \
        (&(const struct rpc_method_id){ &ctd__##package_##__##service_##__descriptor, #Method })

/* The namespace of containerd's CRI plugin: its images can be used in no other, so containers are
 * there too. */
#define CONTAINERD_NAMESPACE "k8s.io"

#define CONTAINERD_SNAPSHOTTER "overlayfs"
#define CONTAINERD_RUNTIME "io.containerd.runc.v2"

/* A connection to the containerd at 'address'. */
int containerd_client_new(struct loop *loop, const char *address, struct rpc_client **ret_client,
                          struct err *err);
