/* What every server offers by itself: grpc.health.v1 and grpc.reflection.v1alpha. */
#pragma once
#include "lib/rpc/call.h"

extern const struct rpc_service health_service;     /* its context is the server */
extern const struct rpc_service reflection_service; /* its context is the server */

/* Tells those who watch that server->is_serving changed. */
void health_changed(struct rpc_server *server);

/* Ends the watches, which would end by themselves never. */
void health_stop(struct rpc_server *server);
