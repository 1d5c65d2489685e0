/* The published ports of a service. */
#include "manager/allocator/allocation.h"

/* Host-mode ports are the node's: they are taken as they were asked for. */
Sk__ServiceEndpoint *endpoint_of(struct plan *plan, const Sk__ServiceSpec *spec)
{
        Sk__ServiceEndpoint *endpoint = arena_alloc(&plan->arena, sizeof *endpoint);
        const Sk__EndpointSpec *wanted = spec->endpoint;

        sk__service_endpoint__init(endpoint);
        if (!wanted)
                return endpoint;
        endpoint->spec = (Sk__EndpointSpec *)message_copy(&plan->arena, &wanted->base);
        endpoint->ports = endpoint->spec->ports;
        endpoint->n_ports = endpoint->spec->n_ports;
        return endpoint;
}
