/* The stored kinds and their parts: who writes each, who may read it.  Everything that handles
 * objects without knowing their kind (store, mirror, object.h) is driven by these rows. */
#pragma once
#include "api/objects.pb-c.h"
#include "api/roles.h"

/* A part of a kind lies in field 4 + its index of the kind's message. */
enum { OBJECT_FIRST_PART_FIELD = 4, OBJECT_PARTS_MAX = 4, OBJECT_KINDS = 11 };

/*  constant           name            message                   unique names?  referenced by */
/* clang-format off */
#define API_KINDS(X)                                                                               \
        X(CLUSTER, "cluster", Cluster, cluster, true)                                              \
        X(NODE, "node", Node, node, false)                                                         \
        X(SERVICE, "service", Service, service, true)                                              \
        X(SERVICE_SPEC, "service spec", ServiceSpecObject, service_spec_object, false)             \
        X(NETWORK, "network", Network, network, true)                                              \
        X(TASK, "task", Task, task, false)                                                         \
        X(SECRET, "secret", Secret, secret, true)                                                  \
        X(CONFIG, "config", Config, config, true)                                                  \
        X(VOLUME, "volume", Volume, volume, true)                                                  \
        X(LEASE, "lease", Lease, lease, true)
/* clang-format on */

#define READ_ALL (ROLE_MANAGER_DAEMONS | ROLE_STORE)

/*  kind, part (the field's name), index, writers, readers.  Existence follows the part with index
 * 0: who writes it creates and removes the object; the extra column CREATES names further roles
 * that may. */
/* clang-format off */
#define API_PARTS(X)                                                                               \
        X(CLUSTER, spec, 0, ROLE_API, READ_ALL, ROLE_STORE)                                        \
        X(CLUSTER, trust, 1, ROLE_CA, ROLE_CA | ROLE_API | ROLE_DISPATCHER, ROLE_STORE)            \
        X(CLUSTER, keys, 2, ROLE_CA, ROLE_CA, ROLE_STORE)                                          \
        X(CLUSTER, membership, 3, ROLE_STORE, READ_ALL, 0)                                         \
        X(NODE, spec, 0, ROLE_API, READ_ALL, ROLE_CA | ROLE_STORE)                                 \
        X(NODE, identity, 1, ROLE_CA, READ_ALL, ROLE_STORE)                                        \
        X(NODE, status, 2, ROLE_DISPATCHER, READ_ALL, 0)                                           \
        X(NODE, description, 3, ROLE_DISPATCHER, READ_ALL, 0)                                      \
        X(SERVICE, spec, 0, ROLE_API | ROLE_ORCHESTRATOR, READ_ALL, 0)                             \
        X(SERVICE, progress, 1, ROLE_ORCHESTRATOR, READ_ALL, 0)                                    \
        X(SERVICE, endpoint, 2, ROLE_ALLOCATOR, READ_ALL, 0)                                       \
        X(SERVICE_SPEC, spec, 0, ROLE_API | ROLE_ORCHESTRATOR, READ_ALL, 0)                        \
        X(NETWORK, spec, 0, ROLE_API, READ_ALL, 0)                                                 \
        X(NETWORK, allocation, 1, ROLE_ALLOCATOR, READ_ALL, 0)                                     \
        X(TASK, definition, 0, ROLE_ORCHESTRATOR, READ_ALL, 0)                                     \
        X(TASK, allocation, 1, ROLE_ALLOCATOR, READ_ALL, 0)                                        \
        X(TASK, placement, 2, ROLE_SCHEDULER, READ_ALL, 0)                                         \
        X(TASK, status, 3, ROLE_DISPATCHER, READ_ALL, 0)                                           \
        X(SECRET, spec, 0, ROLE_API, READ_ALL, 0)                                                  \
        X(SECRET, data, 1, ROLE_API, ROLE_DISPATCHER, 0)                                           \
        X(CONFIG, spec, 0, ROLE_API, READ_ALL, 0)                                                  \
        X(CONFIG, data, 1, ROLE_API, ROLE_DISPATCHER | ROLE_API, 0)                                \
        X(VOLUME, spec, 0, ROLE_API, READ_ALL, 0)                                                  \
        X(VOLUME, status, 1, ROLE_DISPATCHER, READ_ALL, 0)                                         \
        X(LEASE, grant, 0, ROLE_STORE, READ_ALL, 0)
/* clang-format on */
