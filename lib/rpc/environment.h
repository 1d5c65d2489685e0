/* What gRPC is told before its first use in a process; counted, so that each user may call both. */
#pragma once
#include <grpc/grpc.h>
#include <stddef.h>

void rpc_environment_init(void);
void rpc_environment_done(void);

/* A setting of a channel or server, as gRPC names it. */
struct rpc_setting {
        const char *name;
        int value;
};

/* Fills 'ret' with n arguments. */
void rpc_arguments(const struct rpc_setting *settings, size_t n, grpc_arg *ret);
