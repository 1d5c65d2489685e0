/* What listeners and channels present and demand. */
#pragma once
#include <grpc/grpc_security.h>
#include <time.h>

#include "lib/rpc/client.h"
#include "lib/rpc/server.h"

/* What a listener's credentials look at when they are asked for certificates; outlives its server
 * in gRPC. */
struct reloader;
void reloader_free(struct reloader *reloader); /* accepts NULL */

/* A listener's.  'identity' may be NULL only with RPC_LOCAL_ADMIN, for which *ret_reloader is NULL.
 */
grpc_server_credentials *credentials_of_listener(const struct rpc_identity *identity,
                                                 enum rpc_trust trust,
                                                 struct reloader **ret_reloader);

/* When key, certificate and root were last changed, as far as a client has seen. */
struct file_times {
        struct timespec of[3];
};

/* A client's; never NULL.  Of an identity whose files have changed since it was opened, the new
 * ones. */
grpc_channel_credentials *credentials_of_client(const struct rpc_client_options *options,
                                                struct file_times *ret_times);

/* Those of the files as they are now; NULL when they are as they were at 'times', which is brought
 * up to date. */
grpc_channel_credentials *credentials_if_changed(const struct rpc_identity *identity,
                                                 struct file_times *times);
