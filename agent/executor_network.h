/* Who gives containers their network: skep-mesh, seen by an executor.
 *
 * Everything is asynchronous: callbacks come on the loop, never inside the call that asked. */
#pragma once
#include <stddef.h>

#include "api/specs.pb-c.h"
#include "lib/base/err.h"

/* What a container got; borrowed for the length of the callback. */
struct executor_attachment {
        const char *netns_path;                  /* to be joined */
        const char *address;                     /* "172.20.0.7"; "" when it has none */
        const Sk__PortConfig *const *host_ports; /* published, with those the node chose */
        size_t n_host_ports;
};

struct executor_network;

struct executor_network_ops {
        /* Makes sure that the task has its network; asking again for one that has it answers at
         * once.  Ends by 'attached', once, unless detach comes first. */
        void (*attach)(struct executor_network *network, const char *task_id,
                       const Sk__PortConfig *const *host_ports, size_t n_host_ports,
                       void (*attached)(void *context, const struct executor_attachment *attachment,
                                        const struct err *err),
                       void *context);
        /* 'attached' is not called any more; the attachment stays as it is. */
        void (*cancel)(struct executor_network *network, const char *task_id);
        /* Takes the network away; one that is not there is fine.  Ends by 'detached', once, unless
         * cancelled. */
        void (*detach)(struct executor_network *network, const char *task_id,
                       void (*detached)(void *context, const struct err *err), void *context);
};

struct executor_network {
        const struct executor_network_ops *ops;
};
