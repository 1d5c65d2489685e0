/* What gRPC is told before its first use in a process; counted, so that each user may call both. */
#pragma once

void rpc_environment_init(void);
void rpc_environment_done(void);
