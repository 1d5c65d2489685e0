/* The published ports of a service. */
#include "manager/allocator/allocation.h"

/* Host-mode ports are the node's: they are taken as they were asked for. */
Sk__ServiceEndpoint *endpoint_of(struct plan *plan, const Sk__ServiceSpec *spec)
{
        Sk__ServiceEndpoint *endpoint = arena_alloc(&plan->arena, sizeof *endpoint);
        const Sk__EndpointSpec *wanted = spec->endpoint;

        sk__service_endpoint__init(endpoint);
        /* Every service of the command line says "vip": without ports that asks for nothing. */
        if (!wanted || (!wanted->n_ports && wanted->mode == SK__ENDPOINT_SPEC__MODE__VIP))
                return endpoint;
        endpoint->spec = (Sk__EndpointSpec *)message_copy(&plan->arena, &wanted->base);
        endpoint->ports = endpoint->spec->ports;
        endpoint->n_ports = endpoint->spec->n_ports;
        return endpoint;
}
