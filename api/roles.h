/* Who calls: bits, one per kind of caller, taken from the peer's certificate (or the socket it came
 * by).
 *
 * A certificate's subject is CN = node id, OU = "swarm-manager" / "swarm-worker" / "swarm-admin", O
 * = cluster id; a daemon's has also the URI SAN "skep://<cluster>/<node>/<daemon>" and the DNS SAN
 * "<daemon>.skep", which is the name its clients verify. */
#pragma once

/*  bit  constant           daemon          listed on */
/* clang-format off */
#define API_ROLES(X)                                                                               \
        X(0, ROLE_STORE, "store")                                                                  \
        X(1, ROLE_API, "api")                                                                      \
        X(2, ROLE_ORCHESTRATOR, "orchestrator")                                                    \
        X(3, ROLE_ALLOCATOR, "allocator")                                                          \
        X(4, ROLE_SCHEDULER, "scheduler")                                                          \
        X(5, ROLE_CA, "ca")                                                                        \
        X(6, ROLE_JOIN, "join")                                                                    \
        X(7, ROLE_DISPATCHER, "dispatcher")                                                        \
        X(8, ROLE_AGENT, "agent")                                                                  \
        X(9, ROLE_MESH, "mesh")                                                                    \
        X(10, ROLE_DNS, "dns")
/* clang-format on */

enum role {
#define API_ROLE_BIT(bit, constant, daemon) constant = 1 << (bit),
        API_ROLES(API_ROLE_BIT)
#undef API_ROLE_BIT
        /* A person: certificate with OU swarm-admin, or the file mode of api.sock. */
        ROLE_ADMIN = 1 << 16,
        /* Came by a unix socket that the file mode guards, without a certificate. */
        ROLE_LOCAL = 1 << 17,
        /* TLS without a client certificate: only skep-join lets these in. */
        ROLE_STRANGER = 1 << 18,
};

/* May be called by whoever could connect. */
#define ROLE_ANYONE 0xffffffffu

/* The daemons of a manager that hold a lease or a mirror. */
#define ROLE_MANAGER_DAEMONS \
        (ROLE_API | ROLE_ORCHESTRATOR | ROLE_ALLOCATOR | ROLE_SCHEDULER | ROLE_CA | ROLE_DISPATCHER)
