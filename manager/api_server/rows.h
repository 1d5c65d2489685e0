/* The control service: api/control.h's rows bound to handlers. */
#pragma once
#include "api/control.h"
#include "lib/rpc/service.h"

extern const struct rpc_service control_service;

CONTROL_METHODS(RPC_PROTOTYPE)
