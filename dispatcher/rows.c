/* The dispatcher's methods as a table. */
#include "api/dispatcher.h"
#include "dispatcher/dispatcher.h"
#include "lib/base/check.h"

DISPATCHER_METHODS(RPC_PROTOTYPE)
DISPATCHER_METHODS(RPC_SHIM)

static const struct rpc_method methods[] = { DISPATCHER_METHODS(RPC_ROW) };

const struct rpc_service dispatcher_service = { &sk__dispatcher__descriptor, methods,
                                                COUNT_OF(methods) };
