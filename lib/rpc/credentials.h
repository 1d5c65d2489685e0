/* What listeners and channels present and demand. */
#pragma once
#include <grpc/grpc_security.h>

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

/* A client's; never NULL. */
grpc_channel_credentials *credentials_of_client(const struct rpc_client_options *options);
