/* The methods, from their rows; a daemon's handlers get the daemon, ours its state. */
#include "lib/base/check.h"
#include "lib/run/daemon.h"
#include "manager/store/peers.h"
#include "manager/store/store.h"

#define STORE_SHIM(Method, function, Request, Response, SHAPE, roles)                     \
        static void function##_shim(void *context, struct rpc_call *call, const void *in) \
        {                                                                                 \
                function(((struct daemon *)context)->state, call, in);                    \
        }
STORE_METHODS(STORE_SHIM)
STORE_PEER_METHODS(STORE_SHIM)

static const struct rpc_method methods[] = { STORE_METHODS(RPC_ROW) };
static const struct rpc_method peer_methods[] = { STORE_PEER_METHODS(RPC_ROW) };

const struct rpc_service store_service = { &sk__store__descriptor, methods, COUNT_OF(methods) };
const struct rpc_service store_peer_service = { &sk__store_peer__descriptor, peer_methods,
                                                COUNT_OF(peer_methods) };
