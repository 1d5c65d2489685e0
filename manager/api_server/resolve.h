/* Before a service is written: what is its image, exactly?  So that every task of it runs the same
 * bits. */
#pragma once
#include "manager/api_server/serve.h"

struct resolve_request {
        bool is_wanted;
        const Sk__ServiceSpec *spec;
        const Sk__RegistryAuth *auth; /* NULL: anonymous */
};

/* Asks the registry on a worker thread, for at most the configured time, then goes on as
 * serve_write_resolved().  A registry that cannot say leaves the image as it was and gives the
 * person docker's warning. */
void resolve_then_write(struct api_server *api, struct rpc_call *call, const void *in,
                        const struct serve_row *row, const struct resolve_request *request);
