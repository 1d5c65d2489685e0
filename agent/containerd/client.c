/* Connecting to containerd. */
#include "agent/containerd/client.h"

#include "lib/base/check.h"

/* A message of ours is small; images are listed in one answer. */
static const size_t message_size_max = 16 << 20;

int containerd_client_new(struct loop *loop, const char *address, struct rpc_client **ret_client,
                          struct err *err)
{
        static const struct rpc_metadata metadata[] = {
                { "containerd-namespace", CONTAINERD_NAMESPACE },
        };
        struct rpc_client_options options = {
                .address = address,
                .message_size_max = message_size_max,
                .metadata = metadata,
                .n_metadata = COUNT_OF(metadata),
        };

        return rpc_client_new(loop, &options, ret_client, err);
}
