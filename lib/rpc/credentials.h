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

/* Looks whether the identity's files have changed, once a second at most; counts how often they
 * did. */
uint64_t credentials_version(const struct rpc_identity *identity, int64_t now_ns);
/* A client's, of that version; never NULL. */
grpc_channel_credentials *credentials_of_client(const struct rpc_client_options *options);
